"""How much of a reply was heard, as the Realtime wire is told?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.realtime import (
    AGENT,
    MS,
    RID,
    Codec,
    after_audio,
    hear,
    hear_audio,
    said,
)


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
@settings(max_examples=200)
def test_a_cut_is_always_within_what_was_received(chunks: list[tuple[int, int]], heard_ms: int, done: bool) -> None:
    codec = Codec()
    received: dict[str, int] = {}
    for number, size in chunks:
        hear_audio(codec, bytes(size), item_id=f"item_{number}")
        received[f"item_{number}"] = received.get(f"item_{number}", 0) + size
    if done:
        hear(codec, "response.done completed")
    for item_id, _, end_ms in cuts(codec, heard_ms):
        assert 0 <= end_ms <= received[item_id] // MS
