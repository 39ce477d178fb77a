"""The whole suite: tests with a browser in front, and all others behind them, in the time that those leave.

A spoken call needs a processor at once, but by far not always. What waits behind runs at the priority that makes way for any other
work in the same instant, so it costs the sound little, and a quarter of an hour becomes twelve minutes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.environment import say

# A test that fails gets one more try (two with a browser), and the last line counts it as "rerun": speech is heard and sound is
# judged in real time, on machines that others share.
BEHIND = ("-n", "3", "--dist=worksteal", "-m", "not browser", "-q", "--reruns=1", "--contract-table=docs/contract.md")
# Two at a time: real sound suffers where the machine is short of time. Their rooms are named, because looking through the others
# would take three processes seven seconds each.
ROOMS = ("tests/browser", "tests/harness_selftest")
FRONT = ("-n", "2", "-m", "browser", "-v", "--reruns=2", "--engine-table=docs/engines.md", *ROOMS)


def run(root: Path, environ: Mapping[str, str], check: Callable[[], bool]) -> int:
    """Run everything and return the worse exit code. What the tests behind said is printed at the end.

    `check` is done while they begin; where it returns False they are ended and nothing else is run.
    """
    pytest = [sys.executable, "-m", "pytest"]
    with _behind([*pytest, *BEHIND], root, environ) as (process, said):
        if not check():
            return 1
        front = subprocess.run([*pytest, *FRONT], cwd=root, env=environ, check=False).returncode
        say("tests without a browser, which ran behind these")
        behind = process.wait()
        print(said.read_text(encoding="utf-8", errors="replace"), flush=True)
    return max(front, behind, key=abs)


@contextlib.contextmanager
def _behind(
    command: list[str], root: Path, environ: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Yields the process, and the file with what it says. On leaving it has ended, with all that it started."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        with said.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_priority(),
            )
        try:
            yield process, said
        finally:
            if process.poll() is None:
                if sys.platform == "win32":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _priority() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.IDLE_PRIORITY_CLASS}
    return {"preexec_fn": _make_way}


def _make_way() -> None:
    """This process, and those that it starts, run where nobody else wants to."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    if sys.platform != "win32":
        os.nice(19)
