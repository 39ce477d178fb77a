"""Runtime pruning: Pyodide without what only packages with compiled code need, which is what most pages get.

Made once per Pyodide, in `.cache/`; `scripts/prune/` does the work in Node. Such a page downloads, reads and compiles
less. An agent whose tools load compiled packages says `[runtime] full = true`; Pyodide's own files stay the last way
out either way.
"""

from __future__ import annotations

import json
from pathlib import Path

from builder import build_cache
from builder.environment import say
from builder.pyodide_slim.runtime import FILES

PRUNER = Path(__file__).parent / "scripts" / "prune"


def make(root: Path, runtime: Path, acorn: Path) -> Path:
    """Return the folder of the smaller runtime, making it where the cache lacks it.

    FailedError where Pyodide is not as expected.

    `acorn` is the parser that reads Pyodide's script (`fetch_runtime.py`).
    """
    parts = [path.read_bytes() for path in [*sorted(PRUNER.glob("*.mjs")), acorn, *(runtime / name for name in FILES)]]
    folder = root / ".cache" / "pruned" / build_cache.digest(parts)
    with build_cache.missing(folder) as wanting:
        if wanting:
            failure = "the runtime could not be made smaller; an agent with `[runtime] full = true` does without."
            printed = build_cache.make(
                root,
                folder,
                lambda work, out: [str(PRUNER / "prune.mjs"), str(runtime), str(acorn), str(out)],
                failure,
                timeout_s=900,
            )
            told = json.loads(printed)
            say(f"made the runtime smaller: {told['dead']} of {told['functions']} functions are not needed")
    return folder
