"""The golden messages of the raw-sound wire, through the codec in both directions.

In `tests/wire/sdk_voice.jsonl` a binary message is written as `{"binary": base64}`; everything else is the JSON text
itself. The local agent's tests read the same file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyclient.codecs import SessionSettings, create_codec
from pyclient.codecs.sdk_voice import SdkVoiceCodec
from pyclient.core import events as ev
from pyclient.core.errors import ConfigError, RemoteProtocolError
from pyclient.core.safejson import Limits
from tests.support.texts import of_close

FILE = Path(__file__).parent.parent / "wire" / "sdk_voice.jsonl"
GOLDEN = {line["name"]: line for line in map(json.loads, FILE.read_text(encoding="utf-8").splitlines())}
CLIENT = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "client"}
SERVER = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "server"}

LIMITS = Limits()
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"
WS_URL = "wss://voice.test/api/v1/sdk/ws"
FRAME = bytes(range(256)) * 2 + bytes(128)
Codec = SdkVoiceCodec


def connected(token: str = TOKEN) -> Codec:
    codec = Codec()
    codec.connect(ev.TokenGranted(attempt=1, token=token, ws_url=WS_URL))
    return codec


def on_the_wire(message: dict[str, Any]) -> str | bytes:
    return base64.b64decode(message["binary"]) if "binary" in message else json.dumps(message)


def hear(codec: Codec, *names: str) -> list[ev.Event]:
    return [event for name in names for event in codec.decode(on_the_wire(SERVER[name]), LIMITS)]


ENCODED: dict[str, Callable[[], Any]] = {
    "token": lambda: connected().opening(SessionSettings()),
    "audio frame": lambda: [Codec().encode_audio(FRAME)],
}


def fault(code: str, kind: str, retryable: bool) -> list[ev.Event]:
    message = SERVER[f"error {code}"]["message"]
    return [ev.SessionFaulted(kind=kind, code=code, message=message, retryable=retryable, closes=True)]


def spoken(pcm: bytes) -> list[ev.Event]:
    return [ev.ReplyStarted(reply_id="sdk-1"), ev.ReplyAudio(reply_id="sdk-1", pcm=pcm)]


DECODED: dict[str, list[ev.Event]] = {
    "connected": [ev.SessionReady(session_id="")],
    "agent_ready": [ev.AgentJoined()],
    "session_ended agent_disconnected": [ev.SessionEnded(reason="The agent left the call.")],
    "session_ended session_closed": [ev.SessionEnded(reason="The call was closed.")],
    "session_ended room_closed": [ev.SessionEnded(reason="The call was closed by the service.")],
    "session_ended server_shutdown": [ev.SessionEnded(reason="The voice service is shutting down.")],
    "error AUTH_TIMEOUT": fault("AUTH_TIMEOUT", "auth", False),
    "error INVALID_AUTH": fault("INVALID_AUTH", "auth", False),
    "error AUTH_FAILED": fault("AUTH_FAILED", "auth", True),
    "error SESSION_SETUP_FAILED": fault("SESSION_SETUP_FAILED", "server", True),
    "agent audio, one frame": spoken(FRAME),
    "agent audio of another length": spoken(b"\x00\x00\x01\x00\xff\x7f\xff\x80"),
}


def test_no_golden_message_is_forgotten() -> None:
    """A message that is added to the file must be given a meaning here."""
    assert set(CLIENT) == set(ENCODED)
    assert set(SERVER) == set(DECODED)


def test_every_golden_message_names_its_source() -> None:
    for line in GOLDEN.values():
        assert set(line) == {"direction", "name", "source", "date", "message"}
        assert line["source"].startswith("protocol section ")


@pytest.mark.parametrize("name", CLIENT)
def test_what_we_say_is_exactly_the_golden_message(name: str) -> None:
    (message,) = ENCODED[name]()
    wanted = on_the_wire(CLIENT[name])
    assert type(message) is type(wanted)
    if isinstance(wanted, bytes):
        assert message == wanted
    else:
        assert json.loads(message) == CLIENT[name]


@pytest.mark.parametrize("name", SERVER)
def test_what_the_server_says_means_what_the_table_says(name: str) -> None:
    assert hear(Codec(), name) == DECODED[name]


def test_the_table_of_providers_knows_this_one() -> None:
    codec = create_codec("sdk_voice")
    assert isinstance(codec, SdkVoiceCodec)
    assert (codec.name, codec.wire_rate_hz) == ("sdk_voice", 16_000)
    said_yes = {name for name in codec.features.__slots__ if getattr(codec.features, name) is True}
    assert said_yes == {"agent_joins"} and codec.features.frame_ms == 20


# --- the door ---------------------------------------------------------------------------------------------------------


def test_the_address_is_used_as_it_comes_and_holds_no_token() -> None:
    grant = ev.TokenGranted(attempt=1, token=TOKEN, ws_url=WS_URL + "?room=1")
    assert Codec().connect(grant) == (WS_URL + "?room=1", ())


@pytest.mark.parametrize(
    ("ws_url", "token"), [("https://a.test", "t"), ("", "t"), ("wss://a\n.test", "t"), ("wss://a.test", "")]
)
def test_an_answer_that_cannot_be_used_is_the_servers_fault(ws_url: str, token: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Codec().connect(ev.TokenGranted(attempt=1, token=token, ws_url=ws_url))


def test_a_token_is_said_once_and_shown_never() -> None:
    codec = connected()
    assert TOKEN not in repr(codec) and TOKEN not in str(codec)
    assert TOKEN in str(codec.opening(SessionSettings())[0])
    assert TOKEN not in str(vars(codec))


# --- sound ------------------------------------------------------------------------------------------------------------


def test_replies_are_one_until_the_session_says_that_it_is_over() -> None:
    codec = Codec()
    events = codec.decode(FRAME, LIMITS) + codec.decode(FRAME, LIMITS)
    assert codec.reply_cancel("sdk-0") == [] and codec.reply_cancel("sdk-1") == []
    events += codec.decode(FRAME, LIMITS)
    codec.reply_cancel("sdk-1")  # said again, and too late to mean the reply of now
    events += codec.decode(FRAME, LIMITS)
    assert events == [
        *spoken(FRAME),
        ev.ReplyAudio(reply_id="sdk-1", pcm=FRAME),
        ev.ReplyStarted(reply_id="sdk-2"),
        ev.ReplyAudio(reply_id="sdk-2", pcm=FRAME),
        ev.ReplyAudio(reply_id="sdk-2", pcm=FRAME),
    ]


def test_half_a_sample_begins_no_reply() -> None:
    codec = Codec()
    assert codec.decode(b"\x01", LIMITS) == []
    assert codec.decode(b"\x02\x03\x04", LIMITS) == spoken(b"\x01\x02\x03\x04")


def test_the_next_session_begins_anew() -> None:
    codec = connected()
    codec.decode(FRAME + b"\x01", LIMITS)
    codec.encode_audio(bytes(10))
    codec.opening(SessionSettings())
    assert codec.decode(FRAME, LIMITS) == spoken(FRAME)
    assert codec.encode_audio(FRAME) == FRAME


@given(st.lists(st.binary(max_size=9)))
@settings(max_examples=200)
def test_sound_of_any_length_arrives_whole_and_in_order(chunks: list[bytes]) -> None:
    codec = Codec()
    events = [event for chunk in chunks for event in codec.decode(chunk, LIMITS)]
    sent = b"".join(chunks)
    assert b"".join(event.pcm for event in events if isinstance(event, ev.ReplyAudio)) == sent[: len(sent) & ~1]
    assert sum(isinstance(event, ev.ReplyStarted) for event in events) == (len(sent) > 1)


@given(st.lists(st.binary(max_size=640)))
@settings(max_examples=200)
def test_no_message_has_another_size_than_one_frame_and_nothing_is_lost(frames: list[bytes]) -> None:
    """Protocol file section 4."""
    codec = Codec()
    sent = [codec.encode_audio(frame) for frame in frames]
    assert {len(message) for message in sent} <= {0, 640}
    captured, out = b"".join(frames), b"".join(message for message in sent if isinstance(message, bytes))
    assert captured.startswith(out) and len(captured) - len(out) < 640


def test_a_frame_that_is_too_long_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="640"):
        Codec().encode_audio(bytes(642))


def test_sound_beyond_the_limit_is_refused() -> None:
    (event,) = Codec().decode(bytes(1_025), Limits(max_bytes=1_024))
    assert isinstance(event, ev.MessageRejected)


# --- words ------------------------------------------------------------------------------------------------------------


def say(**fields: Any) -> list[ev.Event]:
    return Codec().decode(json.dumps(fields), LIMITS)


def test_what_nobody_documented_is_taken_as_far_as_it_goes() -> None:
    assert say(type="transcript", text="hello") == [ev.MessageIgnored(type="transcript")]
    assert say(type="session_ended", reason="lunch") == [ev.SessionEnded(reason="lunch")]
    assert say(type="session_ended") == [ev.SessionEnded()]
    assert say(type="session_ended", reason="x" * 1_000) == [ev.SessionEnded(reason="x" * 100)]
    unknown = ev.SessionFaulted(kind="unknown", code="unknown", message="", retryable=True, closes=True)
    assert say(type="error", code=7, message=["x"]) == [unknown]
    (event,) = say(type="error", code="auth_failed", message="m" * 1_000)
    assert isinstance(event, ev.SessionFaulted) and event.kind == "auth" and len(event.message) == 500


def test_what_this_wire_cannot_say_is_not_said() -> None:
    codec = Codec()
    silent = [
        codec.resume("s"),
        codec.tool_result("c", "{}", False),
        codec.tool_results_sent("sdk-1"),
        codec.reply_create("Say goodbye."),
        codec.reply_heard("sdk-1", 10),
        codec.talk_begin(),
        codec.talk_end(),
        codec.history([("user", "hello")]),
        codec.probe(),
        codec.user_text("hello"),
        codec.answer_text("hello"),
        codec.context("system", "hello"),
        codec.end(),
    ]
    assert silent == [[]] * len(silent)
    update = codec.update(system_prompt="x", voice="x", greeting="x", volume=1, turn_detection={}, tools=())
    assert (update.messages, update.applied, update.immutable) == ((), (), ())


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"input": {"speed": 1}}, "input"),
        ({"turn_detection": {"threshold": 0.5}}, "turn_detection"),
        ({"volume": 50}, "volume"),
        ({"turn_style": "text"}, "turn_style"),
    ],
)
def test_settings_that_would_silently_do_nothing_are_refused(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Codec().check(SessionSettings(**wrong))
    assert caught.value.key == key
    Codec().check(SessionSettings(system_prompt="x", greeting="x", voice="x"))  # the page says that these are not used
    Codec().check(SessionSettings(turn_style="push_to_talk"))  # silence ends a turn


def test_close_codes_are_told_apart_in_words() -> None:
    codes = [1000, 1001, 1005, 1006, 1011, 4001, 4002, 4003, 4500, 4999]
    reasons = {code: Codec().close_reason(code, "", True) for code in codes}
    assert len({of_close(reason)[0] for reason in reasons.values()}) == len(codes)
    assert all(of_close(reason)[1] for reason in reasons.values())
    assert [code for code in codes if reasons[code].kind == "ended"] == [1000]
    assert [code for code in codes if not reasons[code].retryable] == [4001, 4002]  # section 6: mistakes of ours
    kinds = [reasons[code].kind for code in codes]
    assert kinds == ["ended", "server", "server", "network", "server", "auth", "auth", "auth", "server", "unknown"]


def test_the_same_code_means_something_else_before_the_session_was_ready() -> None:
    before, after = Codec().close_reason(1000, "", False), Codec().close_reason(1000, "", True)
    assert (before.kind, after.kind) == ("server", "ended")
    before, after = Codec().close_reason(1006, "", False), Codec().close_reason(1006, "", True)
    assert before.kind == after.kind == "network" and before.name != after.name
    assert "because" in of_close(Codec().close_reason(4999, "because " * 1_000, True))[1]


# --- whatever comes, nothing raises -----------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=8), deeper, max_size=3),
    max_leaves=8,
)
TEXTS = [message for message in SERVER.values() if "binary" not in message]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    message = dict(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(0, 2))):
        message[draw(st.sampled_from(["type", "reason", "code", "message", "x"]))] = draw(values)
    text = json.dumps(message)
    if draw(st.booleans()):
        text = text[: draw(st.integers(0, len(text)))]
    return text


@pytest.mark.slow
@given(st.lists(mutated() | st.text(max_size=50) | st.binary(max_size=50) | values.map(json.dumps), max_size=8))
@settings(max_examples=300)
def test_a_codec_raises_nothing_whatever_a_session_brings(session: list[str | bytes]) -> None:
    codec = Codec()
    for data in session:
        for event in codec.decode(data, LIMITS):
            assert isinstance(event, ev.Event)


@pytest.mark.parametrize("data", ["", "{", "[]", "7", '{"type":7}', "[" * 5_000, '{"type":"connected"'])
def test_text_that_is_no_message_is_refused(data: str) -> None:
    (event,) = Codec().decode(data, LIMITS)
    assert isinstance(event, ev.MessageRejected)
