"""Child processes that cannot outlive the test run.

Every program the harness starts goes through `spawn`: it gets its own process group, dies with its
parent where the kernel can arrange that (Linux), and is ended by `end`, which kills the whole group
and reaps the child, so that neither a zombie nor a helper process of a browser is left behind.

Each also has a session of its own. Where Linux schedules by session (`sched_autogroup_enabled`, as Debian's kernels do)
a nice value counts within one session only, and sessions share the processors equally: the session has to be told as
well. See sched(7).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    stdout: IO[bytes] | int = subprocess.DEVNULL,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    priority: int | None = None,
    real_time: bool = True,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own.

    `priority` is a nice value and only a wish: without the right to ask for it the program runs as usual. Without one
    the program makes way as this process does. `real_time=False` takes away the superuser's right to real-time threads,
    which people lack. Raises FileNotFoundError naming the program when it is not installed.
    """
    words = [str(word) for word in command]
    program = shutil.which(words[0], path=env.get("PATH"))
    if program is None:
        raise FileNotFoundError(f"{words[0]} is not installed")
    words[0] = program
    if priority is not None and os.geteuid() == 0 and (nice := shutil.which("nice")):
        words = [nice, "-n", str(priority), *words]
    if sys.platform == "linux" and (setpriv := shutil.which("setpriv")):
        # A test run that is killed outright runs no teardown; the kernel then ends the child.
        wanted = ["--pdeathsig", "TERM"]
        if not real_time and _may_set_capabilities():
            wanted += ["--bounding-set=-sys_nice", "--inh-caps=-sys_nice"]
        words = [setpriv, *wanted, *words]
    process = subprocess.Popen(
        words,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        pass_fds=tuple(pass_fds),
        start_new_session=True,
    )
    _tell_session(process.pid, priority)
    return process


# Linux takes one such order in a tenth of a second from all that are not its superuser, and refuses
# the others (EAGAIN, sched(7)).
_SESSION_TRIES = 50
_SESSION_PAUSE_S = 0.03


def _may_set_capabilities() -> bool:
    """Whether CAP_SETPCAP is ours: a person lacks it, and the superuser of a container may. See capabilities(7)."""
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> 8 & 1)


def _tell_session(leader: int, priority: int | None) -> None:
    """Give the session of `leader` that nice value, or this process's session's own."""
    with contextlib.suppress(OSError, ValueError, IndexError):  # no such thing, not our right, or it ended already
        if priority is None:
            priority = int(Path("/proc/self/autogroup").read_text().split()[-1])
        for _ in range(_SESSION_TRIES):
            try:
                Path(f"/proc/{leader}/autogroup").write_text(str(priority))
            except BlockingIOError:
                time.sleep(_SESSION_PAUSE_S)
            else:
                return


def end(process: subprocess.Popen[bytes], *, patience_s: float = 5.0) -> int:
    """Ask the group of `process` to end, insist after `patience_s`, reap it, and return its exit code."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    # Also when the leader went first: its children are still in the group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait(patience_s)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return code


def bearing(mark: str) -> list[int]:
    """Ids of the processes whose environment holds `mark` (`NAME=value`), and of all their descendants.

    Browsers fork helpers that rewrite their own environment block, so the family tree is followed as well.
    Empty where there is no /proc.
    """
    parents: dict[int, int] = {}
    found: set[int] = set()
    wanted = mark.encode()
    for entry in _numbered(Path("/proc")):
        try:
            stat = (entry / "stat").read_text(errors="replace")
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state == "Z":
                continue
            pid = int(entry.name)
            parents[pid] = int(parent)
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.add(pid)
        except OSError:  # it ended while we looked, or it belongs to somebody else
            continue
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found)


def end_bearing(mark: str, known: Sequence[int] = (), *, patience_s: float = 5.0) -> list[int]:
    """End what `bearing(mark)` finds and what is left of `known`; return the ids that had to be killed."""
    left = _wait_gone(mark, known, patience_s)
    for pid in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if left:
        _wait_gone(mark, known, patience_s)  # a killed process is there for a moment more
    return left


def _wait_gone(mark: str, known: Sequence[int], patience_s: float) -> list[int]:
    deadline = time.monotonic() + patience_s
    while (left := _left(mark, known)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _left(mark: str, known: Sequence[int]) -> list[int]:
    alive = {pid for pid in known if runs(pid)}
    return sorted(alive | set(bearing(mark)))


def runs(pid: int) -> bool:
    """Whether there is such a process and it did not end yet; False where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _numbered(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (entry for entry in folder.iterdir() if entry.name.isdigit())
