"""`localhost` is 127.0.0.1 and ::1: another program on one of them gets our visitors, so both are ours or
it is said (row 51).
"""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from builder import commands
from builder.environment import SetupError
from server import __main__ as main
from server.__main__ import PortTaken, bind_all
from tests.server.support.server_support import run_server, server_process


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def taken_on_ipv6() -> Iterator[int]:
    """A port at which another program listens on ::1 and none on 127.0.0.1."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        yield other.getsockname()[1]


@pytest.mark.slow
def test_row_51_both_addresses_of_localhost_are_served(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        for host in ("127.0.0.1", "[::1]", "localhost"):
            answer = httpx.get(f"http://{host}:{server.port}/healthz", trust_env=False)
            assert answer.json() == {"status": "ok"}, host
        server.stop(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_row_51_a_port_that_is_taken_on_ipv6_is_said_in_one_line(tmp_path: Path, host: str) -> None:
    with taken_on_ipv6() as port:
        result = run_server(tmp_path, "--host", host, "--port", str(port))
    assert result.returncode == 3
    assert (
        result.stderr == f"server: port {port} on ::1, which is localhost too, is taken; choose another with --port\n"
    )


def test_row_51_the_command_notices_it_before_it_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    with taken_on_ipv6() as port:
        with pytest.raises(SetupError, match=f"port {port} on ::1 cannot be used"):
            commands._port("127.0.0.1", port)
        monkeypatch.setattr(commands, "FIRST_PORT", port)
        assert commands._port("127.0.0.1", None) > port
        assert commands._port("127.0.0.2", port) == port, "that is no address of localhost"


def test_row_51_without_ipv6_the_one_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    real = main.bind

    def no_ipv6(host: str, port: int) -> socket.socket:
        if host == "::1":
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return real(host, port)

    monkeypatch.setattr(main, "bind", no_ipv6)
    listeners = bind_all("127.0.0.1", 0)
    assert len(listeners) == 1
    listeners[0].close()


def test_row_51_any_free_port_is_one_that_is_free_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    real = main.bind
    refused: list[object] = []

    def busy_once(host: str, port: int) -> socket.socket:
        if host == "::1" and not refused:
            refused.append(port)
            raise PortTaken(host)
        return real(host, port)

    monkeypatch.setattr(main, "bind", busy_once)
    listeners = bind_all("127.0.0.1", 0)
    ports = {one.getsockname()[1] for one in listeners}
    for one in listeners:
        one.close()
    assert len(listeners) == 2
    assert len(ports) == 1
