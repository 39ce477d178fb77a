"""Whose session is it after the line broke? The same one, or a new one that is told what was said."""

from __future__ import annotations

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.brokenlines import back, marks
from tests.support.fakewire import wire_host
from tests.support.playbook import FakeHost, of_type, sent_types, tone


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(greeting="Hello.").go_live()


# --- back into the same session ---------------------------------------------------------------------------------------


def test_a_dropped_line_is_mended_with_a_fresh_token_and_the_same_session(host: FakeHost) -> None:
    """Protocol file section 10: a new socket, a new token, `session.resume` first and no settings before it."""
    host.hear("transcript.user", item_id="m1", text="My name is Ada.")
    commands = host.drop()
    assert of_type(commands, cmd.StopCapture, cmd.CloseSocket, cmd.FlushPlayback) == []
    assert host.view["state"] == "dropped" and host.view["audio_wanted"] and host.view["can_hang_up"]
    assert host.view["can_type"]
    assert host.view["notice"]["code"] == "line_lost"
    assert of_type(host.wait("retry"), cmd.RequestToken)
    assert host.view["state"] == "resuming" and host.view["can_type"]
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


# --- a new session ----------------------------------------------------------------------------------------------------


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
    host.tell(ev.ReplyTranscribed(reply_id="r", text="Hello.", delta=False))
    host.drop()
    host.wait("retry")
    host.open_wire("sess_2")
    assert [message["type"] for message in host.sent] == ["opening"] and host.sent[0]["greeting"] == ""
    assert "ontext lost" in marks(host)[0]


def test_a_line_that_breaks_before_anything_was_said_costs_nobody_the_greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"greeting": "Hello."})
    host.drop()
    host.wait("retry")
    host.open_wire("sess_2")
    assert [message["greeting"] for message in host.sent] == ["Hello."]


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
