"""A real `redis-server`, unpacked by `builder/webservers.py`, on a port of its own; it can be killed,
stopped and started again.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder import webservers
from tests.hosts.process import HOST, free_ports
from tests.server.support.server_support import wait_until
from voice_browsers.processes import end, spawn

needs_redis = pytest.mark.skipif(not webservers.possible(), reason="needs the packages of Debian")


class Redis:
    """One server. Nothing of it is kept on the disk, so a restart forgets all counts."""

    def __init__(self, folder: Path, *options: str) -> None:
        if not webservers.present():
            pytest.fail("run this once: python3 build.py test tests/server/test_shared_limits.py", pytrace=False)
        self.port = free_ports(1)[0]
        self.url = f"redis://{HOST}:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = webservers.FOLDER / webservers.PROGRAMS["redis"]
        options = ["--port", str(self.port), "--bind", HOST, "--save", "", "--dir", str(self._folder), *self._options]
        self._process = spawn([program, *options], env=webservers.environ())
        wait_until(self._answers)

    def kill(self) -> None:
        """Gone at once, without a word to those that are connected."""
        if self._process is not None:
            self._process.kill()
            end(self._process)
            self._process = None

    def hang(self) -> None:
        """Connections are taken by the system, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[Redis]:
    """`options`: of the program's command line."""
    redis = Redis(folder, *options)
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()
