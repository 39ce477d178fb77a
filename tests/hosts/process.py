"""One web server process: started with a folder of its own, ready when it answers, ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from builder import webservers
from voice_browsers.processes import end, spawn

HOST = "127.0.0.1"
_PATIENCE_S = 60.0


class HostError(RuntimeError):
    """The server did not start; the message holds what it said."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def published(root: Path, sites: Mapping[str, Path]) -> Path:
    """Lay `sites` out in `root` as their paths say (`/`, `/voice/`), readable to everybody as a server's files are.

    Returns `root`.
    """
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o755)
    for base, site in sites.items():
        shutil.copytree(site, root / base.strip("/"), copy_function=_linked, dirs_exist_ok=True)
    return root


def public_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder whose way is open to servers that give up the superuser's rights; that to
    pytest's own folders is not.
    """
    folder = tempfile.TemporaryDirectory(prefix="parley-host-")
    Path(folder.name).chmod(0o755)
    return folder


def _linked(source: str, target: str) -> None:
    """The same file under another name; a copy where that is another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class HostProcess:
    """A server of `root` on `port`. Its subclasses say how it is configured and called.

    `configurations`: folders that `build --for` wrote, to be used; without one it is configured as its maker does.
    """

    name = ""

    def __init__(self, root: Path, port: int, configurations: Sequence[Path] = ()) -> None:
        self.root = root
        self.port = port
        self.configurations = configurations
        self.url = f"http://{HOST}:{port}/"
        self.folder = Path()
        self._kept: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self) -> None:
        """Write what the program reads into `folder`."""

    def command(self) -> list[str | Path]:
        """What runs in the foreground until it is ended."""
        raise NotImplementedError

    def validator(self) -> list[str | Path]:
        """What tells whether the configuration is a valid one."""
        raise NotImplementedError

    def environ(self) -> dict[str, str]:
        """Its variables."""
        return webservers.environ()

    def __enter__(self) -> Self:
        self._kept = public_folder()
        self.folder = Path(self._kept.name)
        try:
            self.configure()
            with (self.folder / "output.log").open("wb") as log:
                self._process = spawn(self.command(), env=self.environ(), stdout=log, stderr=log, cwd=self.folder)
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process)
        if self._kept is not None:
            self._kept.cleanup()

    def check(self) -> str:
        """Have the program look at its configuration; return what it says against it, empty if nothing."""
        with public_folder() as name:
            self.folder = Path(name)
            self.configure()
            done = subprocess.run(
                [str(word) for word in self.validator()],
                env=self.environ(),
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
            )
        return (done.stdout + done.stderr or "it failed without a word") if done.returncode else ""

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1):
                return
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise HostError(f"{self.name} did not start:\n{self._said()}")
            time.sleep(0.05)

    def _said(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))
