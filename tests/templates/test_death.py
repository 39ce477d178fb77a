"""A page whose client refuses its settings or its tools says so: the build refuses both first, so this
is the last resort.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from builder import fetch_runtime, node, wheel
from tests.support.texts import ENGLISH, of_start

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).parent / "support" / "death_driver.mjs"

TOOL = "from pyclient.tools import tool\n\n@tool\n"
# Settings, tools, and what the page is told of it: the kind, and the words of the reason.
CASES: list[tuple[dict[str, Any], str | None, str, list[str]]] = [
    ({"barge_in": "dukc"}, None, "setup", ["barge_in", "duck, flush, off"]),
    ({"nosuch": 1}, None, "setup", ["nosuch: is not a setting"]),
    ({}, "x = 1\ny = x / 0\n", "setup", ["tools.py, line 2: ", "ZeroDivisionError"]),
    ({}, TOOL + "def f(city):\n    pass\n", "setup", ["tools.py, line 3: ", "f(city)", "type hint"]),
    ({}, "def f(:\n", "setup", ["SyntaxError"]),
    ({}, "import numpy\n", "setup", ["tools.py, line 1: ", "numpy"]),
    ({}, "\nfrom zoneinfo import ZoneInfo; HERE = ZoneInfo('Europe/Berlin')\n", "network", ["could not be fetched"]),
]
BEFORE_THE_CLIENT = [("missing", "tools.0a1b.bin"), ("unknown", None)]


@pytest.mark.slow
def test_each_cause_has_its_words(tmp_path: Path) -> None:
    (tmp_path / "client.whl").write_bytes(wheel.build(ROOT)[1])
    cases = [{"settings": settings, "tools": tools} for settings, tools, _, _ in CASES]
    job = {"runtime": f"{fetch_runtime.fetch(ROOT).pyodide}/", "wheel": str(tmp_path / "client.whl"), "cases": cases}
    (tmp_path / "job.json").write_text(json.dumps(job))
    command = [node.node(ROOT), str(DRIVER), str(tmp_path / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    for (settings, tools, kind, parts), said in zip(CASES, told, strict=False):
        assert said["kind"] == kind and f"start.{kind}.title" in ENGLISH, (settings, tools, said)
        for part in parts:
            assert part in said["reason"], (settings, tools, said)
    assert [(said["kind"], said["what"]) for said in told[len(CASES) :]] == BEFORE_THE_CLIENT
    title, hint, _ = of_start("setup")
    assert title == "This agent is not set up right" and "Tell the site's owner" in hint
