"""Scripts of the page and the worker with stand-ins for what surrounds them: the tests are in JavaScript,
where the events are.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder import node

ROOT = Path(__file__).resolve().parents[2]
# How many tests each file has: one that ran nothing would pass too.
FILES = {
    "page_state.test.mjs": 22,
    "worker_link.test.mjs": 12,
    "runtime.test.mjs": 8,
    "orb.test.mjs": 8,
    "embed.test.mjs": 14,
    "sign_in.test.mjs": 4,
    "host_tools.test.mjs": 3,
    "transcript_file.test.mjs": 4,
    "wake_lock.test.mjs": 4,
    "over.test.mjs": 4,
    "history.test.mjs": 7,
    "session_bundle.test.mjs": 7,
    "event_rows.test.mjs": 5,
    "delay_parts.test.mjs": 2,
    "plots.test.mjs": 2,
    "sound_check_words.test.mjs": 5,
}


@pytest.mark.parametrize("file", FILES)
def test_in_node(file: str) -> None:
    # Without --test, which would start a second Node.
    command = [node.node(ROOT), "--test-reporter=tap", str(Path(__file__).with_name(file))]
    environ = {**os.environ, "PARLEY_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    counted = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert counted and int(counted[1]) >= FILES[file], done.stdout[-2000:]


def test_every_such_file_is_run() -> None:
    assert {path.name for path in Path(__file__).parent.glob("*.test.mjs")} == set(FILES)
