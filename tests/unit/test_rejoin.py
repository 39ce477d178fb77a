"""How a session comes back after its line broke."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyclient import commands as cmd
from pyclient import events as ev
from pyclient.config import ClientConfig
from pyclient.reconnect import DELAYS_MS, STABLE_MS
from pyclient.session import Session
from pyclient.tools import ToolRegistry
from tests.unit.fakewire import FakeWire, WireHost, wire_host
from tests.unit.playbook import FakeHost, of_type, sent_types, tone
from tests.unit.test_toolcalls import call, finish, live, results, weather


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(greeting="Hello.").go_live()


def back(host: FakeHost, session_id: str = "sess_1") -> list[cmd.Command]:
    """From a dropped line to the server's ready."""
    host.wait("retry")
    host.grant()
    host.opened()
    return host.hear("session.ready", session_id=session_id)


def marks(host: FakeHost) -> list[str]:
    return [turn["text"] for turn in host.view["turns"] if turn["role"] == "mark"]


# --- back into the same session ----------------------------------------------------------------------------------------------


def test_a_dropped_line_is_mended_with_a_fresh_token_and_the_same_session(host: FakeHost) -> None:
    """Protocol file section 10: a new socket, a new token, `session.resume` first and no settings before it."""
    host.hear("transcript.user", item_id="m1", text="My name is Ada.")
    commands = host.drop()
    assert of_type(commands, cmd.StopCapture, cmd.CloseSocket, cmd.FlushPlayback) == []
    assert host.view["state"] == "dropped" and host.view["audio_wanted"] and host.view["can_hang_up"]
    assert host.view["notice"]["code"] == "line_lost"
    assert of_type(host.wait("retry"), cmd.RequestToken)
    assert host.view["state"] == "resuming"
    (opened,) = of_type(host.grant(token="second"), cmd.OpenSocket)
    assert isinstance(opened, cmd.OpenSocket) and opened.socket_id == 2 and "second" in opened.url
    host.opened()
    assert host.sent[1:] == [{"type": "session.resume", "session_id": "sess_1"}]
    host.hear("session.ready", session_id="sess_1")
    assert host.view["state"] == "live" and host.view["session_id"] == "sess_1"
    assert host.view["notice"] is None and marks(host) == []
    assert host.turns("user") == [("user", "My name is Ada.", True, False)]
    assert host.stats["reconnects"] == 1
    assert sent_types(host.tell(ev.AudioCaptured(pcm=tone(960)))) == ["input.audio"]


def test_words_before_and_after_the_gap_are_neither_lost_nor_doubled(host: FakeHost) -> None:
    """A server may say once more what it had said when the line broke."""
    host.hear("transcript.user.delta", item_id="m1", text="What is")
    host.drop()
    back(host)
    host.hear("transcript.user", item_id="m1", text="What is the weather?")
    host.hear("transcript.user", item_id="m1", text="What is the weather?")
    host.hear("reply.started", reply_id="r1")
    assert host.turns() == [("user", "What is the weather?", True, False)]


def test_a_reply_that_was_cut_ends_as_it_stands_and_what_is_queued_plays_on(host: FakeHost) -> None:
    host.speak_reply("r1", text="Once upon")
    commands = host.drop()
    assert of_type(commands, cmd.FlushPlayback) == []
    assert host.turns("agent") == [("agent", "Once upon", True, False)]
    assert host.view["activity"] == "agent_speaking" and host.view["can_interrupt"]
    host.render("r1", 24_000)
    host.tell(ev.PlaybackDrained())
    assert host.view["activity"] == "none"


def test_a_reply_that_goes_on_after_the_gap_is_taken_up_again(host: FakeHost) -> None:
    host.speak_reply("r1", text="Once upon")
    host.drop()
    back(host)
    host.hear("transcript.agent.delta", reply_id="r1", delta="a time")
    assert host.turns("agent")[0][1] == "Once upon a time"
    assert of_type(host.hear_audio("r1", tone(240)), cmd.PlayAudio)
    host.hear("transcript.agent", reply_id="r1", text="Once upon a time.")
    host.hear("reply.done", reply_id="r1")
    assert host.turns("agent") == [("agent", "Once upon a time.", True, False)]


def test_a_voice_that_was_lowered_when_the_line_broke_comes_back(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("input.speech.started")
    assert cmd.SetPlaybackGain(gain=1.0, ramp_ms=120) in host.drop()
    assert "verdict" not in host.timers


def test_the_stop_button_works_while_the_line_is_down(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.drop()
    commands = host.tell(ev.InterruptRequested())
    assert commands == [cmd.FlushPlayback()]


def test_the_time_limit_goes_on_through_the_gap() -> None:
    host = FakeHost(max_session_duration_seconds=60).go_live()
    due = host.timers["cap"]
    host.drop()
    back(host)
    assert host.timers["cap"] == due and host.view["ends_in_ms"] < 60_000


def test_a_wrap_up_that_falls_into_the_gap_is_asked_for_afterwards() -> None:
    host = FakeHost().go_live()
    host.drop()
    assert sent_types(host.wait("wrap_up")) == []
    assert "reply.create" in sent_types(back(host))


def test_the_time_limit_ends_a_call_whose_line_is_down() -> None:
    host = FakeHost().go_live()
    host.drop()
    host.wait("cap")
    assert host.view["state"] == "ended" and host.view["notice"]["code"] == "time_limit"


# --- a new session -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["session_not_found", "session_forbidden", "session_expired"])
def test_a_refused_resume_becomes_a_new_session_at_once_and_is_marked(host: FakeHost, code: str) -> None:
    """Protocol file section 6. No second greeting; the transcript says plainly where the agent forgot."""
    host.hear("transcript.user", item_id="m1", text="My name is Ada.")
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    commands = host.hear("session.error", code=code, message="no")
    assert cmd.CloseSocket(socket_id=2) in commands
    assert cmd.SetTimer(name="retry", delay_ms=0) in commands
    host.wait("retry")
    host.grant()
    host.opened()
    assert host.sent[-1] == {"type": "session.update", "session": {"system_prompt": ""}}
    host.hear("session.ready", session_id="sess_2")
    assert host.view["session_id"] == "sess_2" and host.tokens_asked == 3
    assert len(marks(host)) == 1 and "ontext lost" in marks(host)[0]
    assert host.view["notice"]["code"] == "context_lost"


def test_a_resume_refused_without_an_event_becomes_a_new_session(host: FakeHost) -> None:
    """A browser may not see the event, only the close."""
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.drop(1008)
    back(host, "sess_2")
    assert [message["type"] for message in host.sent[1:]] == ["session.resume", "session.update"]


def test_a_ready_of_another_session_is_not_taken_for_a_resumed_one(host: FakeHost) -> None:
    host.drop()
    back(host, "sess_other")
    assert len(marks(host)) == 1 and host.view["session_id"] == "sess_other"


def test_after_the_window_a_new_session_is_asked_for(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.now_ms += 30_000
    host.timers["open"] = host.now_ms + 1
    host.opened()
    assert host.sent[-1]["type"] == "session.update"


def test_the_ids_of_the_new_session_do_not_meddle_with_those_of_the_old(host: FakeHost) -> None:
    """A server may count from the beginning again."""
    host.hear("transcript.user", item_id="m1", text="Old.")
    host.speak_reply("r1", text="Old words")
    host.tell(ev.InterruptRequested())
    host.hear("tool.call", call_id="c1", name="weather", arguments={})
    host.drop()
    back(host, "sess_2")
    host.hear("transcript.user", item_id="m1", text="New.")
    host.hear("reply.started", reply_id="r1")
    assert of_type(host.hear_audio("r1", tone(240)), cmd.PlayAudio), "the old r1 was interrupted, this one is not"
    host.hear("transcript.agent", reply_id="r1", text="New words")
    host.hear("tool.call", call_id="c1", name="weather", arguments={})
    said = [(turn["role"], turn["text"]) for turn in host.view["turns"] if turn["role"] in ("user", "agent")]
    assert said == [("user", "Old."), ("agent", "Old words"), ("user", "New."), ("agent", "New words")]
    assert len(host.turns("tool")) == 2


def test_a_vendor_with_history_is_told_what_was_said_before_any_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"greeting": "Hello."}, history=True)
    host.tell(ev.UserTranscribed(item_id="u", text="My name is Ada.", final=True))
    host.tell(ev.ReplyTranscribed(reply_id="r", text="Hello Ada.", delta=False))
    host.drop()
    host.tell(ev.AudioCaptured(pcm=tone(960)))
    host.wait("retry")
    host.open_wire("sess_2")
    opening, history, audio = host.sent
    assert (opening["type"], opening["greeting"]) == ("opening", "")
    assert history["turns"] == [["user", "My name is Ada."], ["agent", "Hello Ada."]]
    assert audio["type"] == "audio"
    assert len(marks(host)) == 1 and "was told" in marks(host)[0]
    assert host.view["notice"] is None


def test_a_vendor_that_remembers_nothing_gets_a_new_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"greeting": "Hello."})
    host.drop()
    host.wait("retry")
    host.open_wire("sess_2")
    assert [message["type"] for message in host.sent] == ["opening"] and host.sent[0]["greeting"] == ""
    assert "ontext lost" in marks(host)[0]


def test_settings_changed_while_the_line_is_down_are_not_lost(monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> None:
    host.drop()
    host.tell(ev.SettingsChanged(system_prompt="Sing."))
    assert "session.update" in sent_types(back(host)), "the same session is told of them"
    fresh = wire_host(monkeypatch)
    fresh.drop()
    fresh.tell(ev.SettingsChanged(system_prompt="Sing."))
    fresh.wait("retry")
    fresh.open_wire("sess_2")
    assert [(one["type"], one.get("prompt")) for one in fresh.sent] == [("opening", "Sing.")], (
        "a new one begins with them"
    )


# --- trying again ------------------------------------------------------------------------------------------------------------


def attempt_fails(host: FakeHost) -> None:
    """1006 before ready means unknown: a new token, and again."""
    host.wait("retry")
    host.grant()
    host.drop()


def test_every_attempt_asks_for_a_fresh_token_on_the_agreed_schedule_and_then_it_is_given_up(host: FakeHost) -> None:
    delays = []
    host.drop()
    for _ in DELAYS_MS:
        delays.append(host.timers["retry"] - host.now_ms)
        attempt_fails(host)
    assert delays == [250, 300, 1_200, 2_700, 4_800, 7_000, 7_000, 7_000, 7_000, 7_000]
    assert host.tokens_asked == 1 + len(DELAYS_MS)
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "reconnect_failed"
    assert host.view["notice"]["retry"] and host.view["can_connect"]
    assert host.timers == {} and host.open_sockets == set()


def test_the_jitter_is_the_hosts() -> None:
    draws = iter([0.0, 1.0])
    host = FakeHost().go_live()
    host.session = Session(ClientConfig(), jitter=lambda: next(draws))
    host.attempt = 0
    host.go_live()
    host.drop()
    assert host.timers["retry"] == host.now_ms
    attempt_fails(host)
    assert host.timers["retry"] - host.now_ms == 450


def test_a_line_that_breaks_again_soon_goes_on_counting_and_one_that_holds_begins_anew(host: FakeHost) -> None:
    host.drop()
    attempt_fails(host)
    back(host)
    host.drop(after_ms=STABLE_MS - 1_000)
    assert host.timers["retry"] - host.now_ms == 1_200
    back(host)
    host.drop(after_ms=STABLE_MS)
    assert host.timers["retry"] - host.now_ms == 250


@pytest.mark.parametrize("timer", ["token", "open", "ready"])
def test_whoever_does_not_answer_an_attempt_is_left_and_tried_again(host: FakeHost, timer: str) -> None:
    host.drop()
    host.wait("retry")
    if timer != "token":
        host.grant()
    if timer == "ready":
        host.opened()
    commands = host.wait(timer)
    assert host.view["state"] == "dropped" and "retry" in host.timers
    assert of_type(commands, cmd.CloseSocket) == ([cmd.CloseSocket(socket_id=2)] if timer != "token" else [])


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_a_token_route_in_trouble_is_asked_again(host: FakeHost, status: int) -> None:
    host.drop()
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=status))
    assert host.view["state"] == "dropped" and host.timers["retry"] - host.now_ms == 300


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_token_route_that_refuses_ends_it_and_says_why(host: FakeHost, status: int) -> None:
    host.drop()
    host.wait("retry")
    commands = host.tell(ev.TokenRefused(attempt=host.attempt, status=status))
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == f"token_{status}"
    assert cmd.StopCapture() in commands and host.timers == {}


def test_the_patience_that_the_server_asks_for_is_kept_and_too_much_is_not(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=429, retry_after_s=20))
    assert host.timers["retry"] - host.now_ms == 20_000
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=429, retry_after_s=3_600))
    assert host.view["state"] == "failed"


def test_answers_to_an_older_attempt_are_ignored(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    old = host.attempt
    host.wait("token")
    host.wait("retry")
    assert host.grant(attempt=old) == []
    assert host.tell(ev.TokenRefused(attempt=old, status=403)) == []
    assert host.view["state"] == "resuming"


# --- what no attempt can mend -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["unauthorized", "FORBIDDEN", "server_error"])
def test_a_fault_that_closes_a_live_session_ends_it_and_the_close_behind_it_changes_nothing(
    host: FakeHost, code: str
) -> None:
    host.hear("session.error", code=code, message="Nope")
    host.drop(1006)
    assert host.view["state"] == "failed" and "Nope" in host.view["notice"]["hint"]
    assert host.timers == {}


def test_codes_that_are_our_own_fault_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDK voice protocol file, section 6: 4001 and 4002 are not retried."""
    host = wire_host(monkeypatch)
    host.drop(4001)
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "closed_4001"


def test_a_refused_token_gets_one_more_and_not_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDK voice protocol file, section 6: 4003 is tried once more with a fresh token."""
    host = wire_host(monkeypatch)
    host.drop(4500)
    for _ in range(2):
        assert host.view["state"] == "dropped"
        host.wait("retry")
        host.grant()
        host.drop(4003)
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "closed_4003"


@pytest.mark.parametrize(
    ("code", "state"), [("forbidden", "failed"), ("at_capacity", "dropped"), ("server_error", "dropped")]
)
def test_a_refusal_of_an_attempt_ends_it_or_waits(host: FakeHost, code: str, state: str) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.error", code=code, message="m")
    assert host.view["state"] == state


def test_a_resume_that_is_not_understood_is_not_asked_for_again(host: FakeHost) -> None:
    """Protocol file section 6: `invalid_format` leaves the socket open and silent."""
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.error", code="invalid_format", message="m")
    host.wait("ready")
    host.wait("retry")
    host.grant()
    host.opened()
    assert host.sent[-1]["type"] == "session.update"


def test_the_server_may_end_the_session_when_we_come_back(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.ended")
    assert host.view["state"] == "ended" and host.open_sockets == set()


@pytest.mark.parametrize("event", [ev.SessionReady(session_id="s"), ev.SessionEnded()])
def test_a_server_without_an_open_socket_says_nothing(event: ev.Event) -> None:
    """A host that mixes up its order must not make a session live that has no line."""
    host = FakeHost().reach("resuming")
    assert host.tell(event) == []
    assert host.view["state"] == "resuming"


def test_a_normal_close_is_an_end(host: FakeHost) -> None:
    host.drop(1000)
    assert host.view["state"] == "ended" and "retry" not in host.timers


# --- hanging up ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_gone", [False, True])
@pytest.mark.parametrize("stage", ["dropped", "token", "socket"])
def test_hanging_up_without_a_line_just_ends(host: FakeHost, stage: str, page_gone: bool) -> None:
    host.drop()
    if stage != "dropped":
        host.wait("retry")
    if stage == "socket":
        host.grant()
    commands = host.tell(ev.HangUpRequested(page_gone=page_gone))
    assert cmd.StopCapture() in commands and sent_types(commands) == []
    assert host.view["state"] == "ended" and host.view["notice"] is None
    assert host.timers == {} and host.open_sockets == set()
    assert host.grant() == []


def test_hanging_up_on_a_new_line_says_goodbye(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    assert sent_types(host.tell(ev.HangUpRequested())) == ["session.end"]
    assert host.view["state"] == "ending"


def test_a_vendor_without_a_goodbye_is_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For some, closing the socket is the goodbye, and nothing would answer."""
    host = wire_host(monkeypatch)
    monkeypatch.setattr(FakeWire, "end", lambda self: [])
    assert cmd.CloseSocket(socket_id=1) in host.tell(ev.HangUpRequested())
    assert host.view["state"] == "ended" and host.timers == {}


@pytest.mark.parametrize("state", ["dropped", "resuming"])
def test_a_microphone_that_goes_away_meanwhile_ends_it(state: str) -> None:
    host = FakeHost().reach(state)
    host.tell(ev.CaptureFailed(kind="ended"))
    assert host.view["state"] == "failed" and host.timers == {}


@pytest.mark.parametrize("state", ["dropped", "resuming"])
def test_typing_without_a_line_is_told_as_not_sent(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(ev.TextSubmitted(text="hello")) == []
    assert host.view["notice"]["code"] == "not_sent_line_lost" and host.turns() == []


def test_the_next_call_begins_with_a_greeting_and_a_clean_slate(host: FakeHost) -> None:
    host.drop()
    back(host, "sess_2")
    host.tell(ev.HangUpRequested())
    host.hear("session.ended")
    host.go_live()
    assert host.sent[-1]["session"]["greeting"] == "Hello."
    assert host.view["turns"] == [] and host.stats["reconnects"] == 0


# --- the microphone across the gap ---------------------------------------------------------------------------------------------


def frame(number: int) -> bytes:
    """40 ms that say their number."""
    return number.to_bytes(2, "little") + bytes(1_918)


def audio_sent(host: FakeHost) -> list[int]:
    return [message["first"] for message in host.sent if message["type"] == "audio"]


def test_speech_in_the_gap_is_kept_in_order_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 ms at 40 ms a frame are ten frames: the oldest are dropped, and nothing is sent twice."""
    host = wire_host(monkeypatch, {"gap_audio_ms": 400}, resume=True)
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
    assert (host.stats["gap_frames_sent"], host.stats["gap_frames_dropped"]) == (10, 16)
    host.tell(ev.AudioCaptured(pcm=frame(26)))
    assert audio_sent(host)[-1] == 26
    host.drop()
    host.wait("retry")
    host.open_wire("sess_1")
    assert audio_sent(host)[-1] == 26, "an old gap is not sent again"


def test_without_a_buffer_nothing_of_the_gap_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"gap_audio_ms": 0})
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


# --- tools across the gap --------------------------------------------------------------------------------------------------------


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


# --- the heartbeat -----------------------------------------------------------------------------------------------------------------


def test_a_server_that_says_nothing_is_asked_and_left_when_it_does_not_answer() -> None:
    """A browser reports a stalled socket never, and an unanswered close after 5 to 60 s: it is closed and forgotten."""
    host = FakeHost().go_live()
    assert host.timers["heartbeat"] == host.now_ms + 15_000
    (probe,) = of_type(host.wait("heartbeat"), cmd.SendMessage)
    assert isinstance(probe, cmd.SendMessage) and isinstance(probe.data, str)
    assert json.loads(probe.data) == {"type": "session.update", "session": {}}
    assert host.timers["heartbeat"] == host.now_ms + 7_500
    assert host.view["state"] == "live"
    commands = host.wait("heartbeat")
    assert cmd.CloseSocket(socket_id=1) in commands
    assert host.view["state"] == "dropped"
    assert host.tell(ev.SocketClosed(socket_id=1, code=1006), after_ms=100) == [], "the late close of the old socket"
    back(host)
    assert host.view["state"] == "live" and "heartbeat" in host.timers


def test_an_answer_to_the_question_keeps_the_line() -> None:
    host = FakeHost().go_live()
    host.wait("heartbeat")
    host.hear("session.updated", config={})
    assert sent_types(host.wait("heartbeat")) == []
    assert host.view["state"] == "live"
    assert host.timers["heartbeat"] - host.now_ms == 15_000 - 7_490


def test_any_message_counts_and_costs_no_command() -> None:
    host = FakeHost().go_live()
    for _ in range(14):
        assert host.hear("session.updated", after_ms=1_000, config={}) == []
    assert sent_types(host.wait("heartbeat")) == []
    assert 13_000 <= host.timers["heartbeat"] - host.now_ms <= 14_100


def test_a_page_that_was_asleep_asks_again_before_it_gives_up() -> None:
    """The answer may stand in the queue behind a timer that fired a minute late."""
    host = FakeHost().go_live()
    host.wait("heartbeat")
    host.now_ms += 60_000
    assert sent_types(host.wait("heartbeat")) == ["session.update"]
    assert host.view["state"] == "live"
    host.now_ms += 60_000
    host.wait("heartbeat")
    assert host.view["state"] == "dropped", "once is forgiven"


def test_without_a_question_there_is_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "heartbeat" not in wire_host(monkeypatch).timers
    assert "heartbeat" in wire_host(monkeypatch, probes=True).timers


def test_the_last_words_of_an_old_line_are_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    host: WireHost = wire_host(monkeypatch, probes=True)
    host.wait("heartbeat")
    host.tell(ev.MessageReceived(socket_id=99, data="{}"))
    host.wait("heartbeat")
    assert host.view["state"] == "dropped"
