"""Debian's WebKitGTK behind Playwright's `Page`.

Playwright can attach to WebKit tabs over WebKit's own inspector protocol (meant for mobile Safari), and WebKitGTK
speaks the same protocol when started with WEBKIT_INSPECTOR_HTTP_SERVER. Two things are missing in between: a window
(`wkgtk_browser.py`) and the list of tabs as JSON, which `_TabList` makes out of the inspector's HTML list.

Limits: one page per browser; no second context, permissions, offline mode or tracing; `close` is ending the process.
Playwright does not promise this use, so its version is pinned.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .processes import end, spawn

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

SYSTEM_PYTHON = "/usr/bin/python3"
_BROWSER = Path(__file__).with_name("wkgtk_browser.py")


@functools.cache
def version() -> str | None:
    """The version of the installed WebKitGTK, or None where it or its Python bindings are missing."""
    if not Path(SYSTEM_PYTHON).exists():
        return None
    done = subprocess.run(
        [SYSTEM_PYTHON, _BROWSER, "--version"], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


@contextlib.contextmanager
def virtual_display() -> Iterator[str]:
    """An X server without a screen; yields its name, such as `:3`. Falls back to $DISPLAY where Xvfb is missing."""
    if not shutil.which("Xvfb"):
        if not os.environ.get("DISPLAY"):
            raise RuntimeError("WebKitGTK needs a display: install xvfb")
        yield os.environ["DISPLAY"]
        return
    reader, writer = os.pipe()
    try:
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
        server = spawn(command, env=os.environ, pass_fds=[writer])
    finally:
        os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            number = pipe.readline().decode().strip()  # ends at once when the server does
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield f":{number}"
    finally:
        end(server)


@contextlib.contextmanager
def webkit_gtk(
    playwright: Playwright,
    *,
    env: Mapping[str, str],
    mic: str,
    autoplay: str,
    size: tuple[int, int],
    log: Path,
    profile: Path | None = None,
) -> Iterator[Page]:
    """A page in a fresh WebKitGTK process. What the browser prints goes to `log`; see `crashed`.

    `profile`: where it keeps what it fetched; without one that ends with it.
    """
    port = _free_port()
    inner = {**env, "WEBKIT_INSPECTOR_HTTP_SERVER": f"127.0.0.1:{port}"}
    if os.geteuid() == 0:
        inner["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"  # its sandbox refuses to run as root
    command = [SYSTEM_PYTHON, str(_BROWSER), "--mic", mic, "--autoplay", autoplay, "--size", f"{size[0]}x{size[1]}"]
    command += ["--profile", str(profile)] if profile else []
    # As root WebKitGTK makes the thread of its AudioWorklet a real-time one without any bound, and two
    # of them then take both processors of a small machine for a second, PulseAudio's as well: its sound
    # is lost while the page believes it played. Bounded by https://github.com/WebKit/WebKit/pull/63081,
    # gone with https://github.com/WebKit/WebKit/pull/71157.
    with log.open("wb") as out:
        process = spawn(command, env=inner, stdout=out, stderr=out, real_time=False)
    try:
        _wait_for_tab(port, process, log)
        with _TabList(port) as tabs:
            browser = playwright.webkit.connect_over_cdp(tabs.url, timeout=30_000)
            page = browser.contexts[0].pages[0]
            _retry_cancelled_loads(page)
            _LOGS[page], _DISPLAYS[page] = log, env["DISPLAY"]
            yield page
    finally:
        end(process)


# What each browser prints, and where its window is, by its page.
_LOGS: weakref.WeakKeyDictionary[Page, Path] = weakref.WeakKeyDictionary()
_DISPLAYS: weakref.WeakKeyDictionary[Page, str] = weakref.WeakKeyDictionary()


def press(page: Page, key: str) -> None:
    """Press a key of the display that the page's window is on: "Tab", "Enter", "a", or "Shift+Tab".

    It goes to the window under the pointer, so there may be one window only. What the page makes of it
    comes a moment later.
    """
    *held, name = key.split("+")
    named = {"Enter": "Return", " ": "space"}.get(name, name)
    command = ["xdotool", "key", "+".join([*(it.lower() for it in held), named])]
    subprocess.run(command, env={**os.environ, "DISPLAY": _DISPLAYS[page]}, check=True, timeout=30)
    page.wait_for_timeout(30)


def crashed(page: Page) -> str | None:
    """Why the page's process died, or None."""
    found = re.search(r"^crashed (.*)$", _LOGS[page].read_text(errors="replace"), re.MULTILINE)
    return found[1] if found else None


class _TabList(http.server.ThreadingHTTPServer):
    """Answers `/json` with the tabs that the inspector lists as HTML."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _TabListAnswer)
        self.inspector = f"127.0.0.1:{port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="tab list", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_: Any) -> None:
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class _TabListAnswer(http.server.BaseHTTPRequestHandler):
    server: _TabList

    def do_GET(self) -> None:
        host = self.server.inspector
        tabs = [{"webSocketDebuggerUrl": f"ws://{host}{path}"} for path in _tab_paths(host)]
        body = json.dumps(tabs).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Requests of the driver are of no interest."""


def _tab_paths(host: str) -> list[str]:
    with urllib.request.urlopen(f"http://{host}/", timeout=5) as answer:
        return re.findall(r"/socket/\d+/\d+/WebPage", answer.read().decode(errors="replace"))


def _wait_for_tab(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError, urllib.error.URLError):
            if _tab_paths(f"127.0.0.1:{port}"):
                return
        time.sleep(0.05)
    raise RuntimeError(f"WebKitGTK did not open a page: {log.read_text(errors='replace')[-1500:] or 'it said nothing'}")


# Called when a load was cancelled and is made again.
AFTER_CANCEL: list[Callable[[], None]] = []
# What WebKit says of the requests that a half-loaded page had under way when it was thrown away.
CANCELLED = "due to access control checks|Load failed|Importing a module script failed"


def _retry_cancelled_loads(page: Page) -> None:
    # A change of process (another site, or an opener policy) cancels the load that caused it; the second one is served.
    # The first had begun by then, with workers and all: so a page of the site that asks for little goes before, where
    # there is one.
    goto = page.goto
    site = ""

    def twice(url: str, **options: Any) -> Any:
        try:
            return goto(url, **options)
        except Exception as error:
            if "cancelled" not in str(error):
                raise
            for forget in AFTER_CANCEL:
                forget()
            return goto(url, **options)

    @functools.wraps(goto)
    def prepared(url: str, **options: Any) -> Any:
        nonlocal site
        begin = urllib.parse.urlsplit(url)
        before, site = site, f"{begin.scheme}://{begin.netloc}"
        if begin.scheme in ("http", "https") and site != before and _has_small_page(site):
            twice(f"{site}/404.html", wait_until="commit")
        return twice(url, **options)

    page.goto = prepared  # type: ignore[method-assign]


def _has_small_page(site: str) -> bool:
    """Whether the site has an opener policy, and a page for what it lacks, as most hosts of static sites want one."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{site}/404.html", timeout=5) as answer:
        return "Cross-Origin-Opener-Policy" in answer.headers
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
