"""Give files names that hold a hash of their content, so that a CDN may keep them for ever.

JavaScript modules import each other by relative name; those names are rewritten as the files are placed, dependencies first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from builder.environment import SetupError
from builder.slim import without_comments

IMPORT = re.compile(r"""(\bfrom\s+|\bimport\s+)(["'])(\./[\w.-]+\.js)\2""")


def fingerprint(data: bytes) -> str:
    """Return the 12 hex digits that go into a file's name."""
    return hashlib.sha256(data).hexdigest()[:12]


class Assets:
    """Collects files for `dist/assets/` and knows where each went.

    `place` and `place_modules` return paths relative to the site's root, such as `assets/shell.0a1b2c3d4e5f.js`.
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
        """Write JavaScript or CSS without its comments under a fingerprinted name."""
        return self.place(name, without_comments(text).encode())

    def place_exact(self, name: str, data: bytes) -> dict[str, str | int]:
        """Write one file, and return what a page needs to fetch it and to know that it is whole: url, sha256 (hex), bytes."""
        return {"url": self.place(name, data), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}

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

    def place_modules(self, source: Path, names: Sequence[str]) -> None:
        """Place modules of a folder, dependencies first, with their imports pointing at the new names."""
        waiting = {name: without_comments((source / name).read_text(encoding="utf-8")) for name in sorted(names)}
        while waiting:
            ready = [name for name, text in waiting.items() if not _imports(text) & set(waiting)]
            if not ready:
                raise SetupError(f"modules import each other in a ring: {', '.join(sorted(waiting))}")
            for name in ready:
                self.place(name, IMPORT.sub(self._renamed, waiting.pop(name)).encode())

    def _renamed(self, match: re.Match[str]) -> str:
        name = match.group(3).removeprefix("./")
        if name not in self.placed:
            raise SetupError(f"a module imports '{name}', which does not exist")
        return f"{match.group(1)}{match.group(2)}./{self.placed[name].removeprefix('assets/')}{match.group(2)}"


def _imports(text: str) -> set[str]:
    return {match.group(3).removeprefix("./") for match in IMPORT.finditer(text)}
