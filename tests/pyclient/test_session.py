"""Who gets to hear of what, and when the page is told."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from pyclient.codecs.assemblyai import AssemblyAICodec
from pyclient.config import ClientConfig
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.errors import LocalProtocolError
from pyclient.session import Session
from pyclient.turns.microphone import MUTED_TAIL_MS
from pyclient.turns.text_input import MAX_TYPED_CHARS
from pyclient.turns.turn_taking import THINKING_TIMEOUT_MS
from tests.support.playbook import FakeHost, sent_types, silence, tone


@pytest.fixture
def host() -> FakeHost:
    return FakeHost().go_live()


# --- one whole conversation -------------------------------------------------------------------------------------------


def test_a_conversation_with_greeting_question_answer_and_goodbye() -> None:
    """The story that the product is for, told once from beginning to end."""
    host = FakeHost(greeting="Hello there.").go_live()
    host.hear("reply.started", reply_id="g", item_id="m0")
    for word in ("Hello", "there", "."):
        host.hear("transcript.agent.delta", reply_id="g", item_id="m0", delta=word)
    host.hear_audio("g", tone(12_000))
    host.hear("transcript.agent", reply_id="g", item_id="m0", text="Hello there.", interrupted=False)
    host.hear("reply.done", reply_id="g", status="completed")
    host.render("g", 12_000)
    host.tell(ev.PlaybackDrained())
    assert host.view["status"] == "Listening"
    host.hear("input.speech.started")
    assert host.view["status"] == "Hearing you"
    host.hear("transcript.user.delta", item_id="m1", text="What is the wea")
    assert host.turns("user") == [("user", "What is the wea", False, False)]
    host.hear("transcript.user.delta", item_id="m1", text="What's the weather")
    host.hear("input.speech.stopped")
    assert host.view["status"] == "Thinking…"
    host.hear("transcript.user", item_id="m1", text="What's the weather?")
    host.hear("reply.started", reply_id="a", item_id="m2")
    host.hear("transcript.agent.delta", reply_id="a", item_id="m2", delta="It ", start_ms=32, end_ms=145)
    host.hear("transcript.agent.delta", reply_id="a", item_id="m2", delta="is ", start_ms=145, end_ms=200)
    host.hear("transcript.agent.delta", reply_id="a", item_id="m2", delta="sunny.", start_ms=200, end_ms=500)
    host.hear_audio("a", tone(24_000))
    host.render("a", 12_000)
    assert host.view["status"] == "Agent is speaking"
    host.hear("transcript.agent", reply_id="a", item_id="m2", text="It is sunny.", interrupted=False)
    host.hear("transcript.agent.delta", reply_id="a", item_id="m2", delta="late")
    host.hear("reply.done", reply_id="a", status="completed")
    host.render("a", 24_000)
    host.tell(ev.PlaybackDrained())
    assert host.turns() == [
        ("agent", "Hello there.", True, False),
        ("user", "What's the weather?", True, False),
        ("agent", "It is sunny.", True, False),
    ]
    assert [turn["heard_ms"] for turn in host.view["turns"]] == [500, None, 1000]
    host.tell(ev.HangUpRequested())
    host.hear("session.ended", session_duration_seconds=12.5)
    assert host.view["state"] == "ended"
    assert [message["type"] for message in host.sent] == ["session.update", "session.end"]


# --- when the page is told --------------------------------------------------------------------------------------------


def test_audio_alone_never_causes_a_view(host: FakeHost) -> None:
    """Forty frames a second must not become forty redraws."""
    host.speak_reply("r1", samples=240_000)
    shown = len(host.views)
    for number in range(20):
        host.tell(ev.AudioCaptured(pcm=tone(960)))
        host.hear_audio("r1", tone(240))
        host.render("r1", 12_000 + number * 1_200, queued=100, underruns=number)
    assert len(host.views) == shown
    assert host.stats["frames_sent"] == 20 and host.stats["underruns"] == 19


def test_what_changes_nothing_causes_no_view(host: FakeHost) -> None:
    host.hear("transcript.user.delta", item_id="m", text="Hello")
    shown = len(host.views)
    host.hear("transcript.user.delta", item_id="m", text="Hello")
    host.hear("session.updated", config={})
    host.hear("no.such.event")
    host.tell(ev.MuteChanged(muted=False))
    assert len(host.views) == shown


def test_the_first_view_can_be_had_before_any_event() -> None:
    view = Session(ClientConfig()).view()
    assert view["state"] == "idle" and view["can_connect"] and not view["audio_wanted"]
    assert json.loads(json.dumps(view)) == view


def test_the_countdown_to_the_limit_is_part_of_a_live_view_only(host: FakeHost) -> None:
    assert 1_790_000 < host.view["ends_in_ms"] <= 1_800_000
    host.tell(ev.HangUpRequested())
    assert host.view["ends_in_ms"] is None


def test_only_the_last_turns_are_on_the_page() -> None:
    host = FakeHost(max_turns=3).go_live()
    for number in range(10):
        host.hear("transcript.user", item_id=f"m{number}", text=str(number))
    assert [turn["text"] for turn in host.view["turns"]] == ["7", "8", "9"]


def test_an_object_that_is_no_event_is_a_programming_error(host: FakeHost) -> None:
    with pytest.raises(LocalProtocolError, match="str"):
        host.session.handle("hello", 0)  # type: ignore[arg-type]
    with pytest.raises(LocalProtocolError, match="Event"):
        host.session.handle(ev.Event(), 0)


# --- the microphone ---------------------------------------------------------------------------------------------------


def test_mute_sends_silence_for_a_while_then_nothing_and_says_so(host: FakeHost) -> None:
    """The server finds the end of a turn by hearing silence; the person's own sound never leaves the page."""
    assert host.tell(ev.MuteChanged(muted=True)) == [cmd.SetCaptureMuted(muted=True)]
    assert host.view["muted"] and "muted" in host.view["status"]
    (sent,) = host.tell(ev.AudioCaptured(pcm=tone(960)))
    assert isinstance(sent, cmd.SendMessage) and isinstance(sent.data, str)
    assert base64.b64decode(json.loads(sent.data)["audio"]) == silence(960)
    assert host.tell(ev.AudioCaptured(pcm=tone(960)), after_ms=MUTED_TAIL_MS) == []
    assert host.tell(ev.MuteChanged(muted=False)) == [cmd.SetCaptureMuted(muted=False)]
    (sent,) = host.tell(ev.AudioCaptured(pcm=tone(960)))
    assert isinstance(sent, cmd.SendMessage)
    assert base64.b64decode(json.loads(sent.data)["audio"]) == tone(960)
    assert (host.stats["frames_muted"], host.stats["frames_dropped"]) == (2, 0)


def test_mute_chosen_before_the_call_holds_in_the_call() -> None:
    host = FakeHost()
    host.tell(ev.MuteChanged(muted=True))
    assert cmd.SetCaptureMuted(muted=True) in host.click()


@pytest.mark.parametrize("pcm", [b"", b"\0", b"\0\0\0"])
def test_a_frame_that_is_no_audio_is_dropped_and_counted(host: FakeHost, pcm: bytes) -> None:
    assert host.tell(ev.AudioCaptured(pcm=pcm)) == []
    assert host.stats["frames_dropped"] == 1


# --- latency ----------------------------------------------------------------------------------------------------------


def test_the_wait_is_measured_from_the_last_loud_frame_to_the_first_audible_sample(host: FakeHost) -> None:
    """Leading silence of the reply counts as waiting, and progress that comes late is corrected by its sample count."""
    host.hear("input.speech.started")
    host.tell(ev.AudioCaptured(pcm=tone(960)))
    loud_at = host.now_ms
    host.tell(ev.AudioCaptured(pcm=silence(960)), after_ms=40)
    host.hear("input.speech.stopped", after_ms=900)
    commit_at = host.now_ms
    host.hear("reply.started", reply_id="r")
    host.hear_audio("r", silence(24_000) + tone(24_000))
    host.render("r", 24_000, after_ms=1_000)
    assert host.stats["speech_end_to_first_sound_ms"] is None, "nothing but silence was heard so far"
    host.render("r", 26_400, after_ms=100)
    heard_at = host.now_ms - 100
    assert host.stats["speech_end_to_first_sound_ms"] == heard_at - loud_at
    assert host.stats["commit_to_first_sound_ms"] == heard_at - commit_at
    host.render("r", 28_800)
    assert host.stats["commit_to_first_sound_ms"] == heard_at - commit_at, "measured once"


def test_what_waits_here_begins_when_audio_that_can_be_heard_came(host: FakeHost) -> None:
    host.speak_reply("old")
    host.tell(ev.InterruptRequested())
    host.hear("input.speech.started")
    host.hear("input.speech.stopped")
    host.hear_audio("old", tone(480))  # what an interrupted reply sends late is no answer
    host.hear("reply.started", reply_id="r", after_ms=300)
    host.hear_audio("r", silence(2_400))
    host.hear_audio("r", tone(2_400), after_ms=200)
    came_at = host.now_ms
    host.hear_audio("r", tone(2_400), after_ms=100)
    host.flushed()
    host.render("r", 2_401, after_ms=50)
    took_ms = host.now_ms - came_at
    assert host.stats["arrival_to_first_sound_ms"] == took_ms
    host.hear("input.speech.started")
    host.hear("input.speech.stopped", after_ms=500)
    assert host.stats["arrival_to_first_sound_ms"] == took_ms, "the last turn's, until the next is heard"


def test_a_round_trip_is_no_longer_than_the_quickest_answer(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.tell(ev.SocketOpened(socket_id=host.socket_id), after_ms=80)
    assert host.stats["round_trip_at_most_ms"] == 10, "that of the first socket"
    other = FakeHost()
    other.click()
    other.grant()
    assert other.stats["round_trip_at_most_ms"] is None
    other.tell(ev.SocketOpened(socket_id=other.socket_id), after_ms=80)
    assert other.stats["round_trip_at_most_ms"] == 80
    other.hear("session.ready", session_id="s", config={}, after_ms=60)
    assert other.stats["round_trip_at_most_ms"] == 60


def test_a_greeting_is_no_answer_and_is_not_measured(host: FakeHost) -> None:
    host.speak_reply("g")
    assert host.stats["speech_end_to_first_sound_ms"] is None
    assert host.stats["commit_to_first_sound_ms"] is None


# --- thinking ---------------------------------------------------------------------------------------------------------


def test_a_noise_that_nobody_answers_does_not_leave_the_page_thinking(host: FakeHost) -> None:
    host.hear("input.speech.started")
    assert host.hear("input.speech.stopped") == [cmd.SetTimer(name="thinking", delay_ms=THINKING_TIMEOUT_MS)]
    assert host.view["activity"] == "thinking"
    host.wait("thinking")
    assert host.view["activity"] == "listening"


def test_a_reply_that_fails_is_told_and_nothing_waits_for_it(host: FakeHost) -> None:
    """Protocol file section 5: only known from the schema."""
    host.hear("input.speech.started")
    host.hear("input.speech.stopped")
    host.hear("reply.started", reply_id="r")
    host.hear("reply.error", reply_id="r", code="provider", message="no model", retryable=True)
    assert host.view["notice"]["code"] == "fault_reply"
    assert host.view["activity"] == "listening" and host.view["state"] == "live"


def test_a_reply_that_fails_before_it_was_announced_ends_the_wait(host: FakeHost) -> None:
    host.hear("input.speech.stopped")
    host.hear("reply.error", code="provider", message="no model")
    assert host.view["activity"] == "listening" and "thinking" not in host.timers


# --- typing -----------------------------------------------------------------------------------------------------------


def test_a_typed_message_asks_for_an_answer_in_the_way_that_was_seen_to_work(host: FakeHost) -> None:
    """Protocol file section 4.5: the plain message is accepted and never reaches the model."""
    assert sent_types(host.tell(ev.TextSubmitted(text="  What time is it? "))) == [
        "conversation.message",
        "reply.create",
    ]
    assert host.sent[-2]["content"] == "What time is it?"
    assert host.sent[-1]["instructions"].endswith("What time is it?")
    assert host.turns() == [("user", "What time is it?", True, False)]
    assert host.view["activity"] == "thinking"


def test_typing_over_the_voice_stops_it(host: FakeHost) -> None:
    host.speak_reply("r1")
    commands = host.tell(ev.TextSubmitted(text="Stop that"))
    assert commands[0] == cmd.FlushPlayback()


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_message_is_left_alone(host: FakeHost, text: str) -> None:
    assert host.tell(ev.TextSubmitted(text=text)) == []


def test_a_message_that_is_too_long_is_refused_in_words_and_not_cut(host: FakeHost) -> None:
    assert host.tell(ev.TextSubmitted(text="x" * (MAX_TYPED_CHARS + 1))) == []
    assert host.view["notice"]["code"] == "text_too_long"
    assert sent_types(host.tell(ev.TextSubmitted(text="x" * MAX_TYPED_CHARS)))


@pytest.mark.parametrize("state", ["idle", "minting", "configuring", "ending", "ended", "failed"])
def test_typing_outside_a_call_sends_nothing(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(ev.TextSubmitted(text="hello")) == []


# --- settings in mid-session ------------------------------------------------------------------------------------------


def test_what_can_change_in_a_call_is_sent_and_what_cannot_is_named(host: FakeHost) -> None:
    """Protocol file section 4.1: volume is the exception of `output`. An immutable field is never sent again."""
    host.tell(ev.SettingsChanged(system_prompt="Sing.", volume=40, turn_detection={"min_silence": 600}))
    assert host.sent[-1] == {
        "type": "session.update",
        "session": {
            "system_prompt": "Sing.",
            "input": {"turn_detection": {"min_silence": 600}},
            "output": {"volume": 40},
        },
    }
    before = host.view["notice"]
    assert before is None
    assert host.tell(ev.SettingsChanged(voice="eve", greeting="Ahoy.")) == []
    assert host.view["notice"]["title"] == "The new voice and greeting takes effect next call"


def test_a_setting_that_cannot_be_is_refused_in_words_and_changes_nothing(host: FakeHost) -> None:
    for event in (ev.SettingsChanged(volume=400), ev.SettingsChanged(turn_detection={"min_silnce": 1})):
        assert host.tell(event) == []
        assert host.view["notice"]["code"] == "bad_setting"
    assert host.view["state"] == "live"


@pytest.mark.parametrize("state", ["idle", "ending", "ended", "failed"])
def test_settings_changed_outside_a_call_send_nothing(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(ev.SettingsChanged(system_prompt="Sing.")) == []


# --- bad messages -----------------------------------------------------------------------------------------------------


def test_a_bad_message_is_counted_named_in_the_log_and_the_call_goes_on(host: FakeHost) -> None:
    bad = ["[" * 6_000, "{", '{"type":"reply.audio"}', '{"type":"reply.audio","data":"AAAA"}', '{"type":"x","n":1e999}']
    for data in bad:
        assert host.tell(ev.MessageReceived(socket_id=1, data=data)) == []
    host.tell(ev.MessageReceived(socket_id=1, data=b"\0\1"))
    assert host.stats["rejected_messages"] == 6
    told = [text for direction, text in host.logs if direction == "!"]
    assert len(told) == 6 and "deeper" in told[0] and "reply.audio" in told[2]
    assert sent_types(host.tell(ev.AudioCaptured(pcm=tone(960)))) == ["input.audio"]


def test_a_flood_of_bad_messages_is_no_flood_of_log_lines(host: FakeHost) -> None:
    before = len(host.logs)
    for _ in range(500):
        host.tell(ev.MessageReceived(socket_id=1, data="{"))
        host.hear("no.such.event")
    assert host.stats["rejected_messages"] == 500 and host.stats["ignored_messages"] == 500
    assert len(host.logs) - before == 40


def test_a_transcript_never_enters_the_log(host: FakeHost) -> None:
    host.hear("transcript.user", item_id="m", text="my secret")
    host.hear("transcript.agent", reply_id="r", text="my secret")
    host.tell(ev.TextSubmitted(text="my secret"))
    assert not any("secret" in text for _, text in host.logs)


def test_what_the_server_says_too_early_or_too_late_is_left_alone() -> None:
    early = FakeHost().reach("configuring")
    assert early.hear("reply.started", reply_id="r") == []
    assert early.hear_audio("r", tone(240)) == []
    late = FakeHost().reach("ending")
    assert late.hear_audio("r", tone(240)) == []
    assert late.hear("tool.call", call_id="c", name="x", arguments={}) == []
    late.hear("transcript.user", item_id="m", text="Goodbye")
    assert late.turns() == [("user", "Goodbye", True, False)]


def test_a_normal_event_told_outside_its_state_is_harmless() -> None:
    """A host that mixes up its order must not make an idle session speak."""
    host = FakeHost()
    assert host.tell(ev.ReplyAudio(reply_id="r", pcm=tone(240))) == []
    assert host.tell(ev.SessionReady(session_id="s")) == []
    assert host.tell(ev.SessionFaulted(kind="server", code="c", message="m", closes=True)) == []
    assert host.view["state"] == "idle"


def test_the_undocumented_cancel_is_a_feature_that_is_off(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protocol file section 4.6. Switched on it names the reply."""
    host.speak_reply("r1")
    assert sent_types(host.tell(ev.InterruptRequested())) == []
    monkeypatch.setattr(AssemblyAICodec, "features", replace(AssemblyAICodec.features, reply_cancel=True))
    host.hear("reply.done", reply_id="r1")
    host.speak_reply("r2")
    assert sent_types(host.tell(ev.InterruptRequested())) == ["reply.cancel"]
    assert host.sent[-1]["reply_id"] == "r2"


def test_a_burst_of_a_whole_minute_is_all_queued(host: FakeHost) -> None:
    """Protocol file section 7: replies may arrive far faster than they play."""
    host.hear("reply.started", reply_id="r")
    chunk = tone(24_000)
    commands = [command for _ in range(60) for command in host.hear_audio("r", chunk, after_ms=1)]
    assert sum(len(command.pcm) for command in commands if isinstance(command, cmd.PlayAudio)) == 60 * 48_000
    assert host.stats["queued_ms"] == 60_000 and host.stats["late_audio_dropped"] == 0
