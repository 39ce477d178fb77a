"""Build cache: what Node makes of files once, under a name that holds a hash of everything it was made of."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from builder import node
from builder.environment import SetupError

# As many as a person goes back and forth between; a snapshot has about 15 MB.
MAX_ENTRIES = 4
_DIGEST = re.compile(r"[0-9a-f]{16}")


def digest(parts: Iterable[bytes]) -> str:
    """Return 16 hex digits that change with any of `parts`."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


class FailedError(SetupError):
    """Node ended with an exit code above 0. `code` is that, `said` the end of what it wrote on stderr."""

    def __init__(self, failure: str, code: int, said: str) -> None:
        super().__init__(f"{failure}\n{said}")
        self.code, self.said = code, said


class TooLongError(SetupError):
    """Node did not come to an end; its limit is there against work that never ends, not against a busy machine."""


def make(
    root: Path, folder: Path, command: Callable[[Path, Path], list[str]], failure: str, *, timeout_s: float
) -> str:
    """Have Node fill `folder`, and return what it printed.

    `command(work, out)` prepares the folder `work`, which goes afterwards, and returns what to run so that the files
    come into `out`. FailedError with `failure` and the end of what Node complained about when it fails, TooLongError
    after `timeout_s`, SetupError when it cannot be run or was killed; nothing is kept then.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work = Path(name)
        out = work / "out"
        out.mkdir()
        words = [node.node(root), *command(work, out)]
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout_s,
                cwd=work,
                env=node.environment_of_builds(),
            )
        except subprocess.TimeoutExpired:
            raise TooLongError(f"{failure}\nIt had not ended after {timeout_s:.0f} s.") from None
        if done.returncode != 0:
            said = done.stderr.strip()[-1500:] or f"Node ended with {done.returncode} and said nothing."
            if done.returncode > 0:
                raise FailedError(failure, done.returncode, said)
            raise SetupError(f"{failure}\n{said}")
        if not folder.exists():  # two builds at once make the same one
            shutil.move(out, folder)
    return done.stdout


@contextlib.contextmanager
def missing(folder: Path) -> Iterator[bool]:
    """Yields whether it has to be made now. Builds that want one at the same time wait, and find it there."""
    with contextlib.nullcontext() if _used_again(folder) else _one_at_a_time(folder.parent):
        yield not _used_again(folder)


def _used_again(folder: Path) -> bool:
    """Is it there already? Then it is the last to be forgotten."""
    if folder.exists():
        os.utime(folder)
    return folder.exists()


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        if sys.platform != "win32":  # there two builds at once both make it, as `make` allows
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def forget_oldest(folder: Path) -> None:
    """Every change of the client makes another one; without this the cache would grow for ever."""
    made = [path for path in folder.iterdir() if _DIGEST.fullmatch(path.name)]
    for path in sorted(made, key=lambda path: path.stat().st_mtime_ns, reverse=True)[MAX_ENTRIES:]:
        shutil.rmtree(path, ignore_errors=True)
