"""Connections that keep the server waiting are ended, and neither they nor a lack of descriptors shut
others out (row 63).
"""

from __future__ import annotations

import logging
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from server import connections
from server.__main__ import Server, bind, config_for
from server.app import create_app
from server.connections import WatchedHttp, allow_descriptors
from server.flood import FloodFilter
from server.settings import load_settings
from tests.server.support.server_support import DEADLINE_S, FakeProvider, server_process, wait_until

pytestmark = pytest.mark.slow

HEAD = "POST /api/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
# What a connection may have sent when it falls silent.
SILENT = {
    "nothing": "",
    "half a line": "GET /heal",
    "half a head": "GET /healthz HTTP/1.1\r\nHost: local",
    "half a body": HEAD + "Content-Length: 100\r\n\r\n{",
    "half a chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "half a second request": "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /heal",
}


@contextmanager
def serving(site: Path = Path("no-such-dist"), **overrides: object) -> Iterator[int]:
    """The server as `__main__` makes it, in a thread. Gives the port."""
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        settings = load_settings(None, port=port, log_level="critical", **overrides)
        server = Server(config_for(create_app(settings, site_root=site), settings), "ready")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        with pytest.MonkeyPatch.context() as patched:
            # Signals belong to the main thread.
            patched.setattr(Server, "capture_signals", lambda _self: ExitStack())
            thread.start()
            wait_until(lambda: server.started)
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits made short."""
    monkeypatch.setattr(connections, "REQUEST_S", 1.0)
    monkeypatch.setattr(connections, "STALLED_S", 1.0)


def is_closed(connection: socket.socket, within_s: float = DEADLINE_S) -> bool:
    """Has the other end closed it? What it sent before is read and thrown away."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        readable, _, _ = select.select([connection], [], [], 0.05)
        try:
            if readable and not connection.recv(65536):
                return True
        except ConnectionResetError:
            return True
    return False


def healthy(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=DEADLINE_S).status_code == 200


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT)
def test_row_63_whoever_does_not_finish_a_request_is_cut_off(sent: str) -> None:
    with serving(local_agent=False) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent.encode())
        assert is_closed(connection)
        assert healthy(port)


@pytest.mark.usefixtures("impatient")
def test_row_63_whoever_does_not_read_the_answer_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "_headers").write_text("/*\n  X-Test: yes\n")
    (tmp_path / "big.txt").write_bytes(bytes(16 << 20))
    with serving(tmp_path, local_agent=False) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /big.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # Nothing is read until the server must have given up; then what is left in the buffers, and no more.
        threading.Event().wait(4)
        received = 0
        try:
            while chunk := connection.recv(65536):
                received += len(chunk)
        except ConnectionResetError:
            pass
        assert received < 16 << 20


@pytest.mark.usefixtures("impatient")
def test_row_63_a_slow_provider_and_a_slow_reader_are_not_mistaken_for_that(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """An answer that takes longer than the limits is not cut, as long as it is we who are
    slow, or something is read.
    """
    (tmp_path / "_headers").write_text("/*\n  X-Test: yes\n")
    (tmp_path / "big.txt").write_bytes(bytes(8 << 20))
    provider.stall()
    settings = {"assemblyai_api_key": "k", "assemblyai_base_url": provider.url, "upstream_timeout_seconds": 3}
    with serving(tmp_path, **settings) as port:
        begun = time.monotonic()
        answer = httpx.post(f"http://localhost:{port}/api/token", trust_env=False, timeout=DEADLINE_S)
        assert answer.status_code == 504
        assert time.monotonic() - begun > 2, "the provider should have been slower than the limit"
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.connect(("127.0.0.1", port))
            connection.settimeout(DEADLINE_S)
            connection.sendall(b"GET /big.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            received = 0
            while chunk := connection.recv(262_144):
                received += len(chunk)
                time.sleep(0.05)
        assert received > 8 << 20


def test_row_63_where_there_are_too_many_those_that_rest_go_and_nobody_is_shut_out() -> None:
    with serving(local_agent=False, max_connections=10) as port, ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(40)]
        assert healthy(port)
        # The oldest go first.
        assert all(is_closed(one) for one in idle[:30])
        assert not is_closed(idle[-1], within_s=0.3)


def test_the_descriptors_are_raised_as_far_as_the_system_lets_us(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"soft": 256, "hard": 700}
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (limits["soft"], limits["hard"]))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, wanted: limits.update(soft=wanted[0]))
    assert allow_descriptors(1000) == 600
    assert limits["soft"] == 700
    assert allow_descriptors(200) == 200
    limits["hard"] = resource.RLIM_INFINITY
    assert allow_descriptors(5000) == 5000
    assert limits["soft"] == 5100


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of descriptors")
def test_row_63_no_descriptor_left_does_not_flood_the_log_and_is_got_over(tmp_path: Path) -> None:
    """A system that allows 120 descriptors, and a crowd that uses them up faster than those that rest are ended."""
    with server_process(tmp_path, ASSEMBLYAI_API_KEY="k", MAX_CONNECTIONS="1000") as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        with ExitStack() as stack:
            for _ in range(120):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            threading.Event().wait(3)
        wait_until(lambda: healthy(server.port))
        server.stop(signal.SIGTERM)
    assert "out of system resource" in server.stderr, "the descriptors should have been used up"
    assert len(server.stderr) < 100_000


def test_the_first_lines_of_a_kind_are_written_and_then_how_many_there_were() -> None:
    now_s = 0.0
    flood = FloodFilter(most=3, span_s=10, clock=lambda: now_s)
    last: logging.LogRecord

    def written(text: str, level: int = logging.WARNING, line: int = 1) -> bool:
        nonlocal last
        last = logging.LogRecord("x", level, "file.py", line, text, (), None)
        return flood.filter(last)

    assert [written("no") for _ in range(5)] == [True, True, True, False, False]
    assert written("no", line=2), "another place is another kind"
    assert written("other words"), "other words are another kind"
    assert all(written("no", level=logging.INFO) for _ in range(50)), "a line for each request is what was asked for"
    now_s = 10.0
    assert written("no")
    assert last.getMessage() == "no (and 2 more like this before)"
    now_s = 20.0
    assert written("no")
    assert last.getMessage() == "no"


def test_the_kinds_that_are_remembered_are_bounded() -> None:
    flood = FloodFilter(most=1)
    for number in range(3000):
        flood.filter(logging.LogRecord("x", logging.WARNING, "file.py", number, "no", (), None))
    assert len(flood._kinds) == 1000


def test_the_server_watches_its_connections() -> None:
    settings = load_settings(None, local_agent=False)
    assert config_for(create_app(settings, site_root=Path("no-such-dist")), settings).http is WatchedHttp
