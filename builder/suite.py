"""The whole suite: what it consists of, in two goes, one after the other.

Not at the same time, although calls sleep for a quarter of theirs: tried at the lowest priority behind the browsers, the tests without
one ended two minutes sooner, but six browser tests of 115 needed a second try, three of which never do by themselves. The kernel of
that machine did not preempt.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# A test that fails gets one more try (two with a browser), and the last line counts it as "rerun": speech is heard and sound is
# judged in real time, on machines that others share.
# What needs no browser, on more processes than there are processors: many wait for speech.
WITHOUT_BROWSER = (
    *("-n", "6", "--dist=worksteal", "-m", "not browser"),
    *("-q", "-raR", "--reruns=1", "--contract-table=docs/contract.md"),
)
# Two at a time: real sound suffers where the machine is short of time. With three, three tests of the first 111 needed a second try.
# Their rooms are named, because looking through the others would take three processes seven seconds each.
ROOMS = ("tests/browser", "tests/harness_selftest")
WITH_BROWSER = ("-n", "2", "-m", "browser", "-v", "-raR", "--reruns=2", "--engine-table=docs/engines.md", *ROOMS)


def run(root: Path, environ: Mapping[str, str]) -> int:
    """Run both goes, the second one also after a bad first one; return the worse exit code."""
    codes = [
        subprocess.run([sys.executable, "-m", "pytest", *go], cwd=root, env=environ, check=False).returncode
        for go in (WITHOUT_BROWSER, WITH_BROWSER)
    ]
    return max(codes, key=abs)
