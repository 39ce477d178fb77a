"""Code splitting of the WebAssembly: what a page starts with comes first, the rest when Python is ready, or when it
is asked for.

A rehearsed start and call tell which functions are used, so the division belongs to one client, one snapshot
and one agent. Made once for each, in `.cache/`; `scripts/split/` does the work in Node, and runs all parts
before it is content.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from builder import build_cache
from builder.environment import say
from builder.pyodide_slim.runtime import Part, Snapshot
from builder.pyodide_slim.snapshot import EMPTY_ZIP

SCRIPTS = Path(__file__).parent / "scripts"
SPLITTER = SCRIPTS / "split"
STATIC = Path(__file__).parents[2] / "templates" / "static"
# What the page's own scripts have a part in: the restored memory, the call, the second half of the runtime.
PAGE_SCRIPTS = (
    "audio_fast_path.js",
    "death.js",
    "host.js",
    "network.js",
    "restore.js",
    "sign_in.js",
    "deferred_wasm.js",
    "text_hash.js",
)
SHARED = [SCRIPTS / name for name in ("prune/format.mjs", "snapshot/same_every_time.mjs")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`primary` stands in for Pyodide's own module, `later` are what `deferred_wasm.js` fetches.

    `tools` are the page's own as bytecode, None where there are none or they cannot be compiled.
    """

    primary: bytes
    later: tuple[Part, ...]
    tools: bytes | None


def make(
    root: Path,
    runtime: Path,
    snapshot: Snapshot,
    library: Path,
    providers: Collection[str],
    tools: Path | None,
    zones: bytes = b"",
    packages: bytes | None = None,
) -> Parts:
    """Return the parts of the module in `runtime`, making them where the cache lacks them.

    `providers` are those that the page offers, `zones` the time zones that its tools may ask for, `packages` what they
    import beside the library. FailedError with Node's own words when it cannot be done.
    """
    tools = tools if tools is not None and tools.exists() else None
    meta = json.dumps(snapshot.meta).encode()
    settings = [{"provider": name} for name in sorted(set(providers))]
    parts = [
        runtime.name.encode(),
        snapshot.blocks,
        meta,
        json.dumps(settings).encode(),
        tools.read_bytes() if tools else b"",
        zones,
        packages or b"",
    ]
    sources = [*sorted(SPLITTER.rglob("*")), *SHARED, *(STATIC / name for name in PAGE_SCRIPTS)]
    parts += [path.read_bytes() for path in sources if path.is_file()]
    folder = root / ".cache" / "split" / build_cache.digest(parts)

    def command(work: Path, out: Path) -> list[str]:
        (work / "snapshot.bin").write_bytes(snapshot.blocks)
        (work / "snapshot.json").write_bytes(meta)
        (work / "empty.zip").write_bytes(EMPTY_ZIP)
        (work / "zones.bin").write_bytes(zones)
        if packages is not None:
            (work / "packages.bin").write_bytes(packages)
        job = {
            "packages": None if packages is None else str(work / "packages.bin"),
            "runtime": str(runtime),
            "snapshot": str(work),
            "work": str(work),
            "library": str(library),
            "zones": str(work / "zones.bin"),
            "stock": str(library.parent),
            "tools": str(tools) if tools else None,
            "settings": settings,
            "out": str(out),
        }
        (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        return [str(SPLITTER / "divide.mjs"), str(work / "job.json")]

    failure = "the runtime could not be divided; an agent with `[runtime] full = true` does without."
    with build_cache.missing(folder) as wanting:
        if wanting:
            told = json.loads(build_cache.make(root, folder, command, failure, timeout_s=900))
            say(f"divided the runtime: {told['moved']} functions come when Python is ready, or when they are called")
            build_cache.forget_oldest(folder.parent)
    wasm = {path.stem: path.read_bytes() for path in folder.glob("*.wasm")}
    listed = json.loads((folder / "parts.json").read_text(encoding="utf-8"))
    later = tuple(Part(name=it["name"], ahead=it["ahead"], wasm=wasm[it["name"]]) for it in listed)
    bytecode = folder / "tools.pyc"
    return Parts(primary=wasm["primary"], later=later, tools=bytecode.read_bytes() if bytecode.exists() else None)
