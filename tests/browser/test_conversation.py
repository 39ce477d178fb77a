"""Whole conversations: real speech in at the microphone, real speech out of the speaker, in every engine."""

from pathlib import Path
from typing import Any

import pytest

from tests.harness.listen import load, share_heard, words_heard
from tests.harness.server import Parley
from tests.harness.speech import Speech
from tests.harness.talk import DECOYS, Call, Line, converse

pytestmark = pytest.mark.browser

GREETING = "Hi there! I am Parley. What can I do for you?"


def test_a_person_talks_and_is_answered_by_voice(
    call: Call, sound: Any, speech: Speech, tmp_path: Path, parley: Parley
) -> None:
    """The product in one test: greeting, three turns with an interruption, goodbye; judged by what came out of the speaker."""
    with sound.record(tmp_path / "greeting.wav") as tape:
        call.connect()
        call.wait_turn("agent", containing="parley")
        tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20))
    greeting = load(tmp_path / "greeting.wav")
    assert share_heard(greeting, GREETING, decoys=DECOYS) >= 0.5, "the greeting that was shown must be what was heard"

    lines = [
        Line(text=text, wav=speech.say(text, tail_ms=700))
        for text in ("what time is it", "tell me a long story", "what time is it")
    ]
    reports = converse(call, lines[:1], folder=tmp_path / "first")
    assert all(report.good for report in reports), reports
    assert words_heard(load(tmp_path / "first" / "speaker.wav"), ["time", "it's", "is", "o'clock", *DECOYS])

    reports = converse(call, lines[1:], folder=tmp_path / "rest", interrupt_after_ms=2500)
    story, last = reports
    assert story.interrupted and story.agent_heard, reports
    assert last.good and "time" in last.agent_heard, reports

    roles = [turn.role for turn in call.transcript()]
    assert roles.count("user") == 3
    facts = call.facts()
    assert int(str(facts["Context rate"]).split()[0]) > 0
    call.hang_up()
    (session,) = parley.sessions()[-1:]
    assert not session.get("violations"), session


def test_speaking_over_the_agent_silences_it(call: Call, sound: Any, speech: Speech, tmp_path: Path) -> None:
    """Barge-in: soon after the server's verdict nothing may sound, and what was not heard is cut from the transcript.

    What is said over the agent is only asked to be noticed: while the agent sounds, echo cancellation takes much of it away
    (Firefox most of all), and a person says it again anyway.
    """
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    with sound.record(tmp_path / "barge.wav") as tape:
        call.say(speech.say("tell me a long story", tail_ms=700)).wait()
        call.wait_turn("user", containing="story")
        call.wait_activity("agent_speaking")
        call.page.wait_for_timeout(3000)
        spoke_ms = tape.now_ms
        call.say(speech.say("please stop talking now, I have heard enough of it, thank you", tail_ms=700))
        quiet_ms = tape.wait_silence(for_ms=250, timeout_s=15, since_ms=spoke_ms)
        story = next(turn for turn in call.transcript()[2:] if turn.role == "agent")
        # The story alone would sound for twenty seconds more.
        assert story.interrupted and quiet_ms - spoke_ms < 8000, (story, quiet_ms - spoke_ms)
        call.wait_activity("listening", timeout_s=40)
        shown = len(call.transcript())
        call.say(speech.say("what time is it", tail_ms=700))
        call.wait_turn("user", after=shown, containing="time")
        answer = call.wait_turn("agent", after=shown)
        tape.wait_silence(for_ms=500, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20, since_ms=quiet_ms + 250))
    assert answer.text and not answer.interrupted
    assert len(story.text) < 400, "what was not heard must be cut"
    assert call.snapshot()["stats"]["interruptions"] >= 1  # type: ignore[index]
    call.hang_up()


def test_partials_replace_each_other_and_settle(call: Call, speech: Speech) -> None:
    """While the person speaks the page shows one growing entry, never several."""
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    call.say(speech.say("repeat after me the green house on the hill", tail_ms=700))
    partial = call.wait_turn("user", final=False)
    final = call.wait_turn("user", final=True)
    assert partial.turn == final.turn
    assert [turn.role for turn in call.transcript()].count("user") == 1
    call.hang_up()


def test_a_tool_runs_in_the_page_and_its_result_is_spoken(
    call: Call, sound: Any, speech: Speech, tmp_path: Path
) -> None:
    """The agent asks, Python in the page answers, the agent says what came of it."""
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    (report,) = converse(
        call,
        [Line(text="what is the weather in paris", wav=speech.say("what is the weather in paris", tail_ms=700))],
        folder=tmp_path,
    )
    # agents/demo/tools.py makes the figure from the name: Paris is always the same.
    seed = sum(map(ord, "paris"))
    assert str(5 + seed % 23) in report.agent_said and "paris" in report.agent_said.lower(), report
    assert report.played_ms > 500
    assert any(turn.role == "tool" for turn in call.transcript())
    call.hang_up()


def test_a_muted_microphone_sends_nothing_and_comes_back(call: Call, speech: Speech, parley: Parley) -> None:
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    call.mute()
    call.page.get_by_role("button", name="Unmute").wait_for()
    call.say(speech.say("what time is it", tail_ms=500)).wait()
    call.page.wait_for_timeout(1500)
    assert not [turn for turn in call.transcript() if turn.role == "user"]
    call.page.get_by_role("button", name="Unmute").click()
    call.say(speech.say("what time is it", tail_ms=700))
    call.wait_turn("user", containing="time")
    call.hang_up()


def test_typing_works_in_a_voice_call(call: Call, sound: Any, tmp_path: Path) -> None:
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    with sound.record(tmp_path / "typed.wav") as tape:
        call.page.get_by_label("Type instead of speaking").fill("what time is it")
        call.page.get_by_role("button", name="Send").click()
        call.wait_turn("user", containing="what time is it")
        tape.wait_sound(timeout_s=20)
    call.hang_up()


def test_a_second_call_on_the_same_page_works_like_the_first(call: Call, speech: Speech) -> None:
    """Nothing of a finished call may stand in the way of the next: token, ports, context and transcript are new."""
    for _ in range(2):
        call.connect()
        call.wait_turn("agent", containing="parley")
        call.wait_activity("listening")
        call.say(speech.say("what time is it", tail_ms=700))
        call.wait_turn("user", containing="time")
        call.hang_up()


def test_a_click_before_python_is_ready_is_remembered(call: Call) -> None:
    """The page is usable at once; who clicks early is served when the runtime has loaded."""
    assert call.page.evaluate("document.body.dataset.boot") == "loading"
    call.page.get_by_role("button", name="Connect", exact=True).click()
    call.wait_state("live", timeout_s=60)
    call.wait_turn("agent", containing="parley")
    call.hang_up()
