"""Audio fast path: whatever happens in a call, the result is the same as on the usual path alone."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyclient.audio.pcm import peak
from pyclient.audio.vad import LOUD_PEAK
from pyclient.audio_fast_path import AudioFastPath
from pyclient.codecs.assemblyai import AUDIO, AssemblyAICodec
from pyclient.connection.connection import Connection
from pyclient.connection.session_limit import SessionLimit
from pyclient.connection.settings_change import SettingsChange
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.audio_json import AudioJson
from pyclient.core.safejson import Limits
from pyclient.core.states import State
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.client_turn_detection import ClientTurnDetection
from pyclient.turns.echo_guard import EchoGuard
from pyclient.turns.push_to_talk import PushToTalk
from pyclient.turns.turn_taking import TurnTaking
from tests.support.fakewire import wire_host
from tests.support.parts import call_in
from tests.support.playbook import FakeHost, silence, tone

FRAME = 960


class ShortHost(FakeHost):
    """A host that moves base64 itself where it may, as `templates/static/host.js` does."""

    short = True

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.passed = 0
        self.audio: AudioJson | None = None
        self.sending = self.playing = False
        self.reply = ""
        self.frames, self.loud_at_ms, self.samples, self.heard_at_ms = 0, 0.0, 0, 0.0

    def settle(self) -> None:
        """As `Host.settle` in `templates/static/host.js`: before each event, and before
        another reply is asked about.
        """
        way, self.sending, self.playing = self.session.audio_fast_path, False, False
        if self.frames:
            way.sent(self.frames, self.loud_at_ms)
        if self.samples:
            way.played(self.samples, self.heard_at_ms)
        self.frames, self.loud_at_ms, self.samples = 0, 0.0, 0

    def tell(self, event: ev.Event, after_ms: float = 10) -> list[cmd.Command]:
        self.settle()
        return super().tell(event, after_ms)

    def capture(self, pcm: bytes) -> None:
        self.now_ms += 10
        if self.short and self.audio and pcm and len(pcm) % 2 == 0:
            self.sending = self.sending or self.session.audio_fast_path.may_send()
        if not self.sending:
            self.tell(ev.AudioCaptured(pcm=pcm), after_ms=0)
            return
        assert self.audio is not None
        self.passed += 1
        self.frames += 1
        if peak(pcm, every=4) > LOUD_PEAK:
            self.loud_at_ms = self.now_ms
        self.sent.append(json.loads(self.audio.before + base64.b64encode(pcm).decode() + self.audio.behind))

    def hear_audio(self, reply_id: str, pcm: bytes, after_ms: float = 10) -> list[cmd.Command]:
        way = self.session.audio_fast_path
        if self.short and self.audio and pcm:
            if reply_id != self.reply:
                self.settle()
                self.item = way.item_of(reply_id)
                self.reply = reply_id if self.item else ""
            self.playing = bool(self.reply) and (self.playing or way.may_play())
            if self.playing:
                self.now_ms += after_ms
                self.passed += 1
                self.samples += len(pcm) // 2
                self.heard_at_ms = self.now_ms
                self.played.append((self.item, len(pcm) // 2))
                return []
        return super().hear_audio(reply_id, pcm, after_ms)

    def _note(self, command: cmd.Command) -> None:
        super()._note(command)
        if isinstance(command, cmd.OpenSocket):
            self.audio = command.audio
            self.reply = ""


class LongHost(ShortHost):
    short = False


def do(host: ShortHost, step: tuple[str, Any]) -> None:
    kind, value = step
    reply = f"r{value % 3}"
    if kind == "frame":
        host.capture((silence, tone)[value % 2](FRAME))
    elif kind == "audio":
        host.hear_audio(reply, (tone, silence)[value % 2](FRAME))
    elif kind == "started":
        host.hear("reply.started", reply_id=reply, item_id="m")
    elif kind == "done":
        host.hear("reply.done", reply_id=reply, status=("completed", "interrupted")[value % 2])
    elif kind == "speech":
        host.hear(f"input.speech.{('started', 'stopped')[value % 2]}")
    elif kind == "progress":
        host.render(reply, value * 300)
    elif kind == "drained":
        host.tell(ev.PlaybackDrained())
    elif kind == "flushed":
        host.flushed(reply, value * 400)
    elif kind == "mute":
        host.tell(ev.MuteChanged(muted=bool(value % 2)))
    elif kind == "interrupt":
        host.tell(ev.InterruptRequested())
    elif kind == "timer" and host.timers:
        host.wait(sorted(host.timers)[value % len(host.timers)])
    elif kind == "drop" and host.session.state.value in ("live", "resuming"):
        host.drop()
    elif kind == "back" and host.session.state.value == "resuming":
        host.grant()
        host.opened()
        host.hear("session.ready", session_id="sess_1")
    elif kind == "again":
        host.tell(ev.HangUpRequested())
        host.tell(ev.SocketClosed(socket_id=host.socket_id, code=1000))
        if host.view["can_connect"]:
            host.go_live()


KINDS = (
    *("frame", "audio", "audio", "audio", "started", "done", "speech", "progress", "drained", "flushed", "mute"),
    *("interrupt", "timer", "drop", "back", "again"),
)
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 11)), max_size=60)


@pytest.mark.slow
@example(steps=[("audio", 0), ("progress", 9), ("interrupt", 0), ("audio", 0)], barge_in="duck")
@example(steps=[("audio", 0), ("done", 0), ("flushed", 9), ("audio", 0)], barge_in="duck")
@given(steps=STEPS, barge_in=st.sampled_from(("duck", "flush", "off")))
@settings(max_examples=300)
def test_the_fast_path_comes_to_the_same_as_the_usual_one(steps: list[tuple[str, int]], barge_in: str) -> None:
    hosts = ShortHost(barge_in=barge_in), LongHost(barge_in=barge_in)
    for host in hosts:
        host.go_live()
    for step in steps:
        for host in hosts:
            do(host, step)
        short, long = hosts
        short.settle()
        assert (short.sent, short.played, short.timers) == (long.sent, long.played, long.timers)
        assert short.views == long.views
        assert short.session.view(short.now_ms) == long.session.view(long.now_ms)


def test_a_calm_call_takes_the_fast_path_and_hears_when_it_was_loud() -> None:
    """A fast path that nobody takes would pass the test above."""
    host, other = ShortHost().go_live(), LongHost().go_live()
    for one in (host, other):
        for _ in range(10):
            one.capture(tone(FRAME))
        one.hear("input.speech.stopped", after_ms=300)
        one.hear("reply.started", reply_id="r1", item_id="m")
        for _ in range(10):
            one.hear_audio("r1", tone(FRAME))
        one.render("r1", 480)
    host.settle()
    assert host.passed == 10 + 9
    assert host.stats == other.stats
    assert host.stats["frames_sent"] == 10 and host.stats["speech_end_to_first_sound_ms"]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda host: host.tell(ev.MuteChanged(muted=True)),
        lambda host: host.drop(),
        lambda host: host.tell(ev.HangUpRequested()),
    ],
)
def test_no_frame_passes_a_microphone_that_is_muted_or_a_line_that_is_down(trouble: Any) -> None:
    host = ShortHost().go_live()
    assert host.session.audio_fast_path.may_send()
    trouble(host)
    assert not host.session.audio_fast_path.may_send()


@pytest.mark.parametrize("newer", [False, True], ids=["the last one", "one before a newer one"])
def test_an_interrupted_reply_stays_silent_on_the_fast_path(newer: bool) -> None:
    host = ShortHost().go_live()
    host.speak_reply("r1")
    if newer:
        host.speak_reply("r2")
    assert host.session.audio_fast_path.item_of("r1") == "r1"
    assert host.session.audio_fast_path.may_play() is not newer, "one voice at a time"
    host.hear("reply.done", reply_id="r1", status="interrupted")
    assert not host.session.audio_fast_path.may_play()


def test_a_reply_that_was_stopped_when_all_of_it_had_been_heard_stays_silent_on_the_fast_path() -> None:
    """Audio that comes as fast as it plays leaves moments in which nothing waits; "Stop talking" counts there too."""
    host = ShortHost().go_live()
    host.hear("reply.started", reply_id="r1", item_id="m")
    host.hear_audio("r1", tone(FRAME))
    host.render("r1", FRAME)
    host.tell(ev.InterruptRequested())
    host.hear_audio("r1", tone(FRAME))
    host.hear_audio("r1", tone(FRAME))
    assert host.played == [("r1", FRAME)]


def test_a_reply_of_a_lost_session_does_not_go_on_in_the_next_one() -> None:
    host = ShortHost().go_live()
    host.speak_reply("r1")
    assert host.session.audio_fast_path.item_of("r1") == "r1"
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.error", code="session_not_found", message="gone")
    host.drop(1008)
    while host.session.state.value != "live":
        host.wait("retry")
        host.open_wire("sess_2")
    assert not host.session.audio_fast_path.may_play()


@given(pcm=st.binary(min_size=2, max_size=60))
def test_a_frame_wrapped_by_the_host_is_what_the_codec_makes_of_it(pcm: bytes) -> None:
    assert AUDIO.before + base64.b64encode(pcm).decode() + AUDIO.behind == AssemblyAICodec().encode_audio(pcm)


def test_audio_that_the_host_finds_is_what_the_codec_decodes() -> None:
    message = {AUDIO.type_field: AUDIO.type, AUDIO.reply_field: "r1", AUDIO.data_field: "AAABAA=="}
    (event,) = AssemblyAICodec().decode(json.dumps(message), Limits())
    assert event == ev.ReplyAudio(reply_id="r1", pcm=b"\0\0\1\0")


def test_leading_silence_is_looked_through_on_the_long_way() -> None:
    """Where sound begins counts for the waiting times, and only samples tell."""
    hosts = ShortHost().go_live(), LongHost().go_live()
    for host in hosts:
        host.hear("input.speech.stopped", after_ms=300)
        host.hear("reply.started", reply_id="r1", item_id="m")
        for pcm in (silence(FRAME), silence(FRAME), tone(FRAME), tone(FRAME)):
            host.hear_audio("r1", pcm)
        host.render("r1", 3 * FRAME)
    short, long = hosts
    assert short.passed == 1
    assert short.stats == long.stats and short.stats["commit_to_first_sound_ms"] is not None


def test_audio_does_not_pass_when_the_call_is_over_or_the_line_is_down() -> None:
    for trouble in (ev.HangUpRequested(), ev.SocketClosed(socket_id=1, code=1006)):
        host = ShortHost().go_live()
        host.speak_reply("r1")
        assert host.session.audio_fast_path.item_of("r1") and host.session.audio_fast_path.may_play()
        host.tell(trouble)
        host.session.audio_fast_path.item_of("r1")
        assert not host.session.audio_fast_path.may_play()


@pytest.mark.parametrize(
    ("config", "features"),
    [
        ({"turn_style": "push_to_talk"}, {"push_to_talk": True}),
        ({}, {"server_barge_in": False}),
        ({}, {"audio_json": None}),
    ],
    ids=["talk key", "client turn detection", "another wire"],
)
def test_a_call_that_looks_at_its_samples_has_no_fast_path(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], features: dict[str, Any]
) -> None:
    assert wire_host(monkeypatch, audio_json=AUDIO).session.audio_fast_path.may_send()
    host = wire_host(monkeypatch, config, **{"audio_json": AUDIO, **features})
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(FRAME)))
    way = host.session.audio_fast_path
    way.item_of("r1")
    assert not way.may_send() and not way.may_play()


# --- the part alone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [{"audio_json": AUDIO}, {}, {"audio_json": AUDIO, "server_barge_in": False}])
def test_alone_it_opens_only_where_nobody_looks_at_samples(features: dict[str, Any]) -> None:
    call, registry = call_in(State.LIVE, features), ToolRegistry()
    barge_in, calls = BargeIn(call), ToolCalls(call, registry)
    turns = TurnTaking(call, barge_in, calls)
    limit = SessionLimit(call, calls)
    line = Connection(call, registry, SettingsChange(call), limit, lambda: 0.5)
    key, client_turns = PushToTalk(call, turns, calls), ClientTurnDetection(call, barge_in, turns)
    part = AudioFastPath(call, barge_in, key, client_turns, line, EchoGuard(call))
    part.begin(0)
    assert part.may_send() is (features == {"audio_json": AUDIO})
    call.muted = True
    assert not part.may_send()
