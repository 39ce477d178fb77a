"""Push to talk."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.codecs import create_codec
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State
from pyclient.part import LineBack
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.push_to_talk import DRAIN_TIMEOUT_MS, PushToTalk
from pyclient.turns.turn_taking import TurnTaking
from tests.support.fakewire import WireHost, wire_host
from tests.support.parts import call_in, done, sent, told
from tests.support.playbook import FakeHost, of_type, silence, tone

PRESS, RELEASE = ev.TalkPressed(), ev.TalkReleased()


def talker(monkeypatch: pytest.MonkeyPatch, **config: Any) -> WireHost:
    return wire_host(monkeypatch, {"turn_style": "push_to_talk", **config}, push_to_talk=True)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> WireHost:
    return talker(monkeypatch)


def speak(host: WireHost, frames: int = 10) -> None:
    for _ in range(frames):
        host.tell(ev.AudioCaptured(pcm=tone(960)), after_ms=40)


def test_the_style_is_told_at_the_beginning_and_shown(host: WireHost) -> None:
    fresh = host.view
    assert fresh["turn_style"] == "push_to_talk" and fresh["talking"] is False
    assert fresh["features"]["push_to_talk"] is True and "frame_ms" not in fresh["features"]


def test_press_clears_hold_streams_and_release_drains_before_it_commits(host: WireHost) -> None:
    host.tell(ev.AudioCaptured(pcm=tone(960)))
    host.tell(PRESS)
    assert host.view["talking"] and host.view["activity"] == "user_speaking"
    speak(host)
    commands = host.tell(RELEASE)
    assert of_type(commands, cmd.DrainCapture) == [cmd.DrainCapture()]
    assert host.brief() == ["talk begin"] + ["audio"] * 10, "before the press nothing is sent"
    assert not host.view["talking"]
    host.tell(ev.AudioCaptured(pcm=tone(300)))
    host.tell(ev.CaptureDrained())
    assert host.brief() == ["audio", "talk end"]
    assert host.view["activity"] == "thinking" and "talk_drain" not in host.timers
    host.tell(ev.AudioCaptured(pcm=tone(960)))
    host.tell(ev.CaptureDrained())
    assert host.brief() == []


def test_who_presses_over_the_voice_silences_it_and_who_presses_in_silence_interrupts_nothing(host: WireHost) -> None:
    assert cmd.FlushPlayback() not in host.tell(PRESS)
    assert host.stats["interruptions"] == 0
    host.tell(ev.TalkReleased(cancelled=True))
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(4_800)))
    assert cmd.FlushPlayback() in host.tell(PRESS)
    assert host.stats["interruptions"] == 1


def test_a_press_without_a_line_begins_the_turn_when_the_line_is_back(host: WireHost) -> None:
    host.drop()
    host.tell(PRESS)
    assert host.view["talking"] and host.brief() == []
    host.wait("retry")
    host.brief()
    host.open_wire("sess_1")
    assert "talk begin" in host.brief()


def test_a_capture_that_does_not_answer_is_not_waited_for(host: WireHost) -> None:
    host.tell(PRESS)
    speak(host)
    host.tell(RELEASE)
    assert host.timers["talk_drain"] == host.now_ms + DRAIN_TIMEOUT_MS
    host.wait("talk_drain")
    assert host.brief()[-1] == "talk end"
    host.tell(ev.CaptureDrained())
    assert host.brief() == [], "committed once"


def test_a_press_that_is_too_short_is_told_and_not_sent(host: WireHost) -> None:
    host.tell(PRESS)
    speak(host, 2)
    commands = host.tell(RELEASE)
    assert host.brief() == ["talk begin", "audio", "audio", "talk begin"]
    assert of_type(commands, cmd.DrainCapture) == []
    assert host.view["notice"]["code"] == "talk_too_short" and not host.view["talking"]
    assert host.view["activity"] == "listening"


def test_how_short_is_too_short_can_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    host = talker(monkeypatch, min_talk_ms=1_000)
    host.tell(PRESS)
    speak(host, 20)
    host.tell(RELEASE)
    assert host.view["notice"]["code"] == "talk_too_short"


def test_a_press_without_any_sound_is_told_and_not_committed(host: WireHost) -> None:
    """A server refuses to commit nothing (OpenAI's protocol file, section 9)."""
    host.tell(PRESS)
    host.tell(RELEASE, after_ms=1_000)
    host.tell(ev.CaptureDrained())
    assert host.brief() == ["talk begin", "talk begin"]
    assert host.view["notice"]["code"] == "talk_no_sound"


def test_silence_is_sound_too(host: WireHost) -> None:
    host.tell(PRESS)
    for _ in range(10):
        host.tell(ev.AudioCaptured(pcm=silence(960)), after_ms=40)
    host.tell(RELEASE)
    host.tell(ev.CaptureDrained())
    assert host.brief()[-1] == "talk end"


def test_a_press_that_is_taken_back_is_cleared_and_told(host: WireHost) -> None:
    """The page lost its focus: what was said is not meant to be sent."""
    host.tell(PRESS)
    speak(host)
    host.tell(ev.TalkReleased(cancelled=True))
    assert host.brief()[-1] == "talk begin" and host.view["notice"]["code"] == "talk_cancelled"


def test_a_press_over_the_agent_silences_cancels_and_reports(host: WireHost) -> None:
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    commands = host.tell(PRESS)
    assert of_type(commands, cmd.FlushPlayback)
    host.flushed("r1", 2_400)
    assert host.brief() == ["cancel r1", "talk begin", "heard r1 100"]


def test_a_press_over_a_reply_that_is_made_but_still_heard_reports_without_a_cancel(host: WireHost) -> None:
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=False))
    host.tell(PRESS)
    host.flushed("r1", 2_400)
    assert host.brief() == ["talk begin", "heard r1 100"]


def test_the_commit_waits_until_the_cancelled_reply_is_over(host: WireHost) -> None:
    """OpenAI's protocol file, section 8.4: a reply must not be asked for before the end of the one before."""
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    host.tell(PRESS)
    host.flushed("r1", 2_400)
    speak(host)
    host.tell(RELEASE)
    host.tell(ev.CaptureDrained())
    assert "talk end" not in host.brief()
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == ["talk end"]


def test_a_second_press_commits_the_turn_before_it_first(host: WireHost) -> None:
    host.tell(PRESS)
    speak(host)
    host.tell(RELEASE)
    host.tell(PRESS)
    assert host.brief()[-2:] == ["talk end", "talk begin"]
    assert host.view["talking"]


def test_a_second_press_does_not_wait_for_what_the_first_still_waited_for(host: WireHost) -> None:
    """The buffer is about to be cleared: what is in it must be committed before, even if the server then complains."""
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    host.tell(PRESS)
    host.flushed("r1", 2_400)
    speak(host)
    host.tell(RELEASE)
    host.tell(ev.CaptureDrained())
    host.brief()
    host.tell(PRESS)
    assert host.brief() == ["talk end", "talk begin"]
    assert "settle" not in host.timers


@pytest.mark.parametrize("event", [RELEASE, ev.CaptureDrained(), ev.TalkReleased(cancelled=True)])
def test_a_release_without_a_press_does_nothing(host: WireHost, event: ev.Event) -> None:
    assert host.tell(event) == []


def test_a_key_that_repeats_is_one_press(host: WireHost) -> None:
    host.tell(PRESS)
    assert host.tell(PRESS) == []
    assert host.brief() == ["talk begin"]


@pytest.mark.parametrize("state", ["idle", "minting", "configuring", "live", "ending", "ended", "failed"])
def test_without_push_to_talk_the_key_does_nothing(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(PRESS) == [] and host.tell(RELEASE) == []
    assert host.view["talking"] is False


def test_who_has_paused_the_agent_is_told_so(host: WireHost) -> None:
    host.tell(ev.PauseChanged(paused=True))
    host.tell(PRESS)
    assert host.brief() == [] and host.view["notice"]["code"] == "talk_paused" and not host.view["talking"]


def test_who_is_muted_is_told_so(host: WireHost) -> None:
    host.tell(ev.MuteChanged(muted=True))
    host.tell(PRESS)
    assert host.brief() == [] and host.view["notice"]["code"] == "talk_muted" and not host.view["talking"]
    host.tell(ev.AudioCaptured(pcm=tone(960)))
    assert host.brief() == [], "there is no turn detection that would need silence"


def test_muting_while_holding_takes_the_press_back(host: WireHost) -> None:
    host.tell(PRESS)
    speak(host)
    host.tell(ev.MuteChanged(muted=True))
    assert host.brief()[-1] == "talk begin" and not host.view["talking"]
    host.tell(RELEASE)
    assert host.brief() == []


def test_hanging_up_while_holding_ends_the_press(host: WireHost) -> None:
    host.tell(PRESS)
    host.tell(ev.HangUpRequested())
    assert not host.view["talking"]
    host.tell(RELEASE)
    assert host.brief() == ["talk begin", "end"]
    host.tell(ev.SessionEnded())
    host.open_wire("sess_2")
    assert not host.view["talking"]


def test_a_key_held_through_a_gap_goes_on_with_what_the_gap_kept(host: WireHost) -> None:
    host.tell(PRESS)
    speak(host, 3)
    host.drop()
    assert host.view["talking"]
    speak(host, 5)
    host.wait("retry")
    host.brief()
    host.open_wire("sess_2")
    assert host.brief() == ["opening", "talk begin"] + ["audio"] * 5
    speak(host, 2)
    host.tell(RELEASE)
    host.tell(ev.CaptureDrained())
    assert host.brief() == ["audio", "audio", "talk end"]


def test_a_press_that_ends_in_the_gap_is_told_as_not_sent(host: WireHost) -> None:
    host.tell(PRESS)
    host.drop()
    speak(host)
    host.tell(RELEASE)
    assert host.view["notice"]["code"] == "not_sent_line_lost"
    host.wait("retry")
    host.brief()
    host.open_wire("sess_2")
    assert host.brief() == ["opening"]


def test_a_commit_that_waited_when_the_line_broke_is_told_as_not_sent(host: WireHost) -> None:
    host.tell(PRESS)
    speak(host)
    host.tell(RELEASE)
    host.drop()
    assert host.view["notice"]["code"] == "not_sent_line_lost" and "talk_drain" not in host.timers


def test_who_does_not_hold_the_key_in_the_gap_is_not_recorded(host: WireHost) -> None:
    host.drop()
    speak(host)
    host.wait("retry")
    host.brief()
    host.open_wire("sess_2")
    assert host.brief() == ["opening"]


def test_a_result_of_a_tool_waits_while_the_key_is_held(host: WireHost) -> None:
    """As it waits while the server hears speech."""
    host.tell(PRESS)
    assert not host.session.tool_calls.gate.opens_when_overdue()
    assert not host.session.tool_calls.gate.open_for(hold_mode=False)


def test_the_style_can_be_chosen_for_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, push_to_talk=True)
    assert host.view["turn_style"] == "vad"
    host.tell(ev.HangUpRequested())
    host.tell(ev.SessionEnded())
    host.click(turn_style="push_to_talk")
    host.grant()
    host.opened()
    assert host.sent[-1]["style"] == "push_to_talk" and host.view["turn_style"] == "push_to_talk"


# --- where silence ends a turn ----------------------------------------------------------------------------------------


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> WireHost:
    """A call with a vendor who has no message that ends a turn."""
    return wire_host(monkeypatch, {"turn_style": "push_to_talk"}, resume=True)


def frames(host: WireHost, count: int) -> list[str]:
    """So many loud frames at the microphone; what went out of each: "-" nothing, "0" silence, "x" sound."""
    went = []
    for _ in range(count):
        host.sent.clear()
        host.tell(ev.AudioCaptured(pcm=tone(960)), after_ms=40)
        went.append("".join("x" if message["first"] else "0" for message in host.sent) or "-")
    host.sent.clear()
    return went


def said(host: WireHost) -> None:
    """A press of a second."""
    host.tell(PRESS)
    frames(host, 25)
    host.tell(RELEASE)
    host.tell(ev.CaptureDrained())
    host.sent.clear()


def test_the_beginning_waits_until_it_is_no_mere_tap_and_release_is_followed_by_silence(quiet: WireHost) -> None:
    assert frames(quiet, 2) == ["-", "-"]
    quiet.tell(PRESS)
    assert frames(quiet, 9) == ["-"] * 7 + ["x" * 8, "x"], "nothing of 300 ms is lost, and all of it is in order"
    quiet.tell(RELEASE)
    assert frames(quiet, 1) == ["x"], "the half-filled frame still counts"
    quiet.tell(ev.CaptureDrained())
    assert quiet.brief() == [] and quiet.view["activity"] == "thinking"
    assert frames(quiet, 3) == ["0", "0", "0"]
    quiet.tell(ev.ReplyStarted(reply_id="r1"))
    assert frames(quiet, 2) == ["-", "-"]


def test_silence_ends_after_four_seconds_and_at_the_next_press(quiet: WireHost) -> None:
    said(quiet)
    assert frames(quiet, 102) == ["0"] * 99 + ["-"] * 3
    said(quiet)
    quiet.tell(PRESS)
    assert frames(quiet, 9)[-1] == "x"


def test_late_sound_of_the_reply_that_the_press_cut_off_is_not_taken_for_the_answer(quiet: WireHost) -> None:
    quiet.tell(ev.ReplyStarted(reply_id="r1"))
    quiet.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    said(quiet)
    quiet.flushed("r1", 2_400)
    quiet.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(4_800)))
    assert frames(quiet, 1) == ["0"]
    quiet.tell(ev.ReplyAudio(reply_id="r2", pcm=tone(4_800)))
    assert frames(quiet, 1) == ["-"]


def test_a_tap_is_never_sent(quiet: WireHost) -> None:
    quiet.tell(PRESS)
    assert frames(quiet, 5) == ["-"] * 5
    quiet.tell(RELEASE)
    assert quiet.view["notice"]["code"] == "talk_too_short"
    assert frames(quiet, 5) == ["-"] * 5


def test_what_was_sent_and_then_taken_back_may_be_answered_and_is_told_so(quiet: WireHost) -> None:
    quiet.tell(PRESS)
    frames(quiet, 20)
    quiet.tell(ev.TalkReleased(cancelled=True))
    assert quiet.view["notice"]["code"] == "talk_partly_sent"
    assert frames(quiet, 2) == ["0", "0"], "else its end would be found in the next press"


def test_who_mutes_while_holding_is_heard_out_in_silence(quiet: WireHost) -> None:
    quiet.tell(PRESS)
    frames(quiet, 20)
    quiet.tell(ev.MuteChanged(muted=True))
    assert frames(quiet, 2) == ["0", "0"]


def test_a_release_before_the_next_frame_sends_what_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"turn_style": "push_to_talk"})
    host.tell(PRESS)
    frames(host, 6)
    host.tell(RELEASE, after_ms=100)
    host.tell(ev.CaptureDrained())
    assert host.brief() == ["audio"] * 6
    assert frames(host, 1) == ["0"]


def test_a_wire_of_fixed_frames_is_sent_nothing_where_it_waits_for_the_rest() -> None:
    part = talk_key(provider="sdk_voice")
    part.call.codec = create_codec("sdk_voice")
    told(part, ev.TalkPressed(), 0)
    assert part.due(bytes(320), 10) == []
    told(part, ev.TalkReleased(), 400)
    done(part)
    told(part, ev.CaptureDrained(), 420)
    assert not [command for command in done(part) if isinstance(command, cmd.SendMessage)]


def test_the_agent_is_silent_while_the_key_is_held_and_what_it_said_is_heard_then(quiet: WireHost) -> None:
    """A pause in mid-sentence is an end for the server, which answers; it must not talk over the person."""
    quiet.tell(PRESS)
    frames(quiet, 20)
    quiet.tell(ev.UserSpeechStarted(item_id="u1"))
    quiet.tell(ev.UserSpeechStopped())
    assert quiet.view["activity"] == "user_speaking", "the key says who speaks"
    quiet.tell(ev.ReplyStarted(reply_id="r1"))
    commands = quiet.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(4_800)))
    assert not of_type(commands, cmd.PlayAudio)
    frames(quiet, 5)
    assert of_type(quiet.tell(RELEASE), cmd.PlayAudio) == [cmd.PlayAudio(item_id="r1", pcm=tone(4_800))]


def test_what_waits_when_the_line_breaks_is_kept_with_the_outage(quiet: WireHost) -> None:
    quiet.tell(PRESS)
    frames(quiet, 4)
    quiet.drop()
    frames(quiet, 2)
    quiet.wait("retry")
    quiet.brief()
    quiet.open_wire("sess_1")
    assert quiet.brief().count("audio") == 6
    assert quiet.view["talking"]


@pytest.mark.parametrize(("session", "went"), [("sess_1", "0"), ("sess_2", "-")])
def test_a_line_that_breaks_before_the_answer_is_told_and_a_resumed_session_still_finds_the_end(
    quiet: WireHost, session: str, went: str
) -> None:
    said(quiet)
    quiet.drop()
    assert quiet.view["notice"]["code"] == "not_sent_line_lost"
    quiet.wait("retry")
    quiet.open_wire(session)
    assert frames(quiet, 1) == [went]


# --- the part alone ---------------------------------------------------------------------------------------------------


def talk_key(state: State = State.LIVE, provider: str = "openai_realtime") -> PushToTalk:
    call = call_in(state, {"push_to_talk": True}, provider=provider, turn_style="push_to_talk")
    calls = ToolCalls(call, ToolRegistry())
    return PushToTalk(call, TurnTaking(call, BargeIn(call), calls), calls)


def test_alone_it_clears_sends_and_commits() -> None:
    part = talk_key()
    told(part, ev.TalkPressed(), 0)
    assert part.open and sent(part) == ["talk begin"]
    part.frame_sent(tone(24_000))
    told(part, ev.TalkReleased(), 1_000)
    assert cmd.DrainCapture() in done(part)
    told(part, ev.CaptureDrained(), 1_020)
    assert sent(part) == ["talk end"] and not part.open


def test_alone_it_tells_of_a_press_that_the_line_did_not_survive() -> None:
    part = talk_key()
    told(part, ev.TalkPressed(), 0)
    told(part, ev.TalkReleased(), 1_000)
    part.line_lost(1_010)
    assert part.call.notice is not None and part.call.notice.code == "not_sent_line_lost" and not part.open


def test_alone_a_key_that_is_still_held_begins_again() -> None:
    part = talk_key(State.DROPPED)
    told(part, ev.TalkPressed(), 0)
    assert sent(part) == []
    part.call.state = State.LIVE
    part.line_back(100, LineBack(same=False))
    assert sent(part) == ["talk begin"] and part.call.user_speaking
