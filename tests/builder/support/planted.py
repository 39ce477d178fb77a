"""A small static host with a page like ours, a token route and a socket, all right until
a test plants a fault in it.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import json
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import brotli
from websockets.sync.server import ServerConnection, serve

TOKEN = "secret-token-of-this-visitor"
SCRIPT = "globalThis.parleyAhead = 1;"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{digests}; worker-src 'self'; connect-src 'self' {connect}; "
    "style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8", ".wasm": "application/wasm"}
Headers = dict[str, str]


@dataclasses.dataclass
class Reply:
    """What is about to be sent. A fault changes it."""

    status: int
    headers: Headers
    body: bytes


Fault = Callable[["Host", str, str, Headers, Reply], None]


class Host:
    """`url` is the page's address. `fault(host, method, path, asked, reply)` may change every reply."""

    def __init__(self, socket_port: int, base: str = "/") -> None:
        self.base = base
        self.fault: Fault = lambda *_: None
        self.ws_url = f"ws://localhost:{socket_port}/agent"
        self.asked: list[str] = []
        self.token_url = "/api/token"
        self.embedded_by: list[str] = []
        self.files: dict[str, bytes] = {}
        self.named: dict[str, str] = {}
        self.port = 0
        self.connect = f"ws://localhost:{socket_port}"
        self._build()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}{self.base}"

    def build(self) -> None:
        """Make the site again, after a change of what it is made of."""
        self.files.clear()
        self._build()

    def policy(self, *, page: bool, header: bool = True) -> str:
        digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        text = POLICY.format(connect=self.connect, digests=f" 'sha256-{digest}'" if page else "")
        ancestors = " ".join(self.embedded_by) or "'none'"
        return text + (f"; frame-ancestors {ancestors}" if header else "")

    def reply(self, method: str, path: str, asked: Headers) -> Reply:
        self.asked.append(f"{method} {path}")
        if method in ("POST", "OPTIONS"):
            reply = self._token(path, asked)
        elif path.startswith(self.base) and (name := path[len(self.base) :] or "index.html") in self.files:
            reply = self._file(name, asked)
        elif path == self.base.rstrip("/") and path:
            reply = Reply(301, {"Location": self.base}, b"")
        else:
            reply = Reply(404, {"Cache-Control": "no-store", "Content-Type": "text/html"}, b"<html>not there</html>")
        self.fault(self, method, path, asked, reply)
        return reply

    def _token(self, path: str, asked: Headers) -> Reply:
        if path != "/api/token":
            return Reply(405, {"Content-Type": "text/html"}, b"<html>not allowed</html>")
        body = {"provider": "assemblyai", "token": TOKEN, "ws_url": self.ws_url}
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "Vary": "Origin"}
        headers |= {"Access-Control-Allow-Origin": asked.get("origin", "")}
        return Reply(200, headers, json.dumps(body).encode())

    def _file(self, name: str, asked: Headers) -> Reply:
        content = self.files[name]
        page = "/" not in name
        suffix = "." + name.rpartition(".")[2]
        headers = {
            "Content-Type": TYPES.get(suffix, "application/octet-stream"),
            "ETag": f'"{hashlib.sha256(content).hexdigest()[:12]}"',
            "Cache-Control": "no-cache" if page else "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Permissions-Policy": "microphone=(self)",
            "Content-Security-Policy": self.policy(page=page),
        }
        if self.embedded_by:
            headers |= {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "cross-origin"}
        if name == "voice-agent.js":
            headers |= {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
        if asked.get("if-none-match") == headers["ETag"]:
            return Reply(304, headers, b"")
        if suffix in TYPES and "br" in asked.get("accept-encoding", ""):
            headers |= {"Content-Encoding": "br", "Vary": "Accept-Encoding"}
            content = brotli.compress(content)
        return Reply(200, headers, content)

    def _build(self) -> None:
        # Half of it repeats itself, so that it can be compressed, and much of it is left when it was.
        memory = random.Random(1).randbytes(90_000) + bytes(90_000)
        named = {
            "worker.js": b"/* worker */",
            "shell.js": b"/* page */" * 20_000,
            "style.css": b"body {}",
            "rest.wasm": b"\0asm",
        }
        config: dict[str, Any] = {
            "boot": {},
            "choices": [{"settings": {"provider": "assemblyai", "token_url": self.token_url}}],
            "embedded_by": self.embedded_by,
        }
        self.files["voice-agent.js"] = b'customElements.define("voice-agent", class extends HTMLElement {});'
        for name, data in named.items():
            stem, _, suffix = name.rpartition(".")
            self.named[name] = f"assets/{stem}.{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
            self.files[self.named[name]] = data
        self.named["python.bin"] = f"assets/python.{hashlib.sha256(memory).hexdigest()[:12]}.bin"
        self.files[self.named["python.bin"]] = gzip.compress(memory, mtime=0)
        parts = [memory[begin : begin + 65_536] for begin in range(0, len(memory), 65_536)]
        digests = [base64.b64encode(hashlib.sha256(part).digest()).decode() for part in parts]
        described = {"url": self.named["python.bin"], "bytes": len(memory), "part_bytes": 65_536, "sha256": digests}
        config["boot"] |= {"worker": self.named["worker.js"], "blocks": described, "later": [self.named["rest.wasm"]]}
        self.files["index.html"] = (
            f'<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="{self.policy(page=True, header=False)}">'
            f'<script type="application/json" id="parley-config">{json.dumps(config)}</script><script>{SCRIPT}</script>'
            f'<link rel="stylesheet" href="{self.named["style.css"]}">'
            f'<script type="module" src="{self.named["shell.js"]}"></script></head><body></body></html>'
        ).encode()


@contextlib.contextmanager
def running(base: str = "/") -> Iterator[Host]:
    """The host, its socket server beside it."""
    with serve(_welcome, "localhost", 0) as sockets:
        threading.Thread(target=sockets.serve_forever, daemon=True).start()
        host = Host(sockets.socket.getsockname()[1], base)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(host)) as server:
            server.daemon_threads = True
            host.port = server.server_address[1]
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            yield host
            server.shutdown()
        sockets.shutdown()


def _welcome(socket: ServerConnection) -> None:
    with contextlib.suppress(Exception):  # who knocks goes away at once
        socket.recv(timeout=5)


def _handler(host: Host) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = {name.lower(): value for name, value in self.headers.items()}
            reply = host.reply(self.command, self.path, asked)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                # Several of one name: a line each.
                for line in value.split("\n"):
                    self.send_header(name, line)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_OPTIONS = _answer

        def log_message(self, format: str, *args: Any) -> None:
            """Tests say what went wrong."""

    return Handler
