"""The whole suite: tests with a browser in front, and all others behind them, in the time that those leave.

A spoken call needs a processor at once, but by far not always. What runs behind makes way for any other work, so it
costs the sound little, and both together take little longer than the browsers alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from builder.environment import say

# A test that fails gets one more try (two with a browser), and the last line counts it as "rerun": speech is heard and
# sound is judged in real time, on machines that others share.
BEHIND = (
    *("-n", "3", "--dist=worksteal", "-m", "not browser"),
    # The limit of time is against what never ends; a build that makes all anew takes minutes with a
    # tenth of the machine.
    *("-q", "-raR", "--reruns=1", "--timeout=600", "--contract-table=docs/contract.md"),
)
# Two at a time: real sound suffers where the machine is short of time. Their rooms are named, because looking through
# the others would take three processes seven seconds each.
ROOMS = ("tests/browser", "tests/harness_selftest")
IN_FRONT = (
    # Handed out one by one, so that neither process is busy for long when only the quiet ones are left.
    *("-n", "2", "--maxschedchunk=1", "-m", "browser"),
    *("-v", "-raR", "--reruns=2", "--engine-table=docs/engines.md"),
    *("--faults-table=docs/faults-at-start.md", "--tools-table=docs/tools.md", *ROOMS),
)

# `--fast` leaves out what drives a browser and what is marked slow (`tests/support/fast_lane.py`). Most of what is left
# waits for sound in real time, so twice as many processes as processors.
FAST = ("-n", str(2 * (os.cpu_count() or 1)), "--dist=worksteal", "-q", "-raR", "--reruns=1", "--durations=5")

# For its session: about a tenth of a usual share, where the tests in front want all. With less (19) those behind stood
# still for seconds, and one or two of each run needed their second try; a third of a share (5) was felt in front.
_SHARE = 10
_NICE = 19  # as far back as a nice value goes, where sessions do not count


def run(root: Path, environ: Mapping[str, str]) -> int:
    """Run everything and return the worse exit code. What the tests behind said is printed at the end."""
    pytest = [sys.executable, "-m", "pytest"]
    with _behind([*pytest, *BEHIND], root, environ) as (process, said):
        in_front = subprocess.run([*pytest, *IN_FRONT], cwd=root, env=environ, check=False).returncode
        say("tests without a browser, which ran behind these")
        behind = process.wait()
        print(said.read_text(encoding="utf-8", errors="replace"), flush=True)
    return max(in_front, behind, key=abs)


@contextlib.contextmanager
def _behind(
    command: list[str], root: Path, environ: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Yields the process, and the file with what it says. On leaving it has ended, with all that it started."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.IDLE_PRIORITY_CLASS
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
                creationflags=flags,
                # Before anything of it runs, and with it everything that it starts. No thread is running
                # that this could harm.
                preexec_fn=None if sys.platform == "win32" else _make_way,
            )
        try:
            yield process, said
        finally:
            if sys.platform == "win32":
                process.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _make_way() -> None:
    """Have this process, whose session has just begun, run where hardly anybody else wants to, and all that it starts.

    Linux may share the processors among sessions before it asks for anybody's priority in them
    (`sched_autogroup_enabled`, sched(7)). So its session gets a small share, and at the idle priority whatever else
    wakes up goes first.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_SHARE))
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    if sys.platform != "win32":
        os.nice(_NICE)
