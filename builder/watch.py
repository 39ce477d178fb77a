"""Watcher: builds the site anew when a source changes, for `build.py serve`.

Twice a second it looks at the dates of the files, which every file system has and no package is needed for. A build
that fails leaves the last good site where it is. Why it failed is said in the terminal and in `reload.json` beside the
pages, which the open page asks for (`templates/static/reload.js`); only builds with `live` have either.

It runs beside the server, which reads a rebuilt folder by itself, and ends with it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from builder import site
from builder.environment import SetupError, say

FOLDERS = ("agents", "templates", "worklets", "pyclient")
EVERY_S = 0.5
ROOT = Path(__file__).resolve().parent.parent
# Written by a build itself.
OWN_FILES = ("packages.lock",)

Seen = dict[Path, tuple[int, int]]


def look(root: Path) -> Seen:
    """The date and size of each source. What editors leave beside a file, and compiled Python, is none."""
    found: Seen = {}
    for folder in FOLDERS:
        for path in _files(root / folder):
            with contextlib.suppress(FileNotFoundError):  # an editor that writes a file anew takes the old one away
                told = path.stat()
                found[path] = (told.st_mtime_ns, told.st_size)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(("__", "."))]
        yield from (Path(parent) / name for name in names if not _is_none_of_ours(name))


def _is_none_of_ours(name: str) -> bool:
    return name.startswith((".", "#")) or name.endswith(("~", ".swp", ".tmp", ".pyc")) or name in OWN_FILES


def changed(before: Seen, now: Seen) -> list[Path]:
    """What is new, gone or different, in order."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


def new_name() -> str:
    """Tells one build from another; these builds need not be equal byte for byte."""
    return str(time.time_ns())


class Watcher:
    """Looks at the sources of `root`. `build(name)` builds the site into `out`, or raises SetupError."""

    def __init__(self, root: Path, out: Path, build: Callable[[str], object], name: str) -> None:
        self.root = root
        self.out = out
        self.build = build
        self.shown = name
        self.seen = look(root)
        self._pending: Seen | None = None

    def step(self) -> bool:
        """Look once; build where something changed and is quiet again. Returns whether it tried to."""
        now = look(self.root)
        if now == self.seen:
            self._pending = None
            return False
        if now != self._pending:  # several files are often written one after the other
            self._pending = now
            return False
        names = [path.relative_to(self.root).as_posix() for path in changed(self.seen, now)]
        self.seen, self._pending = now, None
        say(f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''} changed")
        self._build()
        return True

    def _build(self) -> None:
        started, name = time.monotonic(), new_name()
        try:
            self.build(name)
        except SetupError as error:
            self._failed(str(error))
        except Exception as error:  # a mistake of ours must not end the watching
            self._failed(f"the build ended with {type(error).__name__}: {error}")
        else:
            self.shown = name
            say(f"built again in {time.monotonic() - started:.1f} s")

    def _failed(self, problem: str) -> None:
        print(f"\nnot built: {problem}", file=sys.stderr)
        say("the last good build is still served; mend the file and save it")
        tell(self.out, self.shown, problem)


def tell(out: Path, name: str, problem: str = "") -> None:
    """Say to the open pages which build is there, and what stopped a newer one."""
    file = out / site.RELOAD_FILE
    staging = file.with_name(f".{file.name}")
    staging.write_text(json.dumps({"build": name, "problem": problem}), encoding="utf-8")
    staging.replace(file)


def start(out: Path, agents: Sequence[str], name: str) -> subprocess.Popen[bytes]:
    """Start a watcher beside this process, with which it ends. Its words go to stderr: stdout is the server's."""
    command = [sys.executable, "-m", "builder.watch", "--out", str(out), "--name", name, "--parent", str(os.getpid())]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    # A session of its own: Ctrl-C is the server's, and this one follows.
    return subprocess.Popen(
        [*command, *agents],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="builder.watch")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("agents", nargs="+")
    given = parser.parse_args(argv)
    # Who starts a program in the background may have it ignore this signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(given.parent,), daemon=True).start()

    def build(name: str) -> None:
        site.build(ROOT, given.out, given.agents, remembered=True, live=name)

    try:
        watcher = Watcher(ROOT, given.out, build, given.name)
        while True:
            time.sleep(EVERY_S)
            watcher.step()
    except KeyboardInterrupt:
        return 0


def _end_with(parent: int) -> None:
    """Interrupt the main thread, also in the middle of a build, when the server has ended."""
    main_thread = threading.main_thread().ident
    while os.getppid() == parent:
        time.sleep(EVERY_S / 2)
    if main_thread is not None and sys.platform != "win32":
        signal.pthread_kill(main_thread, signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
