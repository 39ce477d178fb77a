"""A team's own page on another site than the agent's, under a policy of its own, with `<voice-agent>` in it.

with OuterPage(spoiled.parley.url) as outer:
    spoiled.spoil(outer.allow)          # what `embedded_by` in agent.toml does
    tab.page.goto(outer.url)
    outer.events(tab)                   # what the tag has said since: [name, detail] each
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.support import built
from voice_browsers.engines import Tab
from voice_browsers.tape import poll

# Of the agent's site no more than its script and its frame; nothing inline, and no sink of Trusted Types.
POLICY = (
    "default-src 'none'; script-src 'self' {site}; frame-src {site}; img-src data:; base-uri 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = """<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,">
<script src="shop.js"></script>
<script type="module" src="{site}voice-agent.js"></script>
<h1>A shop</h1>
{tags}
</html>"""
# A careless page: everything has a `type` and is `muted`.
SCRIPT = """
Object.assign(Object.prototype, { type: "connect", muted: true, text: "buy", mode: "closed" });
globalThis.events = [];
for (const name of ["state", "transcript", "tool", "error", "end"])
  addEventListener(`voice-agent:${name}`, ({ detail }) => events.push([name, detail]));
"""


class OuterPage:
    """Serves one page and its script. Its site is 127.0.0.1: `site` must be one of localhost."""

    def __init__(self, site: str, tags: str = "<voice-agent greeting='I am Parley.'></voice-agent>") -> None:
        self._files = {
            "/": ("text/html", PAGE.format(site=site, tags=tags)),
            "/shop.js": ("text/javascript", SCRIPT),
        }
        self._policy = POLICY.format(site=site)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self.origin}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def allow(self, assets: Path) -> None:
        """Build the site as if this origin stood in `embedded_by`."""
        self.show(assets)
        with built.told(assets.parent) as config:
            config["embedded_by"] = [self.origin]

    def show(self, assets: Path) -> None:
        """Have the header alone allow it, as a host would that sends none."""
        headers = assets.parent / "_headers"
        text, changed = re.subn("frame-ancestors 'none'", f"frame-ancestors {self.origin}", headers.read_text())
        assert changed
        headers.write_text(text)

    def events(self, tab: Tab) -> list[tuple[str, dict[str, Any]]]:
        return [(name, detail) for name, detail in tab.page.evaluate("events")]

    def wait(self, tab: Tab, said: Callable[[str, dict[str, Any]], bool], timeout_s: float = 40.0) -> dict[str, Any]:
        """The first event that fits. AssertionError with all of them where none comes."""

        def look() -> dict[str, Any] | None:
            tab.page.wait_for_timeout(50)
            return next((detail for name, detail in self.events(tab) if said(name, detail)), None)

        found = poll(look, timeout_s)
        assert found, self.events(tab)
        return found

    def wait_state(self, tab: Tab, state: str) -> None:
        self.wait(tab, lambda name, detail: name == "state" and detail["state"] == state)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        files, policy = self._files, self._policy

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, text = files.get(self.path, ("text/plain", ""))
                self.send_response(200 if self.path in files else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *values: object) -> None:
                """Nobody reads it."""

        return Handler
