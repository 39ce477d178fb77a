"""The end of a call as a part alone: goodbye, the last word, and the last words that are still heard."""

from __future__ import annotations

import pytest

from pyclient.connection.call_end import CallEnd
from pyclient.connection.session_limit import SessionLimit
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State, Trigger
from pyclient.page import notices
from pyclient.part import End
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from tests.support.parts import call_in, done, fired, told
from tests.support.playbook import tone


def call_end(state: State = State.LIVE) -> CallEnd:
    call = call_in(state)
    return CallEnd(call, SessionLimit(call, ToolCalls(call, ToolRegistry())))


def test_hanging_up_says_goodbye_and_waits() -> None:
    part = call_end()
    step = told(part, ev.HangUpRequested())
    assert step == End(Trigger.HANG_UP)
    part.end(0, End(Trigger.HANG_UP))
    said, timer = done(part)
    assert isinstance(said, cmd.SendMessage) and isinstance(timer, cmd.SetTimer)
    assert part.call.state is State.ENDING and part.call.socket_up
    assert fired(part, "end", 1e6) == End(Trigger.FINISH)


def test_a_page_that_goes_away_waits_for_nothing() -> None:
    part = call_end()
    part.end(0, End(Trigger.HANG_UP, patient=False))
    assert [type(command) for command in done(part)] == [cmd.SendMessage, cmd.CloseSocket]
    assert part.call.state is State.ENDED


def test_a_fault_says_goodbye_only_where_it_is_ours() -> None:
    for goodbye, wanted in ((True, [cmd.SendMessage, cmd.CloseSocket]), (False, [cmd.CloseSocket])):
        part = call_end()
        part.end(0, End(Trigger.FAULT, notices.OPEN_TIMEOUT, goodbye=goodbye))
        assert [type(command) for command in done(part)] == wanted
        assert part.call.state is State.FAILED and part.call.notice is notices.OPEN_TIMEOUT


def test_the_last_words_are_heard_and_not_for_ever() -> None:
    part = call_end()
    part.call.ledger.queued("r", tone(2_400))
    part.end(0, End(Trigger.FINISH, notices.SERVER_ENDED))
    assert part.call.state is State.ENDED and part.call.draining
    done(part)
    fired(part, "drain", 1e6)
    assert done(part) == [cmd.FlushPlayback()] and not part.call.draining


def test_the_speaker_that_ran_dry_ends_the_waiting() -> None:
    part = call_end()
    part.call.ledger.queued("r", tone(2_400))
    part.end(0, End(Trigger.FINISH))
    part.call.ledger.progressed("r", 2_400, 0)
    told(part, ev.PlaybackDrained())
    assert not part.call.draining and cmd.FlushPlayback() not in done(part)


@pytest.mark.parametrize(
    ("state", "trigger", "taken"),
    [
        (State.LIVE, Trigger.HANG_UP, Trigger.HANG_UP),
        (State.ENDED, Trigger.HANG_UP, None),
        (State.ENDING, Trigger.FAULT, Trigger.FINISH),
        (State.IDLE, Trigger.FINISH, None),
    ],
)
def test_a_call_that_is_ending_or_over_stays_so(state: State, trigger: Trigger, taken: Trigger | None) -> None:
    call = call_in(state)
    step = End(trigger).prepare(call)
    assert (step.trigger if isinstance(step, End) else None) is taken
    stopped = cmd.StopCapture() in call.commands.take()
    assert stopped is (state is State.LIVE), "the microphone stops before anything else"
