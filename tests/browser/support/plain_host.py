"""The plainest host that a site may get: it knows .html, .css and .js, compresses nothing and adds no policy.

with PlainHost(folder) as host:
    tab.page.goto(host.url)
    host.asked                      # every path that was asked for, with the status of the answer
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# What some hosts refuse because they do not know it, or because they were hardened.
KNOWN = (*TYPES, ".svg", ".bin", ".wasm")
Answer = Callable[[Path, bytes], tuple[int, bytes, dict[str, str]]]


def plainly(path: Path, data: bytes) -> tuple[int, bytes, dict[str, str]]:
    """Everything that the host does not know is bytes, and the browser may not guess."""
    kind = TYPES.get(path.suffix, "application/octet-stream")
    return 200, data, {"Content-Type": kind, "X-Content-Type-Options": "nosniff"}


class PlainHost:
    """Serves `folder` below `prefix`.

    `answer` may be replaced at any time: it is asked for status, body and headers of each file.
    """

    def __init__(self, folder: Path, *, prefix: str = "/", answer: Answer = plainly) -> None:
        self.folder = folder
        self.prefix = prefix
        self.answer = answer
        self.asked: list[tuple[str, int]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="plain host", daemon=True)

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_address[1]}{self.prefix}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _respond(self, target: str) -> tuple[int, bytes, dict[str, str]]:
        path = urlsplit(target).path
        nothing = 404, b"nothing here", {"Content-Type": "text/plain"}
        if not path.startswith(self.prefix):
            return nothing
        file = self.folder / (path.removeprefix(self.prefix) or "index.html")
        if file.suffix not in KNOWN or not file.is_file():
            return nothing
        return self.answer(file, file.read_bytes())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body, headers = host._respond(self.path)
                host.asked.append((self.path, status))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *values: object) -> None:
                """Nobody reads it."""

        return Handler
