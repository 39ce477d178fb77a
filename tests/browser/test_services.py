"""One page, three wire protocols: a conversation with each, with real sound, and what each lacks is not offered."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import OPENAI, OVER, SDK, choose, select
from tests.support.server import Parley
from tests.support.talk import Call, Line, asked, converse, tell_misheard, tell_swallowed, was_sent
from voice_browsers.listen import DECOYS, load, words_heard
from voice_browsers.speech import Speech
from voice_browsers.tape import Tape, poll

pytestmark = pytest.mark.browser


TIME_WORDS = ["it", "is", "in", "the", "morning", "afternoon", "evening"]


def test_the_fields_hold_what_the_chosen_service_is_configured_with(untouched: Call) -> None:
    """At the start, and after each choice; empty fields where the configuration says nothing."""
    call = untouched
    call.wait_booted()
    choices = call.page.evaluate("JSON.parse(document.getElementById('parley-config').textContent).choices")
    assert len(choices) > 1 and choices[0]["settings"]["greeting"]
    for number, choice in enumerate([choices[0], *choices[1:], choices[0]]):
        wanted = choice["settings"]
        if number:
            select(call, choice["label"])
        expect(call.page.locator("#greeting")).to_have_value(wanted.get("greeting", ""))
        expect(call.page.locator("#system-prompt")).to_have_value(wanted.get("system_prompt", ""))
        expect(call.page.locator("#voice")).to_have_value(wanted.get("voice", ""))
        offered = call.page.locator("#voice option").evaluate_all("all => all.map((it) => it.value)")
        assert offered == ["", *(voice["id"] for voice in wanted.get("known_voices", [])), "*"]


# How each engine takes speech, plays it and falls silent is shown over the first wire (test_conversation.py), and how
# each wire words an interruption by the contract's scenarios. That both fit together is shown once for each of the
# other wires; over both of them every engine speaks and listens in test_turn_styles.py, test_text_follows.py,
# test_heard.py and below.
@pytest.mark.only_browser("webkit")
def test_three_turns_with_an_interruption_over_openai_realtime(call: Call, speech: Speech, tmp_path: Path) -> None:
    choose(call, OPENAI)
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    time, story, stop = (
        Line(text=text, wav=speech.say(text, tail_ms=700))
        for text in (
            "what time is it",
            "tell me a long story",
            OVER,
        )
    )
    # First a turn in quiet: Chromium's echo cancellation takes all away that is said over a reply where it
    # has heard nobody yet.
    first = asked(call, time, folder=tmp_path / "first")
    assert first.good, first
    # And even then now and then: a person begins again.
    for attempt in range(2):
        told_story, _ = converse(call, [story, stop], folder=tmp_path / f"over{attempt}", interrupt_after_ms=1800)
        last = asked(call, time, folder=tmp_path / f"after{attempt}")
        if told_story.interrupted:
            break
        tell_misheard(OVER, "nothing to stop for")
    assert told_story.interrupted, told_story
    assert last.good, last
    told = next(turn for turn in call.transcript() if turn.role == "agent" and turn.interrupted)
    assert len(told.text) < 250, "what was not heard must be cut"
    assert [turn.role for turn in call.transcript()].count("user") >= 3
    call.hang_up()


def test_push_to_talk_sends_what_was_said_while_the_key_was_held(call: Call, speech: Speech) -> None:
    choose(call, OPENAI)
    call.page.get_by_label("Taking turns").select_option("push_to_talk")
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    call.page.evaluate("document.activeElement.blur()")  # the key belongs to a control that has the focus
    call.page.keyboard.press(" ", delay=20)
    expect(call.page.get_by_role("alert")).to_contain_text("hold", ignore_case=True)
    assert not [turn for turn in call.transcript() if turn.role == "user"]
    for _ in range(2):
        shown = len(call.transcript())
        call.page.keyboard.down(" ")
        expect(call.page.locator("#talk-key")).to_have_attribute("aria-pressed", "true")
        call.say(speech.say("what time is it", tail_ms=100)).wait()
        call.page.wait_for_timeout(150)  # nobody lets go before the last sound has left their mouth
        call.page.keyboard.up(" ")
        heard = call.wait_turn("user", after=shown).text
        if "time" in heard:
            break
        tell_misheard("what time is it", heard)
        call.wait_activity("listening")
    assert "time" in heard
    call.wait_turn("agent", after=shown + 1, containing="it is")
    call.hang_up()


def stopped_stories(parley: Parley) -> int:
    """How often has the agent broken one off?

    On this wire the service and the page both stop it, and who was first is chance.
    """
    told = parley.sessions()[-1]["said"]
    return sum(said.startswith(("Once upon", "In a town")) and len(said) < 400 for said in told)


def say_heard(call: Call, parley: Parley, wav: Path, tape: Tape, *, containing: str) -> float:
    """As `Call.ask`, where the page is told no text: the agent tells what it heard.

    Returns where on the tape it was said.
    """

    def heard() -> list[str]:
        return list(parley.sessions()[-1]["heard"])

    for _ in range(2):
        before, said_ms = len(heard()), tape.now_ms
        call.say(wav).wait()
        if poll(lambda n=before: len(heard()) > n, 20.0) and containing in " ".join(heard()[before:]):  # type: ignore[misc]
            return said_ms
        tell_misheard(f"something with {containing}", " / ".join(heard()[before:]))
        tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20, since_ms=tape.now_ms - 300))
    raise AssertionError(f"not heard: {containing}")


def a_told_story_is_talked_over(call: Call, sound: Any, speech: Speech, parley: Parley, tape_path: Path) -> None:
    before = stopped_stories(parley)
    with sound.record(tape_path) as tape:
        story = speech.say("tell me a long story", tail_ms=700)
        tape.wait_sound(timeout_s=20, since_ms=say_heard(call, parley, story, tape, containing="story"))
        call.page.wait_for_timeout(1800)
        # Echo cancellation takes much of what is said over the agent, Firefox's most of all; a person
        # says it again anyway.
        for _ in range(3):
            spoke_ms = tape.now_ms
            call.say(speech.say(OVER, tail_ms=700)).wait()
            if stopped_stories(parley) > before:
                break
        # Not from the first word on: a story pauses too, before it is stopped.
        quiet_ms = tape.wait_silence(for_ms=400, timeout_s=15, since_ms=spoke_ms + 1_500)
        assert quiet_ms - spoke_ms < 9_500, "the story alone sounds for longer"
        with contextlib.suppress(TimeoutError):  # what it makes of that is heard out; it may have understood nothing
            said_ms = tape.wait_sound(timeout_s=8, since_ms=quiet_ms + 400)
            tape.wait_silence(for_ms=700, timeout_s=20, since_ms=said_ms)
    assert stopped_stories(parley) > before


@pytest.mark.only_browser("chromium")
def test_three_turns_with_an_interruption_over_a_service_without_text(
    call: Call, sound: Any, speech: Speech, tmp_path: Path, parley: Parley
) -> None:
    """Frames of exactly 640 bytes up, and nothing offered that this wire lacks."""
    choose(call, SDK)
    with sound.record(tmp_path / "greeting.wav") as tape:
        call.connect()
        expect(call.page.get_by_text("This service sends no text of what is said.")).to_be_visible()
        expect(call.page.get_by_label("Type instead of speaking")).to_be_hidden()
        tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20))
    with sound.record(tmp_path / "answer.wav") as tape:
        said_ms = say_heard(call, parley, speech.say("what time is it", tail_ms=700), tape, containing="time")
        tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20, since_ms=said_ms))
    heard = words_heard(load(tmp_path / "answer.wav"), [*TIME_WORDS, *DECOYS])
    assert len(set(TIME_WORDS) & set(heard)) >= 2, heard
    a_told_story_is_talked_over(call, sound, speech, parley, tmp_path / "story.wav")
    for attempt in range(2):
        with sound.record(tmp_path / f"again{attempt}.wav") as tape:
            said_ms = say_heard(call, parley, speech.say("what time is it", tail_ms=700), tape, containing="time")
            with contextlib.suppress(TimeoutError):
                tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20, since_ms=said_ms))
        again = words_heard(load(tmp_path / f"again{attempt}.wav"), [*TIME_WORDS, *DECOYS])
        sent_dbfs = call.sent_dbfs()
        if len(set(TIME_WORDS) & set(again)) >= 2 or not was_sent(sent_dbfs):
            break
        tell_swallowed("what time it is", sent_dbfs)
    assert len(set(TIME_WORDS) & set(again)) >= 2, again
    call.hang_up()
    lengths = parley.sessions()[-1]["frame_bytes"]
    assert set(lengths) == {"640"}, lengths
