"""The judge of the order of events lets a good session pass, and no session with an event missing, doubled or
out of its place.
"""

from __future__ import annotations

import pytest

from tests.server.support.event_order import check_order
from tests.server.support.inbox import Event

_USER, _AGENT, _RESPONSE = "item_user", "item_agent", "resp"
_HEARD = "conversation.item.input_audio_transcription."
_COURSE = [
    ("session.created", ""),
    ("session.updated", ""),
    ("input_audio_buffer.speech_started", _USER),
    ("input_audio_buffer.speech_stopped", _USER),
    ("input_audio_buffer.committed", _USER),
    ("conversation.item.added", _USER),
    ("conversation.item.done", _USER),
    (_HEARD + "delta", _USER),
    (_HEARD + "completed", _USER),
    ("response.created", ""),
    ("response.output_item.added", _AGENT),
    ("conversation.item.added", _AGENT),
    ("response.content_part.added", _AGENT),
    ("response.output_audio_transcript.delta", _AGENT),
    ("response.output_audio.delta", _AGENT),
    ("response.output_audio.done", _AGENT),
    ("response.output_audio_transcript.done", _AGENT),
    ("response.content_part.done", _AGENT),
    ("response.output_item.done", _AGENT),
    ("conversation.item.done", _AGENT),
    ("response.done", ""),
    ("rate_limits.updated", ""),
    ("conversation.item.truncated", _AGENT),
]
# Without these a session is still in order: a client need not configure, hear in pieces, or cut.
_OPTIONAL = {"session.updated", _HEARD + "delta", "conversation.item.truncated"}
# One kind of delta is enough for the order, but a truncation needs the sound.
_OPTIONAL_DELTA = "response.output_audio_transcript.delta"


def _session() -> list[Event]:
    events: list[Event] = []
    for number, (kind, item) in enumerate(_COURSE):
        event: Event = {"type": kind, "event_id": f"event_{number}", "audio_end_ms": 2}
        event |= {"item": {"id": item}} if "item.added" in kind or "item.done" in kind else {"item_id": item}
        if kind in ("response.created", "response.done"):
            event["response"] = {"id": _RESPONSE}
        elif kind.startswith("response."):
            event["response_id"] = _RESPONSE
        if kind == "response.output_audio.delta":
            event["delta"] = "A" * 128
        events.append(event)
    return events


def test_a_good_session_is_in_order() -> None:
    assert check_order(_session()) == {"turns": 1, "answers": 1}


@pytest.mark.parametrize("at", range(len(_COURSE)), ids=[f"{at}-{kind}" for at, (kind, _) in enumerate(_COURSE)])
def test_an_event_is_missing(at: int) -> None:
    events = _session()
    del events[at]
    if _COURSE[at][0] in {*_OPTIONAL, _OPTIONAL_DELTA}:
        check_order(events)
    else:
        with pytest.raises(AssertionError):
            check_order(events)


@pytest.mark.parametrize("at", range(len(_COURSE)), ids=[f"{at}-{kind}" for at, (kind, _) in enumerate(_COURSE)])
def test_an_event_comes_twice(at: int) -> None:
    events = _session()
    events.insert(at, events[at])
    with pytest.raises(AssertionError, match="one id"):
        check_order(events)


@pytest.mark.parametrize("at", range(len(_COURSE)), ids=[f"{at}-{kind}" for at, (kind, _) in enumerate(_COURSE)])
def test_an_event_comes_last(at: int) -> None:
    """After all others: only the truncation belongs there, or what stood right before it.

    Words of a turn may come late.
    """
    events = _session()
    events.append(events.pop(at))
    if _COURSE[at][0] in ("rate_limits.updated", "conversation.item.truncated", _HEARD + "completed"):
        check_order(events)
    else:
        with pytest.raises(AssertionError):
            check_order(events)


def test_an_event_belongs_to_nothing() -> None:
    with pytest.raises(AssertionError):
        check_order([*_session(), {"type": "error", "event_id": "another", "error": {"code": "invalid_value"}}])
