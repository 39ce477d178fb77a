"""Whatever comes, nothing raises: not out of a codec, not out of a session.

`FakeHost` adds its own checks to every step: no message to a closed socket, at most one view, JSON-ready and bounded,
no token in a log line.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyclient.codecs.assemblyai import AssemblyAICodec
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.safejson import Limits
from pyclient.core.states import State
from pyclient.tools import ToolRegistry
from tests.support.fakewire import wire_host
from tests.support.playbook import FakeHost, golden, tone
from tests.support.two_tools import light, weather

# A search with drawn numbers: seconds of a processor, and what it found once has a test of its own that is fast.
pytestmark = pytest.mark.slow

LIMITS = Limits(max_bytes=50_000)
MESSAGES = [line["message"] for line in golden().values()]
TYPES = sorted({message["type"] for message in MESSAGES})

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["AAAA", "AAAAAA=="])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(sorted({key for message in MESSAGES for key in message})) | st.text(max_size=5)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A golden message with something about it changed, or something that only looks like one."""
    message: dict[str, Any] = dict(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(0, 3))):
        message[draw(keys)] = draw(values)
    text = json.dumps(message)
    match draw(st.integers(0, 5)):
        case 0:
            text = text[: draw(st.integers(0, len(text)))]
        case 1:
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(st.text(max_size=5)) + text[at:]
        case 2:
            depth = draw(st.sampled_from([10, 70, 2_000]))
            text = text[:-1] + ',"deep":' + "[" * depth + "]" * depth + "}"
        case 3:
            text = text[:-1] + ',"pad":"' + "x" * draw(st.sampled_from([10, 60_000])) + '"}'
    return text


@given(mutated() | st.text(max_size=50) | st.binary(max_size=50) | values.map(json.dumps))
@settings(max_examples=600)
def test_a_codec_raises_nothing_and_answers_with_events(data: str | bytes) -> None:
    for event in AssemblyAICodec().decode(data, LIMITS):
        assert isinstance(event, ev.Event)
        if isinstance(event, ev.MessageRejected):
            assert 0 < len(event.reason) < 200


ids = st.sampled_from(["", "r1", "r2", "r3"])
sockets = st.integers(0, 3)
texts = st.sampled_from(["", " ", "hello", ".", "x" * 30_000, "\n", "“", "日本"])
samples = st.integers(-10, 100_000)
pcm = st.sampled_from([b"", b"\0", b"\0\0", tone(480), bytes(4_800)])
even_pcm = st.sampled_from([b"", b"\0\0", tone(480), bytes(4_800)])
tool_names = st.sampled_from(["weather", "light", "nope"])
arguments = st.sampled_from([{}, {"city": "Oslo"}, {"city": 1}, {"state": "on"}, {"x": [1]}])
kinds = st.sampled_from(["denied", "silent", "ended", "zz"])
fault_kinds = st.sampled_from(
    ["auth", "expired", "not_resumable", "capacity", "invalid_setting", "server", "reply", "rate", "unknown"]
)

events = st.one_of(
    st.builds(ev.ConnectRequested, voice=st.none() | texts),
    st.builds(ev.TalkPressed),
    st.builds(ev.TalkReleased, cancelled=st.booleans()),
    st.builds(ev.CaptureDrained),
    st.builds(ev.AgentJoined),
    st.builds(ev.TurnPlaced, turn_id=ids, after_id=ids, role=st.sampled_from(["user", "agent", "other"])),
    st.builds(ev.HangUpRequested, page_gone=st.booleans()),
    st.builds(ev.MuteChanged, muted=st.booleans()),
    st.builds(ev.PauseChanged, paused=st.booleans()),
    st.builds(ev.InterruptRequested),
    st.builds(ev.TextSubmitted, text=texts),
    st.builds(
        ev.SettingsChanged,
        system_prompt=st.none() | texts,
        voice=st.none() | texts,
        volume=st.none() | st.floats(),
        turn_detection=st.sampled_from([None, {}, {"interrupt_response": False}, {"nope": 1}]),
    ),
    st.builds(
        ev.TokenGranted,
        attempt=st.integers(0, 3),
        token=st.sampled_from(["", "t"]),
        ws_url=st.sampled_from(["", "wss://a.test/x", "https://a.test"]),
        max_session_s=st.none() | st.floats(allow_nan=False),
    ),
    st.builds(ev.TokenRefused, attempt=st.integers(0, 3), status=st.integers(0, 600), retry_after_s=st.none() | st.floats()),
    st.builds(ev.SocketOpened, socket_id=sockets),
    st.builds(ev.SocketClosed, socket_id=sockets, code=st.integers(0, 5_000), reason=texts),
    st.builds(ev.MessageReceived, socket_id=sockets, data=mutated()),
    st.builds(ev.AudioCaptured, pcm=pcm),
    st.builds(ev.CaptureFailed, kind=kinds, fatal=st.booleans()),
    st.builds(ev.CaptureRecovered, kind=kinds),
    st.builds(ev.PlaybackProgressed, item_id=ids, rendered_samples=samples, queued_samples=samples, underruns=samples),
    st.builds(ev.PlaybackDrained),
    st.builds(ev.PlaybackFlushed, item_id=ids, rendered_samples=samples),
    st.builds(ev.ToolFinished, call_id=ids, result_json=texts, is_error=st.booleans()),
    st.builds(ev.SessionReady, session_id=ids),
    st.builds(ev.SessionEnded),
    st.builds(ev.SessionFaulted, kind=fault_kinds, code=texts, message=texts, closes=st.booleans(), choices=st.just(("a",))),
    st.builds(ev.UserSpeechStarted),
    st.builds(ev.UserSpeechStopped),
    st.builds(ev.UserTranscribed, item_id=ids, text=texts, final=st.booleans()),
    st.builds(ev.ReplyStarted, reply_id=ids),
    st.builds(ev.ReplyAudio, reply_id=ids, pcm=even_pcm),
    st.builds(ev.ReplyTranscribed, reply_id=ids, text=texts, delta=st.booleans(), interrupted=st.booleans()),
    st.builds(ev.ReplyDone, reply_id=ids, interrupted=st.booleans()),
    st.builds(ev.ToolCalled, call_id=ids, name=tool_names, arguments=arguments, informational=st.booleans()),
    st.builds(ev.MessageIgnored, type=texts),
    st.builds(ev.MessageRejected, reason=texts, type=texts),
)  # fmt: skip

FEATURES = ("probes", "resume", "history", "push_to_talk", "server_barge_in", "agent_joins")

steps = st.tuples(st.sampled_from(["event", "event", "event", "timer", "step"]), events, st.integers(0, 20_000))


@given(
    st.lists(steps, max_size=60),
    st.sampled_from(["idle", "minting", "configuring", "live", "live", "live", "dropped", "resuming"]),
    st.sampled_from(["duck", "flush", "off"]),
)
@settings(max_examples=350, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_session_survives_any_order_of_anything(
    script: list[tuple[str, ev.Event, int]], start: str, barge_in: str
) -> None:
    """And keeps its promises on the way: see `_check`."""
    _play(FakeHost(ToolRegistry([weather, light]), barge_in=barge_in, max_turns=5).reach(start), script)


@given(
    st.lists(steps, max_size=60),
    st.fixed_dictionaries({name: st.booleans() for name in FEATURES}),
    st.sampled_from(["duck", "flush", "off"]),
    st.sampled_from(["vad", "push_to_talk", "text"]),
)
@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_session_survives_it_with_a_vendor_of_any_features(
    script: list[tuple[str, ev.Event, int]], features: dict[str, bool], barge_in: str, turn_style: str
) -> None:
    config = {"barge_in": barge_in, "max_turns": 5, "turn_style": turn_style}
    with pytest.MonkeyPatch.context() as patch:
        _play(wire_host(patch, config, ToolRegistry([weather, light]), **features), script)


def _play(host: FakeHost, script: list[tuple[str, ev.Event, int]]) -> None:
    gain = [1.0]
    for what, event, after_ms in script:
        state = host.session.state
        if what == "timer" and host.timers:
            commands = host.wait(sorted(host.timers)[after_ms % len(host.timers)])
        elif what == "step":
            commands = _next_step(host)
        else:
            commands = host.tell(event, after_ms)
        _check(host, state, commands, gain)


def _next_step(host: FakeHost) -> list[cmd.Command]:
    """What would come next if all went well, so that scripts get somewhere."""
    match host.session.state:
        case State.MINTING:
            return host.grant()
        case State.CONNECTING:
            return host.opened()
        case State.CONFIGURING:
            return host.tell(ev.SessionReady(session_id="s"))
        case State.DROPPED:
            return host.wait("retry")
        case State.RESUMING if "token" in host.timers:
            return host.grant()
        case State.RESUMING if "open" in host.timers:
            return host.opened()
        case State.RESUMING:
            return host.tell(ev.SessionReady(session_id="sess_1"))
        case State.LIVE | State.ENDING:
            return host.tell(ev.SessionEnded())
        case _:
            return host.click()


def _check(host: FakeHost, before: State, commands: list[cmd.Command], gain: list[float]) -> None:
    state, view = host.session.state, host.session.view(host.now_ms)
    over = state in (State.IDLE, State.ENDED, State.FAILED)
    assert len(host.open_sockets) <= 1
    assert not (over and host.open_sockets), "no socket outlives its session"
    assert not over or set(host.timers) <= {"drain"}, "no timer outlives its session"
    assert len(view["turns"]) <= 5
    assert view["can_connect"] is over
    if over and before not in (State.IDLE, State.ENDED, State.FAILED, State.ENDING):
        assert cmd.StopCapture() in commands, "no microphone outlives its session"
    for command in commands:
        if isinstance(command, cmd.SetPlaybackGain):
            gain[0] = command.gain
    if over:
        assert gain[0] == 1.0, "a voice that was lowered does not stay low"
    in_call = state in (State.LIVE, State.DROPPED, State.RESUMING)
    assert not view["talking"] or (in_call and view["turn_style"] == "push_to_talk")
    assert in_call or not host.session.call.socket_up or state in (State.CONFIGURING, State.ENDING)
    assert state is not State.DROPPED or ("retry" in host.timers and not host.open_sockets), (
        "a way on, and no old socket"
    )
    if state is State.RESUMING:
        assert {"token", "open", "ready"} & set(host.timers), "somebody is waited for, and not for ever"
    if state is State.FAILED:
        assert view["notice"] is not None and view["notice"]["title"], "no failure without words"
        assert not view["audio_wanted"]
