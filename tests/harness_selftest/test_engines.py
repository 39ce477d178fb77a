"""The harness in the three engines: sound really goes in and comes out, and nothing a page complains about is lost."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from voice_browsers import quirk_scripts
from voice_browsers.engines import Tab
from voice_browsers.injected import INJECTION, InjectedSound
from voice_browsers.listen import Sound, dominant_hz, likeness, load, segments, words_heard
from voice_browsers.speech import Speech

pytestmark = pytest.mark.browser


def press(page: Page, button: str, then: str) -> None:
    page.get_by_role("button", name=button).click()
    expect(page.locator("#status")).to_have_text(then)


def heard_by(page: Page) -> Sound:
    rate_hz, text = page.evaluate("() => heard()")
    return Sound(samples=np.frombuffer(base64.b64decode(text), "<i2") / 32768.0, rate_hz=int(rate_hz))


def assert_carried(said: Path, heard: Sound) -> None:
    """It was this speech and no other.

    Not `good`: a machine that does much else at the same time tears any page's sound.
    """
    score = likeness(load(said), heard)
    assert score.windows > 10 and score.share > 0.25, score  # any other sentence has a share of 0


def test_speech_at_the_microphone_reaches_the_page_and_the_microphone_is_let_go_after_hang_up(
    tab: Tab, sound: Any, site: str, speech: Speech
) -> None:
    """The claim the whole suite stands on: what a person says is what the page's worklet receives."""
    said = speech.say("turn on the kitchen light", tail_ms=500)
    tab.page.goto(site)
    press(tab.page, "Listen", "listening")
    sound.wait_microphone_taken()
    sound.say(said).wait()
    tab.page.wait_for_timeout(400)  # what is still on its way through the engine's own buffers
    heard = heard_by(tab.page)
    assert_carried(said, heard)
    words = words_heard(heard, ["turn", "on", "the", "kitchen", "light", "banana", "purple"])
    assert len({"turn", "kitchen", "light"} & set(words)) >= 2, words
    press(tab.page, "Hang up", "idle")
    sound.wait_microphone_free()


def test_a_tone_the_page_plays_is_heard_at_the_speaker_with_its_pitch_and_length(
    tab: Tab, sound: Any, site: str, tmp_path: Path
) -> None:
    """Recorded outside the browser, so a wrong rate anywhere between page and speaker shows.

    Before the click nothing may sound: people's browsers demand a gesture, and a harness that waives it would hide a
    page that forgot about it. (Firefox: see `quirk_scripts.gesture_required`.)
    """
    tab.page.goto(site)
    if tab.engine != "firefox":
        expect(tab.page.locator("#before")).to_have_text("suspended")
    with sound.record(tmp_path / "tone.wav") as tape:
        press(tab.page, "Play", "playing")
        began = tape.wait_sound(timeout_s=10)
        expect(tab.page.locator("#status")).to_have_text("played")
        tape.wait_silence(for_ms=300, timeout_s=10, since_ms=began)
    heard = load(tape.path)
    assert dominant_hz(heard) == pytest.approx(700, rel=0.01)
    # A starved machine puts pauses into a sound, so what counts is how long it sounded, not how long it took.
    assert sum(part.duration_ms for part in segments(heard, join_ms=20)) == pytest.approx(1500, abs=200)


@pytest.mark.tab(mic="deny")
def test_a_denied_microphone_is_a_not_allowed_error(page: Page, site: str) -> None:
    page.goto(site)
    press(page, "Listen", "NotAllowedError")


def test_every_kind_of_complaint_is_collected_and_only_what_was_meant_is_forgiven(tab: Tab, site: str) -> None:
    """One kind that slips through would let every test pass on a broken page."""
    tab.page.goto(site)
    tab.page.get_by_role("button", name="Complain").click()
    tab.page.wait_for_timeout(500)
    kinds = {
        "console": "told to the console",
        "worker": "told by the worker",
        "exception": "thrown late",
        "rejection": "nobody caught this",
        "policy": "harness saw a policy violation: img-src blocked",
    }
    texts = [str(item) for item in tab.errors.unexpected]
    assert [kind for kind, text in kinds.items() if not any(text in line for line in texts)] == []
    with pytest.raises(AssertionError, match="told by the worker"):
        tab.errors.check()
    for text in kinds.values():
        tab.errors.expect(text)
    tab.errors.expect("img-src")  # the engine's own words for the same violation
    tab.errors.check()


def test_a_picture_of_a_page_with_a_strict_policy_is_no_complaint_and_hides_none(
    tab: Tab, site: str, tmp_path: Path
) -> None:
    """Teams take pictures in tests that pass; what the page itself does against its policy stays seen."""
    tab.page.goto(site)
    assert tab.screenshot(tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    assert tab.errors.unexpected == []
    tab.page.evaluate(
        "() => document.head.append(Object.assign(document.createElement('style'), {textContent: 'p {}'}))"
    )
    tab.screenshot(tmp_path / "page.png")
    told = [str(item) for item in tab.errors.unexpected]
    assert any("policy violation: style-src-elem blocked inline" in line for line in told), told
    tab.errors.expect("style-src")
    tab.errors.check()


def test_quirk_scripts_change_what_the_page_sees(open_tab: Callable[..., Tab], site: str) -> None:
    """Also that the simulated gate opens at a click: a test of the gesture would
    otherwise pass for the wrong reason.
    """
    scripts = [
        quirk_scripts.sample_rate_ignored(44_100),
        quirk_scripts.gesture_required(),
        quirk_scripts.microphone_error("OverconstrainedError"),
    ]
    page = open_tab(autoplay="allow", init_scripts=scripts).page
    page.goto(f"{site}?rate=24000")
    expect(page.locator("#before")).to_have_text("suspended")
    press(page, "Listen", "OverconstrainedError")
    expect(page.locator("#rate")).to_have_text("44100")


def test_the_injected_sound_carries_speech_in_and_a_tone_out(
    open_tab: Callable[..., Tab], site: str, speech: Speech, tmp_path: Path
) -> None:
    """The stand-in for machines without PulseAudio is held to the same measure as the real thing."""
    tab = open_tab(init_scripts=[INJECTION])
    sound = InjectedSound(tab)
    tab.page.goto(site)
    press(tab.page, "Listen", "listening")
    said = speech.say("turn on the kitchen light", tail_ms=300)
    sound.say(said).wait()
    tab.page.wait_for_timeout(200)
    assert_carried(said, heard_by(tab.page))
    press(tab.page, "Hang up", "idle")
    sound.wait_microphone_free()
    with sound.record(tmp_path / "tone.wav") as tape:
        press(tab.page, "Play", "playing")
        expect(tab.page.locator("#status")).to_have_text("played")
    assert dominant_hz(load(tape.path)) == pytest.approx(700, rel=0.01)
