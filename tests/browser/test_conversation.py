"""Whole conversations: real speech in at the microphone, real speech out of the speaker, in every engine.

Each call takes as many turns as it can: loading a page and greeting cost more than a turn.
"""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support.pages import OVER
from tests.support.server import Parley
from tests.support.talk import Call, Line, Turn, asked, was_sent
from voice_browsers.listen import DECOYS, load, share_heard, words_heard
from voice_browsers.speech import Speech

pytestmark = pytest.mark.browser

GREETING = "Hi there! I am Parley. What can I do for you?"


@pytest.mark.tab(optimise=True)  # as people have it, in this test at least
def test_a_person_talks_and_is_answered_by_voice(
    untouched: Call, sound: Any, speech: Speech, tmp_path: Path, parley: Parley
) -> None:
    """The product in one test: greeting, a turn, a long story that is interrupted, another turn, goodbye.

    Judged by what came out of the speaker. Barge-in: soon after the server's verdict nothing may sound, and what was
    not heard is cut from the transcript. What is said over the agent is only asked to be noticed, and is said again
    where it is not: while the agent sounds, echo cancellation takes much of it away (Firefox most of all).
    """
    call = untouched
    # Whole replies at once, as services send them: what the person talks over lies in the page, and only the
    # page can drop it.
    parley.scenario(pace="burst")
    with sound.record(tmp_path / "greeting.wav") as tape:
        call.connect()
        call.wait_turn("agent", containing="parley")
        tape.wait_silence(for_ms=700, timeout_s=30, since_ms=tape.wait_sound(timeout_s=20))
    greeting = load(tmp_path / "greeting.wav")
    assert share_heard(greeting, GREETING, decoys=DECOYS) >= 0.5, "the greeting that was shown must be what was heard"

    # This turn is more than one more: without it Chromium's echo cancellation, which has heard nobody speak yet, takes
    # all away that is said over the story.
    time = Line(text="what time is it", wav=speech.say("what time is it", tail_ms=700))
    first = asked(call, time, folder=tmp_path / "first", containing="time")
    assert first.good, first
    (*_, spoken) = sorted(tmp_path.glob("first/*/speaker.wav"))
    assert words_heard(load(spoken), ["time", "it's", "is", "o'clock", *DECOYS])

    a_story_is_talked_over(call, sound, speech, tmp_path / "barge.wav")
    last = asked(call, time, folder=tmp_path / "last", containing="time")
    assert last.good and not last.interrupted and "time" in last.agent_heard, last
    facts = call.facts()
    assert int(str(facts["Context rate"]).split()[0]) > 0
    assert re.fullmatch(r"capture (default|cheap), playback (default|cheap)", str(facts["Resampling"]))
    loudest = re.fullmatch(r"capture (-?\d+), playback (-?\d+)", str(facts["Loudest dBFS"]))
    assert loudest and all(-30 < int(level) < 6 for level in loudest.groups()), facts["Loudest dBFS"]
    call.hang_up()

    (session,) = parley.sessions()[-1:]
    assert not session.get("violations"), session
    # Forty milliseconds each, 25 a second, never the 190 a second of a worklet that posts every block.
    assert set(session["frame_bytes"]) == {"1920"}
    assert 0.8 < session["audio_rate"] < 1.2
    assert session["audio_before_ready"] == 0


def a_story_is_talked_over(call: Call, sound: Any, speech: Speech, tape_path: Path) -> None:
    with sound.record(tape_path) as tape:
        heard = call.ask(speech.say("tell me a long story", tail_ms=700), containing="story")
        shown = [turn.turn for turn in call.transcript()].index(heard.turn)
        call.wait_activity("agent_speaking")
        call.page.wait_for_timeout(1800)
        for _ in range(3):
            call.say(speech.say(OVER, tail_ms=700))
            with contextlib.suppress(TimeoutError):
                call.until(lambda: story_in(call, shown).interrupted, 6.0, "to show the story cut off")
                break
        verdict_ms = tape.now_ms
        assert story_in(call, shown).interrupted, story_in(call, shown)
        # The story alone would sound for twenty seconds more.
        quiet_ms = tape.wait_silence(for_ms=600, timeout_s=15, since_ms=verdict_ms)
        assert quiet_ms - verdict_ms < 1500, quiet_ms - verdict_ms
        call.wait_activity("listening", timeout_s=40)
    assert len(story_in(call, shown).text) < 400, "what was not heard must be cut"
    assert call.snapshot()["stats"]["interruptions"] >= 1  # type: ignore[index]


def story_in(call: Call, shown: int) -> Turn:
    """What the agent answered after the first `shown` entries and the person's own."""
    return next(turn for turn in call.transcript()[shown + 1 :] if turn.role == "agent")


def test_one_call_takes_partials_a_tool_a_mute_typing_and_a_hidden_page_and_the_next_is_like_it(
    call: Call, sound: Any, speech: Speech, tmp_path: Path
) -> None:
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    partials_replace_each_other_and_settle(call, speech)
    a_tool_runs_in_the_page_and_its_result_is_spoken(call, speech, tmp_path)
    a_muted_microphone_sends_nothing(call, speech)
    typing_is_answered_by_voice(call, sound, tmp_path)
    a_microphone_that_was_muted_is_heard_again_also_while_the_page_is_hidden(call, speech)
    call.hang_up()
    # Nothing of a finished call may stand in the way of the next: token, ports, context and transcript are new.
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    assert not [turn for turn in call.transcript() if turn.role == "user"]
    call.ask(speech.say("what time is it", tail_ms=700), containing="time")
    assert len([turn for turn in call.transcript() if turn.role == "user" and "time" in turn.text]) == 1
    call.hang_up()


def partials_replace_each_other_and_settle(call: Call, speech: Speech) -> None:
    """While the person speaks the page shows one growing entry, never several."""
    call.say(speech.say("repeat after me the green house on the hill", tail_ms=700))
    partial = call.wait_turn("user", final=False)
    final = call.wait_turn("user", final=True)
    assert partial.turn == final.turn
    assert [turn.role for turn in call.transcript()].count("user") == 1


def a_tool_runs_in_the_page_and_its_result_is_spoken(call: Call, speech: Speech, folder: Path) -> None:
    """The agent asks, Python in the page answers, the agent says what came of it."""
    question = "what is the weather in paris"
    line = Line(text=question, wav=speech.say(question, tail_ms=700))
    report = asked(call, line, folder=folder / "tool", containing="paris")  # without it, it asks which city
    # agents/demo/tools.py makes the figure from the name: Paris is always the same.
    seed = sum(map(ord, "paris"))
    assert str(5 + seed % 23) in report.agent_said and "paris" in report.agent_said.lower(), report
    assert report.played_ms > 500
    assert any(turn.role == "tool" for turn in call.transcript())


def a_muted_microphone_sends_nothing(call: Call, speech: Speech) -> None:
    shown = len(call.transcript())
    call.mute()
    call.page.get_by_role("button", name="Unmute").wait_for()
    call.say(speech.say("what time is it", tail_ms=500)).wait()
    call.page.wait_for_timeout(1500)
    assert not [turn for turn in call.transcript()[shown:] if turn.role == "user"]
    call.page.get_by_role("button", name="Unmute").click()


def typing_is_answered_by_voice(call: Call, sound: Any, folder: Path) -> None:
    shown = len(call.transcript())
    # How loud the answer before was says nothing of this one.
    call.page.evaluate(
        "() => new MutationObserver(() => { if (document.body.dataset.activity === 'thinking')"
        " window.asItThought ??= parley.facts()['Loudest dBFS']; }).observe(document.body, { attributeFilter: ['data-activity'] })"
    )
    with sound.record(folder / "typed.wav") as tape:
        call.type("what day is it")
        call.wait_turn("user", after=shown, containing="what day is it")
        tape.wait_sound(timeout_s=20)
    call.wait_activity("listening")
    assert str(call.page.evaluate("window.asItThought")).endswith("playback -99")
    assert was_sent(call.sent_dbfs())


def a_microphone_that_was_muted_is_heard_again_also_while_the_page_is_hidden(call: Call, speech: Speech) -> None:
    """Throttled timers of a hidden page must not reach the audio path: it lives in the worker and the worklets."""
    call.page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        " Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    shown = len(call.transcript())
    call.ask(speech.say("what time is it", tail_ms=700), containing="time")
    call.wait_turn("agent", after=shown + 1)
    call.page.evaluate("() => { delete document.hidden; delete document.visibilityState; }")
