"""The page before Python is awake (`page_state.js`): its tests are in JavaScript, where the events are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from builder import node

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_before_python_is_awake() -> None:
    command = [node.node(ROOT), "--test", "--test-reporter=tap", str(Path(__file__).with_name("page_state.test.mjs"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # A file that ran nothing would pass too.
    counted = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert counted and int(counted[1]) >= 19, done.stdout[-2000:]
