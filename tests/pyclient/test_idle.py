"""Idle hang-up: a call in which nobody speaks ends, after a warning."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.connection.idle import WARN_MS, IdleHangUp
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State, Trigger
from pyclient.part import End
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from tests.support.parts import call_in, done, fired, told
from tests.support.playbook import FakeHost

LIMIT_MS = 120_000


def idle(features: dict[str, Any] | None = None, **config: Any) -> IdleHangUp:
    call = call_in(State.LIVE, features, **{"idle_seconds": 120, **config})
    part = IdleHangUp(call, ToolCalls(call, ToolRegistry()))
    part.begin(0)
    told(part, ev.SessionReady(session_id="s"), 0)
    return part


def timer(part: IdleHangUp) -> list[int]:
    return [command.delay_ms for command in done(part) if isinstance(command, cmd.SetTimer)]


def notice(part: IdleHangUp) -> str:
    return part.call.notice.code if part.call.notice is not None else ""


def test_nobody_speaks_for_long_is_warned_and_then_hung_up() -> None:
    part = idle()
    assert timer(part) == [LIMIT_MS - WARN_MS] and part.left_ms(0) is None
    assert fired(part, "idle", LIMIT_MS - WARN_MS) is None
    assert notice(part) == "idle" and timer(part) == [WARN_MS]
    assert part.left_ms(LIMIT_MS - 10_000) == 10_000 and part.left_ms(LIMIT_MS + 1) == 0
    step = fired(part, "idle", LIMIT_MS)
    assert isinstance(step, End) and step.trigger is Trigger.HANG_UP
    assert step.notice is not None and step.notice.code == "idle_end"


@pytest.mark.parametrize(
    "event",
    [
        ev.StillHere(),
        ev.UserTranscribed(item_id="u", text="hello", final=False),
        ev.TextSubmitted(text="hello"),
        ev.TalkPressed(),
        ev.MuteChanged(muted=True),
        ev.InterruptRequested(),
        ev.SettingsChanged(voice="eve"),
        ev.ReplyStarted(reply_id="r1"),
        ev.PlaybackProgressed(item_id="r1", rendered_samples=1, queued_samples=0, underruns=0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_either_voice_and_any_act_takes_the_warning_back(event: ev.Event) -> None:
    part = idle()
    fired(part, "idle", LIMIT_MS - WARN_MS)
    done(part)
    told(part, event, 100_000)
    assert notice(part) == "" and part.left_ms(100_000) is None and timer(part) == [LIMIT_MS - WARN_MS]
    told(part, event, 110_000)
    assert timer(part) == [], "without a warning the timer is left alone"
    fired(part, "idle", 190_000)
    assert notice(part) == "" and timer(part) == [10_000], "it finds out by itself how long ago it was"


def test_a_noise_counts_only_where_no_words_come() -> None:
    part = idle()
    told(part, ev.UserSpeechStarted(), 80_000)
    fired(part, "idle", LIMIT_MS - WARN_MS)
    assert notice(part) == "idle"
    deaf = idle({"user_transcripts": False})
    told(deaf, ev.UserSpeechStarted(), 80_000)
    fired(deaf, "idle", LIMIT_MS - WARN_MS)
    assert notice(deaf) == ""


def test_who_speaks_holds_a_key_or_waits_for_a_tool_is_not_idle() -> None:
    for attribute in ("key_held", "user_speaking"):
        part = idle({"user_transcripts": False})
        setattr(part.call, attribute, True)
        fired(part, "idle", LIMIT_MS - WARN_MS)
        assert notice(part) == "", attribute
    part = idle()
    part.call.ledger.sounding = True
    fired(part, "idle", LIMIT_MS - WARN_MS)
    assert notice(part) == ""
    part = idle()
    part.call.user_speaking = True
    fired(part, "idle", LIMIT_MS - WARN_MS)
    assert notice(part) == "idle", "where words come, a noise that does not end is none"


def test_zero_switches_it_off_and_a_call_that_is_over_stays_over() -> None:
    assert timer(idle(idle_seconds=0)) == []
    part = idle()
    part.call.state = State.ENDING
    assert fired(part, "idle", LIMIT_MS) is None and notice(part) == ""


def test_what_is_still_heard_after_the_end_sets_no_timer() -> None:
    part = idle()
    fired(part, "idle", LIMIT_MS - WARN_MS)
    part.end(LIMIT_MS, End(Trigger.HANG_UP))
    done(part)
    told(part, ev.PlaybackProgressed(item_id="r1", rendered_samples=1, queued_samples=0, underruns=0), LIMIT_MS + 10)
    assert timer(part) == []


def test_in_a_session_the_countdown_is_the_shorter_one_and_the_end_is_told() -> None:
    host = FakeHost(idle_seconds=60).go_live()
    host.wait("idle")
    assert host.view["notice"]["code"] == "idle" and host.view["ends_in_ms"] <= WARN_MS
    host.tell(ev.StillHere())
    assert not host.view["notice"] and host.view["ends_in_ms"] > WARN_MS
    host.wait("idle")
    host.wait("idle")
    assert host.view["state"] == "ending"
    host.hear("session.ended")
    assert (host.view["state"], host.view["notice"]["code"]) == ("ended", "idle_end")
