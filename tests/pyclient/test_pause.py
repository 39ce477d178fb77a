"""Pause: the person holds the agent, and the session stays."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.connection.idle import WARN_MS
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.microphone import MUTED_TAIL_MS
from pyclient.turns.pause import Pause
from tests.support.parts import done, microphone, told
from tests.support.playbook import FakeHost, of_type, sent_types, tone

FRAME = ev.AudioCaptured(pcm=tone(960))
PAUSE, GO_ON = ev.PauseChanged(paused=True), ev.PauseChanged(paused=False)


def speaking(**config: Any) -> FakeHost:
    """The agent speaks, two seconds are queued, half a second was heard."""
    host = FakeHost(**config).go_live()
    host.speak_reply("r1", samples=48_000, text="a long story")
    return host


@pytest.mark.parametrize("state", [State.IDLE, State.MINTING, State.ENDED])
def test_without_a_call_there_is_nothing_to_pause(state: State) -> None:
    ears = microphone(state)
    part = Pause(ears.call, BargeIn(ears.call), ears)
    told(part, PAUSE)
    assert not part.call.paused and done(part) == []


def test_it_stops_the_voice_first_and_then_the_microphone() -> None:
    ears = microphone()
    part = Pause(ears.call, BargeIn(ears.call), ears)
    told(part, PAUSE)
    assert part.call.paused and done(part) == [cmd.PausePlayback(on=True), cmd.SetCaptureMuted(muted=True)]


def test_the_voice_waits_the_microphone_is_off_and_the_server_is_told_nothing() -> None:
    host = speaking()
    assert host.tell(PAUSE) == [cmd.PausePlayback(on=True), cmd.SetCaptureMuted(muted=True)]
    assert (host.view["paused"], host.view["status"]) == (True, "Paused: nobody is heard")
    assert host.tell(PAUSE) == []
    assert host.tell(GO_ON) == [cmd.PausePlayback(on=False), cmd.SetCaptureMuted(muted=False)]
    assert (host.view["paused"], host.view["status"]) == (False, "Agent is speaking")
    (turn,) = host.view["turns"]
    assert not turn["interrupted"] and host.stats["interruptions"] == 0


def test_silence_goes_out_for_a_moment_then_nothing_then_the_microphone_again() -> None:
    host = FakeHost().go_live()
    host.tell(PAUSE)
    assert sent_types(host.tell(FRAME)) == ["input.audio"]
    assert set(host.sent[-1]["audio"]) <= {"A", "="}
    assert host.tell(FRAME, after_ms=MUTED_TAIL_MS) == []
    assert not host.session.audio_fast_path.may_send()
    host.tell(GO_ON)
    assert sent_types(host.tell(FRAME)) == ["input.audio"] and "8" in host.sent[-1]["audio"]


@pytest.mark.parametrize("first", [ev.MuteChanged(muted=True), PAUSE])
def test_whoever_is_muted_and_paused_is_heard_only_when_neither_holds(first: ev.Event) -> None:
    host = FakeHost().go_live()
    both = (ev.MuteChanged(muted=True), PAUSE)
    host.tell(first)
    for event in both:
        assert of_type(host.tell(event), cmd.SetCaptureMuted) == []
    assert of_type(host.tell(GO_ON), cmd.SetCaptureMuted) == []
    assert host.view["muted"] and host.view["status"] == "Your microphone is muted"
    assert host.tell(ev.MuteChanged(muted=False)) == [cmd.SetCaptureMuted(muted=False)]


def test_what_comes_in_a_pause_is_shown_and_waits_to_be_heard() -> None:
    host = FakeHost().go_live()
    host.tell(PAUSE)
    host.hear("reply.started", reply_id="r1", item_id="m1")
    assert of_type(host.hear_audio("r1", tone(4_800)), cmd.PlayAudio)
    host.hear("transcript.agent", reply_id="r1", item_id="m1", text="I am Parley", interrupted=False)
    assert [text for _, text, _, _ in host.turns("agent")] == ["I am Parley"]


def test_a_pause_is_no_delay_of_the_answer() -> None:
    host = FakeHost().go_live()
    host.tell(FRAME)
    host.hear("input.speech.started")
    host.hear("input.speech.stopped")
    host.tell(PAUSE)
    host.hear("reply.started", reply_id="r1", item_id="m1")
    host.hear_audio("r1", tone(48_000))
    host.tell(GO_ON, after_ms=60_000)
    host.render("r1", 12_000)
    assert host.stats["speech_end_to_first_sound_ms"] is host.stats["commit_to_first_sound_ms"] is None


def test_stop_talking_in_a_pause_drops_what_waits_and_the_pause_stays() -> None:
    host = speaking()
    host.tell(PAUSE)
    assert of_type(host.tell(ev.InterruptRequested()), cmd.FlushPlayback)
    assert host.view["paused"]


def test_a_call_that_is_left_paused_is_warned_and_hung_up_though_the_voice_was_cut_in_mid_word() -> None:
    host = speaking(idle_seconds=120)
    host.tell(PAUSE)
    host.wait("idle")
    assert host.session.call.notice is None, "the pause itself was a sign of life"
    host.wait("idle")
    assert (host.view["notice"] or {}).get("code") == "idle" and host.view["ends_in_ms"] <= WARN_MS
    host.wait("idle")
    assert host.view["state"] == "ending" and not host.view["paused"]


@pytest.mark.parametrize("end", ["hang_up", "server"])
def test_what_was_paused_is_not_heard_at_the_end_and_the_next_call_is_not_paused(end: str) -> None:
    host = speaking()
    host.tell(PAUSE)
    said = host.tell(ev.HangUpRequested()) if end == "hang_up" else host.hear("session.ended")
    kinds = [type(one) for one in said]
    assert kinds.index(cmd.FlushPlayback) < kinds.index(cmd.PausePlayback)
    assert of_type(said, cmd.PausePlayback) == [cmd.PausePlayback(on=False)]
    host.hear("session.ended")
    assert host.view["state"] == "ended" and not host.view["audio_wanted"]
    host.go_live()
    assert not host.view["paused"] and sent_types(host.tell(FRAME)) == ["input.audio"]


def test_a_pause_lasts_over_a_lost_line_and_nothing_is_kept_for_it() -> None:
    host = FakeHost().go_live()
    host.tell(PAUSE)
    host.drop()
    assert host.view["status"] == "Connection lost"
    host.tell(FRAME)
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.ready", session_id="sess_1", config={})
    assert host.view["state"] == "live" and host.view["paused"]
    assert host.stats["outage_frames_sent"] == 0


@pytest.mark.parametrize("state", ["idle", "minting", "connecting", "configuring", "ending", "ended", "failed"])
def test_there_is_nothing_to_pause_outside_a_call(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(PAUSE) == [] and not host.view["paused"]


def test_the_talk_key_says_why_it_does_nothing() -> None:
    host = FakeHost(turn_style="push_to_talk").go_live()
    host.tell(PAUSE)
    host.tell(ev.TalkPressed())
    assert host.view["notice"]["code"] == "talk_paused" and not host.view["talking"]


def test_pausing_with_the_key_held_takes_back_what_was_said() -> None:
    host = FakeHost(turn_style="push_to_talk").go_live()
    host.tell(ev.TalkPressed())
    host.tell(FRAME, after_ms=500)
    host.tell(PAUSE)
    assert host.view["notice"]["code"] == "talk_partly_sent" and not host.view["talking"]
