"""Judges the order of all events of a whole session of the OpenAI Realtime protocol (section 8 of the protocol file).

`check_order` accounts for every event: one that belongs to no turn, no response and no request of the
client is a failure, too.
"""

from __future__ import annotations

import base64
from collections import Counter

from tests.server.support.inbox import BYTES_PER_MS, Event

_TURN = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
_ITEM = ["conversation.item.added", "conversation.item.done"]
_DELTAS = ("response.output_audio.delta", "response.output_audio_transcript.delta")
_BEGIN = ["response.created", "response.output_item.added", "conversation.item.added"]
_END = ["response.output_item.done", "conversation.item.done", "response.done"]
_SPOKEN = [
    *_BEGIN,
    "response.content_part.added",
    "(deltas)",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    *_END,
]
_CALL = [*_BEGIN, "response.function_call_arguments.delta", "response.function_call_arguments.done", *_END]
_HEARD = "conversation.item.input_audio_transcription."
# What answers a request of the client for an item that is there already.
_ANSWERS = ("conversation.item.truncated", "conversation.item.retrieved")


def check_order(events: list[Event]) -> Counter[str]:
    """How many spoken turns, typed items, spoken answers and calls the session had.

    AssertionError: an event out of its place.
    """
    assert events[0]["type"] == "session.created", "the first event, unprompted"
    ids = [event["event_id"] for event in events]
    assert len(set(ids)) == len(ids), "two events have one id"
    left = events[1:]
    while left and left[0]["type"] == "session.updated":
        left = left[1:]
    _answers(left)
    left = [event for event in left if event["type"] not in _ANSWERS]
    found: Counter[str] = Counter()
    left = _responses(left, found)
    for item_id in dict.fromkeys(_item_of(event) for event in left):
        _input([event for event in left if _item_of(event) == item_id], found)
    return found


def _responses(events: list[Event], found: Counter[str]) -> list[Event]:
    """Checks each response, one after the other, and returns the events of none. Its limits follow each at once."""
    left: list[Event] = []
    of_response: list[Event] = []
    response, items = "", set[str]()
    limits_due = False
    for event in events:
        kind = event["type"]
        assert limits_due == (kind == "rate_limits.updated"), f"{kind} is out of place"
        limits_due = kind == "response.done"
        if kind == "rate_limits.updated":
            continue
        mine = event.get("response_id") or event.get("response", {}).get("id", "")
        if kind == "response.created":
            assert not response, "a response begins within another one"
            response, of_response, items = mine, [], set()
        if kind == "response.output_item.added":
            items.add(event["item"]["id"])
        if mine or (kind in _ITEM and event["item"]["id"] in items):
            assert response and mine in ("", response), f"{kind} belongs to no response that is being made"
            of_response.append(event)
        else:
            left.append(event)
        if kind == "response.done":
            found[_kind_of(of_response)] += 1
            response = ""
    assert not limits_due and not response, "the session ended within a response"
    return left


def _kind_of(events: list[Event]) -> str:
    """Is it an answer or a call? The deltas of an answer come in any order among themselves."""
    told: list[str] = []
    for event in events:
        kind = "(deltas)" if event["type"] in _DELTAS else event["type"]
        if not told or kind != told[-1] or kind not in ("(deltas)", "response.function_call_arguments.delta"):
            told.append(kind)
    assert told in (_SPOKEN, _CALL), f"no known course of a response: {told}"
    assert len({_item_of(event) for event in events if _item_of(event)}) == 1
    return "answers" if told == _SPOKEN else "calls"


def _input(events: list[Event], found: Counter[str]) -> None:
    """The events of one item that came from the client: a spoken turn, a typed question or the output of a tool."""
    told = [event["type"] for event in events]
    heard = [kind.removeprefix(_HEARD) for kind in told if kind.startswith(_HEARD)]
    course = [kind for kind in told if not kind.startswith(_HEARD)]
    assert course in ([*_TURN, *_ITEM], _ITEM), f"no known course of an item: {told}"
    if course == _ITEM:
        assert not heard
        found["items"] += 1
        return
    assert told[: len(course)] == course, "words of a turn before its item was there"
    assert set(heard[:-1]) <= {"delta"} and heard[-1:] in ([], ["completed"])
    found["turns"] += 1


def _answers(events: list[Event]) -> None:
    """A cut or repeated item was there before, and no more sound is cut than was sent."""
    known, sent_ms = set[str](), Counter[str]()
    for event in events:
        if event["type"] == "response.output_audio.delta":
            sent_ms[event["item_id"]] += len(base64.b64decode(event["delta"])) // BYTES_PER_MS
        if event["type"] == "conversation.item.added":
            known.add(event["item"]["id"])
        if event["type"] in _ANSWERS:
            assert _item_of(event) in known, f"{event['type']} for an item that was never added"
        if event["type"] == "conversation.item.truncated":
            assert 0 <= event["audio_end_ms"] <= sent_ms[event["item_id"]] + 1


def _item_of(event: Event) -> str:
    return str(event.get("item_id") or event.get("item", {}).get("id", ""))
