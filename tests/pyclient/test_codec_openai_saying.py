"""What do we say on the Realtime wire, and what is refused before it is said?"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pyclient.codecs import SessionSettings
from pyclient.core import events as ev
from pyclient.core.errors import ConfigError, RemoteProtocolError
from tests.support.realtime import (
    CLIENT,
    FULL,
    HELD,
    MS,
    SEMANTIC,
    WEATHER,
    Codec,
    hear,
    held_for,
    opened,
    said,
)


@pytest.mark.parametrize("ws_url", ["wss://a.test/v1/realtime?model=m", "ws://localhost:8000/v1/realtime?model=m"])
def test_the_token_is_the_second_sub_protocol_and_the_address_stays_as_it_is(ws_url: str) -> None:
    grant = ev.TokenGranted(attempt=1, token="ek_68-a.B~", ws_url=ws_url)
    assert Codec().connect(grant) == (ws_url, ("realtime", "openai-insecure-api-key.ek_68-a.B~"))


@pytest.mark.parametrize(
    ("ws_url", "token"),
    [
        ("https://a.test", "t"),
        ("", "t"),
        ("wss://a\n.test", "t"),
        ("wss://a.test", ""),
        ("wss://a.test", "sekret key"),
        ("wss://a.test", "sekret,key"),
        ("wss://a.test", "sekret/key="),
        ("wss://a.test", "sekretä"),
        ("wss://a.test", "sekret\n"),
        ("wss://a.test", "sekret\ud800"),
        ("wss://a\udfff.test", "t"),
    ],
)
def test_an_answer_that_no_browser_could_use_is_the_servers_fault(ws_url: str, token: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Codec().connect(ev.TokenGranted(attempt=1, token=token, ws_url=ws_url))
    assert "sekret" not in str(caught.value)


def test_the_model_is_the_addresss_and_never_sent() -> None:
    for settings_ in (SessionSettings(), FULL, HELD, SEMANTIC):
        assert all("model" not in message.get("session", {}) for message in said(Codec().opening(settings_)))


def test_a_session_without_a_greeting_asks_for_nothing() -> None:
    assert [message["type"] for message in said(Codec().opening(SessionSettings()))] == ["session.update"]
    assert [message["type"] for message in said(Codec().opening(FULL))] == ["session.update", "response.create"]


def test_audio_of_any_length_is_encoded_as_json_would() -> None:
    for length in range(0, 12, 2):
        pcm = bytes(range(length))
        expected = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
        assert json.loads(Codec().encode_audio(pcm)) == expected


def test_push_to_talk_commits_what_was_said_and_asks_for_the_answer() -> None:
    codec = held_for(100)
    assert said(codec.talk_end()) == [CLIENT["input_audio_buffer.commit"], CLIENT["response.create"]]
    assert codec.talk_end() == []


def test_a_mere_tap_on_the_key_commits_nothing() -> None:
    """Protocol file section 9: an empty buffer is refused, and the reply asked for would answer nothing."""
    assert held_for(99).talk_end() == []
    codec = Codec()
    codec.encode_audio(bytes(1_000 * MS))
    codec.talk_begin()
    assert codec.talk_end() == []


def test_typed_text_is_an_item_and_a_request() -> None:
    messages = said(Codec().user_text("What time is it?"))
    assert messages == [CLIENT["conversation.item.create user"], CLIENT["response.create"]]


def test_history_tells_each_party_by_its_own_kind_of_content() -> None:
    messages = said(Codec().history([("user", "What time is it?"), ("agent", " "), ("agent", "It is noon.")]))
    assert messages == [CLIENT["conversation.item.create user"], CLIENT["conversation.item.create assistant"]]


def test_there_is_no_goodbye_and_no_resume() -> None:
    assert Codec().end() == [] and Codec().resume("sess_1") == []


def test_instructions_for_one_reply_bring_the_prompt_of_now_along() -> None:
    codec = opened()
    codec.update(system_prompt="Be funny.")
    (message,) = said(codec.reply_create("Say goodbye."))
    assert message["response"] == {"instructions": "Be funny.\n\nSay goodbye."}
    codec.update(system_prompt="")
    (message,) = said(codec.reply_create("Say goodbye."))
    assert message["response"] == {"instructions": "Say goodbye."}


def test_a_voice_can_be_changed_until_it_was_heard() -> None:
    codec = opened()
    assert codec.update(voice="alloy").applied == ("voice",)
    assert codec.update(voice="").immutable == ("voice",)
    hear(codec, "response.output_audio.delta")
    update = codec.update(voice="alloy", greeting="Ahoy.")
    assert (update.messages, update.applied, update.immutable) == ((), (), ("voice", "greeting"))


def test_an_update_names_what_it_applied() -> None:
    update = Codec().update(system_prompt="", turn_detection={"type": "semantic_vad"}, tools=(WEATHER,))
    assert (update.applied, update.immutable) == (("system_prompt", "turn_detection", "tools"), ())
    (message,) = said(update.messages)
    assert message["session"]["instructions"] == ""
    assert message["session"]["audio"] == {"input": {"turn_detection": {"type": "semantic_vad"}}}
    assert Codec().update().messages == ()


def test_who_answers_a_turn_can_be_changed_during_the_call() -> None:
    """Section 5: with `create_response` false the session asks for each answer itself."""
    codec = opened()
    assert ev.ReplyNeeded() not in hear(codec, "input_audio_buffer.committed")
    codec.update(turn_detection={"create_response": False})
    assert ev.ReplyNeeded() in hear(codec, "input_audio_buffer.committed")
    codec.update(turn_detection={"create_response": True})
    assert ev.ReplyNeeded() not in hear(codec, "input_audio_buffer.committed")


def test_turn_detection_stays_off_while_a_key_is_held() -> None:
    update = opened(HELD).update(turn_detection={"threshold": 0.3})
    assert (update.messages, update.immutable) == ((), ("turn_detection",))


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"input": {"voice": "x"}}, "input.voice"),
        ({"input": {"transcription": "whisper-1"}}, "input.transcription"),
        ({"input": {"transcription": {"modle": "x"}}}, "input.transcription.modle"),
        ({"input": {"transcription": {"model": ""}}}, "input.transcription.model"),
        ({"input": {"transcription": {"keywords": "x"}}}, "input.transcription.keywords"),
        ({"input": {"transcription": {"delay": "some"}}}, "input.transcription.delay"),
        ({"input": {"noise_reduction": {"type": "far"}}}, "input.noise_reduction.type"),
        ({"input": {"noise_reduction": {"strength": -1}}}, "input.noise_reduction.strength"),
        ({"input": {"output_modalities": ["audio", "text"]}}, "input.output_modalities"),
        ({"input": {"speed": 1.6}}, "input.speed"),
        ({"input": {"speed": True}}, "input.speed"),
        ({"input": {"tool_choice": "always"}}, "input.tool_choice"),
        ({"input": {"tool_choice": {"type": "function"}}}, "input.tool_choice"),
        ({"input": {"max_output_tokens": 5_000}}, "input.max_output_tokens"),
        ({"input": {"max_output_tokens": 0}}, "input.max_output_tokens"),
        ({"turn_detection": {"type": "none"}}, "turn_detection.type"),
        ({"turn_detection": {"type": ["server_vad"]}}, "turn_detection.type"),
        ({"turn_detection": {"eagerness": "low"}}, "turn_detection.eagerness"),
        ({"turn_detection": {"type": "semantic_vad", "threshold": 0.5}}, "turn_detection.threshold"),
        ({"turn_detection": {"type": "semantic_vad", "eagerness": "eager"}}, "turn_detection.eagerness"),
        ({"turn_detection": {"threshold": 1.1}}, "turn_detection.threshold"),
        ({"turn_detection": {"silence_duration_ms": -1}}, "turn_detection.silence_duration_ms"),
        ({"turn_detection": {"silence_duration_ms": 0.5}}, "turn_detection.silence_duration_ms"),
        ({"turn_detection": {"idle_timeout_ms": 0}}, "turn_detection.idle_timeout_ms"),
        ({"turn_detection": {"interrupt_response": "no"}}, "turn_detection.interrupt_response"),
        ({"turn_style": "telepathy"}, "turn_style"),
        ({"volume": 50}, "volume"),
    ],
)
def test_settings_that_the_vendor_would_refuse_are_refused_before_they_are_sent(
    wrong: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Codec().check(SessionSettings(**wrong))
    assert caught.value.key == key


def test_good_settings_pass() -> None:
    for good in (SessionSettings(), FULL, HELD, SEMANTIC):
        Codec().check(good)


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("output_modalities", [["audio"], ["text"], None]),
        ("tool_choice", ["none", "auto", "required", {"type": "function", "name": "weather"}, None]),
        ("max_output_tokens", [1, 4_096, "inf", None]),
        ("speed", [0.25, 1.5, 1, None]),
        ("transcription", [None, {}, {"languages": ["en", "de"]}]),
        ("transcription", [{"delay": delay} for delay in ("minimal", "low", "medium", "high", "xhigh")]),
        ("noise_reduction", [None, {"type": "near_field"}, {"type": "far_field", "strength": 1}]),
    ],
)
def test_every_value_that_the_documents_name_is_taken(key: str, good: list[Any]) -> None:
    """Protocol file section 5."""
    for value in good:
        Codec().check(SessionSettings(input={key: value}))


def test_every_turn_detection_that_the_documents_name_is_taken() -> None:
    Codec().check(SessionSettings(turn_detection={"type": "server_vad", "idle_timeout_ms": 6_000}))
    for eagerness in ("low", "medium", "high", "auto"):
        semantic = {
            "type": "semantic_vad",
            "eagerness": eagerness,
            "create_response": True,
            "interrupt_response": False,
        }
        Codec().check(SessionSettings(turn_detection=semantic))
