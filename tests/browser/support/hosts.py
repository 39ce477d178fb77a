"""Hosts as they should not be: each folder of one server shows the built site with another fault.

with FaultyHost(site) as host:
    host.faults["mistyped"] = lambda path, answer: answer.typed("application/octet-stream") if
    path.endswith(".js") else answer tab.page.goto(f"{host.url}mistyped/")
"""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css"}
TYPES |= {".wasm": "application/wasm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a host sends. `status` 0: it hangs up."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def typed(self, kind: str) -> Answer:
        return self.with_headers(**{"Content-Type": kind, "X-Content-Type-Options": "nosniff"})

    def with_headers(self, **more: str) -> Answer:
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        )

    def rewritten(self, old: str, new: str) -> Answer:
        assert old in self.body.decode(), f"the page holds no {old}"
        return replace(self, body=self.body.replace(old.encode(), new.encode()))


# What a fault makes of a sound answer; the path is that inside the site: "" for the page, "/" for it without a slash
# behind the folder.
Fault = Callable[[str, Answer], Answer]
HANG_UP = Answer(status=0)
NOT_FOUND = Answer(status=404, body=b"not here", headers={"Content-Type": "text/plain"})


def as_it_is(_path: str, answer: Answer) -> Answer:
    return answer


class FaultyHost:
    """`asked` counts requests by path; `token` is what a request for a token is answered with."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.url = ""
        self.faults: dict[str, Fault] = {}
        self.asked: Counter[str] = Counter()
        self.token = Answer(status=501)

    @contextlib.contextmanager
    def serving(self) -> Iterator[FaultyHost]:
        handler = type("Handler", (_Handler,), {"host": self})
        with _Server(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            self.url = f"http://localhost:{server.server_address[1]}/"
            try:
                yield self
            finally:
                server.shutdown()
                thread.join(10)

    def answer(self, path: str) -> Answer:
        """The sound answer, and then the fault of the folder that `path` begins with."""
        folder, slash, rest = path.lstrip("/").partition("/")
        fault = self.faults.get(folder, as_it_is)
        file = self.site / (rest or "index.html")
        if not file.resolve().is_relative_to(self.site.resolve()) or not file.is_file():
            file = self.site / "404.html"
        headers = {"Content-Type": TYPES.get(file.suffix, "application/octet-stream"), "Cache-Control": "no-store"}
        sound = Answer(status=404 if file.name == "404.html" else 200, body=file.read_bytes(), headers=headers)
        return fault(rest if slash else "/", sound)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A page that is left breaks off its requests."""


class _Handler(http.server.BaseHTTPRequestHandler):
    host: FaultyHost
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.host.asked[path] += 1
        self._send(self.host.answer(path))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._send(self.host.token)

    def _send(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # the page has heard enough
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
