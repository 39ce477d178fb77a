"""What becomes of the microphone, of tools and of silence while the line is broken?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.tools import ToolRegistry
from tests.support.brokenlines import back
from tests.support.fakewire import WireHost, wire_host
from tests.support.playbook import FakeHost, of_type, sent_types
from tests.support.two_tools import call, finish, live, results, weather


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(greeting="Hello.").go_live()


# --- the microphone across the outage ---------------------------------------------------------------------------------


def frame(number: int) -> bytes:
    """40 ms that say their number."""
    return number.to_bytes(2, "little") + bytes(1_918)


def audio_sent(host: FakeHost) -> list[int]:
    return [message["first"] for message in host.sent if message["type"] == "audio"]


def test_speech_in_the_gap_is_kept_in_order_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 ms at 40 ms a frame are ten frames: the oldest are dropped, and nothing is sent twice."""
    host = wire_host(monkeypatch, {"outage_audio_ms": 400}, resume=True)
    host.drop()
    for number in range(25):
        host.tell(ev.AudioCaptured(pcm=frame(number)), after_ms=40)
    host.wait("retry")
    host.grant()
    host.opened()
    host.tell(ev.AudioCaptured(pcm=frame(25)))
    assert audio_sent(host) == []
    host.tell(ev.SessionReady(session_id="sess_1"))
    assert audio_sent(host) == list(range(16, 26))
    assert (host.stats["outage_frames_sent"], host.stats["outage_frames_dropped"]) == (10, 16)
    host.tell(ev.AudioCaptured(pcm=frame(26)))
    assert audio_sent(host)[-1] == 26
    host.drop()
    host.wait("retry")
    host.open_wire("sess_1")
    assert audio_sent(host)[-1] == 26, "an old outage is not sent again"


def test_without_a_buffer_nothing_of_the_gap_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"outage_audio_ms": 0})
    host.drop()
    host.tell(ev.AudioCaptured(pcm=frame(1)))
    host.wait("retry")
    host.open_wire("sess_2")
    assert audio_sent(host) == []


def test_what_is_said_while_muted_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch)
    host.tell(ev.MuteChanged(muted=True))
    host.drop()
    host.tell(ev.AudioCaptured(pcm=frame(1)))
    host.wait("retry")
    host.open_wire("sess_2")
    assert audio_sent(host) == []


# --- tools across the outage ------------------------------------------------------------------------------------------


def called_then_dropped(**config: Any) -> FakeHost:
    host = live(**config)
    host.hear("reply.started", reply_id="p")
    call(host)
    return host


def test_a_tool_that_returns_in_the_gap_answers_when_the_session_is_back() -> None:
    host = called_then_dropped()
    assert of_type(host.drop(), cmd.CancelTool) == []
    assert sent_types(finish(host)) == []
    assert sent_types(back(host)) == ["tool.result"]
    assert len(results(host)) == 1


def test_a_tool_that_returns_after_the_gap_answers_then() -> None:
    host = called_then_dropped()
    host.drop()
    back(host)
    assert sent_types(finish(host)) == ["tool.result"]


def test_a_new_session_knows_nothing_of_the_call_so_it_is_cancelled() -> None:
    host = called_then_dropped()
    host.drop()
    assert cmd.CancelTool(call_id="c1") in back(host, "sess_2")
    assert finish(host) == [] and results(host) == []
    assert host.turns("tool") == [("tool", 'weather(city="Oslo")', True, True)]


def test_giving_up_cancels_the_tools_and_what_comes_late_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, tools=ToolRegistry([weather]))
    host.tell(ev.ToolCalled(call_id="c1", name="weather", arguments={"city": "Oslo"}))
    host.drop()
    host.wait("retry")
    commands = host.tell(ev.TokenRefused(attempt=host.attempt, status=403))
    assert cmd.CancelTool(call_id="c1") in commands
    assert finish(host) == []


# --- the heartbeat ----------------------------------------------------------------------------------------------------


def test_a_server_that_says_nothing_is_asked_and_left_when_it_does_not_answer() -> None:
    """A browser reports a stalled socket never, and an unanswered close after 5 to 60 s: it is closed and forgotten."""
    host = FakeHost().go_live()
    assert host.timers["keepalive"] == host.now_ms + 15_000
    (probe,) = of_type(host.wait("keepalive"), cmd.SendMessage)
    assert isinstance(probe, cmd.SendMessage) and isinstance(probe.data, str)
    assert json.loads(probe.data) == {"type": "session.update", "session": {}}
    assert host.timers["keepalive"] == host.now_ms + 7_500
    assert host.view["state"] == "live"
    commands = host.wait("keepalive")
    assert cmd.CloseSocket(socket_id=1) in commands
    assert host.view["state"] == "dropped"
    assert host.tell(ev.SocketClosed(socket_id=1, code=1006), after_ms=100) == [], "the late close of the old socket"
    back(host)
    assert host.view["state"] == "live" and "keepalive" in host.timers


def test_an_answer_to_the_question_keeps_the_line() -> None:
    host = FakeHost().go_live()
    host.wait("keepalive")
    host.hear("session.updated", config={})
    assert sent_types(host.wait("keepalive")) == []
    assert host.view["state"] == "live"
    assert host.timers["keepalive"] - host.now_ms == 15_000 - 7_490


def test_any_message_counts_and_costs_no_command() -> None:
    host = FakeHost().go_live()
    for _ in range(14):
        assert host.hear("session.updated", after_ms=1_000, config={}) == []
    assert sent_types(host.wait("keepalive")) == []
    assert 13_000 <= host.timers["keepalive"] - host.now_ms <= 14_100


def test_a_page_that_was_asleep_asks_again_before_it_gives_up() -> None:
    """The answer may stand in the queue behind a timer that fired a minute late."""
    host = FakeHost().go_live()
    host.wait("keepalive")
    host.now_ms += 60_000
    assert sent_types(host.wait("keepalive")) == ["session.update"]
    assert host.view["state"] == "live"
    host.now_ms += 60_000
    host.wait("keepalive")
    assert host.view["state"] == "dropped", "once is forgiven"


def test_without_a_question_there_is_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "keepalive" not in wire_host(monkeypatch).timers
    assert "keepalive" in wire_host(monkeypatch, probes=True).timers


def test_the_last_words_of_an_old_line_are_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    host: WireHost = wire_host(monkeypatch, probes=True)
    host.wait("keepalive")
    host.tell(ev.MessageReceived(socket_id=99, data="{}"))
    host.wait("keepalive")
    assert host.view["state"] == "dropped"
