"""A click before Python is there: the microphone opens at once, and what is said meanwhile is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.support.pages import expect_notice, greet
from tests.browser.support.spoiled import SpoiledSite
from tests.support import built
from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

KEPT = "Listening. What you say is kept while the agent wakes"


class Late:
    """A page whose Python does not arrive until it is let go."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._held: list[Route] | None = []

    def _asked_for(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)

    def open(self, url: str) -> Call:
        # WebKit holds requests back only in a process that has shown a page of the site already.
        self.call.page.goto(f"{url}404.html")
        self.call.page.route("**/pyodide.asm.*.wasm", lambda route: self._asked_for(route))
        # What a worker waits for may hold up the page's `load`.
        self.call.page.goto(url, wait_until="domcontentloaded")
        self.call.page.get_by_role("button", name="Connect", exact=True).click()
        return self.call

    @property
    def loading(self) -> bool:
        return str(self.call.page.evaluate("document.body.dataset.boot")) == "loading"

    def let_go(self) -> None:
        assert self.loading, "Python came although it was held back: nothing was tried"
        if not poll(lambda: bool(self._held), 20.0, lambda: self.call.page.wait_for_timeout(50)):
            raise TimeoutError("Python was never asked for")
        self.free()

    def free(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


@pytest.fixture
def late(tab: Any, sound: Any) -> Iterator[Late]:
    late = Late(Call(tab, sound))
    yield late
    late.free()


def test_words_said_while_python_loads_reach_the_agent(late: Late, parley: Parley, speech: Speech) -> None:
    """Said before there is anybody to hear it, answered when there is; and what is said later follows as usual."""
    call = late.open(parley.url)
    expect(call.page.get_by_role("status").first).to_have_text(KEPT)
    call.say(speech.say("what time is it", tail_ms=700)).wait()
    assert call.state == "idle" and call.transcript() == []
    late.let_go()
    call.wait_turn("user", containing="time", timeout_s=60)
    call.wait_turn("agent", containing="it is")
    assert call.facts()["preconnect audio ms"] > 500 and call.facts()["preconnect dropped ms"] == 0
    call.wait_activity("listening")
    call.ask(speech.say("what is the weather in paris", tail_ms=700), containing="weather")
    assert [turn.text for turn in call.transcript() if turn.role == "user" and "time" in turn.text.lower()][1:] == []
    call.hang_up()
    (session,) = parley.sessions()[-1:]
    assert not session.get("violations"), session


# That each engine keeps them is shown above; that the setting is asked is the page's own doing.
@pytest.mark.only_browser("firefox")
def test_words_said_while_python_loads_are_dropped_where_that_is_configured(
    late: Late, spoiled: SpoiledSite, speech: Speech
) -> None:
    """As a whole: half a sentence would be worse than none."""

    def change(assets: Path) -> None:
        with built.told(assets.parent) as config:
            for choice in config["choices"]:
                choice["settings"]["preconnect_audio_ms"] = 0

    call = late.open(spoiled.spoil(change))
    expect(call.page.get_by_role("status").first).to_have_text("One moment, still loading")
    call.sound.wait_microphone_taken()
    call.say(speech.say("what time is it", tail_ms=700)).wait()
    late.let_go()
    call.wait_turn("agent", containing="parley", timeout_s=60)
    call.wait_activity("listening")
    call.ask(speech.say("what is the weather in paris", tail_ms=700), containing="weather")
    assert "time" not in " ".join(turn.text for turn in call.transcript() if turn.role == "user").lower()
    call.hang_up()


def test_a_click_that_is_taken_back_gives_the_microphone_back_and_calls_nobody(late: Late, parley: Parley) -> None:
    called = [session["id"] for session in parley.sessions()]
    call = late.open(parley.url)
    call.sound.wait_microphone_taken()
    call.page.get_by_role("button", name="Cancel").click()
    call.sound.wait_microphone_free()
    expect(call.page.get_by_role("button", name="Connect", exact=True)).to_be_enabled()
    late.let_go()
    call.wait_booted()
    call.page.wait_for_timeout(500)
    assert call.state == "idle" and [session["id"] for session in parley.sessions()] == called
    greet(call)
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.hang_up()


@pytest.mark.tab(mic="deny")
def test_a_denied_microphone_is_told_before_python_is_there_in_the_same_words_as_after(
    late: Late, parley: Parley
) -> None:
    call = late.open(parley.url)
    alert = call.page.get_by_role("alert")
    expect(alert).to_be_visible()
    assert late.loading
    words = alert.inner_text()
    assert "blocked" in words
    late.let_go()
    call.wait_booted()
    call.wait_state("failed")
    assert alert.inner_text() == words
    expect_notice(call, "mic_denied")
    call.press("Connect")
    expect_notice(call, "mic_denied")
