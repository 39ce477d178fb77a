"""Python put back from the snapshot is the visitor's: it says of its surroundings what a Python says that
started there from nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from builder import fetch_runtime, node, wheel
from builder.pyodide_slim import prune, snapshot

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
DRIVER = Path(__file__).parents[1] / "support" / "visitor_driver.mjs"

# Summer time in July, in January and by half an hour, none at all; with and without stack switching, which Node may or
# may not have.
PLACES = [
    ("Europe/Berlin", "de-DE", False),
    ("America/Santiago", "es-CL", True),
    ("Australia/Lord_Howe", "en-AU", False),
    ("Asia/Kolkata", "hi", True),
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The runtime, its library, and the folder with the snapshot."""
    fetched = fetch_runtime.fetch(ROOT)
    runtime = prune.make(ROOT, fetched.pyodide, fetched.acorn)
    made = snapshot.make(ROOT, fetched.pyodide, runtime, *wheel.build(ROOT))
    folder = tmp_path_factory.mktemp("visitor")
    (folder / "snapshot.bin").write_bytes(made.blocks)
    (folder / "snapshot.json").write_text(json.dumps(made.meta))
    library = snapshot.library(ROOT, fetched.pyodide)
    return {"runtime": f"{runtime}/", "library": str(library), "snapshot": str(folder)}


def told(tmp_path: Path, zone: str, **job: object) -> dict[str, Any]:
    (tmp_path / "job.json").write_text(json.dumps(job))
    command = [node.node(ROOT), str(DRIVER), str(tmp_path / "job.json")]
    environ = {**os.environ, "TZ": zone}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(("zone", "language", "suspends"), PLACES, ids=[place[0] for place in PLACES])
def test_a_restored_python_says_what_one_says_that_started_there(
    kept: dict[str, str], tmp_path: Path, zone: str, language: str, suspends: bool
) -> None:
    place = {"language": language, "suspends": suspends}
    stock = told(tmp_path, zone, restores=False, **kept, **place)
    restored = told(tmp_path, zone, restores=True, **kept, **place)
    assert stock["environment"]["LANG"] == f"{language.replace('-', '_')}.UTF-8" and stock["log is young"]
    assert ("not supported" in str(stock["can suspend"])) != suspends
    assert restored == stock
