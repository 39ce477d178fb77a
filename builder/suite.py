"""The whole suite: first all tests that need no browser, then those that have one the machine to themselves.

A spoken call needs a processor at once. Tests that ran behind the calls made way for them where Linux lets a session
have a priority (`sched_autogroup_enabled`, sched(7)), and cost them sound where it does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from builder.environment import say

# A test that fails gets one more try (two with a browser), and the last line counts it as "rerun": speech is heard and
# sound is judged in real time, on machines that others share.
WITHOUT_BROWSER = (
    *("-n", "4", "--dist=worksteal", "-m", "not browser"),
    # The limit of time is against what never ends; a build that makes all anew takes a minute.
    *("-q", "-raR", "--reruns=1", "--timeout=600", "--contract-table=docs/contract.md"),
)
# Two at a time: real sound suffers where the machine is short of time. Their rooms are named, because looking through
# the others would take three processes seven seconds each.
ROOMS = ("tests/browser", "tests/harness_selftest")
WITH_BROWSER = (
    # Handed out one by one, so that neither process is busy for long when only the quiet ones are left.
    *("-n", "2", "--maxschedchunk=1", "-m", "browser"),
    *("-v", "-raR", "--reruns=2", "--engine-table=docs/engines.md"),
    *("--faults-table=docs/faults-at-start.md", "--tools-table=docs/tools.md", *ROOMS),
)

# `--fast` leaves out what drives a browser and what is marked slow (`tests/support/fast_lane.py`). Most of what is left
# waits for sound in real time, so four times as many processes as processors; the slow ones compute.
FAST = ("-n", str(4 * (os.cpu_count() or 1)), "--dist=worksteal", "-q", "-raR", "--reruns=1", "--durations=5")


def run(root: Path, environ: Mapping[str, str]) -> int:
    """Run both, also where the first fails, and return the worse exit code."""
    codes = []
    for title, arguments in (("without a browser", WITHOUT_BROWSER), ("with a browser", WITH_BROWSER)):
        say(f"tests {title}")
        command = [sys.executable, "-m", "pytest", *arguments]
        codes.append(subprocess.run(command, cwd=root, env=environ, check=False).returncode)
    return max(codes, key=abs)
