"""Barge-in, in every order, under every policy."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.audio.reply_log import MAX_REPLIES
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import Trigger
from pyclient.part import End
from pyclient.tools import ToolRegistry
from pyclient.turns import playback_order
from pyclient.turns.barge_in import BargeIn
from tests.support.brokenlines import back
from tests.support.fakewire import wire_host
from tests.support.parts import call_in, done, fired, sent, told
from tests.support.playbook import FakeHost, of_type, silence, tone
from tests.support.two_tools import weather

DUCK = cmd.SetPlaybackGain(gain=0.2, ramp_ms=15)
RESTORE = cmd.SetPlaybackGain(gain=1.0, ramp_ms=120)
FULL = cmd.SetPlaybackGain(gain=1.0, ramp_ms=0)
FLUSH = cmd.FlushPlayback()


@pytest.fixture
def host() -> FakeHost:
    return FakeHost().go_live()


# --- duck, then decide ------------------------------------------------------------------------------------------------


def test_speech_over_a_reply_lowers_the_voice_and_waits_for_the_verdict(host: FakeHost) -> None:
    """The sign may be an "uh-huh" that the server means to talk over."""
    host.speak_reply("r1")
    assert host.hear("input.speech.started") == [DUCK, cmd.SetTimer(name="verdict", delay_ms=2_500)]
    assert host.view["activity"] == "user_speaking"
    assert host.stats["ducks"] == 1


def test_an_interruption_after_the_speech_flushes_once_and_the_level_is_full_again(host: FakeHost) -> None:
    """Order A: speech, words, done. The second verdict finds nothing left to do."""
    host.speak_reply("r1", text="Once upon a time")
    host.hear("input.speech.started")
    assert host.hear("transcript.agent", reply_id="r1", text="Once upon", interrupted=True) == [
        FLUSH,
        cmd.CancelTimer(name="verdict"),
        FULL,
    ]
    assert host.hear("reply.done", reply_id="r1", status="interrupted") == []
    assert host.turns("agent") == [("agent", "Once upon", True, True)]
    assert host.stats["interruptions"] == 1


def test_an_interruption_before_the_speech_flushes_and_the_speech_finds_nothing_to_lower(host: FakeHost) -> None:
    """Order B: done, words, speech."""
    host.speak_reply("r1", text="Once upon a time")
    assert host.hear("reply.done", reply_id="r1", status="interrupted") == [FLUSH]
    assert host.hear("transcript.agent", reply_id="r1", text="Once upon", interrupted=True) == []
    assert host.hear("input.speech.started") == []
    assert host.turns("agent") == [("agent", "Once upon", True, True)]
    assert host.stats["interruptions"] == 1


def test_an_uh_huh_loses_nothing(host: FakeHost) -> None:
    """The user stops, the reply goes on: the voice comes back and not one sample was dropped."""
    host.speak_reply("r1")
    host.hear("input.speech.started")
    commands = host.hear("input.speech.stopped")
    assert commands[:2] == [cmd.CancelTimer(name="verdict"), RESTORE]
    assert of_type(host.hear_audio("r1", tone(2_400)), cmd.PlayAudio)
    assert host.stats["late_audio_dropped"] == 0 and host.stats["interruptions"] == 0


def test_a_verdict_that_does_not_come_brings_the_voice_back(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("input.speech.started")
    assert host.wait("verdict") == [RESTORE]
    assert of_type(host.hear("input.speech.stopped"), cmd.SetPlaybackGain) == []


def test_a_verdict_after_the_time_out_still_counts(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("input.speech.started")
    host.wait("verdict")
    assert host.hear("reply.done", reply_id="r1", status="interrupted") == [FLUSH]


def test_speech_reported_twice_lowers_once(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("input.speech.started")
    assert host.hear("input.speech.started") == []


def test_speech_over_a_reply_that_is_already_made_flushes_at_once(host: FakeHost) -> None:
    """A whole reply may arrive in one burst; once the server has finished it no verdict can come."""
    host.speak_reply("r1", text="Once upon a time")
    host.hear("reply.done", reply_id="r1", status="completed")
    assert host.hear("input.speech.started") == [FLUSH]
    assert host.turns("agent") == [("agent", "Once upon a time", True, True)]
    assert host.stats["interruptions"] == 1


def test_a_reply_that_is_finished_while_the_user_speaks_is_flushed_then(host: FakeHost) -> None:
    """The same reasoning, in the other order."""
    host.speak_reply("r1")
    host.hear("input.speech.started")
    assert host.hear("reply.done", reply_id="r1", status="completed") == [
        FLUSH,
        cmd.CancelTimer(name="verdict"),
        FULL,
    ]
    assert host.stats["interruptions"] == 1


def test_speech_while_nothing_sounds_does_nothing(host: FakeHost) -> None:
    """It also fires for a back-channel while the agent is silent (protocol file section 15.5)."""
    assert host.hear("input.speech.started") == []
    host.hear("input.speech.stopped")
    host.speak_reply("r1")
    host.hear("reply.done", reply_id="r1")
    host.render("r1", 24_000)
    host.tell(ev.PlaybackDrained())
    assert host.hear("input.speech.started") == []


def test_speech_while_the_next_sound_of_a_reply_is_late_lowers_what_comes_of_it(host: FakeHost) -> None:
    """A network that stutters: at this moment nothing waits, but the agent has not finished."""
    host.speak_reply("r1")
    host.render("r1", 24_000)
    host.tell(ev.PlaybackDrained())
    assert host.hear("input.speech.started") == [DUCK, cmd.SetTimer(name="verdict", delay_ms=2_500)]
    assert of_type(host.hear_audio("r1", tone(2_400)), cmd.PlayAudio)
    assert host.hear("reply.done", reply_id="r1", status="interrupted") == [
        FLUSH,
        cmd.CancelTimer(name="verdict"),
        FULL,
    ]
    assert host.stats["interruptions"] == 1


def test_the_button_silences_what_came_while_the_speaker_was_saying_that_it_ran_dry(host: FakeHost) -> None:
    """A network that stutters: the word "drained" and the next sound of the same reply cross."""
    host.speak_reply("r1")
    host.render("r1", 24_000)
    host.hear_audio("r1", tone(2_400))
    host.tell(ev.PlaybackDrained())
    assert FLUSH in host.tell(ev.InterruptRequested())


def test_a_reply_that_was_heard_to_its_end_before_it_was_finished_was_not_interrupted(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.render("r1", 24_000)
    host.tell(ev.PlaybackDrained())
    host.hear("input.speech.started")
    assert host.hear("reply.done", reply_id="r1", status="completed") == [cmd.CancelTimer(name="verdict"), FULL]
    assert host.stats["interruptions"] == 0


def test_after_a_flush_the_next_reply_plays_at_full_level(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("input.speech.started")
    host.hear("reply.done", reply_id="r1", status="interrupted")
    host.hear("input.speech.stopped")
    host.hear("reply.started", reply_id="r2")
    assert host.hear_audio("r2", tone(240)) == [cmd.PlayAudio(item_id="r2", pcm=tone(240))]


def test_a_new_reply_never_starts_lowered(host: FakeHost) -> None:
    """The server moved on without a verdict on the old one."""
    host.speak_reply("r1")
    host.hear("input.speech.started")
    commands = host.hear("reply.started", reply_id="r2")
    assert of_type(commands, cmd.SetPlaybackGain) == [cmd.SetPlaybackGain(gain=1.0, ramp_ms=15)]


# --- the other policies -----------------------------------------------------------------------------------------------


def test_the_flush_policy_flushes_at_the_first_sign_of_speech() -> None:
    host = FakeHost(barge_in="flush").go_live()
    host.speak_reply("r1")
    assert host.hear("input.speech.started") == [FLUSH]
    assert host.hear_audio("r1", tone(240)) == [], "in flight while the person speaks"
    assert host.hear("reply.done", reply_id="r1", status="interrupted") == []


def test_under_the_flush_policy_a_reply_that_goes_on_is_heard_again_after_the_speech() -> None:
    host = FakeHost(barge_in="flush").go_live()
    host.speak_reply("r1")
    host.hear("input.speech.started")
    host.hear("input.speech.stopped")
    assert of_type(host.hear_audio("r1", tone(2_400)), cmd.PlayAudio)
    host.flushed("r1", 12_000)
    host.render("r1", 2_000)
    assert host.view["activity"] == "agent_speaking"


@pytest.mark.parametrize("config", [{"barge_in": "off"}, {"turn_detection": {"interrupt_response": False}}])
def test_where_barge_in_is_off_speech_changes_nothing(config: dict[str, Any]) -> None:
    host = FakeHost(**config).go_live()
    host.speak_reply("r1")
    assert host.hear("input.speech.started") == []
    assert of_type(host.hear("input.speech.stopped"), cmd.SetPlaybackGain) == []


def test_barge_in_can_be_switched_off_and_on_in_mid_session(host: FakeHost) -> None:
    host.tell(ev.SettingsChanged(turn_detection={"interrupt_response": False}))
    host.speak_reply("r1")
    assert host.hear("input.speech.started") == []
    host.hear("input.speech.stopped")
    host.tell(ev.SettingsChanged(turn_detection={"interrupt_response": True}))
    assert DUCK in host.hear("input.speech.started")


# --- late audio and late words ----------------------------------------------------------------------------------------


def test_a_late_audio_of_an_interrupted_reply_is_dropped(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("reply.done", reply_id="r1", status="interrupted")
    assert host.hear_audio("r1", tone(240)) == []
    assert host.stats["late_audio_dropped"] == 1


def test_a_late_audio_without_an_id_is_dropped_with_the_interrupted_reply(host: FakeHost) -> None:
    """Older documents leave the id out (protocol file section 5)."""
    host.speak_reply("r1")
    host.hear("reply.done", status="interrupted")
    assert host.hear("reply.audio", data="AAABAP9//4A=") == []
    host.hear("reply.started", reply_id="r2")
    assert host.hear("reply.audio", data="AAABAP9//4A=") == [
        cmd.PlayAudio(item_id="r2", pcm=b"\x00\x00\x01\x00\xff\x7f\xff\x80")
    ]


def test_late_words_of_an_interrupted_reply_are_dropped(host: FakeHost) -> None:
    host.speak_reply("r1", text="Once")
    host.hear("reply.done", reply_id="r1", status="interrupted")
    host.hear("transcript.agent.delta", reply_id="r1", delta="upon")
    assert host.turns("agent") == [("agent", "Once", True, True)]


def test_a_reply_that_was_interrupted_before_it_was_announced_never_sounds(host: FakeHost) -> None:
    host.hear("reply.done", reply_id="r9", status="interrupted")
    assert host.hear_audio("r9", tone(240)) == []
    assert host.stats["replies"] == 0


def test_audio_after_a_completed_reply_still_plays(host: FakeHost) -> None:
    """Reordered, but nobody interrupted it: reply audio is never dropped without a reason."""
    host.speak_reply("r1")
    host.hear("reply.done", reply_id="r1", status="completed")
    assert of_type(host.hear_audio("r1", tone(240)), cmd.PlayAudio)


def test_audio_of_a_reply_that_nobody_announced_plays(host: FakeHost) -> None:
    assert host.hear("reply.audio", data="AAABAP9//4A=") == [
        cmd.PlayAudio(item_id="reply#1", pcm=b"\x00\x00\x01\x00\xff\x7f\xff\x80")
    ]


def test_what_is_left_of_a_forgotten_reply_is_not_the_one_that_is_being_made(host: FakeHost) -> None:
    """No end of it is coming: whoever waited for that would wait for ever."""
    host.hear("reply.started", reply_id="r2")
    host.hear("transcript.agent", reply_id="r1", item_id="m1", text="Late.")
    assert host.stats["replies"] == 1
    host.hear("reply.done", reply_id="r2", status="completed")
    assert host.session.call.replies.current is None
    assert ("agent", "Late.", True, False) in host.turns("agent")


def test_a_reply_that_is_announced_after_its_first_sound_is_being_made(host: FakeHost) -> None:
    host.hear("reply.started", reply_id="r1")
    host.hear_audio("r2", tone(240))
    host.hear("reply.done", reply_id="r1", status="completed")
    host.hear("reply.started", reply_id="r2")
    current = host.session.call.replies.current
    assert current is not None
    assert current.id == "r2"


def test_a_verdict_on_an_old_reply_does_not_silence_a_newer_one(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.render("r1", 24_000)
    host.speak_reply("r2")
    assert host.hear("transcript.agent", reply_id="r1", text="Once", interrupted=True) == []
    assert of_type(host.hear_audio("r2", tone(240)), cmd.PlayAudio)


def test_a_reply_that_is_interrupted_takes_the_older_audio_before_it_along(host: FakeHost) -> None:
    """The person moved on: what still waits of earlier replies is stale too."""
    host.speak_reply("r1")
    host.hear("reply.done", reply_id="r1", status="completed")
    host.hear("reply.started", reply_id="r2")
    assert host.hear("reply.done", reply_id="r2", status="interrupted") == [FLUSH]
    assert host.hear_audio("r1", tone(240)) == []


def test_an_announcement_said_twice_is_one_reply(host: FakeHost) -> None:
    host.hear("reply.started", reply_id="r1")
    host.hear("reply.started", reply_id="r1")
    assert host.stats["replies"] == 1


def test_many_replies_are_forgotten_in_order_and_the_last_ones_are_known(host: FakeHost) -> None:
    for number in range(MAX_REPLIES + 50):
        host.hear("reply.started", reply_id=f"r{number}")
        host.hear("reply.done", reply_id=f"r{number}", status="interrupted")
    assert host.hear_audio(f"r{MAX_REPLIES + 49}", tone(240)) == []
    assert len(host.session.call.replies) == MAX_REPLIES


def test_a_reply_that_is_forgotten_is_not_sounding_any_more(host: FakeHost) -> None:
    host.speak_reply("first", text="Once")
    for number in range(MAX_REPLIES - 1):
        host.hear("reply.started", reply_id=f"r{number}")
    assert host.view["turns"][0]["sounding"], "some of it waits to be heard"
    host.hear("reply.started", reply_id="one too many")
    host.hear("transcript.user", item_id="m", text="Hello.")
    assert not host.view["turns"][0]["sounding"]


# --- speech that only the page hears ----------------------------------------------------------------------------------


def test_a_first_sign_of_speech_lowers_the_voice_and_a_false_alarm_raises_it(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, server_barge_in=False, frame_ms=20)
    host.tell(ev.ReplyAudio(reply_id="", pcm=tone(48_000)))
    host.render("reply#1", 480)
    loud, quiet = ev.AudioCaptured(pcm=tone(480, level=12_000)), ev.AudioCaptured(pcm=silence(480))
    assert DUCK in [command for _ in range(3) for command in host.tell(loud, after_ms=20)]
    assert RESTORE in [command for _ in range(10) for command in host.tell(quiet, after_ms=20)]
    assert host.stats["interruptions"] == 0


def test_a_first_sign_of_speech_while_nothing_sounds_lowers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, server_barge_in=False, frame_ms=20)
    loud = ev.AudioCaptured(pcm=tone(480, level=12_000))
    assert not of_type([command for _ in range(3) for command in host.tell(loud, after_ms=20)], cmd.SetPlaybackGain)
    assert host.stats["ducks"] == 0


# --- names of replies -------------------------------------------------------------------------------------------------


def test_a_reply_that_nobody_named_is_the_one_being_made_and_then_the_last_one(host: FakeHost) -> None:
    """Older documents leave the id out."""
    host.hear("reply.started", reply_id="r1")
    assert played(host.hear_audio("", tone(240))) == ["r1"]
    host.hear("reply.done")
    host.hear("transcript.agent", text="It is noon.")
    assert host.turns("agent") == [("agent", "It is noon.", True, False)]


def test_the_server_hears_its_own_id_also_after_a_session_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours tells the replies of two sessions apart."""
    host = wire_host(monkeypatch, tools=ToolRegistry([weather]))
    host.drop()
    host.wait("retry")
    host.open_wire("another session")
    host.brief()
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ToolCalled(call_id="c", name="weather", arguments={"city": "Oslo"}, reply_id="r1"))
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=False))
    host.tell(ev.ToolFinished(call_id="c", result_json="{}", is_error=False))
    assert host.brief() == ["tool result c", "results sent r1"]


def test_the_fast_path_is_for_the_reply_that_has_the_voice(host: FakeHost) -> None:
    host.hear("reply.started", reply_id="r1")
    fast = host.session.audio_fast_path
    assert fast.item_of("r1") == "r1" and not fast.may_play(), "nothing of it was played yet"
    host.hear_audio("r1", tone(240))
    assert fast.may_play()
    assert fast.item_of("nobody") == ""


def test_a_session_that_is_over_is_silent_at_once(host: FakeHost) -> None:
    host.speak_reply("r1")
    assert FLUSH in host.tell(ev.HangUpRequested())
    assert host.hear_audio("r1", tone(240)) == []


# --- replies that overlap ---------------------------------------------------------------------------------------------


def overlapping(host: FakeHost, *older: str) -> None:
    """`older` replies have begun, and a newer one is heard; then sound of the older ones comes late."""
    for reply_id in older:
        host.hear("reply.started", reply_id=reply_id)
    host.hear("reply.started", reply_id="new")
    host.hear_audio("new", tone(2_400))
    for reply_id in older:
        assert host.hear_audio(reply_id, tone(240)) == [], "it would sound in the middle of the newer one"


def played(commands: list[cmd.Command]) -> list[str]:
    return [command.item_id for command in commands if isinstance(command, cmd.PlayAudio)]


def test_late_sound_of_older_replies_waits_for_the_end_of_the_newer_one_and_keeps_its_order(host: FakeHost) -> None:
    overlapping(host, "r1", "r2")
    assert played(host.hear("reply.done", reply_id="new")) == ["r1", "r2"]
    assert host.stats["late_audio_dropped"] == 0


def test_late_sound_that_waits_is_handed_out_when_the_line_is_lost(host: FakeHost) -> None:
    """No more of the newer reply is coming."""
    overlapping(host, "r1")
    assert played(host.drop()) == ["r1"]


def test_of_late_sound_only_so_much_waits(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_order, "MAX_HELD_BYTES", 2 * 240)
    overlapping(host, "r1", "r2")
    assert played(host.hear("reply.done", reply_id="new")) == ["r1"]
    assert host.stats["late_audio_dropped"] == 1


def test_sound_of_no_length_is_nothing(host: FakeHost) -> None:
    host.hear("reply.started", reply_id="r1")
    assert host.tell(ev.ReplyAudio(reply_id="r1", pcm=b"")) == []
    assert host.view["turns"] == [] and host.stats["late_audio_dropped"] == 0


def test_words_that_come_after_the_end_of_a_reply_leave_its_turn_whole(host: FakeHost) -> None:
    host.speak_reply("r1", text="Once upon")
    host.hear("reply.done", reply_id="r1")
    host.hear("transcript.agent.delta", reply_id="r1", delta=" a time")
    assert host.turns("agent") == [("agent", "Once upon a time", True, False)]


def test_a_line_that_is_lost_while_nothing_is_being_made_cuts_nothing_off(host: FakeHost) -> None:
    host.speak_reply("r1", text="Once upon a time")
    host.hear("reply.done", reply_id="r1")
    host.drop()
    assert host.turns("agent") == [("agent", "Once upon a time", True, False)]


# --- the button -------------------------------------------------------------------------------------------------------


def test_the_stop_button_silences_at_once_and_for_good(host: FakeHost) -> None:
    """The server is not asked: the message for it is undocumented (protocol file section 4.6)."""
    host.speak_reply("r1", text="Once upon")
    assert host.view["can_interrupt"]
    assert host.tell(ev.InterruptRequested()) == [FLUSH]
    assert host.hear_audio("r1", tone(240)) == []
    host.hear("transcript.agent.delta", reply_id="r1", delta="a time")
    host.hear("transcript.agent", reply_id="r1", text="Once upon a time there was", interrupted=False)
    assert host.turns("agent") == [("agent", "Once upon", True, True)]
    assert not host.view["can_interrupt"]
    assert host.tell(ev.InterruptRequested()) == []
    assert host.stats["interruptions"] == 1


def test_behind_a_stopped_reply_the_page_listens(host: FakeHost) -> None:
    """The server goes on making it, and nobody waits for it any more."""
    host.speak_reply("r1", text="Once upon")
    host.tell(ev.InterruptRequested())
    host.flushed("r1", 2_400)
    assert host.view["activity"] == "listening"


def test_the_stop_button_before_the_first_sound_keeps_the_reply_from_sounding(host: FakeHost) -> None:
    host.hear("reply.started", reply_id="r1")
    assert host.tell(ev.InterruptRequested()) == []
    assert host.hear_audio("r1", tone(240)) == []
    host.hear("transcript.agent", reply_id="r1", text="Once upon", interrupted=False)
    assert host.turns("agent") == [("agent", "Once upon", True, True)], "said by the server, heard by nobody"


def test_the_stop_button_with_nothing_to_stop_does_nothing(host: FakeHost) -> None:
    assert host.tell(ev.InterruptRequested()) == []
    assert host.stats["interruptions"] == 0


def test_the_reply_after_a_stopped_one_sounds(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.tell(ev.InterruptRequested())
    host.hear("reply.done", reply_id="r1", status="completed")
    host.hear("reply.started", reply_id="r2")
    assert of_type(host.hear_audio("r2", tone(240)), cmd.PlayAudio)


def test_a_lowered_voice_that_is_stopped_by_the_button_is_at_full_level_afterwards(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.hear("input.speech.started")
    assert host.tell(ev.InterruptRequested()) == [FLUSH, cmd.CancelTimer(name="verdict"), FULL]


# --- what was heard ---------------------------------------------------------------------------------------------------


def test_what_was_heard_of_an_interrupted_reply_is_what_the_speaker_rendered(host: FakeHost) -> None:
    """Not what arrived, and not what the clock would say."""
    host.speak_reply("r1", samples=240_000, text="Once upon a time")
    host.hear("reply.done", reply_id="r1", status="interrupted")
    host.tell(ev.PlaybackFlushed(item_id="r1", rendered_samples=13_200))
    assert host.view["turns"][-1]["heard_ms"] == 550


def test_a_silent_preamble_is_not_the_agent_speaking(host: FakeHost) -> None:
    """Protocol file section 7: the reply that carries a tool call can be silent throughout."""
    host.hear("reply.started", reply_id="r1")
    host.hear_audio("r1", silence(24_000))
    host.render("r1", 12_000)
    assert host.view["activity"] == "thinking"
    host.hear_audio("r1", tone(2_400))
    host.render("r1", 24_000)
    assert host.view["activity"] == "thinking"
    host.render("r1", 24_100)
    assert host.view["activity"] == "agent_speaking"


def test_speaking_follows_the_speaker_not_the_wire(host: FakeHost) -> None:
    host.hear("reply.started", reply_id="r1")
    host.hear_audio("r1", tone(24_000))
    assert host.view["activity"] == "thinking"
    host.render("r1", 480)
    assert host.view["activity"] == "agent_speaking"
    host.hear("reply.done", reply_id="r1")
    assert host.view["activity"] == "agent_speaking"
    host.render("r1", 24_000)
    host.tell(ev.PlaybackDrained())
    assert host.view["activity"] == "listening"


def test_a_count_that_was_on_its_way_during_a_flush_does_not_bring_the_agent_back(host: FakeHost) -> None:
    host.speak_reply("r1")
    host.tell(ev.InterruptRequested())
    host.render("r1", 13_000, queued=11_000)
    assert host.view["activity"] != "agent_speaking"


def test_a_resumed_session_goes_on_with_the_replies_that_it_knew(host: FakeHost) -> None:
    host.speak_reply("r1", text="Once")
    host.drop()
    back(host)
    host.hear("transcript.agent.delta", reply_id="r1", delta=" upon")
    assert [text for _, text, _, _ in host.turns("agent")] == ["Once upon"]


def test_what_is_queued_when_the_agent_ends_the_call_is_heard(host: FakeHost) -> None:
    host.speak_reply("r1")
    assert FLUSH not in host.hear("session.ended")


# --- the part alone ---------------------------------------------------------------------------------------------------


def speaking(**config: Any) -> BargeIn:
    """A reply that is being made, and half of it heard."""
    part = BargeIn(call_in(**config))
    told(part, ev.ReplyStarted(reply_id="r"))
    told(part, ev.ReplyAudio(reply_id="r", pcm=tone(9_600)))
    part.call.ledger.progressed("r", 4_800, 0)
    done(part)
    return part


def test_alone_it_lowers_the_voice_and_raises_it_when_no_verdict_comes() -> None:
    part = speaking(barge_in="duck")
    told(part, ev.UserSpeechStarted())
    lowered, timer = done(part)
    assert isinstance(lowered, cmd.SetPlaybackGain) and lowered.gain < 1.0
    assert isinstance(timer, cmd.SetTimer) and timer.name == "verdict"
    fired(part, "verdict", 1e6)
    assert done(part) == [cmd.SetPlaybackGain(gain=1.0, ramp_ms=120)]


def test_alone_it_flushes_and_reports_what_was_heard() -> None:
    part = speaking(barge_in="flush")
    told(part, ev.UserSpeechStarted())
    assert done(part) == [cmd.FlushPlayback()]
    told(part, ev.ReplyDone(reply_id="r", interrupted=True))
    told(part, ev.PlaybackFlushed(item_id="r", rendered_samples=4_800))
    assert sent(part) == ["heard"]


def test_alone_it_lets_a_call_end_aloud_or_in_silence() -> None:
    aloud, silent = speaking(), speaking()
    aloud.end(0, End(Trigger.FINISH))
    silent.end(0, End(Trigger.HANG_UP))
    assert done(aloud) == [] and done(silent) == [cmd.FlushPlayback()]


def test_alone_it_silences_what_waits_to_be_heard() -> None:
    part = speaking()
    part.silence()
    assert done(part) == [cmd.FlushPlayback()]
