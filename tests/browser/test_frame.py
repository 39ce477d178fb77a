"""The page in a frame of another site's page: it talks there, and only where it was allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support.pages import greet
from tests.browser.support.spoiled import SpoiledSite
from tests.support.framed import FramedCall, agent_page_shown, embedder
from tests.support.server import Parley
from voice_browsers.speech import Speech

pytestmark = pytest.mark.browser


def allow_this_machine(assets: Path) -> None:
    """What `embedded_by` in agent.toml writes; which port the outer page will have is not known before."""
    headers = assets.parent / "_headers"
    text, changed = re.subn("frame-ancestors 'none'", "frame-ancestors http://127.0.0.1:*", headers.read_text())
    assert changed
    headers.write_text(text)


def test_a_page_talks_in_the_frame_of_a_site_that_it_names_and_is_not_shown_in_others(
    tab: Any, sound: Any, _server: Parley, spoiled: SpoiledSite, speech: Speech, tmp_path: Path
) -> None:
    tab.errors.expect("frame-ancestors|[Rr]efused|load in a frame|Content-Security-Policy|blocked|violat")
    with embedder(tmp_path / "other", _server.url) as other:
        tab.page.goto(other)
        tab.page.wait_for_timeout(1000)
        assert not agent_page_shown(tab), "a site that was not named shows our page"

    with embedder(tmp_path / "named", spoiled.spoil(allow_this_machine)) as named:
        tab.page.goto(named)
        call = FramedCall(tab, sound)
        call.wait_booted()
        greet(call)
        call.connect()
        call.wait_turn("agent", containing="parley")
        call.wait_activity("listening")
        call.ask(speech.say("what time is it", tail_ms=700), containing="time")
        call.hang_up()
