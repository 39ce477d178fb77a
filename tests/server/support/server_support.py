"""A real server on a free port, a fake provider that counts, and raw requests no client library would send."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn

from server.__main__ import bind
from server.agent.options import AgentOptions
from server.app import create_app
from server.settings import Settings, load_settings
from tests.server.support.shared_recognizer import shared_recognizer
from tests.server.support.vendors import KEYS, VENDORS, vendor_at

ROOT = Path(__file__).resolve().parents[3]
KEY = VENDORS["assemblyai"].key
CANARY = "CANARY-7f3b"
DEADLINE_S = 120.0  # against what never ends; behind the browsers a server takes half a minute to start

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class FakeProvider:
    """A real HTTP server that plays the token route of every vendor and remembers every request."""

    url: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    answer: Answer | None = None
    release: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        self.release.set()
        self.release = threading.Event()
        self.calls.clear()
        self.answer = None

    def answer_with(self, status: int, body: bytes | str, **headers: str) -> None:
        """The same answer for every request; header names are written with underscores."""
        data = body.encode() if isinstance(body, str) else body

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        self.answer = answer

    def stall(self) -> None:
        """Take requests and answer none until `release` is set."""
        release = self.release

        def answer(handler: BaseHTTPRequestHandler) -> None:
            release.wait(DEADLINE_S)
            handler.close_connection = True

        self.answer = answer

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        sent = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        self.calls.append(
            {
                "method": handler.command,
                "path": parts.path,
                "query": {name: values[0] for name, values in parse_qs(parts.query).items()},
                "authorization": handler.headers.get("Authorization"),
                "body": json.loads(sent) if sent else None,
            }
        )
        if self.answer is not None:
            self.answer(handler)
            return
        vendor = vendor_at(parts.path)
        good = vendor is not None and vendor.method == handler.command
        text = vendor.answer(f"fake-token-{len(self.calls)}", self.url) if vendor and good else "{}"
        body = text.encode()
        handler.send_response(200 if good else 404)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@contextmanager
def fake_provider() -> Iterator[FakeProvider]:
    fake = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                fake.handle(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A peer that hangs up is part of these tests."""

    server = QuietServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.release.set()
        server.shutdown()
        server.server_close()
        thread.join(DEADLINE_S)


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """Our app in a real HTTP server; `http` sends no Origin unless told to."""

    port: int
    http: httpx.Client

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def post(self, body: Any = None, *, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        """`POST /api/token` from our own page."""
        if body is not None:
            more["json"] = body
        return self.http.post("/api/token", headers={"Origin": self.origin, **(headers or {})}, **more)


@contextmanager
def running_server(
    *,
    site: Path = Path("no-such-dist"),
    http_client: httpx.AsyncClient | None = None,
    agent: AgentOptions | None = None,
    **overrides: Any,
) -> Iterator[RunningServer]:
    """Starts on a free port with these settings (field names) and no `.env`. `http_client` makes the calls upstream."""
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        settings = load_settings(None, **{"port": port, **overrides})
        agent = agent or AgentOptions(allowed_origins=settings.allowed_origins, prewarm=False)
        with shared_recognizer():
            app = create_app(settings, site_root=site, agent=agent, http_client=http_client)
        config = uvicorn.Config(app, lifespan="on", log_config=None, log_level="warning", proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started)
        try:
            with httpx.Client(base_url=f"http://localhost:{port}", timeout=DEADLINE_S, trust_env=False) as http:
                yield RunningServer(port=port, http=http)
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)


def assert_error(response: httpx.Response, status: int, code: str) -> str:
    """Checks the one error shape, without any key or CANARY in it, and returns the message."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"] == code
    assert response.headers["cache-control"] == "no-store"
    for secret in (*KEYS, CANARY):
        assert secret not in response.text
    return str(body["error"]["message"])


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails when `condition` does not come true within a generous time."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def raw_exchange(port: int, head: str) -> str:
    """Sends these bytes as they are and returns everything up to the end of the connection or the first 64 kB."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as sock:
        sock.sendall(head.replace("\n", "\r\n").encode("latin-1"))
        received = b""
        while len(received) < 65536:
            try:
                chunk = sock.recv(65536)
            except ConnectionResetError:
                break
            if not chunk:
                break
            received += chunk
            if b"\r\n\r\n" in received and b"101 Switching" in received:
                break
        return received.decode("latin-1")


def websocket_request(path: str, host: str, *more: str) -> str:
    """The head of a WebSocket handshake with this Host."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *more,
    ]
    return "\n".join(lines) + "\n\n"


@dataclass(kw_only=True)
class ServerProcess:
    """`python -m server` as a person starts it. `stop` ends it and fills `stdout` and `stderr`.

    It logs into the file `log`: a pipe that nobody reads while it runs would fill up, and stop it.
    """

    process: subprocess.Popen[bytes]
    ready: str
    log: IO[bytes]
    stdout: str = ""
    stderr: str = ""

    @property
    def port(self) -> int:
        return int(self.ready.rsplit(":", 1)[1].rstrip("/\n"))

    def stop(self, signal_number: int) -> int:
        self.process.send_signal(signal_number)
        out, _ = self.process.communicate(timeout=DEADLINE_S)
        self.log.seek(0)
        self.stdout, self.stderr = self.ready + out.decode(), self.log.read().decode()
        return self.process.returncode


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "server", *arguments]


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without anything the settings would read."""
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    return {**kept, **variables}


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """`clean_environment`, with this project importable from any folder."""
    found = clean_environment(**variables)
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), found.get("PYTHONPATH"))))
    return found


def run_server(cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Starts a server that is expected to give up by itself, in `cwd` (so that no `.env` of ours is read)."""
    environ = _environment(variables)
    return subprocess.run(
        command(*arguments), cwd=cwd, env=environ, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


@contextmanager
def server_process(cwd: Path, *arguments: str, **variables: str) -> Iterator[ServerProcess]:
    """Starts it in `cwd` (so that no `.env` of ours is read) and waits for the ready line."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command("--port", "0", *arguments),
            cwd=cwd,
            env=_environment(variables),
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            assert process.stdout is not None
            ready = process.stdout.readline().decode()
            if not ready.startswith("ready "):
                process.kill()
                process.wait()
                log.seek(0)
                raise AssertionError(f"not ready: {ready!r} {log.read().decode()}")
            yield ServerProcess(process=process, ready=ready, log=log)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
