"""The microphone as a part alone: which frames go out."""

from __future__ import annotations

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State, Trigger
from pyclient.part import End, LineBack
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.client_turn_detection import ClientTurnDetection
from pyclient.turns.microphone import MUTED_TAIL_MS, Microphone
from pyclient.turns.preconnect_audio import PreconnectAudio
from pyclient.turns.push_to_talk import PushToTalk
from pyclient.turns.turn_taking import TurnTaking
from tests.support.parts import call_in, done, sent, told
from tests.support.playbook import tone

FRAME = ev.AudioCaptured(pcm=tone(960))


def microphone(state: State = State.LIVE) -> Microphone:
    call = call_in(state)
    barge_in, calls = BargeIn(call), ToolCalls(call, ToolRegistry())
    turn_taking = TurnTaking(call, barge_in, calls)
    key, client_turns = PushToTalk(call, turn_taking, calls), ClientTurnDetection(call, barge_in, turn_taking)
    return Microphone(call, key, client_turns, PreconnectAudio(call))


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
