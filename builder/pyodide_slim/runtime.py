"""Runtime: the browser's Python as a page gets it, whole (Pyodide's own files) or slimmed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOADER, SCRIPT, WASM, LIBRARY = "pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"
FILES = (LOADER, SCRIPT, WASM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`blocks` is the memory's changed part, `meta` what `restore.js` needs to put it back,
    `precompiled` the small library.

    `complete` are the blocks when they were put back, with what follows from them: a second visit begins with that.
    """

    blocks: bytes
    complete: bytes
    meta: dict[str, Any]
    precompiled: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A module that comes after the first: when Python is ready where it is fetched `ahead`, else when
    something in it is called.
    """

    name: str
    ahead: bool
    wasm: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """`loader`, `script` and `wasm` are what a page starts with; `later` is what it fetches afterwards.

    `folder` holds Pyodide's own files. `loader` is None where it lies within the script. Without a `snapshot` Python
    starts from nothing. `tools` are the page's own as bytecode, None where there are none, or where they come as
    source.
    """

    folder: Path
    version: str
    loader: bytes | None
    script: bytes
    wasm: bytes
    later: tuple[Part, ...] = ()
    snapshot: Snapshot | None = None
    tools: bytes | None = None

    @property
    def lock(self) -> dict[str, Any]:
        """Pyodide's table of packages without its packages: no page asks for one by its name."""
        table = json.loads((self.folder / "pyodide-lock.json").read_text(encoding="utf-8"))
        return {"info": table["info"], "packages": {}}


def whole(folder: Path, version: str) -> Runtime:
    """The runtime as Pyodide ships it."""
    loader, script, wasm = ((folder / name).read_bytes() for name in FILES)
    return Runtime(folder=folder, version=version, loader=loader, script=script, wasm=wasm)
