"""The server as a person starts it: ready line, busy port, Ctrl-C, bad settings, and what its logs give away."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.server.support.server_support import (
    DEADLINE_S,
    FakeProvider,
    raw_exchange,
    run_server,
    server_process,
    wait_until,
    websocket_request,
)
from tests.server.support.vendors import Vendor

pytestmark = pytest.mark.slow

CANARY = "CANARY0f6d2c9b41"
CANARY_KEY = "CANARYKEY77aa01bc"


def open_agent_socket(port: int, **more: Any) -> ClientConnection:
    """A WebSocket to the local agent, with a token minted the usual way."""
    token = httpx.post(f"http://localhost:{port}/api/token", trust_env=False).json()["token"]
    origin = Origin(f"http://localhost:{port}")
    url = f"ws://localhost:{port}/agent/v1/ws?token={token}"
    socket: ClientConnection = connect(url, origin=origin, proxy=None, **more)
    return socket


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_ready_line_then_a_clean_end_with_an_open_websocket(tmp_path: Path, number: signal.Signals) -> None:
    """A conversation in progress must not keep Ctrl-C waiting."""
    with server_process(tmp_path) as server:
        assert server.ready == f"ready http://localhost:{server.port}/\n"
        assert httpx.get(f"http://localhost:{server.port}/healthz", trust_env=False).json() == {"status": "ok"}
        with open_agent_socket(server.port) as websocket:
            assert server.stop(number) == 0
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    websocket.recv(timeout=DEADLINE_S)
            # "Service restart": the page says so, and connects again.
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
    assert server.stdout == server.ready
    assert "Traceback" not in server.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_row_67_a_request_that_waits_for_the_provider_is_told_of_the_end_and_does_not_hold_it_up(
    tmp_path: Path, provider: FakeProvider, number: signal.Signals
) -> None:
    """The provider's time limit here is longer than this test waits for the end. One waits for its slot, too."""
    provider.stall()
    variables = {"ASSEMBLYAI_API_KEY": "k", "ASSEMBLYAI_BASE_URL": provider.url, "UPSTREAM_TIMEOUT_SECONDS": "60"}
    with server_process(tmp_path, **variables, UPSTREAM_SLOTS="1") as server, contextlib.ExitStack() as stack:
        request = b"POST /api/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        asking = [begin(stack, server.port, request) for _ in range(2)]
        wait_until(lambda: len(provider.calls) == 1)
        assert server.stop(number) == 0
        answers = [read_all(connection) for connection in asking]
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"code":"stopping"' in answer
        assert b"retry-after: 2" in answer.lower()
    assert "Traceback" not in server.stderr
    assert "graceful shutdown exceeded" not in server.stderr, "it was waited for"


def test_row_67_a_request_whose_body_is_still_on_its_way_is_told_too(tmp_path: Path) -> None:
    """Any request: what the HTTP server cancels at its end is answered in our words, not with its bare 500."""
    with server_process(tmp_path, ASSEMBLYAI_API_KEY="k") as server, contextlib.ExitStack() as stack:
        request = b"POST /api/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        connection = begin(stack, server.port, request)
        assert server.stop(signal.SIGTERM) == 0
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"stopping"' in answer


def begin(stack: contextlib.ExitStack, port: int, request: bytes) -> socket.socket:
    """A connection on which this much was sent, and read at the other end."""
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    connection.settimeout(DEADLINE_S)
    connection.sendall(request)
    # What comes later is read later.
    httpx.get(f"http://localhost:{port}/healthz", trust_env=False)
    return connection


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def test_what_the_browser_would_not_explain_is_said_at_the_start(tmp_path: Path) -> None:
    """A page built for one region cannot open sockets to another: its own policy forbids it."""
    (tmp_path / "site").mkdir()
    policy = (
        "Content-Security-Policy: default-src 'none'; connect-src 'self' wss://agents.assemblyai.com; base-uri 'none'"
    )
    (tmp_path / "site" / "_headers").write_text(f"/\n  {policy}\n")
    for host, warned in (("agents.assemblyai.com", False), ("agents.eu.assemblyai.com", True)):
        variables = {"ASSEMBLYAI_API_KEY": "k", "ASSEMBLYAI_AGENTS_HOST": host}
        with server_process(tmp_path, "--site", "site", **variables) as server:
            server.stop(signal.SIGTERM)
        assert (f"wss://{host};" in server.stderr) is warned
    # This vendor's sockets may be on several hosts; one that the page may reach is enough.
    for hosts, warned in (("agents.assemblyai.com", False), ("voice.example.net", True)):
        variables = {"SDK_VOICE_API_KEY": "k", "SDK_VOICE_API_URL": "https://sdk.example.com"}
        with server_process(tmp_path, "--site", "site", **variables, SDK_VOICE_WS_HOSTS=hosts) as server:
            server.stop(signal.SIGTERM)
        assert ("wss://sdk.example.com or wss://voice.example.net;" in server.stderr) is warned


def test_a_busy_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_server(tmp_path, "--port", str(port))
    assert result.returncode == 3
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert str(port) in result.stderr
    assert "taken" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty-CANARY"),
        ("TOKEN_EXPIRES_IN_SECONDS", "601"),
        ("MAX_SESSION_DURATION_SECONDS", "59"),
        ("ALLOWED_ORIGINS", "https://CANARY.example.com/path"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_HOSTS", "*"),
        ("ASSEMBLYAI_API_KEY", "CANARY with spaces"),
        ("ASSEMBLYAI_AGENTS_HOST", "https://CANARY.example.com"),
        ("ASSEMBLYAI_BASE_URL", "http://CANARY.example.com"),
        ("ASSEMBLYAI_WS_PATH", "CANARY?x"),
        ("PROVIDER", "CANARY"),
        ("LOG_LEVEL", "CANARY"),
        ("TRUST_PROXY", "CANARY"),
    ],
)
def test_a_bad_setting_is_named_and_its_value_is_not_shown(tmp_path: Path, name: str, value: str) -> None:
    """A key pasted into the wrong variable must not end up on the screen or in a log."""
    result = run_server(tmp_path, **{"PORT": "0", name: value})
    assert result.returncode == 2
    assert name in result.stderr
    assert "CANARY" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROVIDER=assemblyai\nASSEMBLYAI_API_KEY=\nMAX_SESSION_DURATION_SECONDS=90\n")
    with server_process(tmp_path, MAX_SESSION_DURATION_SECONDS="75") as server:
        base = f"http://localhost:{server.port}"
        assert httpx.get(f"{base}/api/config", trust_env=False).json()["ready"] is False
        config = httpx.get(f"{base}/api/config", trust_env=False).json()
        assert config["limits"]["max_session_duration_seconds"]["cap"] == 75
        server.stop(signal.SIGINT)


def test_no_token_and_no_key_of_a_mint_is_in_any_log_line_even_at_debug(
    tmp_path: Path, provider: FakeProvider, vendor: Vendor
) -> None:
    """Libraries print addresses and headers, and the vendor's errors hold what they please."""
    provider.answer_with(200, vendor.answer(CANARY, provider.url), Set_Cookie=f"session={CANARY}")
    variables = {**vendor.environment(provider.url), vendor.variables[0]: CANARY_KEY, "LOG_LEVEL": "debug"}
    with server_process(tmp_path, **variables) as server:
        origin = f"http://localhost:{server.port}"
        asked: dict[str, Any] = {"headers": {"Origin": origin}, "json": {"provider": vendor.name}}
        with httpx.Client(base_url=origin, trust_env=False) as http:
            assert http.post("/api/token", **asked).json()["token"] == CANARY
            assert http.get("/api/voice-token").json()["token"] == CANARY
            for status in (401, 404, 422, 500):
                provider.answer_with(status, f'{{"detail": "Bearer {CANARY_KEY} {CANARY}"}}')
                assert http.post("/api/token", **asked).status_code == 502
            provider.answer_with(302, b"", Location=f"{provider.url}/?token={CANARY}")
            assert http.post("/api/token", **asked).status_code == 502
            for body in (
                f"<html>{CANARY_KEY}",
                vendor.answer(f"{CANARY} {CANARY}", provider.url),
                vendor.answer(CANARY_KEY, provider.url),
                vendor.answer(
                    CANARY, provider.url, ws_url=f"wss://{CANARY}.example.net/{CANARY_KEY}", expires_at=CANARY
                ),
            ):
                provider.answer_with(200, body)
                answer = http.post("/api/token", **asked)
                assert CANARY_KEY not in answer.text
        assert server.stop(signal.SIGINT) == 0
    assert {call["authorization"] for call in provider.calls} == {f"Bearer {CANARY_KEY}"}
    printed = server.stdout + server.stderr
    assert f"{vendor.name} gave no token: status 401" in printed
    assert "DEBUG" in printed, "this run should have been at debug level"
    leaks = [line for line in printed.splitlines() if "CANARY" in line]
    assert leaks == []


def test_no_token_of_a_request_or_a_websocket_is_in_any_log_line_even_at_debug(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """The HTTP server prints the query of a WebSocket through its error log, and
    websockets prints headers and frames.
    """
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "_headers").write_text("/*\n  X-Test: yes\n")
    variables = {"ASSEMBLYAI_API_KEY": CANARY_KEY, "ASSEMBLYAI_BASE_URL": provider.url, "LOG_LEVEL": "debug"}
    with server_process(tmp_path, "--site", "site", **variables) as server:
        base, origin = f"http://localhost:{server.port}", f"http://localhost:{server.port}"
        with httpx.Client(base_url=base, trust_env=False) as http:
            http.get(f"/api/voice-token?token={CANARY}")
            http.get(f"/?token={CANARY}&x=1")
            http.get("/nothing", headers={"Authorization": f"Bearer {CANARY}"})
            http.get(f"/agent/v1/token?expires_in_seconds=60&token={CANARY}", headers={"Authorization": CANARY})
            http.get("/agent/v1/token?expires_in_seconds=60", headers={"Authorization": f"Bearer {CANARY}"})
        for path in ("/agent/v1/ws", "/agent/v1/voice", "/nothing"):
            url = f"ws://localhost:{server.port}{path}?token={CANARY}"
            headers: list[dict[str, Any]] = [
                {"origin": origin},
                {"origin": "https://evil.example"},
                {"origin": origin, "subprotocols": ["realtime", f"openai-insecure-api-key.{CANARY}"]},
                {"origin": origin, "additional_headers": {"Authorization": f"Bearer {CANARY}"}},
            ]
            for more in headers:
                with (
                    contextlib.suppress(InvalidStatus, ConnectionClosed),
                    connect(url, proxy=None, **more) as websocket,
                ):
                    websocket.send(json.dumps({"type": "session.update", "token": CANARY}))
                    websocket.recv(timeout=30)
        raw_exchange(server.port, websocket_request(f"/agent/v1/ws?token={CANARY}", "evil.example"))
        assert server.stop(signal.SIGINT) == 0
    printed = server.stdout + server.stderr
    assert "token=[redacted]" in printed, "the query of a WebSocket should be in the log, without its secret"
    assert "authorization: bearer [redacted]" in printed.lower(), "this run should have been at debug level"
    leaks = [line for line in printed.splitlines() if "CANARY" in line]
    assert leaks == []
