"""When is a session of the Realtime wire ready, and in which order do its turns stand?"""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.codecs import SessionSettings, create_codec
from pyclient.codecs.openai_realtime import OpenAIRealtimeCodec
from pyclient.core import events as ev
from tests.support.realtime import (
    AGENT,
    CALL,
    DECODED,
    PLACED,
    RID,
    SERVER,
    USER,
    Codec,
    decode,
    hear,
    opened,
)

# --- the session ------------------------------------------------------------------------------------------------------


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


# --- the order of turns -----------------------------------------------------------------------------------------------


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


# --- what the user said -----------------------------------------------------------------------------------------------


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
    assert [type(event) for event in events] == [
        ev.ReplyStarted,
        ev.ReplyAudio,
        ev.UserTranscribed,
        ev.ReplyTranscribed,
        ev.ReplyDone,
    ]
