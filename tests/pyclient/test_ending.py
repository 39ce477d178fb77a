"""How does a session end, by hand and by the clock?"""

from __future__ import annotations

import pytest

from pyclient.connection.call_end import DRAIN_TIMEOUT_MS
from pyclient.connection.session_limit import CAP_GRACE_MS
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.playbook import FakeHost, sent_types

ACTIVE = ["minting", "connecting", "configuring", "live"]
OVER = ["idle", "ended", "failed"]


# --- ending -----------------------------------------------------------------------------------------------------------


def test_hanging_up_says_goodbye_and_waits_for_the_last_word() -> None:
    """Protocol file section 4.8: billing stops at once. The microphone stops before anything else."""
    host = FakeHost().go_live()
    host.speak_reply("r1")
    commands = host.tell(ev.HangUpRequested())
    assert commands[0] == cmd.StopCapture()
    assert cmd.FlushPlayback() in commands
    assert sent_types(commands) == ["session.end"]
    assert commands[-1] == cmd.SetTimer(name="end", delay_ms=3_000)
    assert host.view["state"] == "ending" and not host.view["audio_wanted"]
    assert set(host.timers) == {"end"}
    assert host.hear("session.ended", session_duration_seconds=1.0) == [
        cmd.CancelTimer(name="end"),
        cmd.CloseSocket(socket_id=1),
    ]
    assert host.view["state"] == "ended" and host.view["notice"] is None
    assert host.view["can_connect"]


def test_a_server_that_never_answers_the_goodbye_is_left_after_the_time_out() -> None:
    host = FakeHost(end_timeout_ms=500).reach("ending")
    assert host.wait("end") == [cmd.CloseSocket(socket_id=1)]
    assert host.view["state"] == "ended"


def test_a_close_while_hanging_up_is_as_good_as_the_last_word() -> None:
    host = FakeHost().reach("ending")
    assert host.tell(ev.SocketClosed(socket_id=1, code=1006)) == [cmd.CancelTimer(name="end")]
    assert host.view["state"] == "ended" and host.view["notice"] is None


def test_a_fault_while_hanging_up_is_not_told() -> None:
    host = FakeHost().reach("ending")
    host.hear("session.error", code="internal_error", message="m")
    assert host.tell(ev.CaptureFailed(kind="ended")) == [cmd.CancelTimer(name="end"), cmd.CloseSocket(socket_id=1)]
    assert host.view["state"] == "ended" and host.view["notice"] is None


def test_a_page_that_goes_away_says_goodbye_and_closes_in_one_breath() -> None:
    """Protocol file section 15.8: there is no time for an answer."""
    host = FakeHost().go_live()
    commands = host.tell(ev.HangUpRequested(page_gone=True))
    assert sent_types(commands) == ["session.end"]
    assert commands[-1] == cmd.CloseSocket(socket_id=1)
    assert host.view["state"] == "ended" and host.timers == {}


def test_a_page_that_goes_away_while_hanging_up_closes_at_once() -> None:
    host = FakeHost().reach("ending")
    assert host.tell(ev.HangUpRequested(page_gone=True)) == [cmd.CancelTimer(name="end"), cmd.CloseSocket(socket_id=1)]


@pytest.mark.parametrize("state", ["minting", "connecting"])
@pytest.mark.parametrize("page_gone", [False, True])
def test_hanging_up_before_there_is_a_session_just_ends(state: str, page_gone: bool) -> None:
    host = FakeHost().reach(state)
    commands = host.tell(ev.HangUpRequested(page_gone=page_gone))
    assert sent_types(commands) == []
    assert host.view["state"] == "ended" and host.open_sockets == set() and host.timers == {}
    assert host.grant() == [] and host.opened() == []


def test_hanging_up_while_the_server_gets_ready_is_polite_too() -> None:
    """The server counts, and bills, from the open socket on."""
    host = FakeHost().reach("configuring")
    assert sent_types(host.tell(ev.HangUpRequested())) == ["session.end"]
    assert host.view["state"] == "ending"


def test_when_the_server_ends_the_session_its_goodbye_is_heard_to_the_end() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    commands = host.hear("session.ended")
    assert cmd.StopCapture() in commands and cmd.FlushPlayback() not in commands
    assert host.view["state"] == "ended" and host.view["audio_wanted"]
    assert host.view["activity"] == "agent_speaking"
    assert host.view["notice"]["code"] == "server_ended"
    host.render("r1", 24_000)
    assert host.tell(ev.PlaybackDrained()) == [cmd.CancelTimer(name="drain")]
    assert not host.view["audio_wanted"] and host.view["activity"] == "none"


def test_a_goodbye_that_never_drains_is_cut_after_a_while() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    host.hear("session.ended")
    assert host.timers["drain"] == host.now_ms + DRAIN_TIMEOUT_MS
    assert host.wait("drain") == [cmd.FlushPlayback()]
    assert not host.view["audio_wanted"]


@pytest.mark.parametrize(
    "event", [ev.HangUpRequested(), ev.InterruptRequested(), ev.ConnectRequested(), ev.CaptureFailed(kind="denied")]
)
def test_a_goodbye_can_be_cut_short(event: ev.Event) -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    host.hear("session.ended")
    assert cmd.FlushPlayback() in host.tell(event)
    assert "drain" not in host.timers
    assert host.view["audio_wanted"] is isinstance(event, ev.ConnectRequested)


def test_a_goodbye_that_was_lowered_by_the_users_voice_comes_back_to_full_level() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    host.hear("input.speech.started")
    commands = host.hear("session.ended")
    assert cmd.SetPlaybackGain(gain=1.0, ramp_ms=120) in commands and cmd.FlushPlayback() not in commands


def test_a_server_that_ends_with_nothing_queued_leaves_no_microphone_open() -> None:
    host = FakeHost().go_live()
    host.hear("session.ended")
    assert not host.view["audio_wanted"] and host.timers == {}


# --- the time limit ---------------------------------------------------------------------------------------------------


def test_before_the_limit_the_agent_is_asked_to_wrap_up_and_at_the_limit_we_hang_up() -> None:
    """Protocol file section 13: the server gives no warning, and did not even enforce the limit."""
    host = FakeHost(max_session_duration_seconds=60, wrap_up_lead_seconds=10, wrap_up_instructions="Say goodbye.")
    host.reach("connecting")
    host.opened()
    opened_at = host.now_ms
    host.hear("session.ready", session_id="s")
    assert host.timers["wrap_up"] == opened_at + 50_000
    assert host.timers["cap"] == opened_at + 60_000 + CAP_GRACE_MS
    commands = host.wait("wrap_up")
    assert host.sent[-1] == {"type": "reply.create", "instructions": "Say goodbye."}
    assert sent_types(commands) == ["reply.create"]
    assert "10 seconds" in host.view["notice"]["title"] and host.view["ends_in_ms"] == 10_000
    assert sent_types(host.wait("cap")) == ["session.end"]
    assert host.view["state"] == "ending" and host.view["notice"]["code"] == "time_limit"


def test_the_shorter_of_the_two_limits_holds() -> None:
    """The token route may give less than was asked for."""
    host = FakeHost(max_session_duration_seconds=1800, wrap_up_lead_seconds=15)
    host.click()
    host.grant(max_session_s=60.0)
    host.opened()
    opened_at = host.now_ms
    host.hear("session.ready", session_id="s")
    assert host.timers["wrap_up"] == opened_at + 45_000


def test_without_a_lead_there_is_no_wrap_up() -> None:
    host = FakeHost(wrap_up_lead_seconds=0).go_live()
    assert set(host.timers) == {"cap", "idle", "keepalive"}


def test_a_wrap_up_waits_for_the_reply_that_is_being_made() -> None:
    """Two replies at once would talk over each other."""
    host = FakeHost().go_live()
    host.speak_reply("r1")
    assert sent_types(host.wait("wrap_up")) == []
    assert host.view["notice"]["code"] == "wrap_up"
    assert sent_types(host.hear("reply.done", reply_id="r1", status="completed")) == ["reply.create"]
    host.speak_reply("r2")
    assert sent_types(host.hear("reply.done", reply_id="r2", status="completed")) == [], "asked for once"


def test_a_wrap_up_waits_for_the_answer_to_a_user_who_is_speaking() -> None:
    host = FakeHost().go_live()
    host.hear("input.speech.started")
    assert sent_types(host.wait("wrap_up")) == []
    host.hear("input.speech.stopped")
    host.speak_reply("r1")
    assert sent_types(host.hear("reply.done", reply_id="r1")) == ["reply.create"]


def test_an_end_at_the_limit_is_called_the_limit() -> None:
    host = FakeHost(max_session_duration_seconds=60).go_live()
    host.hear("session.ended", after_ms=60_000)
    assert host.view["notice"]["code"] == "time_limit"


def test_an_expired_session_is_an_end_not_a_failure() -> None:
    """Protocol file section 6: some servers say it with an error."""
    host = FakeHost().go_live()
    host.hear("session.error", code="session_expired", message="limit")
    assert host.view["state"] == "ended" and host.view["notice"]["code"] == "time_limit"
