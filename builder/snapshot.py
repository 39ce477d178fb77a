"""Keep the memory of a browser's Python that has already imported the client: the page then starts several times faster.

Made once per runtime and client, in `.cache/`; `snapshot_maker/` does the work in Node, with entropy and clock fixed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import node
from builder.environment import SetupError, say

MAKER = Path(__file__).parent / "snapshot_maker"
RESTORE = Path(__file__).parent.parent / "templates" / "static" / "restore.js"

# What the client imports, and what tools use most: the rest of the standard library comes when it is asked for.
MODULES = (
    "pyclient.browser",
    "pyclient.session",
    "pyclient.stdlib",
    "asyncio",
    "base64",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "datetime",
    "_strptime",
    "difflib",
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
    "uuid",
)
# The 22 bytes of an archive that holds nothing: Python wants one where its library is.
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`blocks` is the memory's changed part, `meta` what `restore.js` needs to put it back."""

    blocks: bytes
    meta: dict[str, Any]


def make(root: Path, runtime: Path, wheel_name: str, wheel: bytes) -> Snapshot:
    """Return the snapshot, making it where the cache lacks it. SetupError with Node's own words when it cannot be made."""
    sources = [*sorted(MAKER.iterdir()), RESTORE]
    parts = [runtime.name.encode(), wheel, ",".join(MODULES).encode()]
    parts += [path.read_bytes() for path in sources if path.is_file()]
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]
    kept = root / ".cache" / "snapshots" / digest
    if not kept.exists():
        say("keeping a snapshot of Python with the client imported (once per change of the client)")
        _make(root, runtime, wheel_name, wheel, kept)
    meta = json.loads((kept / "snapshot.json").read_text(encoding="utf-8"))
    return Snapshot(blocks=(kept / "snapshot.bin").read_bytes(), meta=meta)


def _make(root: Path, runtime: Path, wheel_name: str, wheel: bytes, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as name:
        folder = Path(name)
        (folder / wheel_name).write_bytes(wheel)
        out = folder / "out"
        out.mkdir()
        (out / "empty.zip").write_bytes(EMPTY_ZIP)
        command = [
            node.node(root),
            str(MAKER / "maker.mjs"),
            str(runtime),
            str(folder / wheel_name),
            str(out),
            *MODULES,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            raise SetupError(f"the snapshot of Python could not be made.\n{done.stderr.strip()[-1500:]}")
        if not kept.exists():  # two builds at once make the same one
            shutil.move(out, kept)
