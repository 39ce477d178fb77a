"""The microphone as a part alone: which frames go out."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State, Trigger
from pyclient.part import End, LineBack
from pyclient.turns.echo_guard import EchoGuard
from pyclient.turns.microphone import MUTED_TAIL_MS, Microphone
from pyclient.turns.preconnect_audio import PreconnectAudio
from tests.support.parts import call_in, done, microphone, sent, told
from tests.support.playbook import tone

FRAME = ev.AudioCaptured(pcm=tone(960))


def test_a_frame_goes_out_in_a_live_call_and_a_loud_one_is_remembered() -> None:
    part = microphone()
    told(part, FRAME, 40)
    assert sent(part) == ["audio"]
    assert (part.call.stats.frames_sent, part.call.last_loud_ms) == (1, 40)


@pytest.mark.parametrize("state", [State.IDLE, State.MINTING, State.CONFIGURING, State.ENDING, State.ENDED])
def test_elsewhere_it_is_dropped(state: State) -> None:
    part = microphone(state)
    told(part, FRAME)
    assert done(part) == [] and part.call.stats.frames_dropped == 1


def test_during_an_outage_it_is_kept_and_goes_out_when_the_line_is_back() -> None:
    part = microphone(State.DROPPED)
    told(part, FRAME)
    told(part, FRAME)
    assert done(part) == []
    part.call.state = State.LIVE
    part.line_back(100, LineBack(same=True))
    assert sent(part) == ["audio", "audio"] and part.call.stats.outage_frames_sent == 2


def test_muted_it_sends_silence_for_a_while_and_then_nothing() -> None:
    part = microphone()
    told(part, ev.MuteChanged(muted=True), 0)
    assert done(part) == [cmd.SetCaptureMuted(muted=True)]
    told(part, FRAME, 100)
    (silence,) = done(part)
    assert isinstance(silence, cmd.SendMessage) and '"first": 0' in str(silence.data)
    told(part, FRAME, MUTED_TAIL_MS + 100)
    assert done(part) == [] and part.call.stats.frames_muted == 2


def test_it_is_switched_only_where_nobody_else_wants_it_off_too() -> None:
    part = microphone()
    part.call.paused = True
    part.switch(False, 0)
    assert done(part) == [cmd.SetCaptureMuted(muted=True)]
    told(part, ev.MuteChanged(muted=True))
    assert part.call.muted and done(part) == [], "it is off already"
    part.call.paused = False
    part.switch(True, 0)
    assert done(part) == [], "muted it stays off"


def test_one_that_cannot_be_used_ends_the_call_with_a_goodbye() -> None:
    part = microphone()
    step = told(part, ev.CaptureFailed(kind="busy"))
    assert isinstance(step, End) and step.trigger is Trigger.FAULT and step.goodbye
    assert step.notice is not None and step.notice.code == "mic_busy"


def test_a_complaint_that_is_over_is_taken_back() -> None:
    part = microphone()
    assert told(part, ev.CaptureFailed(kind="silent", fatal=False)) is None
    assert part.call.notice is not None and part.call.notice.code == "mic_silent"
    told(part, ev.CaptureRecovered(kind="silent"))
    assert part.call.notice is None


class Key:
    """Stands for push to talk: `open` counts frames, `trails` ends a turn with silence."""

    def __init__(self, *, chosen: bool = True, open: bool = False, trails: bool = False) -> None:
        self.chosen, self.open, self.trails = chosen, open, trails
        self.sent: list[bytes] = []

    def trailing(self, now_ms: float) -> bool:
        return self.trails

    def due(self, pcm: bytes, now_ms: float) -> list[bytes]:
        return [pcm, pcm]

    def frame_sent(self, pcm: bytes) -> None:
        self.sent.append(pcm)

    def muted(self, now_ms: float) -> None:
        self.open = False


class Turns:
    """Stands for turn detection in the client."""

    used = True

    def __init__(self) -> None:
        self.seen: list[str] = []

    def captured(self, pcm: bytes, now_ms: float) -> None:
        self.seen.append("captured")

    def muted(self, now_ms: float) -> None:
        self.seen.append("muted")


def with_stand_ins(state: State = State.LIVE, **key: bool) -> tuple[Microphone, Key, Turns]:
    call, key_part, turns = call_in(state), Key(**key), Turns()
    return (
        Microphone(call, cast(Any, key_part), cast(Any, turns), PreconnectAudio(call), EchoGuard(call)),
        key_part,
        turns,
    )


def test_with_a_talk_key_nothing_leaves_before_it_is_pressed_and_what_is_due_afterwards() -> None:
    part, key, turns = with_stand_ins()
    told(part, FRAME)
    assert sent(part) == []
    key.open = True
    told(part, FRAME)
    assert sent(part) == ["audio", "audio"] and turns.seen == []


@pytest.mark.parametrize("state", [State.LIVE, State.DROPPED])
def test_silence_follows_a_talk_key_where_the_server_ends_turns_by_it(state: State) -> None:
    part, _, _ = with_stand_ins(state, trails=True)
    told(part, FRAME)
    assert sent(part) == (["audio"] if state is State.LIVE else [])


def test_what_was_kept_in_an_outage_counts_for_a_key_that_is_still_held() -> None:
    part, key, _ = with_stand_ins(State.DROPPED, open=True)
    told(part, FRAME)
    part.call.state = State.LIVE
    part.line_back(0, LineBack(same=True))
    assert sent(part) == ["audio"] and key.sent == [FRAME.pcm]


def test_turn_detection_in_the_client_sees_frames_and_the_mute() -> None:
    part, _, turns = with_stand_ins(chosen=False)
    told(part, FRAME)
    told(part, ev.MuteChanged(muted=True))
    assert turns.seen == ["captured", "muted"]


def test_muting_twice_is_nothing_and_unmuting_says_so() -> None:
    part = microphone()
    for muted, asked in ((True, 1), (True, 0), (False, 1)):
        told(part, ev.MuteChanged(muted=muted))
        assert len(done(part)) == asked


@pytest.mark.parametrize("pcm", [b"", b"\0\0\0"])
def test_a_frame_that_is_no_pcm_is_dropped(pcm: bytes) -> None:
    part = microphone()
    told(part, ev.AudioCaptured(pcm=pcm))
    assert done(part) == [] and part.call.stats.frames_dropped == 1


def test_a_quiet_frame_goes_out_and_is_not_remembered_as_loud() -> None:
    part = microphone()
    told(part, ev.AudioCaptured(pcm=bytes(960)), 40)
    assert sent(part) == ["audio"] and part.call.last_loud_ms is None


def test_a_wire_of_fixed_frames_may_wait_for_the_rest_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    part = microphone()
    monkeypatch.setattr(part.call.codec, "encode_audio", lambda pcm: b"")
    told(part, FRAME)
    assert done(part) == [] and part.call.stats.frames_sent == 1
