"""Barge-in by client-side voice activity detection, and replies on a wire that names none."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.audio.vad import LOUD_PEAK, LOUD_PEAK_OVER_AGENT, VoiceActivity, VoiceActivityDetector
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.client_turn_detection import DROP_AFTER_MS, PAUSE_MS, ClientTurnDetection
from pyclient.turns.turn_taking import TurnTaking
from tests.support.fakewire import FakeWire, WireHost, wire_host
from tests.support.parts import call_in
from tests.support.playbook import of_type, silence, tone

FRAME_MS = 20
FRAME = 24 * FRAME_MS
LOUD = tone(FRAME, level=12_000)
SOFT = tone(FRAME, level=3_000)  # speech in a quiet room, or what is left of the agent's own voice


def wire(monkeypatch: pytest.MonkeyPatch, **config: Any) -> WireHost:
    return wire_host(monkeypatch, config, server_barge_in=False, frame_ms=20)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> WireHost:
    return wire(monkeypatch)


def hear(host: WireHost, pcm: bytes, for_ms: int) -> list[cmd.Command]:
    return [
        command
        for _ in range(for_ms // FRAME_MS)
        for command in host.tell(ev.AudioCaptured(pcm=pcm), after_ms=FRAME_MS)
        if not isinstance(command, cmd.SendMessage)
    ]


def agent(
    host: WireHost, frames: int = 50, after_ms: float = FRAME_MS, first_after_ms: float | None = None
) -> list[str]:
    """Audio of the agent as it arrives; the items under which it is played."""
    items = []
    for number in range(frames):
        wait = first_after_ms if number == 0 and first_after_ms is not None else after_ms
        for command in host.tell(ev.ReplyAudio(reply_id="", pcm=tone(FRAME)), after_ms=wait):
            if isinstance(command, cmd.PlayAudio):
                items.append(command.item_id)
    return items


def speaking(host: WireHost) -> str:
    """The agent speaks, and its voice comes out. Returns the item."""
    item = agent(host)[-1]
    host.render(item, FRAME)
    assert host.view["activity"] == "agent_speaking"
    return item


# --- vad --------------------------------------------------------------------------------------------------------------


def follow(*parts: tuple[bytes, int], over_agent: bool = False) -> list[VoiceActivity]:
    vad = VoiceActivityDetector(24_000)
    heard = [vad.detect(pcm, over_agent) for pcm, ms in parts for _ in range(ms // FRAME_MS)]
    return [one for one in heard if one is not VoiceActivity.NOTHING]


def test_speech_is_a_sign_then_speech_then_its_end() -> None:
    assert follow((LOUD, 400), (silence(FRAME), 600)) == [VoiceActivity.SIGN, VoiceActivity.SPEECH, VoiceActivity.END]


def test_a_click_is_nothing_and_a_cough_is_a_false_alarm() -> None:
    assert follow((LOUD, 40), (silence(FRAME), 600)) == []
    assert follow((LOUD, 100), (silence(FRAME), 600)) == [VoiceActivity.SIGN, VoiceActivity.FALSE_ALARM]


def test_the_gaps_inside_words_do_not_count() -> None:
    word = [(LOUD, 60), (silence(FRAME), 80)]
    assert follow(*word * 6, (silence(FRAME), 600)) == [VoiceActivity.SIGN, VoiceActivity.SPEECH, VoiceActivity.END]


def test_clicks_far_apart_never_add_up() -> None:
    assert follow(*[(LOUD, 40), (silence(FRAME), 140)] * 20) == []


def test_what_is_speech_in_quiet_is_not_over_the_agents_voice() -> None:
    assert LOUD_PEAK < 3_000 < LOUD_PEAK_OVER_AGENT
    assert follow((SOFT, 400)) == [VoiceActivity.SIGN, VoiceActivity.SPEECH]
    assert follow((SOFT, 400), over_agent=True) == []


def test_where_nothing_of_the_agent_comes_back_soft_speech_over_it_is_heard() -> None:
    """A good echo cancellation makes the person quieter as well."""
    assert follow((silence(FRAME), 2000), (SOFT, 400), over_agent=True) == [VoiceActivity.SIGN, VoiceActivity.SPEECH]


def test_where_the_agents_voice_comes_back_with_its_pauses_only_what_stands_out_is_heard() -> None:
    word, pause = (SOFT, 300), (silence(FRAME), 300)
    assert follow(*[word, pause] * 20, over_agent=True) == []
    assert follow(*[word, pause] * 20, (LOUD, 400), over_agent=True) == [VoiceActivity.SIGN, VoiceActivity.SPEECH]


# --- barge-in ---------------------------------------------------------------------------------------------------------


def test_a_sign_of_speech_lowers_the_voice_and_speech_silences_it(host: WireHost) -> None:
    speaking(host)
    assert hear(host, LOUD, 60) == [cmd.SetPlaybackGain(gain=0.2, ramp_ms=15)]
    commands = hear(host, LOUD, 180)
    assert cmd.FlushPlayback() in commands and cmd.SetPlaybackGain(gain=1.0, ramp_ms=0) in commands
    assert host.view["activity"] == "user_speaking"
    assert host.stats["interruptions"] == 1


def test_a_cough_brings_the_voice_back_and_loses_nothing(host: WireHost) -> None:
    speaking(host)
    hear(host, LOUD, 100)
    assert hear(host, silence(FRAME), 200) == [cmd.SetPlaybackGain(gain=1.0, ramp_ms=120)]
    assert len(agent(host, 5, first_after_ms=FRAME_MS)) == 5 and host.stats["late_audio_dropped"] == 0


def test_the_agents_own_voice_from_the_room_silences_nothing(host: WireHost) -> None:
    speaking(host)
    assert hear(host, SOFT, 2_000) == []


def test_under_the_flush_policy_the_first_sign_silences(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire(monkeypatch, barge_in="flush")
    speaking(host)
    assert hear(host, LOUD, 60) == [cmd.FlushPlayback()]


def test_where_it_is_off_the_voice_plays_on_and_the_person_is_still_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire(monkeypatch, barge_in="off")
    speaking(host)
    assert of_type(hear(host, LOUD, 400), cmd.FlushPlayback, cmd.SetPlaybackGain) == []
    assert host.view["activity"] == "user_speaking"
    assert agent(host, 3)


def test_the_rest_of_a_silenced_reply_is_dropped_until_a_pause_in_its_arrival(host: WireHost) -> None:
    first = speaking(host)
    hear(host, LOUD, 300)
    assert agent(host, 10) == [], "while the person speaks"
    hear(host, silence(FRAME), 500)
    assert agent(host, 10) == [], "and the tail that was on its way"
    answer = agent(host, 10, first_after_ms=PAUSE_MS)
    assert len(answer) == 10 and first not in answer, "the answer sounds from its first frame"
    assert host.stats["late_audio_dropped"] == 20


def test_a_server_that_talks_on_is_heard_again_after_a_while(host: WireHost) -> None:
    speaking(host)
    played = []
    for number in range(130):
        hear(host, LOUD if number < 15 else silence(FRAME), FRAME_MS)
        played += agent(host, 1, after_ms=0)
    # 240 ms until it is silenced, 60 ms of speech more, 500 ms until that counts as over, and the time
    # that is waited then.
    silenced_frames = (60 + 500 + DROP_AFTER_MS) // FRAME_MS
    assert 130 - len(played) == pytest.approx(silenced_frames, abs=2)


def test_a_pause_while_the_person_speaks_does_not_let_the_agent_in(host: WireHost) -> None:
    speaking(host)
    hear(host, LOUD, 300)
    hear(host, LOUD, 700)
    assert agent(host, 3) == []


def test_speech_while_nothing_sounds_only_shows(host: WireHost) -> None:
    assert of_type(hear(host, LOUD, 400), cmd.FlushPlayback, cmd.SetPlaybackGain) == []
    assert host.view["activity"] == "user_speaking"
    hear(host, silence(FRAME), 520)
    assert host.view["activity"] == "thinking"
    host.wait("thinking")
    assert host.view["activity"] == "listening"
    assert len(agent(host, 3)) == 3


def test_an_answer_that_comes_before_the_end_of_speech_is_heard_is_not_waited_for(host: WireHost) -> None:
    """A server that goes by the words answers sooner than half a second of quiet has passed."""
    hear(host, LOUD, 400)
    hear(host, silence(FRAME), 200)
    item = agent(host, 5)[0]
    host.render(item, FRAME)
    assert host.view["activity"] == "user_speaking"
    hear(host, silence(FRAME), 320)
    assert host.view["activity"] == "agent_speaking"
    while "reply_pause" in host.timers:
        host.wait("reply_pause")
    host.render(item, 5 * FRAME)
    host.tell(ev.PlaybackDrained())
    assert host.view["activity"] == "listening"
    hear(host, LOUD, 400)
    hear(host, silence(FRAME), 600)
    assert host.view["activity"] == "thinking", "the next one is waited for again"


def test_muting_in_mid_sentence_ends_the_sentence(host: WireHost) -> None:
    hear(host, LOUD, 400)
    host.tell(ev.MuteChanged(muted=True))
    assert host.view["activity"] == "thinking"
    host.tell(ev.MuteChanged(muted=False))
    assert hear(host, LOUD, 40) == []


def test_muting_between_sentences_ends_none(host: WireHost) -> None:
    """And a voice that a first sign of speech had lowered is raised: nothing more is heard that could decide it."""
    speaking(host)
    hear(host, LOUD, 60)
    assert cmd.SetPlaybackGain(gain=1.0, ramp_ms=120) in host.tell(ev.MuteChanged(muted=True))
    assert host.view["activity"] == "agent_speaking" and host.stats["interruptions"] == 0


def test_where_the_server_hears_for_itself_client_turn_detection_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch)
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    host.render("r1", 480)
    assert hear(host, LOUD, 1_000) == []
    assert host.view["activity"] == "agent_speaking"


# --- replies without names --------------------------------------------------------------------------------------------


def test_a_pause_in_the_arrival_begins_a_new_reply(host: WireHost) -> None:
    first = set(agent(host, 20))
    second = set(agent(host, 20, first_after_ms=PAUSE_MS))
    assert len(first) == len(second) == 1 and first != second
    assert host.stats["replies"] == 2


def test_a_reply_that_stops_arriving_is_made_and_nothing_is_thought_of(host: WireHost) -> None:
    item = agent(host, 5)[0]
    while "reply_pause" in host.timers:
        host.wait("reply_pause")
    host.render(item, 5 * FRAME)
    host.tell(ev.PlaybackDrained())
    assert host.view["activity"] == "listening"


def test_one_timer_serves_a_whole_reply(host: WireHost) -> None:
    commands = [
        command
        for _ in range(20)
        for command in host.tell(ev.ReplyAudio(reply_id="", pcm=tone(FRAME)), after_ms=FRAME_MS)
    ]
    assert len(of_type(commands, cmd.SetTimer)) == 1


def test_an_id_that_never_changes_is_not_taken_for_one_reply(host: WireHost) -> None:
    """Else the first interruption would silence the agent for good."""
    for _ in range(2):
        commands = host.tell(ev.ReplyAudio(reply_id="agent", pcm=tone(FRAME)), after_ms=1_000)
        assert of_type(commands, cmd.PlayAudio)
        host.tell(ev.InterruptRequested())


def test_what_the_codec_calls_a_reply_does_not_matter(host: WireHost) -> None:
    """It has no clock, so it announces one reply and never its end."""
    host.tell(ev.ReplyStarted(reply_id="r1"))
    items = []
    for pause_ms in (20, 20, 1_000):
        (played,) = of_type(host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(FRAME)), pause_ms), cmd.PlayAudio)
        assert isinstance(played, cmd.PlayAudio)
        items.append(played.item_id)
    assert items[0] == items[1] != items[2]
    assert host.stats["replies"] == 2


def test_the_only_frame_length_that_the_wire_takes_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire(monkeypatch, frame_ms=40)
    host.tell(ev.HangUpRequested())
    host.tell(ev.SessionEnded())
    assert cmd.StartCapture(rate_hz=24_000, frame_samples=480, pace=2) in host.open_wire("s")


# --- an agent that joins ----------------------------------------------------------------------------------------------


def test_an_agent_that_has_not_joined_is_waited_for_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, agent_joins=True, server_barge_in=False)
    assert host.view["status"] == "Waiting for the agent…" and host.view["state"] == "live"
    assert host.timers["agent"] - host.now_ms == 15_000
    host.wait("agent")
    assert host.view["state"] == "live" and host.view["notice"]["code"] == "agent_late"
    host.tell(ev.AgentJoined())
    assert host.view["status"] == "Listening" and host.view["notice"] is None


def test_an_agent_that_joins_in_time_causes_no_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, agent_joins=True, server_barge_in=False)
    host.tell(ev.AgentJoined())
    assert "agent" not in host.timers and host.view["notice"] is None


def test_an_agent_that_is_heard_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDK voice protocol file, section 2: audio may come before the word that it joined, and is played."""
    host = wire_host(monkeypatch, agent_joins=True, server_barge_in=False)
    assert agent(host, 1) and "agent" not in host.timers


def test_after_a_lost_line_the_agent_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, agent_joins=True, server_barge_in=False)
    host.tell(ev.AgentJoined())
    host.drop()
    assert "agent" not in host.timers
    host.wait("retry")
    host.open_wire("sess_2")
    assert host.view["status"] == "Waiting for the agent…"


# --- what such a wire has no message for ------------------------------------------------------------------------------


def test_a_frame_that_the_codec_keeps_for_later_is_not_sent(host: WireHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeWire, "encode_audio", lambda self, pcm: b"")
    assert host.tell(ev.AudioCaptured(pcm=LOUD)) == []


def test_text_that_nobody_would_read_is_not_shown_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, typed_text=False)
    assert host.tell(ev.TextSubmitted(text="Hello")) == []
    assert host.turns() == [] and host.view["activity"] == "listening"


# --- the part alone ---------------------------------------------------------------------------------------------------


def detection(server_barge_in: bool = False) -> ClientTurnDetection:
    call = call_in(State.LIVE, {"server_barge_in": server_barge_in})
    barge_in = BargeIn(call)
    return ClientTurnDetection(call, barge_in, TurnTaking(call, barge_in, ToolCalls(call, ToolRegistry())))


def test_alone_it_gives_sound_a_reply_and_a_new_one_after_a_pause() -> None:
    part, audio = detection(), ev.ReplyAudio(reply_id="x", pcm=tone(240))
    ids = []
    for now_ms in (0, 100, 100 + PAUSE_MS, 200 + PAUSE_MS):
        found = part.translate(audio, now_ms)
        assert isinstance(found, ev.ReplyAudio)
        ids.append(found.reply_id)
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert part.translate(ev.ReplyStarted(reply_id="x"), 0) is None


def test_alone_it_leaves_a_server_alone_that_finds_turns_itself() -> None:
    part = detection(server_barge_in=True)
    for event in (ev.ReplyAudio(reply_id="x", pcm=tone(240)), ev.ReplyStarted(reply_id="x")):
        assert part.translate(event, 0) is event
