"""The connection as a part alone: from the click to "ready", and what it decides when the line breaks."""

from __future__ import annotations

import pytest

from pyclient.config import ClientConfig
from pyclient.connection.connection import FAULT_GRACE_MS, Connection
from pyclient.connection.session_limit import SessionLimit
from pyclient.connection.settings_change import SettingsChange
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State, Trigger
from pyclient.part import Begin, End, LineBack, LineLost
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from tests.support.parts import call_in, done, fired, sent, told


def connection(state: State = State.IDLE, **features: bool) -> Connection:
    call = call_in(state, features)
    registry = ToolRegistry()
    limit = SessionLimit(call, ToolCalls(call, registry))
    return Connection(call, registry, SettingsChange(call), limit, lambda: 0.5)


def live(**features: bool) -> Connection:
    """One that went all the way by itself."""
    part = connection(State.IDLE, **features)
    part.begin(0)
    told(part, ev.TokenGranted(attempt=1, token="t", ws_url="wss://voice.test/"))
    told(part, ev.SocketOpened(socket_id=1))
    assert told(part, ev.SessionReady(session_id="s")) is None
    assert state_of(part) == "live"
    done(part)
    return part


def state_of(part: Connection) -> str:
    return part.call.state.value


def test_a_click_begins_a_call_with_what_was_chosen() -> None:
    step = told(connection(), ev.ConnectRequested(voice="anna"))
    assert isinstance(step, Begin) and step.config.voice == "anna"
    assert told(connection(State.LIVE), ev.ConnectRequested()) is None


def test_the_way_to_ready() -> None:
    part = connection()
    part.begin(0)
    assert [type(command) for command in done(part)] == [
        cmd.StartPlayback, cmd.SetCaptureMuted, cmd.RequestToken, cmd.SetTimer,
    ]  # fmt: skip
    told(part, ev.TokenGranted(attempt=1, token="t", ws_url="wss://voice.test/"))
    assert state_of(part) == "connecting"
    told(part, ev.SocketOpened(socket_id=1))
    assert state_of(part) == "configuring" and sent(part) == ["opening"]
    told(part, ev.SessionReady(session_id="s"))
    assert state_of(part) == "live" and part.call.session_id == "s"
    assert any(isinstance(command, cmd.StartCapture) for command in done(part))


def test_where_the_person_only_types_no_microphone_is_started() -> None:
    part = connection(State.CONFIGURING)
    part.call.begin(ClientConfig(turn_style="text"))
    told(part, ev.SessionReady(session_id="s"))
    assert state_of(part) == "live"
    assert not any(isinstance(command, cmd.StartCapture) for command in done(part))


@pytest.mark.parametrize("name", ["token", "open", "ready"])
def test_whoever_does_not_answer_in_time_ends_the_call(name: str) -> None:
    part = connection()
    part.begin(0)
    if name != "token":
        told(part, ev.TokenGranted(attempt=1, token="t", ws_url="wss://voice.test/"))
    if name == "ready":
        told(part, ev.SocketOpened(socket_id=1))
    step = fired(part, name, 1e6)
    assert isinstance(step, End) and step.trigger is Trigger.FAULT and step.goodbye


def test_a_broken_line_is_a_step_for_all_and_a_failed_attempt_is_not() -> None:
    part = live()
    assert isinstance(told(part, ev.SocketClosed(socket_id=1, code=1006)), LineLost)
    assert state_of(part) == "dropped"
    fired(part, "retry", 1e5)
    assert state_of(part) == "resuming"
    assert told(part, ev.TokenRefused(attempt=2, status=503)) is None
    assert state_of(part) == "dropped" and part.call.commands.running("retry")


@pytest.mark.parametrize(("resume", "same"), [(True, True), (False, False)])
def test_back_in_the_same_session_or_in_another(resume: bool, same: bool) -> None:
    part = live(resume=resume)
    told(part, ev.SocketClosed(socket_id=1, code=1006), 100)
    fired(part, "retry", 1_000)
    told(part, ev.TokenGranted(attempt=2, token="t", ws_url="wss://voice.test/"), 1_000)
    done(part)
    told(part, ev.SocketOpened(socket_id=2), 1_000)
    assert sent(part) == ["resume" if resume else "opening"]
    step = told(part, ev.SessionReady(session_id="s" if same else "other"), 1_000)
    assert step == LineBack(same=same)
    part.line_back(1_000, LineBack(same=same))
    marks = [turn.text for turn in part.call.transcript.turns if turn.role == "mark"]
    assert len(marks) == (0 if same else 1) and part.call.stats.reconnects == 1


def test_a_fault_before_ready_shortens_the_wait() -> None:
    part = connection(State.CONFIGURING)
    assert told(part, ev.SessionFaulted(kind="invalid_setting", code="c", message="m"), 0) is None
    assert done(part) == [cmd.SetTimer(name="ready", delay_ms=FAULT_GRACE_MS)]
    assert part.call.notice is not None and part.call.notice.code == "fault_invalid_setting"


def test_a_close_after_our_goodbye_is_the_end() -> None:
    step = told(connection(State.ENDING), ev.SocketClosed(socket_id=1, code=1000))
    assert step == End(Trigger.FINISH)
