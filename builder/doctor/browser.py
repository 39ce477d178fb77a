"""Does the page start in a real browser, and by which way?

The harness of the tests drives it, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.doctor.findings import Finding, fault, ok, warning

ROOT = Path(__file__).resolve().parents[2]
# As long as a slow line may take, and what the browser takes for itself.
START_S, _MORE_S = 120, 60
_SLOWER = {
    "precompiled": "the snapshot could not be used, and the start takes twice as long",
    "stock": "neither the snapshot nor the precompiled library could be used, and the start takes many seconds",
}


def check(url: str, engine: str) -> Iterator[Finding]:
    """Open the page, wait until Python is ready, and look at what the browser complains about.

    No microphone is touched.
    """
    seen = _look(url, engine)
    name = f"browser ({engine})"
    if "missing" in seen:
        yield warning(
            name, f"not looked at: {seen['missing']}", "`--no-browser` does without; `--engine` takes another."
        )
        return
    if not seen.get("ready"):
        said = " ".join(str(seen.get("said") or "it says nothing").split())
        yield fault(
            name, f"the page does not start: {said[:300]}", "See the other faults; Diagnostics on the page says more."
        )
    elif seen.get("way") in _SLOWER:
        why = str(seen.get("why") or "no reason given")[:200]
        yield warning(name, f"{_SLOWER[seen['way']]}: {why}", "Upload the whole build again; see the files above.")
    else:
        yield ok(name, f"the page starts, from the {seen.get('way')}, after {seen.get('ready_ms')} ms")
    if complaints := [" ".join(str(one).split())[:200] for one in seen.get("complaints", [])]:
        yield warning(f"complaints ({engine})", "the browser complains: " + "; ".join(complaints[:3]),
            "A refusal by a policy is a header's; a file that failed is named above.")  # fmt: skip
    else:
        yield ok(f"complaints ({engine})", "no violation, no error in the console")


def _look(url: str, engine: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.support.look_command", "--engine", engine, "--within", str(START_S), url]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=START_S + _MORE_S, check=False
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"ready": False, "said": f"nothing came of it in {START_S + _MORE_S} s"}
    except ValueError:
        return {"missing": done.stderr.strip().rpartition("\n")[2][:300] or "the browser could not be driven"}
    return told
