"""Two servers in Python: the one that comes with it, and the dumbest host that is still one.

`python -m tests.hosts.simple PORT FOLDER` is the dumbest: it knows the types of .html, .css and .js and calls all else
octet-stream, forbids browsers to guess, compresses nothing, and sends nothing that would let a browser ask
whether a file changed.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.hosts.process import HOST, HostProcess

ROOT = Path(__file__).resolve().parents[2]
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class PythonsOwn(HostProcess):
    """`python -m http.server`."""

    name = "http.server"

    def command(self) -> list[str | Path]:
        return [sys.executable, "-m", "http.server", str(self.port), "--bind", HOST, "--directory", self.root]

    def environ(self) -> dict[str, str]:
        return dict(os.environ)


class Dumbest(HostProcess):
    """The dumbest host."""

    name = "dumbest"

    def command(self) -> list[str | Path]:
        return [sys.executable, "-m", "tests.hosts.simple", str(self.port), self.root]

    def environ(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root = Path()

    def do_GET(self) -> None:
        path = (self.root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        if path.is_dir():
            path /= "index.html"
        found = path.is_file() and path.is_relative_to(self.root)
        body = path.read_bytes() if found else b"There is nothing here.\n"
        kind = TYPES.get(path.suffix, "application/octet-stream") if found else "text/plain"
        self.send_response_only(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main(port: str, folder: str) -> None:
    """Serve `folder` until ended."""
    _Handler.root = Path(folder).resolve()
    with ThreadingHTTPServer((HOST, int(port)), _Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
