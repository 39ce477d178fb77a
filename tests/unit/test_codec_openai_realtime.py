"""The golden messages of the Realtime wire, through the codec in both directions, and the sequences of its documents.

What the codec must make of each server message stands here; the messages stand in `tests/wire/openai_realtime.jsonl`,
which the local agent's tests read too, so that one misreading cannot agree with itself.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyclient import events as ev
from pyclient.codecs import SessionSettings, create_codec
from pyclient.codecs.openai_realtime import OpenAIRealtimeCodec
from pyclient.errors import ConfigError, RemoteProtocolError
from pyclient.safejson import Limits

FILE = Path(__file__).parent.parent / "wire" / "openai_realtime.jsonl"
GOLDEN = {line["name"]: line for line in map(json.loads, FILE.read_text(encoding="utf-8").splitlines())}
CLIENT = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "client"}
SERVER = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "server"}

LIMITS = Limits()
RID, USER, AGENT, CALL = "resp_1", "item_u1", "item_a1", "item_f1"
PCM = b"\x00\x00\x01\x00\xff\x7f\xff\x80"
MS = 48  # bytes
WEATHER = {
    "name": "weather",
    "description": "Tell the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
    "execution_mode": "interactive",
    "timeout_ms": 30_000,
}
FULL = SessionSettings(
    voice="marin",
    system_prompt="Be brief.",
    greeting="Hello.",
    input={
        "transcription": {
            "model": "gpt-transcribe",
            "language": "en",
            "prompt": "Parley",
            "keywords": ["Parley"],
            "delay": "low",
        },
        "noise_reduction": {"type": "near_field"},
        "speed": 1.1,
        "tool_choice": "auto",
        "max_output_tokens": 1024,
        "output_modalities": None,
    },
    turn_detection={
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": None,
    },
    tools=(WEATHER,),
)
HELD = SessionSettings(voice="cedar", turn_style="push_to_talk", turn_detection={"threshold": 0.9})
SEMANTIC = SessionSettings(
    input={
        "transcription": None,
        "noise_reduction": None,
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "tool_choice": {"type": "function", "name": "weather"},
    },
    turn_detection={"type": "semantic_vad", "eagerness": "low"},
    tools=(WEATHER,),
)

Codec = OpenAIRealtimeCodec


def opened(settings: SessionSettings = FULL) -> Codec:
    codec = Codec()
    codec.opening(settings)
    return codec


def after_audio(milliseconds: int) -> Codec:
    """A codec that has received so much of one reply, all in one part."""
    codec = Codec()
    hear_audio(codec, bytes(milliseconds * MS))
    return codec


def held_for(milliseconds: int) -> Codec:
    codec = Codec()
    codec.talk_begin()
    codec.encode_audio(bytes(milliseconds * MS))
    return codec


ENCODED: dict[str, Callable[[], Any]] = {
    "session.update minimal": lambda: Codec().opening(SessionSettings()),
    "session.update full": lambda: Codec().opening(FULL)[:1],
    "session.update push to talk": lambda: Codec().opening(HELD),
    "session.update semantic, text, unheard": lambda: Codec().opening(SEMANTIC),
    "session.update mutable": lambda: (
        Codec()
        .update(system_prompt="Be funny.", turn_detection={"silence_duration_ms": 600}, voice="alloy", greeting="Hi")
        .messages
    ),
    "session.update tools removed": lambda: Codec().update(tools=()).messages,
    "session.update without a change": lambda: Codec().probe(),
    "input_audio_buffer.append": lambda: [Codec().encode_audio(PCM)],
    "input_audio_buffer.commit": lambda: held_for(100).talk_end()[:1],
    "input_audio_buffer.clear": lambda: Codec().talk_begin(),
    "conversation.item.create user": lambda: Codec().context("user", "What time is it?"),
    "conversation.item.create system": lambda: Codec().context("system", "The user is in Oslo."),
    "conversation.item.create assistant": lambda: Codec().history([("agent", "It is noon.")]),
    "conversation.item.create function_call_output": lambda: Codec().tool_result("call_1", '{"sky": "clear"}', False),
    "conversation.item.truncate": lambda: after_audio(100).reply_heard(RID, 40),
    "response.create": lambda: Codec().reply_create(""),
    "response.create instructions": lambda: opened().reply_create("Say goodbye."),
    "response.create greeting": lambda: Codec().opening(FULL)[1:],
    "response.cancel": lambda: Codec().reply_cancel(RID),
    "response.cancel whichever": lambda: Codec().reply_cancel(""),
}


def fault(
    name: str, kind: str, *, code: str | None = None, retryable: bool = False, closes: bool = False
) -> ev.SessionFaulted:
    error = SERVER[name]["error"]
    return ev.SessionFaulted(
        kind=kind,
        code=code or error["code"],
        message=error["message"],
        param=error["param"],
        retryable=retryable,
        closes=closes,
    )


def failed(code: str, message: str, retryable: bool) -> list[ev.Event]:
    return [
        ev.SessionFaulted(kind="reply", code=code, message=message, retryable=retryable),
        ev.ReplyDone(reply_id=RID, interrupted=False),
    ]


def delta(text: str) -> ev.ReplyTranscribed:
    return ev.ReplyTranscribed(reply_id=RID, item_id=AGENT, text=text, delta=True)


PLACED = ev.TurnPlaced(turn_id=USER, after_id="", role="user")
STOPPED = ev.ReplyDone(reply_id=RID, interrupted=True)
COMPLETED = ev.ReplyDone(reply_id=RID, interrupted=False)
OSLO = ev.ToolCalled(call_id="call_1", name="weather", arguments={"city": "Oslo"}, reply_id=RID)

# What each server message means when it is the first thing heard, that is, before the session was ready.
DECODED: dict[str, list[ev.Event]] = {
    "session.created": [ev.SessionConfigured(config=SERVER["session.created"]["session"])],
    "session.updated": [
        ev.SessionConfigured(config=SERVER["session.updated"]["session"]),
        ev.SessionReady(session_id="sess_1", expires_at=1756324625.0),
    ],
    "session.updated with null fields": [
        ev.SessionConfigured(config=SERVER["session.updated with null fields"]["session"]),
        ev.SessionReady(session_id=""),
    ],
    "conversation.created": [],
    "conversation.item.added user": [PLACED],
    "conversation.item.done user": [PLACED],
    "conversation.item.created user": [PLACED],
    "conversation.item.added typed": [],
    "conversation.item.added agent": [],
    "conversation.item.done agent": [],
    "conversation.item.added function_call": [],
    "conversation.item.done function_call": [],
    "conversation.item.retrieved": [],
    "conversation.item.deleted": [],
    "conversation.item.truncated": [],
    "transcription.delta": [ev.UserTranscribed(item_id=USER, text="What is the wea", final=False)],
    "transcription.completed": [ev.UserTranscribed(item_id=USER, text="What is the weather?", final=True)],
    "transcription.completed by duration": [ev.UserTranscribed(item_id=USER, text="", final=True)],
    "transcription.failed": [ev.UserTranscribed(item_id=USER, text="…", final=True)],
    "transcription.segment": [ev.UserTranscribed(item_id=USER, text="What is the weather?", final=False)],
    "input_audio_buffer.committed": [PLACED],
    "input_audio_buffer.committed behind another": [ev.TurnPlaced(turn_id=USER, after_id="item_a0", role="user")],
    "input_audio_buffer.cleared": [],
    "input_audio_buffer.speech_started": [ev.UserSpeechStarted()],
    "input_audio_buffer.speech_stopped": [ev.UserSpeechStopped()],
    "input_audio_buffer.timeout_triggered": [],
    "response.created": [ev.ReplyStarted(reply_id=RID)],
    "response.done completed": [COMPLETED],
    "response.done with a function call": [OSLO, COMPLETED],
    "response.done turn_detected": [STOPPED],
    "response.done client_cancelled": [STOPPED],
    "response.cancelled": [STOPPED],
    "response.done incomplete by the user": [STOPPED],
    "response.done max_output_tokens": failed(
        "max_output_tokens", "The reply reached the greatest length that is set.", True
    ),
    "response.done content_filter": failed(
        "content_filter", "The reply was stopped by the service's content filter.", False
    ),
    "response.done failed": failed("rate_limit_exceeded", "Rate limit reached. Try again in 2s.", True),
    "response.done failed for want of quota": failed("insufficient_quota", "You exceeded your current quota.", False),
    "response.output_item.added": [],
    "response.output_item.done": [],
    "response.output_item.added function_call": [],
    "response.output_item.done function_call": [],
    "response.content_part.added": [],
    "response.content_part.done": [],
    "response.content_part.added text": [],
    "response.output_audio.delta": [ev.ReplyAudio(reply_id=RID, item_id=AGENT, pcm=PCM)],
    "response.output_audio.done": [],
    "response.output_audio_transcript.delta": [delta("It is")],
    "response.output_audio_transcript.done": [delta("It is sunny.")],
    "response.output_text.delta": [delta("It is")],
    "response.output_text.done": [delta("It is sunny.")],
    "response.function_call_arguments.delta": [],
    "response.function_call_arguments.done": [],
    "rate_limits.updated": [],
    **{
        f"error {name}": [ev.MessageIgnored(type=f"error {code}")]
        for name, code in [
            ("commit_empty", "input_audio_buffer_commit_empty"),
            ("cancel not active", "response_cancel_not_active"),
            ("cancel, told in words", "invalid_request_error"),
            ("truncated too late", "invalid_value"),
            ("audio_end_ms too large", "invalid_value"),
            ("unknown item", "item_retrieve_invalid_item_id"),
        ]
    },
    **{
        f"error {name}": [fault(f"error {name}", kind, **more)]
        for name, kind, more in [
            ("already active", "reply", {"retryable": True}),
            ("unknown client event", "invalid_message", {"closes": True}),
            ("no type", "invalid_message", {"closes": True}),
            ("unknown_parameter", "invalid_setting", {"closes": True}),
            ("missing_required_parameter", "invalid_setting", {"closes": True}),
            ("session_expired", "expired", {"retryable": True, "closes": True}),
            ("insufficient_quota", "forbidden", {"closes": True}),
            ("rate_limit_exceeded", "capacity", {"retryable": True}),
            ("beta_api_shape_disabled", "invalid_message", {"closes": True}),
            ("invalid_api_key", "auth", {"retryable": True, "closes": True}),
            ("server_error", "server", {"code": "server_error", "retryable": True, "closes": True}),
            ("code in the place of the type", "expired", {"code": "session_expired", "retryable": True, "closes": True}),
            ("of a kind nobody knows", "unknown", {"closes": True}),
        ]
    },
}  # fmt: skip


def hear(codec: Codec, *names: str, **changes: Any) -> list[ev.Event]:
    """Golden messages, one after the other, with some fields changed."""
    events: list[ev.Event] = []
    for name in names:
        events += codec.decode(json.dumps({**SERVER[name], **changes}), LIMITS)
    return events


def hear_audio(codec: Codec, pcm: bytes, **changes: Any) -> list[ev.Event]:
    return hear(codec, "response.output_audio.delta", delta=base64.b64encode(pcm).decode(), **changes)


def decode(codec: Codec, **fields: Any) -> list[ev.Event]:
    return codec.decode(json.dumps(fields), LIMITS)


def said(messages: Any) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]


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
    assert json.loads(message) == CLIENT[name]


@pytest.mark.parametrize("name", SERVER)
def test_what_the_server_says_means_what_the_table_says(name: str) -> None:
    assert hear(Codec(), name) == DECODED[name]


@pytest.mark.parametrize("name", SERVER)
def test_the_order_of_keys_and_new_fields_mean_nothing(name: str) -> None:
    message = {"brand_new": [1], **dict(reversed(list(SERVER[name].items())))}
    assert Codec().decode(json.dumps(message, indent=1), LIMITS) == DECODED[name]


# --- the session ----------------------------------------------------------------------------------------------------------------


def test_the_table_of_providers_knows_this_one() -> None:
    codec = create_codec("openai_realtime")
    assert isinstance(codec, OpenAIRealtimeCodec)
    assert (codec.name, codec.wire_rate_hz) == ("openai_realtime", 24_000)
    features = codec.features
    assert (features.push_to_talk, features.history, features.reply_cancel, features.greeting, features.resume) == (
        True,
        True,
        True,
        True,
        False,
    )


@pytest.mark.parametrize("order", [("session.created", "session.updated"), ("session.updated", "session.created")])
def test_the_session_is_ready_once_whichever_comes_first(order: tuple[str, str]) -> None:
    """Protocol file section 2: some clients wait for `session.created`, others do not."""
    events = hear(opened(), *order, "session.updated")
    ready = [event for event in events if isinstance(event, ev.SessionReady)]
    assert ready == [ev.SessionReady(session_id="sess_1", expires_at=1756324625.0)]
    assert sum(isinstance(event, ev.SessionConfigured) for event in events) == 3


def test_settings_that_are_not_ours_do_not_make_a_session_ready() -> None:
    assert not any(isinstance(event, ev.SessionReady) for event in hear(opened(), "session.created"))


def test_the_id_may_come_with_either_message() -> None:
    events = hear(opened(), "session.created", "session.updated with null fields")
    assert ev.SessionReady(session_id="sess_1", expires_at=1756324625.0) in events


def test_an_expiry_of_zero_is_none() -> None:
    (_, ready) = decode(opened(), type="session.updated", session={"id": "s", "expires_at": 0})
    assert ready == ev.SessionReady(session_id="s")


@pytest.mark.parametrize("name", [name for name in SERVER if name.startswith("error ")])
def test_once_the_session_is_ready_only_the_fatal_errors_end_it(name: str) -> None:
    codec = opened()
    hear(codec, "session.updated")
    (event,) = hear(codec, name)
    fatal = {"session_expired", "insufficient_quota", "beta_api_shape_disabled", "invalid_api_key"}
    assert getattr(event, "closes", False) is (getattr(event, "code", "") in fatal)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "response_cancel_not_active", "message": "No."}, ev.MessageIgnored(type="error response_cancel_not_active")),
        ({"type": "server_error", "code": "overloaded", "message": "m"}, ("server", "overloaded")),
        ({"type": "invalid_request_error", "code": None, "param": "session.audio"}, ("invalid_setting", "invalid_request_error")),
        ({"type": "invalid_request_error", "code": None, "param": "item.content"}, ("invalid_message", "invalid_request_error")),
        ({}, ("unknown", "unknown")),
        (None, ("unknown", "unknown")),
    ],
)  # fmt: skip
def test_errors_in_other_shapes_are_classified_too(error: Any, expected: Any) -> None:
    (event,) = decode(Codec(), type="error", error=error)
    told = (event.kind, event.code) if isinstance(event, ev.SessionFaulted) else event
    assert told == expected


def test_the_next_session_inherits_nothing() -> None:
    codec = opened()
    hear(codec, "session.updated", "input_audio_buffer.committed", "response.created", "response.output_audio.delta")
    codec.opening(SessionSettings())
    assert codec.reply_heard(RID, 0) == []
    assert codec.update(voice="alloy").applied == ("voice",)
    assert hear(codec, "input_audio_buffer.committed") == [PLACED]
    assert ev.SessionReady(session_id="sess_1", expires_at=1756324625.0) in hear(codec, "session.updated")


@pytest.mark.parametrize("kind", ["response.audio.delta", "response.audio_transcript.done", "response.text.delta", "mcp_list_tools.completed", "output_audio_buffer.started"])  # fmt: skip
def test_names_of_the_preview_and_of_other_transports_are_left_alone(kind: str) -> None:
    assert decode(Codec(), type=kind, response_id=RID, delta="AAAA") == [ev.MessageIgnored(type=kind)]


# --- the order of turns ------------------------------------------------------------------------------------------------------------


def placed(events: list[ev.Event]) -> list[tuple[str, str, str]]:
    return [(event.turn_id, event.after_id, event.role) for event in events if isinstance(event, ev.TurnPlaced)]


@pytest.mark.parametrize("added_first", [False, True])
def test_an_answer_stands_behind_its_question_under_the_id_of_the_reply(added_first: bool) -> None:
    codec = Codec()
    pair = ["response.output_item.added", "conversation.item.added agent"]
    events = hear(codec, "input_audio_buffer.committed", "conversation.item.added user", "conversation.item.done user")
    events += hear(codec, "response.created", *(reversed(pair) if added_first else pair))
    assert len(placed(events)) == 2
    events += hear(codec, "conversation.item.done agent")
    events += hear(codec, "input_audio_buffer.committed", item_id="item_u2", previous_item_id=AGENT)
    assert placed(events) == [(USER, "", "user"), (RID, USER, "agent"), ("item_u2", RID, "user")]


def test_several_items_of_one_response_are_one_turn() -> None:
    codec = Codec()
    events = hear(codec, "input_audio_buffer.committed", "response.created")
    events += hear(codec, "response.output_item.added", "conversation.item.added agent")
    events += hear(codec, "response.output_item.added function_call")
    events += hear(codec, "conversation.item.added function_call", previous_item_id=AGENT)
    events += hear(codec, "input_audio_buffer.committed", item_id="item_u2", previous_item_id=CALL)
    assert placed(events) == [(USER, "", "user"), (RID, USER, "agent"), ("item_u2", RID, "user")]


def test_what_follows_something_that_we_sent_is_placed_behind_an_id_that_no_turn_has() -> None:
    codec = Codec()
    events = hear(codec, "input_audio_buffer.committed", "conversation.item.added typed")
    events += hear(codec, "input_audio_buffer.committed", item_id="item_u2", previous_item_id="item_t1")
    assert placed(events) == [(USER, "", "user"), ("item_u2", "item_t1", "user")]


def test_a_server_that_says_null_of_every_item_means_the_newest_one() -> None:
    """Protocol file section 12."""
    codec = Codec()
    events = hear(codec, "conversation.item.created user", "response.created", "response.output_item.added")
    events += hear(codec, "conversation.item.added agent", type="conversation.item.created", previous_item_id=None)
    events += hear(codec, "input_audio_buffer.committed", item_id="item_u2", previous_item_id=None)
    assert placed(events) == [(USER, "", "user"), (RID, USER, "agent"), ("item_u2", RID, "user")]


# --- what the user said ------------------------------------------------------------------------------------------------------------


def heard(codec: Codec, *deltas: str) -> list[str]:
    events = [event for text in deltas for event in hear(codec, "transcription.delta", delta=text)]
    assert all(isinstance(event, ev.UserTranscribed) and not event.final for event in events)
    return [getattr(event, "text", "") for event in events]


def test_a_partial_is_the_whole_text_so_far_and_the_final_replaces_it() -> None:
    codec = Codec()
    assert heard(codec, "What", " is", "", " it") == ["What", "What is", "What is it"]
    assert hear(codec, "transcription.completed") == DECODED["transcription.completed"]
    assert heard(codec, "too late") == []


def test_a_recognition_that_fails_leaves_what_there_was() -> None:
    codec = Codec()
    heard(codec, "What is ")
    assert hear(codec, "transcription.failed") == [ev.UserTranscribed(item_id=USER, text="What is", final=True)]
    assert hear(codec, "transcription.failed") == []


def test_segments_add_up_and_yield_to_deltas() -> None:
    codec = Codec()
    hear(codec, "transcription.segment", text="Hello.")
    (event,) = hear(codec, "transcription.segment", text=" How are you?")
    assert event == ev.UserTranscribed(item_id=USER, text="Hello. How are you?", final=False)
    assert heard(codec, "Hello") == ["Hello"]
    assert hear(codec, "transcription.segment") == []


def test_a_final_in_the_middle_of_a_reply_disturbs_nothing() -> None:
    """Protocol file section 12."""
    codec = Codec()
    events = hear(
        codec, "response.created", "response.output_audio.delta", "transcription.completed", "response.done completed"
    )
    assert [type(event) for event in events] == [ev.ReplyStarted, ev.ReplyAudio, ev.UserTranscribed, ev.ReplyDone]


# --- replies -------------------------------------------------------------------------------------------------------------------------


def test_a_spoken_turn_from_beginning_to_end() -> None:
    """Protocol file section 8.1."""
    codec = Codec()
    events = hear(
        codec,
        "input_audio_buffer.committed",
        "conversation.item.added user",
        "conversation.item.done user",
        "response.created",
        "response.output_item.added",
        "conversation.item.added agent",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
    )
    events += hear(codec, "response.output_audio_transcript.delta", delta="ny.")
    events += hear(
        codec,
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done agent",
        "response.done completed",
        "rate_limits.updated",
        "transcription.completed",
    )
    assert events == [
        PLACED,
        ev.ReplyStarted(reply_id=RID),
        ev.TurnPlaced(turn_id=RID, after_id=USER, role="agent"),
        delta("It is"),
        ev.ReplyAudio(reply_id=RID, item_id=AGENT, pcm=PCM),
        delta(" sunny."),
        ev.ReplyTranscribed(reply_id=RID, text="It is sunny.", delta=False),
        COMPLETED,
        ev.UserTranscribed(item_id=USER, text="What is the weather?", final=True),
    ]


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        (["Un", "believ", "able", ", isn", "'t", " it", "?"], ["Unbelievable,", " isn't", " it?"]),
        (["今日", "は", "晴れ。"], ["今日", "は", "晴れ。"]),
        (["One\n", "\nTwo", " "], ["One", "\n\nTwo"]),
    ],
)
def test_words_are_handed_on_whole(deltas: list[str], expected: list[str]) -> None:
    """The vendor's deltas are tokens; a session puts a space between deltas that bring none."""
    codec = Codec()
    events = [event for text in deltas for event in hear(codec, "response.output_audio_transcript.delta", delta=text)]
    events += hear(codec, "response.output_audio_transcript.done", transcript="".join(deltas))
    assert all(isinstance(event, ev.ReplyTranscribed) and event.delta for event in events)
    assert [getattr(event, "text", "") for event in events] == expected
    final = hear(codec, "response.done completed")[0]
    assert final == ev.ReplyTranscribed(reply_id=RID, text="".join(deltas).strip(), delta=False)


def test_the_parts_of_a_reply_are_joined_and_none_of_them_settles_it() -> None:
    codec = Codec()
    first = hear(codec, "response.output_audio_transcript.done", transcript="Let me look.")
    second = hear(codec, "response.output_text.done", text="Here it is.", item_id="item_a2", output_index=1)
    assert first == [delta("Let me look.")]
    assert second == [ev.ReplyTranscribed(reply_id=RID, item_id="item_a2", text="Here it is.", delta=True)]
    final = hear(codec, "response.done completed")[0]
    assert final == ev.ReplyTranscribed(reply_id=RID, text="Let me look. Here it is.", delta=False)


def test_a_corrected_text_counts_in_the_end() -> None:
    codec = Codec()
    hear(codec, "response.output_audio_transcript.delta", delta="It is funny.")
    assert hear(codec, "response.output_audio_transcript.done") == [delta(" funny.")]
    final = hear(codec, "response.done completed")[0]
    assert final == ev.ReplyTranscribed(reply_id=RID, text="It is sunny.", delta=False)


def test_an_interrupted_reply_gets_no_settled_text_and_its_late_deltas_are_nothing() -> None:
    """Protocol file section 8.3."""
    codec = Codec()
    hear(codec, "response.created", "response.output_audio_transcript.delta")
    assert hear(codec, "response.done turn_detected") == [delta(" sun"), STOPPED]
    late = hear(
        codec,
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "response.output_text.done",
        "response.done completed",
        "response.cancelled",
    )
    assert late == []


@pytest.mark.parametrize(
    "message",
    [
        {"type": "response.cancelled", "response_id": RID},
        {"type": "response.cancelled", "response": {"id": RID, "status": "completed"}},
        {"type": "response.done", "response": {"id": RID, "status": "cancelled"}},
        *(
            {
                "type": "response.done",
                "response": {"id": RID, "status": "incomplete", "status_details": {"reason": reason}},
            }
            for reason in ("turn_detected", "client_cancelled")
        ),
    ],
)
def test_each_way_to_say_that_a_reply_was_interrupted_counts(message: dict[str, Any]) -> None:
    assert decode(Codec(), **message) == [STOPPED]


def test_a_reply_that_failed_without_a_word_still_failed() -> None:
    assert decode(Codec(), type="response.done", response={"id": RID, "status": "failed"}) == failed(
        "unknown", "", True
    )
    details = {"error": {"type": "server_error", "message": "m"}}
    assert decode(
        Codec(), type="response.done", response={"id": RID, "status": "failed", "status_details": details}
    ) == failed("server_error", "m", True)


def test_the_end_of_a_reply_is_told_once() -> None:
    codec = Codec()
    assert hear(codec, "response.done completed", "response.done completed") == [COMPLETED]


def test_messages_without_a_response_id_belong_to_the_reply_being_made() -> None:
    codec = Codec()
    hear(codec, "response.created")
    (event,) = hear(codec, "response.output_audio.delta", response_id=None)
    assert isinstance(event, ev.ReplyAudio) and event.reply_id == RID


def test_half_a_sample_waits_for_its_other_half() -> None:
    codec = Codec()
    events = hear_audio(codec, PCM[:3]) + hear_audio(codec, b"") + hear_audio(codec, PCM[3:])
    assert b"".join(event.pcm for event in events if isinstance(event, ev.ReplyAudio)) == PCM
    assert hear_audio(Codec(), b"\x01") == []


@pytest.mark.parametrize("data", ["%%%", "AAAA\n", "AAA", "AA==AA==", "äöü", None, 7])
def test_audio_that_is_no_audio_is_refused_by_name(data: Any) -> None:
    (event,) = hear(Codec(), "response.output_audio.delta", delta=data)
    assert isinstance(event, ev.MessageRejected) and event.type == "response.output_audio.delta"


# --- how much was heard ---------------------------------------------------------------------------------------------------------------


def cuts(codec: Codec, heard_ms: int) -> list[tuple[str, int, int]]:
    messages = said(codec.reply_heard(RID, heard_ms))
    assert all(message["type"] == "conversation.item.truncate" for message in messages)
    return [(message["item_id"], message["content_index"], message["audio_end_ms"]) for message in messages]


@pytest.mark.parametrize(("heard_ms", "end_ms"), [(40, 40), (0, 0), (-5, 0), (99, 99), (100, 100), (5_000, 100)])
def test_a_reply_that_is_being_made_is_cut_at_what_was_heard_and_never_behind_what_came(
    heard_ms: int, end_ms: int
) -> None:
    assert cuts(after_audio(100), heard_ms) == [(AGENT, 0, end_ms)]


@pytest.mark.parametrize("ending", ["response.output_audio.done", "response.done completed"])
def test_a_reply_that_was_heard_to_its_end_is_left_alone(ending: str) -> None:
    """Truncating it would take the transcript of it from the server (protocol file section 6)."""
    for heard_ms in (100, 5_000):
        codec = after_audio(100)
        hear_audio(codec, bytes(20))  # less than a millisecond more: nobody can say that it was not heard
        hear(codec, ending)
        assert cuts(codec, heard_ms) == []
    codec = after_audio(100)
    hear(codec, ending)
    assert cuts(codec, 99) == [(AGENT, 0, 99)]


def test_of_several_parts_the_one_is_cut_in_which_the_person_stopped_listening() -> None:
    def made() -> Codec:
        codec = after_audio(100)
        hear_audio(codec, bytes(200 * MS), item_id="item_a2", content_index=1)
        hear_audio(codec, bytes(50 * MS), item_id="item_a3")
        hear_audio(codec, bytes(50 * MS), item_id="item_a3")
        hear(codec, "response.done completed")
        return codec

    assert cuts(made(), 40) == [(AGENT, 0, 40), ("item_a2", 1, 0), ("item_a3", 0, 0)]
    assert cuts(made(), 100) == [("item_a2", 1, 0), ("item_a3", 0, 0)]
    assert cuts(made(), 250) == [("item_a2", 1, 150), ("item_a3", 0, 0)]
    assert cuts(made(), 350) == [("item_a3", 0, 50)]
    assert cuts(made(), 400) == []


def test_what_was_cut_is_not_cut_again_further_back() -> None:
    codec = after_audio(100)
    assert cuts(codec, 40) == [(AGENT, 0, 40)]
    assert cuts(codec, 60) == []
    assert cuts(codec, 30) == [(AGENT, 0, 30)]


def test_a_reply_of_which_nothing_came_is_not_cut() -> None:
    codec = Codec()
    hear(codec, "response.created")
    hear_audio(codec, b"")
    assert cuts(codec, 0) == []
    assert codec.reply_heard("resp_unknown", 10) == []


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4_000)), max_size=12),
    st.integers(-10, 400),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_a_cut_is_always_within_what_was_received(chunks: list[tuple[int, int]], heard_ms: int, done: bool) -> None:
    codec, received = Codec(), {}
    for number, size in chunks:
        hear_audio(codec, bytes(size), item_id=f"item_{number}")
        received[f"item_{number}"] = received.get(f"item_{number}", 0) + size
    if done:
        hear(codec, "response.done completed")
    for item_id, _, end_ms in cuts(codec, heard_ms):
        assert 0 <= end_ms <= received[item_id] // MS


# --- tools --------------------------------------------------------------------------------------------------------------------------


CALLED = (
    "response.created",
    "response.output_item.added function_call",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done function_call",
    "conversation.item.done function_call",
)


def test_a_tool_is_called_once_and_with_the_end_of_its_response() -> None:
    """Protocol file section 8.5: no result may ask for the next response before that."""
    codec = Codec()
    assert hear(codec, *CALLED) == [
        ev.ReplyStarted(reply_id=RID),
        ev.TurnPlaced(turn_id=RID, after_id=USER, role="agent"),
    ]
    assert hear(codec, "response.done with a function call") == [OSLO, COMPLETED]


@pytest.mark.parametrize("name", ["response.function_call_arguments.done", "response.output_item.done function_call"])
def test_each_of_the_messages_that_tell_of_a_call_is_enough(name: str) -> None:
    assert hear(Codec(), name, "response.done completed") == [OSLO, COMPLETED]


@pytest.mark.parametrize("ending", ["response.done turn_detected", "response.done max_output_tokens", "response.done failed"])  # fmt: skip
def test_a_tool_does_not_run_for_a_response_that_was_not_completed(ending: str) -> None:
    codec = Codec()
    events = hear(codec, *CALLED, ending, "response.done with a function call")
    assert not any(isinstance(event, ev.ToolCalled) for event in events)


def test_two_calls_in_one_response_keep_their_order() -> None:
    codec = Codec()
    hear(codec, "response.output_item.done function_call")
    hear(codec, "response.function_call_arguments.done", call_id="call_2", name="time", arguments="")
    events = hear(codec, "response.done completed")
    assert events == [OSLO, ev.ToolCalled(call_id="call_2", name="time", arguments={}, reply_id=RID), COMPLETED]


@pytest.mark.parametrize("arguments", ['{"city": ', "[1]", "7", '{"a": NaN}', "[" * 500 + "]" * 500, '{}, "b": 1'])
def test_arguments_that_cannot_be_read_still_reach_the_desk_that_refuses_them(arguments: str) -> None:
    """Unanswered, the agent would wait for ever; an argument that no tool has is answered with an error."""
    codec = Codec()
    hear(codec, "response.function_call_arguments.done", arguments=arguments)
    (event, _) = hear(codec, "response.done completed")
    assert isinstance(event, ev.ToolCalled)
    assert event.arguments == {"(arguments that are not a JSON object)": arguments[:200]}


def test_the_answer_is_asked_for_once_for_all_results() -> None:
    assert said(Codec().tool_results_sent(RID)) == [CLIENT["response.create"]]


# --- what we say ----------------------------------------------------------------------------------------------------------------------


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


# --- close codes ------------------------------------------------------------------------------------------------------------------------


def test_close_codes_are_told_apart_in_words() -> None:
    codes = [1000, 1001, 1005, 1006, 1008, 1009, 1011, 3000, 4000, 4999]
    reasons = {code: Codec().close_reason(code, "", True) for code in codes}
    assert len({reason.title for reason in reasons.values()}) == len(codes)
    assert all(reason.hint for reason in reasons.values())
    assert [code for code in codes if reasons[code].kind == "ended"] == [1000]
    assert [code for code in codes if not reasons[code].retryable] == [1009, 4000]


def test_the_same_code_means_something_else_before_the_session_was_ready() -> None:
    for code, before, after in ((1006, "auth", "network"), (1000, "server", "ended"), (1008, "policy", "policy")):
        assert Codec().close_reason(code, "", False).kind == before
        assert Codec().close_reason(code, "", True).kind == after


@pytest.mark.parametrize(
    ("code", "reason", "kind", "retryable"),
    [
        (3000, "invalid_request_error.invalid_api_key", "auth", True),
        (4000, "invalid_request_error.invalid_api_key", "auth", True),
        (4000, "invalid_request_error.beta_api_shape_disabled", "policy", False),
        (1001, "session_expired", "ended", True),
    ],
)
def test_a_reason_that_names_the_error_counts_more_than_the_code(
    code: int, reason: str, kind: str, retryable: bool
) -> None:
    words = Codec().close_reason(code, reason, True)
    assert (words.kind, words.retryable) == (kind, retryable)
    assert words.title != Codec().close_reason(code, "", True).title or code == 3000


def test_the_reason_of_an_unknown_code_is_shown_but_not_at_any_length() -> None:
    reason = Codec().close_reason(4999, "because " * 1_000, True)
    assert reason.kind == "unknown" and "because" in reason.hint and len(reason.hint) < 200


# --- whatever comes, nothing raises -------------------------------------------------------------------------------------------------------

MESSAGES = list(SERVER.values())
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["AAAA", "AAAAAA==", RID, AGENT, USER, "{}", "completed", "cancelled", "function_call", "user"])
)
values = st.recursive(
    scalars,
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=8), deeper, max_size=3),
    max_leaves=8,
)
INNER = ("session", "item", "response", "error", "part")
keys = st.sampled_from(sorted({key for message in MESSAGES for key in message}))
inner_keys = st.sampled_from(
    sorted({"status", "id"} | {key for message in MESSAGES for name in INNER for key in message.get(name, {})})
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A golden message with something about it changed, on the outside or one level down."""
    message: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(MESSAGES))))
    for _ in range(draw(st.integers(0, 3))):
        nested = [name for name in INNER if isinstance(message.get(name), dict)]
        if nested and draw(st.booleans()):
            message[nested[0]][draw(inner_keys)] = draw(values)
        else:
            message[draw(keys)] = draw(values)
    text = json.dumps(message)
    match draw(st.integers(0, 6)):
        case 0:
            text = text[: draw(st.integers(0, len(text)))]
        case 1:
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(st.text(max_size=5)) + text[at:]
        case 2:
            text = text[:-1] + ',"deep":' + "[" * 2_000 + "]" * 2_000 + "}"
    return text


@given(st.lists(mutated() | st.text(max_size=50) | st.binary(max_size=50) | values.map(json.dumps), max_size=8))
@settings(max_examples=400, deadline=None)
def test_a_codec_raises_nothing_whatever_a_session_brings(session: list[str | bytes]) -> None:
    codec = Codec()
    for data in session:
        for event in codec.decode(data, Limits(max_bytes=50_000)):
            assert isinstance(event, ev.Event)
            if isinstance(event, ev.MessageRejected):
                assert 0 < len(event.reason) < 200
            elif isinstance(event, ev.ReplyDone):
                codec.reply_heard(event.reply_id, 10)


JUNK = (None, 0, -1.5, "", "x", [], [[]], {}, True)


@pytest.mark.parametrize("name", SERVER)
def test_a_message_with_any_field_of_another_type_raises_nothing(name: str) -> None:
    for key, junk in itertools.product(SERVER[name], JUNK):
        hear(Codec(), name, **{key: junk})
        message = {**SERVER[name]}
        del message[key]
        Codec().decode(json.dumps(message), LIMITS)
        if isinstance(SERVER[name][key], dict):
            for inside in SERVER[name][key]:
                hear(Codec(), name, **{key: {**SERVER[name][key], inside: junk}})


@pytest.mark.parametrize("name", SERVER)
def test_a_message_cut_short_anywhere_is_refused_and_raises_nothing(name: str) -> None:
    text = json.dumps(SERVER[name])
    for length in range(0, len(text), 7):
        (event,) = Codec().decode(text[:length], LIMITS)
        assert isinstance(event, ev.MessageRejected)


def test_a_binary_message_is_refused() -> None:
    (event,) = Codec().decode(b'{"type":"session.updated"}', LIMITS)
    assert isinstance(event, ev.MessageRejected) and "binary" in event.reason


def test_an_id_that_is_too_long_is_refused_and_not_cut() -> None:
    (event,) = hear(Codec(), "input_audio_buffer.committed", item_id="x" * 257)
    assert isinstance(event, ev.MessageRejected)


def test_a_long_session_does_not_grow_for_ever() -> None:
    """Old replies and items are forgotten; what is forgotten is simply not truncated any more."""
    codec = Codec()
    for number in range(3_000):
        hear_audio(codec, PCM * 100, response_id=f"resp_{number}")
        hear(codec, "input_audio_buffer.committed", item_id=f"item_{number}", previous_item_id=None)
        hear(codec, "transcription.delta", item_id=f"item_{number}")
    inbound = codec._inbound
    assert len(inbound.speaking._responses) <= 64
    assert len(inbound._placing._turns) <= 1_024 and len(inbound._hearing._items) <= 64
    assert codec.reply_heard("resp_0", 0) == [] and len(codec.reply_heard("resp_2999", 0)) == 1
