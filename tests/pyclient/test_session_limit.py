"""The clock that nobody else runs."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.call import Call
from pyclient.codecs import create_codec
from pyclient.config import ClientConfig
from pyclient.connection.session_limit import CAP_GRACE_MS, SessionLimit
from pyclient.core import events as ev
from pyclient.core.commands import SetTimer
from pyclient.core.states import State, Trigger
from pyclient.part import End
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from tests.support.parts import call_in, fired, sent, told


def limit_of(seconds: int, lead_seconds: int) -> SessionLimit:
    config = ClientConfig(max_session_duration_seconds=seconds, wrap_up_lead_seconds=lead_seconds)
    call = Call(config, create_codec(config.provider))
    return SessionLimit(call, ToolCalls(call, ToolRegistry()))


def timers(limit: SessionLimit, now_ms: float) -> list[tuple[str, int]]:
    limit.start(now_ms)
    return [(made.name, made.delay_ms) for made in limit.call.commands.take() if isinstance(made, SetTimer)]


def test_the_clock_starts_with_the_socket_and_not_with_ready() -> None:
    limit = limit_of(60, 10)
    limit.opened(1_000)
    assert timers(limit, 3_000) == [("wrap_up", 48_000), ("cap", 58_000 + CAP_GRACE_MS)]


def test_without_a_lead_there_is_only_the_end() -> None:
    limit = limit_of(60, 0)
    limit.opened(0)
    assert [name for name, _ in timers(limit, 0)] == ["cap"]


def test_a_lead_that_is_longer_than_the_granted_time_takes_half_of_it() -> None:
    limit = limit_of(1_800, 600)
    limit.shorten(60)
    limit.opened(0)
    assert timers(limit, 0)[0] == ("wrap_up", 30_000)


@pytest.mark.parametrize("granted", [None, 0, -5, 99_999, float("inf")])
def test_a_grant_never_makes_the_session_longer(granted: Any) -> None:
    limit = limit_of(60, 0)
    limit.shorten(granted)
    limit.opened(0)
    assert limit.left_ms(0) == 60_000


def test_time_left_is_never_negative() -> None:
    limit = limit_of(60, 0)
    assert limit.left_ms(123) == 60_000
    limit.opened(0)
    assert limit.left_ms(70_000) == 0
    assert limit.reached(70_000) and limit.reached(58_000) and not limit.reached(57_999)


def test_the_wrap_up_waits_until_nobody_speaks_works_or_is_about_to() -> None:
    call = call_in(State.LIVE)
    limit = SessionLimit(call, ToolCalls(call, ToolRegistry()))
    limit.opened(0)
    limit.start(0)
    call.user_speaking = True
    fired(limit, "wrap_up", 1e9)
    assert sent(limit) == [] and call.notice is not None and call.notice.code == "wrap_up"
    call.user_speaking = False
    told(limit, ev.ReplyDone(reply_id="r", interrupted=False))
    told(limit, ev.ReplyDone(reply_id="s", interrupted=False))
    assert sent(limit) == ["create"], "once"
    step = fired(limit, "cap", 1e9)
    assert isinstance(step, End) and step.trigger is Trigger.HANG_UP
