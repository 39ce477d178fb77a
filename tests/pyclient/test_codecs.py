"""The table of codecs, and what all of them share: reading JSON, base64, the arguments of a tool call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyclient.codecs import PROVIDERS, create_codec
from pyclient.codecs.messages import UnreadableAudio, audio_bytes, tool_arguments
from pyclient.core.errors import ConfigError
from pyclient.core.safejson import Limits

LIMITS = Limits()


def test_each_codec_is_found_by_its_name_and_a_name_of_none_is_told() -> None:
    assert [create_codec(name).name for name in PROVIDERS] == list(PROVIDERS)
    with pytest.raises(ConfigError, match=r"provider: 'nobody' is not known; use one of: assemblyai, openai_realtime"):
        create_codec("nobody")


@pytest.mark.parametrize("text", ["AAABAA==", "AAABAA", "AAAB\r\nAA==", " AAAB AA "])
def test_audio_may_lack_its_padding_or_have_breaks_of_lines(text: str) -> None:
    assert audio_bytes(text) == b"\0\0\1\0"


@pytest.mark.parametrize("text", ["AAABA", "AAABAA=", "AAAB=AA=", "AA-_", "AA==AA=="])
def test_audio_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(UnreadableAudio):
        audio_bytes(text)


def wrapped(value: object, times: int) -> str:
    """JSON text of `value`, which is then text in JSON, and so on."""
    text = json.dumps(value)
    for _ in range(times - 1):
        text = json.dumps(text)
    return text


@pytest.mark.parametrize("times", [1, 2, 3])
def test_arguments_may_be_wrapped_up_to_three_times(times: int) -> None:
    assert tool_arguments(wrapped({"city": "Oslo"}, times), LIMITS) == {"city": "Oslo"}


@pytest.mark.parametrize("given", [None, "", " ", "null", '""'])
def test_no_arguments_are_an_empty_object(given: Any) -> None:
    assert tool_arguments(given, LIMITS) == {}


@pytest.mark.parametrize("given", [wrapped({"city": "Oslo"}, 4), "[1]", "7", "{", '{}, "more": 1', 7, ["Oslo"]])
def test_what_is_no_object_becomes_an_argument_that_no_tool_has(given: Any) -> None:
    (name,) = tool_arguments(given, LIMITS)
    assert "not a JSON object" in name
