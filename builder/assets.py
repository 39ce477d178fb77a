"""Give files names that hold a hash of their content, so that a CDN may keep them for ever."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from builder.slim import slimmed

# A smaller picture costs less in the page than its request does.
SMALL_BYTES = 1024
PART_BYTES = 1 << 20


def fingerprint(data: bytes) -> str:
    """Return the 12 hex digits that go into a file's name."""
    return hashlib.sha256(data).hexdigest()[:12]


class Assets:
    """Collects files for `dist/assets/` and knows where each went.

    `place` returns paths relative to the site's root, such as `assets/shell.0a1b2c3d4e5f.js`.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / "assets"
        self.folder.mkdir(parents=True)
        self.placed: dict[str, str] = {}

    def place(self, name: str, data: bytes) -> str:
        """Write one file under a fingerprinted name."""
        stem, dot, suffix = name.rpartition(".")
        target = f"{stem}.{fingerprint(data)}{dot}{suffix}"
        (self.folder / target).write_bytes(data)
        self.placed[name] = f"assets/{target}"
        return self.placed[name]

    def place_text(self, name: str, text: str) -> str:
        """Write JavaScript or CSS, slimmed, under a fingerprinted name."""
        return self.place(name, slimmed(text).encode())

    def place_picture(self, name: str, data: bytes) -> str:
        """Write one picture as `place` does, or return a `data:` URL of a small drawing, which needs no file."""
        if not name.endswith(".svg") or len(data) > SMALL_BYTES:
            return self.place(name, data)
        self.placed[name] = f"data:image/svg+xml,{quote(data)}"
        return self.placed[name]

    def place_exact(self, name: str, data: bytes) -> dict[str, Any]:
        """Write one file, and return what a page needs to fetch it and to know that it is whole: url, bytes, part_bytes, sha256.

        `sha256` is base64, one of each part: a page checks what it has while the rest is on its way.
        """
        parts = [data[begin : begin + PART_BYTES] for begin in range(0, len(data), PART_BYTES)]
        digests = [base64.b64encode(hashlib.sha256(part).digest()).decode() for part in parts]
        return {"url": self.place(name, data), "bytes": len(data), "part_bytes": PART_BYTES, "sha256": digests}

    def place_folder(self, name: str, files: dict[str, bytes]) -> str:
        """Write files whose own names must stay (the runtime, wheels) into one fingerprinted folder."""
        digest = fingerprint(
            b"".join(key.encode() + b"\0" + hashlib.sha256(files[key]).digest() for key in sorted(files))
        )
        folder = self.folder / f"{name}-{digest}"
        folder.mkdir()
        for key in sorted(files):
            (folder / key).write_bytes(files[key])
        return f"assets/{folder.name}/"
