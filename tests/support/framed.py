"""Parley's page in a frame of another site's page, as a team embeds it.

with embedder(folder, parley.url) as outer:
    tab.page.goto(outer)
    call = FramedCall(tab, sound)         # a `Call` whose page is the frame; `tab.page` is the page around it
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import playwright.sync_api

from tests.support.talk import Call
from voice_browsers.tape import poll

TAG = "voice-agent"


class FramedCall(Call):
    """A call in the one frame of the tab's page."""

    @property
    def page(self) -> Any:
        """A Playwright `Frame`: it has what a page has, but for keys and routes."""
        (frame,) = self.tab.page.frames[1:]
        return frame

    def press(self, name: str) -> None:
        if self.tab.engine == "firefox":  # Playwright's clicks do not reach a frame that lives in a process of its own
            self.page.get_by_role("button", name=name, exact=True).dispatch_event("click")
        else:
            super().press(name)


class TaggedCall(FramedCall):
    """A call by `<voice-agent>`, the one of a page that is open already. Its button is what a person clicks."""

    def appear(self) -> None:
        """As a person who points at the button: the agent's page loads."""
        self._launcher.focus()
        found = poll(self._is_there, 30.0, lambda: self.tab.page.wait_for_timeout(50))
        assert found, "no page of ours in the tag's frame: does embedded_by name this page?"

    def press(self, name: str) -> None:
        if name == "Connect":
            self._launcher.click()
        else:
            super().press(name)

    @property
    def _launcher(self) -> Any:
        return self.tab.page.locator(f"{TAG} button")

    def _is_there(self) -> bool:
        return agent_page_shown(self.tab)


def agent_page_shown(tab: Any) -> bool:
    """Is the agent's page in a frame of this tab? A frame that is just leaving for that page has none yet."""
    try:
        return any(frame.query_selector("#connect") for frame in tab.page.frames[1:])
    except playwright.sync_api.Error as error:
        if "context was destroyed" not in str(error):
            raise
        return False


def in_page(call: Call) -> Call:
    """The call to speak to in the page that is open: in its `<voice-agent>`, where it has one."""
    if call.tab.page.locator(TAG).count() == 0:
        return call
    tagged = TaggedCall(call.tab, call.sound)
    tagged.appear()
    return tagged


@contextlib.contextmanager
def embedder(folder: Path, url: str) -> Iterator[str]:
    """Serve a page that shows `url` in a frame; yields its address.

    Its site is another one: `url` must be one of localhost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame = f'<iframe src="{url}" allow="microphone; autoplay" width="900" height="650" title="Voice agent"></iframe>'
    page = f'<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,">{frame}'
    (folder / "index.html").write_text(page, encoding="utf-8")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join(10)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
