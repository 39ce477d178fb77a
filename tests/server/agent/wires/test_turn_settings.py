"""What each wire's settings mean for the end of a turn: who sets the silence gets it, and the
words decide nothing then.
"""

from __future__ import annotations

from typing import Any

import pytest

from server.agent.turns import TurnSettings
from server.agent.wires.assemblyai.config import Config
from server.agent.wires.openai.config import Config as OpenAIConfig


def of_assemblyai(detection: dict[str, Any] | None) -> TurnSettings:
    config = Config("sess_a")
    config.first({} if detection is None else {"input": {"turn_detection": detection}})
    return config.settings().turns


def of_openai(detection: dict[str, Any] | None) -> TurnSettings:
    config = OpenAIConfig("sess_a", "m", 0)
    if detection is not None:
        config.update({"type": "realtime", "audio": {"input": {"turn_detection": detection}}})
    return config.settings().turns


@pytest.mark.parametrize(
    ("detection", "adaptive"),
    [
        (None, True),
        ({"vad_threshold": 0.6, "interrupt_response": False}, True),
        ({"min_silence": 640}, False),
        ({"max_silence": 1500}, False),
        ({"min_silence": 300, "max_silence": 900}, False),
    ],
)
def test_assemblyai_paces_by_the_words_until_a_silence_is_set(detection: dict[str, Any] | None, adaptive: bool) -> None:
    assert of_assemblyai(detection).adaptive is adaptive


def test_a_silence_set_later_counts_from_then_on() -> None:
    config = Config("sess_a")
    config.first({})
    assert config.settings().turns.adaptive
    config.later({"input": {"turn_detection": {"min_silence": 700}}})
    turns = config.settings().turns
    assert (turns.adaptive, turns.min_silence_ms) == (False, 700)


@pytest.mark.parametrize(
    ("detection", "adaptive", "silence_ms"),
    [
        (None, False, 500),
        ({"type": "server_vad"}, False, 500),
        ({"type": "server_vad", "silence_duration_ms": 900}, False, 900),
        ({"type": "semantic_vad", "eagerness": "high"}, True, 640),
    ],
)
def test_openai_paces_by_the_words_in_semantic_vad_alone(
    detection: dict[str, Any] | None, adaptive: bool, silence_ms: int
) -> None:
    turns = of_openai(detection)
    assert (turns.adaptive, turns.min_silence_ms) == (adaptive, silence_ms)
