"""The check before a call: the person speaks, hears themselves, and the token server is asked whether it is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.support.pages import greet
from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.listen import dominant_hz, load, share_heard, sounding
from voice_browsers.speech import Speech

pytestmark = pytest.mark.browser

SAID = "tell me a long story"
DECOYS = ("orange", "seventeen", "kitchen", "goodbye")
# Every context is resumed; what is kept here is for counting.
WATCH = """() => {
  globalThis.contexts = new Set();
  const resume = AudioContext.prototype.resume;
  AudioContext.prototype.resume = function () { contexts.add(this); return resume.call(this); };
}"""


def row(call: Call, step: str) -> Locator:
    return call.page.locator(f"#check-{step}")


def open_panel(call: Call) -> None:
    call.page.evaluate("document.getElementById('sound').open = true")
    expect(call.page.get_by_role("button", name="Check your sound")).to_be_enabled()


def is_released(call: Call) -> None:
    call.sound.wait_unused()
    states = call.page.evaluate("[...contexts].map((it) => it.state)")
    assert states and set(states) == {"closed"}, states


def test_who_checks_their_sound_hears_what_they_said(
    untouched: Call, sound: Any, parley: Parley, speech: Speech, tmp_path: Path
) -> None:
    """And it is over by itself: nobody has the microphone, and no token was asked for."""
    call = untouched
    call.page.evaluate(WATCH)
    open_panel(call)
    calls = len(parley.sessions())
    words = speech.say(SAID)  # made before there are four seconds for it
    with sound.record(tmp_path / "again.wav") as tape:
        call.press("Check your sound")
        expect(row(call, "microphone")).to_contain_text("Say something now", timeout=20_000)
        spoken_ms = tape.now_ms
        sound.say(words)
        assert tape.wait_sound(timeout_s=20) > spoken_ms + 4_000, "nobody hears themselves while they speak"
        expect(row(call, "speaker")).to_contain_text("Now you hear yourself")
        expect(row(call, "speaker")).to_contain_text("What you said was played", timeout=10_000)
    assert share_heard(load(tmp_path / "again.wav"), SAID, decoys=DECOYS) >= 0.5
    # Chromium does not say which device its own choice is.
    expect(row(call, "microphone")).to_contain_text(re.compile("Sound comes from it: (.*TestMic|The browser's choice)"))
    expect(row(call, "server")).to_contain_text("is set up for calls")
    expect(call.page.get_by_role("button", name="Check your sound")).to_be_visible()
    is_released(call)
    asked = call.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)")
    assert "/api/config" in asked and "/api/token" not in asked
    assert len(parley.sessions()) == calls


def test_a_silent_microphone_is_told_and_a_call_takes_over_from_a_check(
    untouched: Call, sound: Any, speech: Speech, tmp_path: Path
) -> None:
    """Three tones stand in for the words that there are not.

    The call is begun while the check listens: it has the microphone then, and the check is over.
    """
    call = untouched
    greet(call)
    call.page.evaluate(WATCH)
    open_panel(call)
    with sound.record(tmp_path / "tones.wav") as tape:
        call.press("Check your sound")
        expect(row(call, "microphone")).to_contain_text("No sound comes from the microphone", timeout=20_000)
        tape.wait_sound(timeout_s=5)
        expect(row(call, "speaker")).to_contain_text("Three tones were played", timeout=10_000)
    tones = sounding(load(tmp_path / "tones.wav"))
    assert dominant_hz(tones) == pytest.approx(554.0, rel=0.3) and tones.duration_ms > 800
    is_released(call)
    call.press("Check your sound")
    expect(row(call, "microphone")).to_contain_text("Say something now", timeout=20_000)
    call.connect()
    expect(row(call, "microphone")).to_contain_text("Not checked")
    expect(call.page.get_by_role("button", name="Check your sound")).to_be_disabled()
    call.wait_turn("agent", containing="parley")
    call.ask(speech.say("what time is it", tail_ms=700), containing="time")
    call.hang_up()
    is_released(call)
