"""Ways of taking turns beside speaking freely, with real sound: typing, and holding a key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import SDK, choose, expect_notice, greet
from tests.support.server import Parley
from tests.support.talk import Call, tell_misheard
from voice_browsers.speech import Speech
from voice_browsers.tape import Tape, poll

pytestmark = pytest.mark.browser

# Counts who asks for a microphone, by whichever way.
COUNTING = """
globalThis.asked = 0;
for (const [of, name] of [[globalThis.MediaDevices?.prototype, "getUserMedia"], [Navigator.prototype, "webkitGetUserMedia"]]) {
  const real = of?.[name];
  if (real) of[name] = function (...wanted) { asked += 1; return real.apply(this, wanted); };
}
"""
WITHOUT = "Call without a microphone"


@pytest.mark.tab(mic="deny", init_scripts=[COUNTING])
def test_a_call_without_a_microphone_asks_for_none_and_a_typed_message_is_answered_aloud(
    call: Call, sound: Any, tmp_path: Path
) -> None:
    """Here nobody could have one, as the failed call before shows, whose notice stands beside the other way to call."""
    page = call.page
    call.press("Connect")
    expect_notice(call, "mic_denied")
    assert page.evaluate("asked") == 1, "the count sees what the page asks for"
    call.press(WITHOUT)
    call.wait_state("live")
    expect(page.get_by_label("Type instead of speaking")).to_be_focused()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    expect(page.locator("#status")).to_have_text("Type a message")
    for name in ("Mute", WITHOUT):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_hidden()
    with sound.record(tmp_path / "typed.wav") as tape:
        shown = len(call.transcript())
        page.keyboard.type("what time is it")
        page.keyboard.press("Enter")
        call.wait_turn("agent", after=shown + 1, containing="it is")
        tape.wait_sound(timeout_s=20)
    call.wait_activity("listening")
    call.hang_up()
    assert page.evaluate("asked") == 1

    # The same by the settings, and the next call has a choice again.
    page.evaluate("document.getElementById('settings').open = true")
    page.get_by_label("Taking turns").select_option("text")
    greet(call)
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.hang_up()
    assert page.evaluate("asked") == 1
    expect(page.get_by_role("button", name=WITHOUT, exact=True)).to_be_visible()


def test_a_key_is_held_to_talk_where_only_silence_ends_a_turn(
    call: Call, sound: Any, speech: Speech, parley: Parley, tmp_path: Path
) -> None:
    """The person goes on speaking into the open microphone after the release: the service hears nothing of that."""
    for number, service in enumerate(("AssemblyAI Voice Agent", SDK)):
        choose(call, service)
        call.page.get_by_label("Taking turns").select_option("push_to_talk")
        with sound.record(tmp_path / f"spoken{number}.wav") as tape:
            heard = held_to_talk(call, speech, parley, tape)
        assert "time" in heard and "banana" not in heard, service
        call.hang_up()


def held_to_talk(call: Call, speech: Speech, parley: Parley, tape: Tape) -> str:
    """Returns what the service heard."""
    page, heard = call.page, ""
    call.connect()
    greeted_ms = tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20))
    call.wait_activity("listening")
    page.evaluate("document.activeElement.blur()")  # the key belongs to a control that has the focus
    for _ in range(2):
        before = len(parley.sessions()[-1]["heard"])
        page.keyboard.down(" ")
        expect(page.locator("#talk-key")).to_have_attribute("aria-pressed", "true")
        call.say(speech.say("what time is it", tail_ms=100)).wait()
        page.wait_for_timeout(150)  # nobody lets go before the last sound has left their mouth
        page.keyboard.up(" ")
        call.say(speech.say("banana", tail_ms=100)).wait()
        assert poll(lambda n=before: len(parley.sessions()[-1]["heard"]) > n, 20.0)  # type: ignore[misc]
        heard = " ".join(parley.sessions()[-1]["heard"][before:])
        greeted_ms = tape.wait_sound(timeout_s=20, since_ms=greeted_ms)
        call.wait_activity("listening", timeout_s=40)
        if "time" in heard:
            break
        tell_misheard("what time is it", heard)
    return heard


def test_keys_leave_alone_who_types_and_can_be_switched_off(call: Call) -> None:
    page = call.page
    call.connect()
    call.wait_activity("listening", timeout_s=40)

    def mutes(press: str) -> bool:
        """Does this change whether the microphone is muted?"""
        before = (call.snapshot() or {})["muted"]
        page.evaluate(f"() => {{ {press} }}")
        page.wait_for_timeout(150)
        return bool((call.snapshot() or {})["muted"] != before)

    def key(on: str, **fields: object) -> str:
        return f"{on}.dispatchEvent(new KeyboardEvent('keydown', {{bubbles: true, ...{json.dumps(fields)}}}))"

    page.evaluate("document.activeElement.blur()")
    assert mutes(key("document.body", key="m", code="KeyM"))
    assert mutes(key("document.body", key="\u044c", code="KeyM")), "the same key, with Russian letters"
    assert not mutes(key("document.body", key=",", code="KeyM")), "a French keyboard has its M elsewhere"
    assert mutes(key("document.body", key="m", code="Semicolon"))
    assert not mutes(key("document.body", key="m", code="KeyM", isComposing=True))
    assert not mutes(key("document.body", key="m", code="KeyM", ctrlKey=True))
    assert not mutes(key("document.querySelector('#typed-text')", key="m", code="KeyM"))
    page.evaluate("document.querySelector('h1').contentEditable = 'true'")
    assert not mutes(key("document.querySelector('h1')", key="m", code="KeyM"))

    page.evaluate("document.getElementById('settings').open = true")
    page.get_by_label("Keys M, P and Space").uncheck()
    assert not mutes(key("document.body", key="m", code="KeyM"))
    expect(page.locator("#character-keys")).to_have_attribute("hidden", "")
    call.hang_up()
    page.reload()
    call.wait_booted()
    expect(page.locator("#keys-on")).not_to_be_checked()


# Python throws away what comes meanwhile, in each engine alike. This one has no echo cancellation, so it is where
# people would choose it.
@pytest.mark.only_browser("webkit")
def test_in_half_duplex_nobody_interrupts_by_speaking_and_the_next_turn_is_heard(
    call: Call, speech: Speech, parley: Parley
) -> None:
    call.page.evaluate("document.getElementById('settings').open = true")
    call.page.get_by_label("Taking turns").select_option("half_duplex")
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    call.ask(speech.say("count to ten", tail_ms=700), containing="count")
    call.wait_activity("agent_speaking")
    call.page.wait_for_timeout(300)
    before = len(parley.sessions()[-1]["heard"])
    call.say(speech.say("banana guitar mountain", tail_ms=100)).wait()
    assert call.activity == "agent_speaking", "it speaks for longer than that"
    call.wait_activity("listening", timeout_s=40)
    assert parley.sessions()[-1]["heard"][before:] == []
    assert not [turn for turn in call.transcript() if turn.role == "agent" and turn.interrupted]
    call.ask(speech.say("what time is it", tail_ms=700), containing="time")
    call.hang_up()


def test_the_agent_is_paused_in_mid_word_hears_nothing_and_goes_on_where_it_stood(
    call: Call, sound: Any, speech: Speech, parley: Parley, tmp_path: Path
) -> None:
    page = call.page
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    session = (call.snapshot() or {})["session_id"]
    page.evaluate("document.activeElement.blur()")
    with sound.record(tmp_path / "paused.wav") as tape:
        call.ask(speech.say("count to ten", tail_ms=700), containing="count")
        began_ms = tape.wait_sound(timeout_s=20)
        page.wait_for_timeout(600)
        page.keyboard.press("p")
        expect(page.locator("#status")).to_have_text("Paused: nobody is heard")
        go_on = page.get_by_role("button", name="Go on", exact=True)
        expect(go_on).to_be_visible()
        expect(page.locator("#orb")).to_have_attribute("data-look", "paused")
        before = len(parley.sessions()[-1]["heard"])
        call.say(speech.say("banana guitar mountain", tail_ms=100)).wait()
        page.wait_for_timeout(1_500)
        quiet_ms = tape.wait_silence(for_ms=2_500, timeout_s=10, since_ms=began_ms)
        assert parley.sessions()[-1]["heard"][before:] == []
        go_on.click()
        tape.wait_sound(timeout_s=10, since_ms=quiet_ms + 2_500)
    call.wait_activity("listening", timeout_s=40)
    said = [turn for turn in call.transcript() if turn.role == "agent"][-1]
    assert "ten" in said.text.lower() and not said.interrupted
    assert (call.snapshot() or {})["session_id"] == session
    call.ask(speech.say("what time is it", tail_ms=700), containing="time")
    call.hang_up()
