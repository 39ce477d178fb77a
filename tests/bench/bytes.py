"""How much must a visitor fetch?

A real page load in Chromium, counted on the wire as our server sends it, headers included.

    first_visit_sent  everything up to "ready" and what the page fetches by itself after that
    shell_sent        the page, its styles, its scripts and the worker's script: what is needed until a worker runs
    second_visit_sent what the same browser is sent for it a day later, its disk cache being kept
    second_visit_immutable   the part of that which the first visit was told to keep for ever
    stock_br          Pyodide's own files, micropip and our wheel, as brotli (quality 11) makes them:
                      what a page fetches that
                      installs the client the documented way. No server of ours sends them, so this
                      one figure is computed

The list of files is the load's own; the build's names are not known here. Our server sends our headers, so what is
cached is what they allow, and what is compressed is what it compresses.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import brotli
import uvicorn
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from builder import fetch_runtime, site, wheel
from builder.environment import SetupError
from builder.packing import PACKED, unpacked
from server.__main__ import bind
from server.site import Site
from tests.bench.figures import BenchError
from tests.bench.slow_line import SlowLine
from voice_browsers.engines import MissingEngine, find

ROOT = Path(__file__).resolve().parents[2]
QUALITY, WINDOW_BITS = 11, 24
READY_S = 90
_STATIC_IMPORT = re.compile(r"""(?:\bfrom|^\s*import)\s*["'](\.{0,2}/[^"']+)["']""", re.MULTILINE)


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Sizes in bytes. They do not vary, so `rounds` counts for nothing, and one engine is enough. Raises BenchError."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            dist = site.build(ROOT, Path(folder) / "dist", "demo")
            runtime = fetch_runtime.fetch(ROOT)
            wheel_bytes = wheel.build(ROOT)[1]
            browser = find("chromium")
        except (SetupError, MissingEngine) as error:
            raise BenchError(str(error)) from None
        first, second = _two_visits(dist, Path(folder) / "profile", browser.executable)
        shell = _shell(dist, first)
        fetched, again = ({one.path: one for one in visit} for visit in (first, second))
        stock = [(runtime.pyodide / name).read_bytes() for name in fetch_runtime.RUNTIME_FILES]
        stock += [runtime.micropip.read_bytes(), wheel_bytes]
        first_sent = sum(one.sent_bytes for one in fetched.values())
        stock_br = sum(map(_br, stock))
        kept = {path for path, one in fetched.items() if one.immutable}
        return {
            "list": f"a real load in {browser.engine} {browser.version}",
            "first_visit_sent": first_sent,
            "first_visit_raw": sum(len(one.data) for one in fetched.values()),
            "first_visit_requests": len(first),
            "shell_sent": sum(fetched[path].sent_bytes for path in shell),
            "second_visit_sent": sum(one.sent_bytes for one in again.values()),
            "second_visit_immutable": sum(one.sent_bytes for path, one in again.items() if path in kept),
            "second_visit_requests": len(second),
            "stock_br": stock_br,
            "ratio_to_stock": first_sent / stock_br,
            "files_sent": {_plain(path): one.sent_bytes for path, one in fetched.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One answered path. `dest` is what the browser wanted it for, in its own word (`Sec-Fetch-Dest`).

    `sent_bytes`: on the wire, headers included. `data`: the file as it lies there.
    """

    path: str
    dest: str
    status: int
    immutable: bool
    sent_bytes: int
    data: bytes


class _Watched:
    """Our site, and a record of what was asked of it."""

    def __init__(self, app: ASGIApp, dist: Path) -> None:
        self.app = app
        self.dist = dist
        self.seen: list[Fetched] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, headers = 0, {}

        async def watched(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            await send(message)

        await self.app(scope, receive, watched)
        asked = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        file = self.dist / (scope["path"].lstrip("/") or "index.html")
        self.seen.append(
            Fetched(
                path=scope["path"],
                dest=asked.get("sec-fetch-dest", ""),
                status=status,
                immutable="immutable" in headers.get("cache-control", ""),
                sent_bytes=0,
                data=_content(file) if status < 400 and file.is_file() else b"",
            )
        )


def _two_visits(dist: Path, profile: Path, executable: Path | None) -> tuple[list[Fetched], list[Fetched]]:
    """What a browser with an empty cache fetches, and what the same one fetches in its next life."""
    watched = _Watched(Site(dist), dist)
    visits = []
    with _serving(watched) as port, SlowLine(port) as line, sync_playwright() as playwright:
        for _ in range(2):
            watched.seen = []
            line.forget()
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=executable, args=["--no-sandbox"]
            )
            try:
                page = context.pages[0]
                page.goto(line.url)
                page.wait_for_selector("body[data-boot=ready], body[data-boot=failed]", timeout=READY_S * 1000)
                if page.locator("body").get_attribute("data-boot") != "ready":
                    raise BenchError(f"the page did not start: {page.locator('#notice').inner_text()}")
                page.wait_for_timeout(2500)  # what comes last: the rest of the runtime, an icon
            except PlaywrightError as error:
                raise BenchError(f"the page did not load: {error.message.splitlines()[0]}") from None
            finally:
                context.close()
            failed = [one.path for one in watched.seen if one.status >= 400]
            if failed or not watched.seen:
                raise BenchError(f"the page asked for what is not there: {failed}")
            sent = line.by_path()
            visits.append([replace(one, sent_bytes=sent[one.path]) for one in watched.seen])
    return visits[0], visits[1]


@contextlib.contextmanager
def _serving(app: ASGIApp) -> Iterator[int]:
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)


class _Parts(HTMLParser):
    """What the page itself names for the browser to fetch at once."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and (source := dict(attrs).get("src")):
            self.scripts.append(source)


def _shell(dist: Path, first: Sequence[Fetched]) -> list[str]:
    """Paths of `first`: page, styles, images, the page's scripts with what they import,
    and each worker's own script.
    """
    parts = _Parts()
    parts.feed((dist / "index.html").read_text(encoding="utf-8"))
    waiting = [f"/{source.lstrip('/')}" for source in parts.scripts]
    scripts: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in scripts:
            continue
        scripts.add(path)
        text = (dist / path.lstrip("/")).read_text(encoding="utf-8")
        for name in _STATIC_IMPORT.findall(text):
            target = (dist / path.lstrip("/")).parent / name if name.startswith(".") else dist / name.lstrip("/")
            waiting.append("/" + target.resolve().relative_to(dist.resolve()).as_posix())
    wanted = ("document", "style", "image", "worker")
    return list(dict.fromkeys(one.path for one in first if one.dest in wanted or one.path in scripts))


def _content(file: Path) -> bytes:
    """What the page makes of a file: one for Python lies there compressed, and a host that negotiates sends
    brotli of its content.
    """
    return unpacked(file.read_bytes()) if file.suffix in PACKED else file.read_bytes()


def _br(data: bytes) -> int:
    """Its size as brotli makes it. Kept in `.cache`: the runtime takes half a minute and never changes."""
    kept = ROOT / ".cache" / "bench" / "brotli.json"
    known: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {}
    digest = f"{hashlib.sha256(data).hexdigest()}-{QUALITY}-{WINDOW_BITS}"
    if digest not in known:
        known[digest] = len(brotli.compress(data, quality=QUALITY, lgwin=WINDOW_BITS))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(known, indent=1))
    return known[digest]


def _plain(path: str) -> str:
    """A path without the hashes in it, so that two runs can be compared."""
    return re.sub(r"[.-][0-9a-f]{12}(?=[./])", "", path.removeprefix("/assets")) or "/"
