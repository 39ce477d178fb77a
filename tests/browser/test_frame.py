"""The page in a frame of another site's page: it talks there, and only where it was allowed."""

from __future__ import annotations

import contextlib
import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Frame

from tests.browser.test_start import site_with
from tests.harness.server import Parley
from tests.harness.speech import Speech
from tests.harness.talk import Call

pytestmark = pytest.mark.browser


class FramedCall(Call):
    """A call in the page's one frame."""

    @property
    def page(self) -> Any:
        (frame,) = self.tab.page.frames[1:]
        assert isinstance(frame, Frame)
        return frame


@contextlib.contextmanager
def embedder(folder: Path, url: str) -> Iterator[str]:
    """A page of another site (127.0.0.1 is none of localhost's) with `url` in a frame, as the README says to put it there."""
    folder.mkdir()
    frame = f'<iframe src="{url}" allow="microphone; autoplay" width="900" height="650" title="Voice agent"></iframe>'
    page = f'<!doctype html><html lang="en"><title>A shop</title><link rel="icon" href="data:,">{frame}'
    (folder / "index.html").write_text(page)
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join(10)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_a_page_talks_in_the_frame_of_a_site_that_it_names_and_is_not_shown_in_others(
    tab: Any, sound: Any, _server: Parley, speech: Speech, tmp_path: Path
) -> None:
    tab.errors.expect("frame-ancestors|Refused to|refused|load in a frame|Content-Security-Policy|blocked|violat")
    with embedder(tmp_path / "other", _server.url) as other:
        tab.page.goto(other)
        tab.page.wait_for_timeout(1000)
        shown = [frame for frame in tab.page.frames[1:] if frame.url.startswith(_server.url)]
        assert not any(frame.query_selector("#connect") for frame in shown), "a site that was not named showed our page"

    with site_with(_server.site, tmp_path, allow_all_of_this_machine) as parley:
        address = parley.url.replace("127.0.0.1", "localhost")
        with embedder(tmp_path / "named", address) as outer:
            tab.page.goto(outer)
            call = FramedCall(tab, sound)
            call.wait_booted()
            call.connect()
            call.wait_turn("agent", containing="parley")
            call.wait_activity("listening")
            call.say(speech.say("what time is it", tail_ms=700))
            call.wait_turn("user", containing="time")
            call.hang_up()


def allow_all_of_this_machine(assets: Path) -> None:
    """What `embedded_by = [...]` writes; the port of the outer page is not known before."""
    headers = assets.parent / "_headers"
    text, changed = re.subn("frame-ancestors 'none'", "frame-ancestors http://127.0.0.1:*", headers.read_text())
    assert changed
    headers.write_text(text)
