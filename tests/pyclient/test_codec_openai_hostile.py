"""Whatever comes on the Realtime wire, nothing raises."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyclient.core import events as ev
from pyclient.core.safejson import Limits
from tests.support.realtime import (
    AGENT,
    LIMITS,
    PCM,
    RID,
    SERVER,
    USER,
    Codec,
    hear,
    hear_audio,
)

MESSAGES = list(SERVER.values())
scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["AAAA", "AAAAAA==", RID, AGENT, USER, "{}", "completed", "cancelled", "function_call", "user"])
)
values: st.SearchStrategy[Any] = st.recursive(
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
        if bool(nested) and draw(st.booleans()):
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


@pytest.mark.slow
@given(st.lists(mutated() | st.text(max_size=50) | st.binary(max_size=50) | values.map(json.dumps), max_size=8))
@settings(max_examples=400)
def test_a_codec_raises_nothing_whatever_a_session_brings(session: list[str | bytes]) -> None:
    codec = Codec()
    for data in session:
        for event in codec.decode(data, Limits(max_bytes=50_000)):
            assert isinstance(event, ev.Event)
            if isinstance(event, ev.MessageRejected):
                assert 0 < len(event.reason) < 200
            elif isinstance(event, ev.ReplyDone):
                codec.reply_heard(event.reply_id, 10)


JUNK: tuple[object, ...] = (None, 0, -1.5, "", "x", [], [[]], {}, True)


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
    inbound = codec.inbound
    assert len(inbound.speaking) <= 64
    assert len(inbound.placing) <= 1_024 and len(inbound.hearing) <= 64
    assert codec.reply_heard("resp_0", 0) == [] and len(codec.reply_heard("resp_2999", 0)) == 1
