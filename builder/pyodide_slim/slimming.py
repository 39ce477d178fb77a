"""Slimming: takes what a page needs out of Pyodide, or says in plain words why the page gets all of it.

The steps read Pyodide's own scripts and WebAssembly, which change from version to version. So each looks for what it
knows, and an `UnlikeError` of a script in `scripts/` says that it is not there. Then, and with a version that nobody
has verified, the site is built with the runtime as it is. A time limit, a missing tool or a mistake of ours is no such
reason: that stops the build.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.build_cache import FailedError
from builder.environment import say
from builder.pyodide_slim import prune, snapshot, split
from builder.pyodide_slim.runtime import LIBRARY, LOADER, SCRIPT, Runtime, Snapshot

# README.md says what was done to verify one.
VERIFIED = ("314.0.7",)
_ENDS_WITH_EXPORT = re.compile(rb"export\{(\w+) as loadPyodide,\w+ as version\};\s*(//# sourceMappingURL=\S+\s*)?$")
# The exit code of `UnlikeError` in scripts/unlike.mjs.
UNLIKE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a page does with its Python: that decides what comes first, what later, and what not at all.

    `root`: whose cache keeps what is made. `acorn`: the parser that reads Pyodide's script. `providers`: those that the
    page offers. `modules`: of the library, what the page's tools import by way of packages. `zones`, `packages`: what
    its tools may ask for. `full`: it loads compiled packages, so nothing may be taken out. `begin` is told early what
    will be compressed; True: hardly any page asks for it.
    """

    root: Path
    acorn: Path
    wheel_name: str
    wheel: bytes
    providers: Collection[str]
    tools: Path | None = None
    modules: Sequence[str] = ()
    zones: bytes = b""
    packages: bytes | None = None
    full: bool = False
    begin: Callable[[bytes, bool], None] = lambda _data, _seldom: None


def slim(runtime: Runtime, use: Use) -> Runtime:
    """Return `runtime` with a snapshot, and with less code where `use` allows it.

    What cannot be done is said, and left out.

    SetupError for a time limit, a missing tool, and all else that a page would not be well without.
    """
    is_known = runtime.version in VERIFIED
    if not is_known:
        _warn(
            f"Pyodide {runtime.version} is not verified here ({', '.join(VERIFIED)} is), so the site ships its code as it is.",
            "Visitors download about 3 MB more, and the page works.",
        )
    elif not use.full:
        try:
            return _divided(runtime, use)
        except FailedError as error:
            if error.code != UNLIKE:
                raise
            _warn(
                f"Pyodide {runtime.version} does not look as it was expected to, so the site ships its code as it is.",
                f"What was found: {_last_word(error)}",
                "Visitors download about 3 MB more, and the page works.",
            )
    try:
        return replace(runtime, snapshot=_kept(runtime.folder, runtime, use))
    except FailedError as error:
        if is_known and error.code != UNLIKE:
            raise
        _warn(
            f"No snapshot of Pyodide {runtime.version} can be made, so Python starts from nothing in each visit.",
            f"What was found: {_last_word(error)}",
            "The page works, and its visitors wait several seconds longer.",
        )
        return runtime


def _divided(runtime: Runtime, use: Use) -> Runtime:
    folder = prune.make(use.root, runtime.folder, use.acorn)
    kept = _kept(folder, runtime, use)
    library = runtime.folder / LIBRARY
    parts = split.make(use.root, folder, kept, library, use.providers, use.tools, use.zones, use.packages)
    loader, script = joined(*((folder / name).read_bytes() for name in (LOADER, SCRIPT)))
    return replace(
        runtime,
        loader=loader,
        script=script,
        wasm=parts.primary,
        later=parts.later,
        snapshot=kept,
        tools=parts.tools,
    )


def _kept(folder: Path, runtime: Runtime, use: Use) -> Snapshot:
    kept = snapshot.make(use.root, runtime.folder, folder, use.wheel_name, use.wheel, use.tools, use.modules)
    use.begin(kept.blocks, False)
    use.begin(kept.precompiled, True)
    return kept


def joined(loader: bytes, script: bytes) -> tuple[bytes | None, bytes]:
    """The loader within Pyodide's script, as one module; as they are where that cannot be done.

    A page waits for each file, in Firefox a twentieth of a second, which is long beside the 18 kB of the loader.
    """
    body, found = _ENDS_WITH_EXPORT.subn(rb"return \1", loader)
    if found != 1:
        _warn(
            f"Pyodide's {LOADER} ends in another way than it did, so each page asks for one more file.",
            "The page works.",
        )
        return loader, script
    # Neither knows the names of the other one.
    return None, b"%s\nexport const loadPyodide=(()=>{%s})();\n" % (script, body)


def renamed(script: bytes, name: str) -> bytes:
    """Pyodide's script with its own name changed: it looks for that in a stack trace, to tell its lines
    from those of others.
    """
    own = b'"%s"' % SCRIPT.encode()
    if script.count(own) != 1:
        _warn(
            f"Pyodide's {SCRIPT} names itself in another way than it did.",
            "In errors of Python the console may show more lines than it did; the page works.",
        )
        return script
    return script.replace(own, b'"%s"' % name.encode())


def _warn(*lines: str) -> None:
    say("warning: " + "\n  ".join((*lines, "builder/pyodide_slim/README.md says how to verify a version.")))


def _last_word(error: FailedError) -> str:
    """What the script said, in one line and not too long: of a traceback its end, without the places in scripts."""
    lines = [line for line in error.said.splitlines() if not re.match(r"\s+at ", line)]
    named = [at for at, line in enumerate(lines) if re.match(r"\s*[\w.]*(Error|Exception): ", line)]
    return " ".join(" ".join(lines[named[-1] if named else 0 :]).split())[:300]
