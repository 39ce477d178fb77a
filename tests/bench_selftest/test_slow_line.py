"""The line that `bench line` measures over: its rate and round trip are what was asked for, and what it counts is what
went over it.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.bench.slow_line import SlowLine

SIZE = 400_000


class _Answer(socketserver.StreamRequestHandler):
    """As HTTP, with a body of so many bytes as the path says; the connection is kept."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            size = int(line.split()[1].strip(b"/"))
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away in the middle is one of the tests."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def fetch(port: int, *sizes: int) -> float:
    """Fetch them over one connection; return how many seconds that took."""
    begin = time.monotonic()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        for size in sizes:
            connection.request("GET", f"/{size}")
            assert len(connection.getresponse().read()) == size
    return time.monotonic() - begin


def rate(port: int, size: int, mbit_per_s: float) -> float:
    """Bytes per second over a line, as a ratio to what the line promises."""
    with SlowLine(port, mbit_per_s=mbit_per_s) as line:
        return size / fetch(line.port, size) / (mbit_per_s * 1e6 / 8)


@pytest.mark.parametrize("mbit_per_s", [4, 16])
def test_the_rate_is_what_was_asked_for(port: int, mbit_per_s: float) -> None:
    """Never more than that. Less only where the machine is busy with others, and not each time."""
    best = 0.0
    for _ in range(4):
        found = rate(port, SIZE * round(mbit_per_s / 4), mbit_per_s)
        assert found < 1.08
        best = max(best, found)
        if best > 0.85:
            return
    pytest.fail(f"the best of four was {best:.2f} of the rate")


def test_connections_share_the_line(port: int) -> None:
    """Two at once need the time of twice as much, and neither waits for the other to end."""
    with SlowLine(port, mbit_per_s=8) as line, ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: fetch(line.port, SIZE), range(2)))
    assert max(both) / (2 * SIZE / 1e6) > 0.92
    assert min(both) / max(both) > 0.6


def test_a_round_trip_is_paid_for_each_request_and_for_the_connection(port: int) -> None:
    with SlowLine(port, rtt_ms=200) as line:
        one = fetch(line.port, 10)
        three = fetch(line.port, 10, 10, 10)
    assert one >= 0.4  # the connection, and the request
    assert three >= 0.8  # and two requests more


def test_what_it_counts_is_what_went_over_it(port: int) -> None:
    """Headers too, in both directions; and to which request it belongs."""
    with SlowLine(port) as line:
        before = time.time()
        fetch(line.port, 1000, 5000)
        head = len(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        assert line.received() == 6000 + 2 * head
        assert line.by_path() == {"/1000": 1000 + head, "/5000": 5000 + head}
        assert line.received(part="5000") == 5000 + head
        assert line.received(until=before) == 0
        asked = b"GET /1000 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept-Encoding: identity\r\n\r\n" % line.port
        assert line.sent() == 2 * len(asked)
        line.forget()
        assert line.received() == line.sent() == 0


def test_what_is_on_its_way_is_not_counted_yet(port: int) -> None:
    """What was sent before a moment is what had arrived by then."""
    with SlowLine(port, mbit_per_s=4) as line:
        begin = time.time()
        fetch(line.port, SIZE)
        end = time.time()
        whole, half = line.received(until=end), line.received(until=(begin + end) / 2)
        assert 0.15 < half / whole < 0.85


def test_it_knows_when_nothing_more_comes(port: int) -> None:
    with SlowLine(port) as line:
        assert line.quiet_for() == float("inf")
        fetch(line.port, 1000)
        time.sleep(0.3)
        assert line.quiet_for() >= 0.3


def test_it_ends_by_itself_and_says_so(port: int) -> None:
    """Whoever forgot it has nothing left running, not even a download that would take an hour."""
    with SlowLine(port, mbit_per_s=0.1, seconds=0.5) as line:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            fetch(line.port, SIZE)
        line._thread.join(5)
        assert line.ended
        with pytest.raises(ConnectionError), socket.create_connection(("127.0.0.1", line.port)):
            pass


def test_a_browser_or_a_server_that_goes_away_ends_its_own_connection_only(port: int) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with SlowLine(nobody.getsockname()[1]) as line, pytest.raises((http.client.HTTPException, ConnectionError)):
            fetch(line.port, 10)
    with SlowLine(port, mbit_per_s=1) as line:
        with socket.create_connection(("127.0.0.1", line.port)) as gone:
            gone.sendall(b"GET /400000 HTTP/1.1\r\n\r\n")
        fetch(line.port, 1000)
        assert line.by_path()["/1000"] > 1000


def test_a_browser_can_be_made_to_name_other_encodings(port: int) -> None:
    """As it would over TLS. Only the request changes, by as much as the words differ."""
    with SlowLine(port) as plain, SlowLine(port, encodings="gzip, deflate, br") as named:
        fetch(plain.port, 10, 20)
        fetch(named.port, 10, 20)
        ports = len(str(named.port)) - len(str(plain.port))
        assert named.sent() - plain.sent() == 2 * (len("gzip, deflate, br") - len("identity") + ports)
        assert named.received() == plain.received()


@pytest.mark.parametrize("wrong", [{"mbit_per_s": 0}, {"mbit_per_s": -1}, {"rtt_ms": -1}, {"seconds": 0}])
def test_a_line_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a line needs a rate|rtt_ms must not"):
        SlowLine(1, **wrong)
