"""Snapshot: the memory of a browser's Python that has already imported the client; the page then starts several times
faster.

Made once per runtime, client and what its tools import, in `.cache/`; `scripts/snapshot/` does the work in
Node, with entropy and clock fixed. The same run makes the way out for a browser that cannot use the memory:
a small library, compiled.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builder import build_cache
from builder.environment import say
from builder.pyodide_slim.runtime import Snapshot

MAKER = Path(__file__).parent / "scripts" / "snapshot"
STATIC = Path(__file__).parents[2] / "templates" / "static"
RESTORE = [STATIC / name for name in ("restore.js", "text_hash.js")]

# What the client imports, and what tools use most: the rest of the standard library comes when it is asked for.
MODULES = (
    "pyclient.host.pyodide_host",
    "pyclient.session",
    "pyclient.host.lazy_stdlib",
    "asyncio",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "inspect",
    "itertools",
    "json",
    "math",
    "random",
    "re",
    "string",
    "typing",
)
# Pyodide and asyncio import these, and a page hardly ever uses them: sockets, processes, archives.
DEFERRED = (
    "asyncio.sslproto",
    "asyncio.unix_events",
    "bz2",
    "compression.zstd",
    "ipaddress",
    "lzma",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "zipfile",
)
# How `zoneinfo` reads a zone; without it the first one would bring the whole library.
ALSO = {"zoneinfo": ("importlib.resources", "importlib.resources._adapters", "importlib.resources.readers")}
# The 22 bytes of an archive that holds nothing: Python wants one where its library is.
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def make(
    root: Path,
    stock: Path,
    runtime: Path,
    wheel_name: str,
    wheel: bytes,
    tools: Path | None = None,
    also: Sequence[str] = (),
) -> Snapshot:
    """Return the snapshot of `runtime`, making it where the cache lacks it; `stock` are Pyodide's own
    files, with the library.

    `also`: further modules of the library that the page's tools are known to import, by way of packages. FailedError
    with Node's own words when it cannot be made.
    """
    wanted = sorted({*imported_by(tools), *also, *(it for name in also for it in ALSO.get(name, ()))})
    roots = {name.partition(".")[0] for name in wanted} - {"asyncio"}
    job = {
        "modules": MODULES,
        "wanted": wanted,
        "deferred": [name for name in DEFERRED if name.partition(".")[0] not in roots],
    }
    sources = [*sorted(MAKER.iterdir()), *RESTORE]
    parts = [stock.name.encode(), runtime.name.encode(), wheel, json.dumps(job).encode()]
    parts += [path.read_bytes() for path in sources if path.is_file()]
    folder = root / ".cache" / "snapshots" / build_cache.digest(parts)
    with build_cache.missing(folder) as wanting:
        if wanting:
            say("keeping a snapshot of Python with the client imported (once per change of the client)")
            given = {**job, "stock": str(stock), "runtime": str(runtime), "library": str(library(root, stock))}
            _make(given, root, wheel_name, wheel, folder)
            build_cache.forget_oldest(folder.parent)
    meta = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
    names = ("snapshot.bin", "complete.bin", "precompiled.zip")
    blocks, complete, precompiled = ((folder / name).read_bytes() for name in names)
    return Snapshot(blocks=blocks, complete=complete, meta=meta, precompiled=precompiled)


def imported_by(tools: Path | None) -> list[str]:
    """Return the modules of the standard library that a page's tools import anywhere: they belong into its snapshot."""
    if tools is None or not tools.exists():
        return []
    try:
        tree = ast.parse(tools.read_bytes())
    except SyntaxError:
        return []  # the page's Python may be newer than this one, and tells a real mistake better
    found: set[str] = set()
    for it in ast.walk(tree):
        if isinstance(it, ast.Import):
            found |= {alias.name for alias in it.names}
        elif isinstance(it, ast.ImportFrom) and it.module and not it.level:
            found.add(it.module)
    found |= {also for name in found for also in ALSO.get(name, ())}
    return sorted(name for name in found if name.partition(".")[0] in {*sys.stdlib_module_names, "pyodide"})


def library(root: Path, stock: Path) -> Path:
    """Return Python's library as bytecode.

    It is the same for every client, and takes longer to make than a snapshot.
    """
    scripts = [MAKER / name for name in ("library.mjs", "compile_library.py", "plain_code.py", "same_every_time.mjs")]
    folder = (
        root
        / ".cache"
        / "library"
        / build_cache.digest([stock.name.encode(), *(path.read_bytes() for path in scripts)])
    )
    with build_cache.missing(folder) as wanting:
        if wanting:
            say("compiling Python's library (once per version of Pyodide)")
            command = [str(scripts[0]), str(stock)]
            failure = "Python's library could not be compiled."
            build_cache.make(root, folder, lambda _, out: [*command, str(out)], failure, timeout_s=900)
    return folder / "library.zip"


def _make(job: dict[str, Any], root: Path, wheel_name: str, wheel: bytes, folder: Path) -> None:
    def command(work: Path, out: Path) -> list[str]:
        (work / wheel_name).write_bytes(wheel)
        (work / "empty.zip").write_bytes(EMPTY_ZIP)
        whole = {**job, "wheel": str(work / wheel_name), "work": str(work), "out": str(out)}
        (work / "job.json").write_text(json.dumps(whole), encoding="utf-8")
        return [str(MAKER / "maker.mjs"), str(work / "job.json")]

    build_cache.make(root, folder, command, "the snapshot of Python could not be made.", timeout_s=900)
