"""What no JSON of ours may hold, however well it is written: half a character, a number beyond all bounds (row 68)."""

from __future__ import annotations

import json
import time

import pytest

from server.agent.tokens import Grant, SignedTokens
from server.agent.wires.assemblyai.config import Config, Refused
from server.agent.wires.checks import whole, within
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.openai.config import Config as OpenAIConfig
from server.agent.wires.openai.errors import Refused as OpenAIRefused

HUGE = 10**400


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\ud800"}',
        '{"a": "x\\uDC00y"}',
        '{"\\udfff": 1}',
        '{"a": ["\\ude00\\ud83d"]}',
        '{"a": "\ud800"}',
        '{"a": 1e400}',
        '{"a": -1e999}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": ' + "9" * 5000 + "}",
    ],
    ids=ascii,
)
def test_row_68_it_is_no_message(text: str) -> None:
    with pytest.raises(NotAMessage):
        parse(text)


def test_what_only_looks_like_it_is_a_message() -> None:
    text = '{"a": "\\ud83d\\ude00 and \\\\ud800 and \U0001f600", "b": 1e300, "c": ' + "9" * 400 + "}"
    assert parse(text) == {"a": "\U0001f600 and \\ud800 and \U0001f600", "b": 1e300, "c": int("9" * 400)}


@pytest.mark.parametrize("value", [HUGE, -HUGE, float("inf"), float("nan"), True, "5", None])
def test_row_68_a_limit_is_a_limit_for_numbers_of_any_size(value: object) -> None:
    assert within(0, 100)(value) is False
    assert whole(0, 100)(value) is False


@pytest.mark.parametrize(
    "session",
    [
        {"output": {"volume": HUGE}},
        {"input": {"turn_detection": {"vad_threshold": HUGE}}},
        {"input": {"turn_detection": {"min_silence": HUGE}}},
        {"input": {"format": {"sample_rate": HUGE}}},
        {"input": {"voice_focus_threshold": -HUGE}},
        {"tools": [{"name": "a", "timeout_seconds": HUGE}]},
    ],
    ids=lambda session: ascii(session)[:60],
)
def test_row_68_a_number_of_400_digits_is_refused_by_the_assemblyai_wire(session: object) -> None:
    with pytest.raises(Refused):
        Config("sess_a").first(session)


@pytest.mark.parametrize(
    "session",
    [
        {"max_output_tokens": HUGE},
        {"audio": {"output": {"speed": HUGE}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": HUGE}}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": HUGE}}}},
        {"audio": {"input": {"noise_reduction": {"type": "near_field", "strength": HUGE}}}},
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": HUGE}}}},
    ],
    ids=lambda session: ascii(session)[:60],
)
def test_row_68_a_number_of_400_digits_is_refused_by_the_openai_wire(session: dict[str, object]) -> None:
    with pytest.raises(OpenAIRefused):
        OpenAIConfig("sess_a", "m", 0).update({"type": "realtime", **session})


@pytest.mark.parametrize("token", ["\ud800", "a.b.\ud800", "a.b.\u0661", "a.b.\u00b2", "."])
def test_row_68_a_signed_token_with_half_a_character_is_a_forged_one(token: str) -> None:
    tokens = SignedTokens()
    good = tokens.mint(Grant(account="a", expires_at_s=time.time() + 60, max_session_s=60), now_s=time.time())
    assert tokens.redeem(token, now_s=time.time()) is None
    assert tokens.redeem(good[:-1] + token[-1:], now_s=time.time()) is None
    assert json.dumps(token)
    assert tokens.redeem(good, now_s=time.time()) is not None
