"""The golden messages of the Realtime wire, through the codec in both directions, and the sequences of its documents.

What the codec must make of each server message stands here; the messages stand in `tests/wire/openai_realtime.jsonl`,
which the local agent's tests read too, so that one misreading cannot agree with itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pyclient.codecs import SessionSettings
from tests.support.realtime import (
    CLIENT,
    DECODED,
    FULL,
    GOLDEN,
    HELD,
    LIMITS,
    PCM,
    RID,
    SEMANTIC,
    SERVER,
    Codec,
    after_audio,
    hear,
    held_for,
    opened,
)

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
