"""Asset names with a hash of their content, so that a CDN may keep them for ever.

No host knows every suffix: some refuse what they do not know, and give it a type that a browser does not take. So a
page is made of .html, .css, .js and pictures, and everything else, which only its own scripts read, ends in `.bin`. One
is named `.wasm`, for what a browser may keep compiled; who refuses that name gets a page that starts another way. Only
source maps end in `.map`: developer tools ask for them, and no page does.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from builder.bundle import Bundled
from builder.packing import BYTES, Packer

# A smaller picture costs less in the page than its request does.
SMALL_BYTES = 1024
# A digest has 44 characters in the page, and nothing makes them fewer.
PART_BYTES = 4 << 20


def fingerprint(data: bytes) -> str:
    """Return the 12 hex digits that go into a file's name."""
    return hashlib.sha256(data).hexdigest()[:12]


def exactly(data: bytes) -> dict[str, Any]:
    """What a page needs to know that a file is whole: bytes, part_bytes, sha256, crc32.

    `sha256` is base64, one of each part: a page checks what it has while the rest is on its way. `crc32` is for where
    it cannot wait.
    """
    parts = [data[begin : begin + PART_BYTES] for begin in range(0, len(data), PART_BYTES)]
    return {
        "bytes": len(data),
        "part_bytes": PART_BYTES,
        "sha256": [_sha256(part) for part in parts],
        "crc32": zlib.crc32(data),
    }


class Assets:
    """Collects files for `dist/assets/` and knows where each went.

    `place...` returns paths relative to the site's root, such as `assets/shell.0a1b2c3d4e5f.js`. `integrity` holds what
    the attribute of that name says of each script and style.
    """

    def __init__(self, out: Path, packer: Packer) -> None:
        self.folder = out / "assets"
        self.folder.mkdir(parents=True)
        self.packer = packer
        self.placed: dict[str, str] = {}
        self.integrity: dict[str, str] = {}

    def place(self, name: str, data: bytes) -> str:
        """Write one file under a fingerprinted name."""
        return self._place(name, data, data)

    def place_bundled(self, bundled: Bundled) -> str:
        """Write a script or style sheet and its source map under fingerprinted names, and
        return the path of the first.
        """
        name = bundled.name
        source_map = self.place(f"{name}.map", bundled.source_map)
        data = bundled.linked(source_map.rpartition("/")[2]).encode()
        self.integrity[name] = f"sha256-{_sha256(data)}"
        return self.place(name, data)

    def place_picture(self, name: str, data: bytes) -> str:
        """Write one picture as `place` does, or return a `data:` URL of a small drawing, which needs no file."""
        if not name.endswith(".svg") or len(data) > SMALL_BYTES:
            return self.place(name, data)
        self.placed[name] = f"data:image/svg+xml,{quote(data)}"
        return self.placed[name]

    def place_script(self, name: str, data: bytes) -> dict[str, Any]:
        """Write one script as it is, and return its `url` and what the page checks before it runs (see `exactly`)."""
        return {"url": self.place(name, data), **exactly(data)}

    def place_packed(self, name: str, data: bytes, suffix: str = BYTES) -> dict[str, Any]:
        """Write one file for Python, compressed, and return its `url` and what the page
        checks when it has decoded it.
        """
        return {"url": self._place(name + suffix, data, self.packer.packed(data)), **exactly(data)}

    def integrity_of_forms(self, data: bytes) -> str:
        """What the attribute `integrity` says of what `place_packed` wrote: decoded by the browser, or as it is."""
        return " ".join(f"sha256-{_sha256(form)}" for form in (data, self.packer.packed(data)))

    def _place(self, name: str, content: bytes, form: bytes) -> str:
        stem, dot, suffix = name.rpartition(".")
        target = f"{stem}.{fingerprint(content)}{dot}{suffix}"
        (self.folder / target).write_bytes(form)
        self.placed[name] = f"assets/{target}"
        return self.placed[name]


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
