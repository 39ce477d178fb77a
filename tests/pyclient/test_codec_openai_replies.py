"""What becomes of the replies of the Realtime wire: words, sound, tool calls?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyclient.core import events as ev
from pyclient.core.safejson import Limits
from pyclient.core.server_events import Usage
from tests.support.realtime import (
    AGENT,
    CLIENT,
    COMPLETED,
    OSLO,
    PCM,
    PLACED,
    RID,
    SAID,
    STOPPED,
    USER,
    Codec,
    decode,
    delta,
    failed,
    hear,
    hear_audio,
    said,
)

# --- replies ----------------------------------------------------------------------------------------------------------


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
    assert hear(codec, "response.done completed", "response.done completed") == [SAID, COMPLETED]


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


@pytest.mark.parametrize("data", ["%%%", "A", "AAAAA", "AA=", "AA==AA==", "äöü", None, 7])
def test_audio_that_is_no_audio_is_refused_by_name(data: Any) -> None:
    (event,) = hear(Codec(), "response.output_audio.delta", delta=data)
    assert isinstance(event, ev.MessageRejected) and event.type == "response.output_audio.delta"


# --- tools ------------------------------------------------------------------------------------------------------------


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
    assert hear(Codec(), name, "response.done completed") == [SAID, OSLO, COMPLETED]


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
    assert events == [SAID, OSLO, ev.ToolCalled(call_id="call_2", name="time", arguments={}, reply_id=RID), COMPLETED]


@pytest.mark.parametrize("arguments", ['{"city": ', "[1]", "7", '{"a": NaN}', "[" * 500 + "]" * 500, '{}, "b": 1'])
def test_arguments_that_cannot_be_read_still_reach_the_desk_that_refuses_them(arguments: str) -> None:
    """Unanswered, the agent would wait for ever; an argument that no tool has is answered with an error."""
    codec = Codec()
    hear(codec, "response.function_call_arguments.done", arguments=arguments)
    (_, event, _) = hear(codec, "response.done completed")
    assert isinstance(event, ev.ToolCalled)
    assert event.arguments == {"(arguments that are not a JSON object)": arguments[:200]}


def test_the_answer_is_asked_for_once_for_all_results() -> None:
    assert said(Codec().tool_results_sent(RID)) == [CLIENT["response.create"]]


# --- words after the end ----------------------------------------------------------------------------------------------


def over(codec: Codec, *content: dict[str, Any], **changes: Any) -> list[ev.Event]:
    """The response ends, with an item of this content."""
    item = {"id": AGENT, "type": "message", "content": list(content)}
    return hear(
        codec, "response.done completed", response={"id": RID, "status": "completed", "output": [item]}, **changes
    )


def settled(text: str) -> ev.ReplyTranscribed:
    return ev.ReplyTranscribed(reply_id=RID, text=text, delta=False)


def test_words_that_come_after_the_end_settle_the_turn_once_more() -> None:
    codec = Codec()
    hear(codec, "response.created", "response.output_audio_transcript.delta")
    assert over(codec) == [settled("It is sun"), COMPLETED]
    assert hear(codec, "response.output_audio_transcript.delta", delta="ny") == [settled("It is sunny")]
    assert hear(codec, "response.output_audio_transcript.done") == [settled("It is sunny.")]


def test_an_end_without_words_waits_for_those_that_come_late() -> None:
    codec = Codec()
    assert over(codec, {"type": "output_audio", "transcript": ""}) == [COMPLETED]
    assert hear(codec, "response.output_audio_transcript.done") == [settled("It is sunny.")]


def test_of_a_reply_too_long_to_be_kept_only_the_late_words_are_told() -> None:
    codec = Codec()
    for item in ("item_a1", "item_a2"):
        hear(codec, "response.output_audio_transcript.delta", delta="word " * 6_000, item_id=item)
    over(codec)
    assert hear(codec, "response.output_audio_transcript.done", transcript="The end.") == [settled("The end.")]


def test_a_call_that_a_second_response_repeats_is_told_once() -> None:
    codec = Codec()
    assert OSLO in hear(codec, "response.output_item.done function_call", "response.done completed")
    again = hear(codec, "response.output_item.done function_call", response_id="resp_2")
    again += hear(codec, "response.done completed", response={"id": "resp_2", "status": "completed"})
    assert again == [ev.ReplyDone(reply_id="resp_2", interrupted=False)]


def billed(usage: object) -> Usage | None:
    """What a `response.done` with this `usage` says of its tokens."""
    message = {
        "type": "response.done",
        "response": {"id": "resp_9", "status": "completed", "output": [], "usage": usage},
    }
    (done,) = [it for it in Codec().decode(json.dumps(message), Limits()) if isinstance(it, ev.ReplyDone)]
    return done.usage


def test_the_tokens_that_a_reply_is_billed_at() -> None:
    """Protocol file section 7: cached tokens are counted among text and audio."""
    cached = {"text_tokens": 40, "audio_tokens": 5}
    told = {"text_tokens": 119, "audio_tokens": 13, "cached_tokens": 45, "cached_tokens_details": cached}
    made = {"text_tokens": 30, "audio_tokens": 91}
    assert billed({"input_token_details": told, "output_token_details": made}) == Usage(
        input_text=79, input_audio=8, input_cached=45, output_text=30, output_audio=91
    )
    assert billed(None) is None and billed([]) is None
    odd = {"input_token_details": {"text_tokens": -4, "audio_tokens": "x", "cached_tokens": 10**16}}
    assert billed(odd) == Usage()
