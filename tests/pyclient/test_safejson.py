"""What must never reach json.loads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyclient.core import safejson
from pyclient.core.safejson import MAX_CONTAINERS, Limits, UnsafeMessage, decode_object, nesting_depth

LIMITS = Limits()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


class NoDecoder:
    """Stands where the real decoder stands: to be reached is to fail."""

    def decode(self, data: str) -> Any:
        raise AssertionError("reached the JSON decoder")


@pytest.mark.parametrize(
    "data",
    [
        "[" * 6_000 + "]" * 6_000,
        '{"type":"x","a":' + "[" * 3_000,
        '{"a":' * 1_000 + "1" + "}" * 1_000,
        '{"type":"x","a":"\\"","b":' + "[" * 100 + "]" * 100 + "}",
        '{"type":"' + "x" * (1 << 20) + '"}',
        '{"type":"' + "ä" * (1 << 19) + '"}',
        "[" + "{}," * MAX_CONTAINERS + "{}]",
    ],
    ids=["brackets", "unclosed", "objects", "after an escaped quote", "large", "large in UTF-8", "wide"],
)
def test_a_dangerous_message_never_reaches_the_decoder(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Pyodide 6 kB of nested brackets end the runtime: there is no exception to catch."""
    monkeypatch.setattr(safejson, "_DECODER", NoDecoder())
    with pytest.raises(UnsafeMessage):
        decode_object(data, LIMITS)


@pytest.mark.parametrize("depth", [1, 2, 63, 64])
def test_nesting_up_to_the_limit_is_read(depth: int) -> None:
    text = '{"type":"x","a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}" if depth > 1 else '{"type":"x"}'
    assert decode_object(text, LIMITS)["type"] == "x"


def test_one_level_more_is_refused_with_the_limit_in_the_sentence() -> None:
    text = '{"type":"x","a":' + "[" * 64 + "]" * 64 + "}"
    with pytest.raises(UnsafeMessage, match="deeper than 64"):
        decode_object(text, LIMITS)


def test_brackets_inside_strings_do_not_count() -> None:
    """A transcript may talk about brackets."""
    text = json.dumps({"type": "x", "text": '[{"' * 500 + '\\"[' * 100})
    assert decode_object(text, LIMITS)["text"].startswith('[{"')


def test_many_flat_objects_are_read() -> None:
    """A session's echo of its own tools has more brackets than levels."""
    text = json.dumps({"type": "x", "tools": [{"name": str(number)} for number in range(500)]})
    assert len(decode_object(text, LIMITS)["tools"]) == 500


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("1" + "0" * 5_000, "too long"),
        ("1." + "0" * 5_000, "too long"),
        ("1e999", "not finite"),
        ("-1e999", "not finite"),
        ("NaN", "not JSON"),
        ("Infinity", "not JSON"),
        ("-Infinity", "not JSON"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(number: str, reason: str) -> None:
    with pytest.raises(UnsafeMessage, match=reason):
        decode_object(f'{{"type":"x","n":{number}}}', LIMITS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"type":"x"} x', "not JSON"),
        ("[]", "not a JSON object"),
        ('"type"', "not a JSON object"),
        ("{}", "no type"),
        ('{"type":1}', "no type"),
        ('{"type":null}', "no type"),
        ('{"type":"\ud800"}', "not Unicode"),
    ],
)
def test_what_is_no_message_is_named(data: str, reason: str) -> None:
    with pytest.raises(UnsafeMessage, match=reason):
        decode_object(data, LIMITS)


def test_a_key_said_twice_is_fine() -> None:
    assert decode_object('{"type":"a","type":"b"}', LIMITS) == {"type": "b"}


def test_a_lone_surrogate_becomes_a_replacement_character_wherever_it_hides() -> None:
    """JSON allows it, JavaScript strings and UTF-8 do not: it would raise far from whoever sent it."""
    text = '{"type":"x","a":["\\ud800",{"\\udfff":"\\ud83d\\ude00"}],"n":1}'
    assert decode_object(text, LIMITS) == {"type": "x", "a": ["\ufffd", {"\ufffd": "😀"}], "n": 1}


@given(json_values)
def test_honest_messages_come_through_unchanged(value: Any) -> None:
    text = json.dumps({"type": "x", "value": value})
    assert decode_object(text, LIMITS) == {"type": "x", "value": value}


@given(json_values)
@settings(max_examples=50)
def test_the_depth_is_the_real_depth(value: Any) -> None:
    def depth(item: Any) -> int:
        if isinstance(item, dict):
            return 1 + max(map(depth, item.values()), default=0)
        return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0

    assert nesting_depth(json.dumps(value), 10_000) == depth(value)


def test_hostile_strings_cost_linear_time() -> None:
    """An unterminated string of backslashes is where a careless pattern explodes."""
    for data in ('"' + "\\" * 500_000, '["' * 30_000, '"a' * 300_000):
        assert nesting_depth(data, 100_000) <= 30_000


@pytest.mark.parametrize("bad", [{"max_bytes": 0}, {"max_depth": 0}, {"max_depth": 201}])
def test_limits_that_protect_nothing_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="between"):
        Limits(**bad)
