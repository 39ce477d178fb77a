"""What the live recognizer makes of phrases while they are spoken, and right behind their last sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from server.agent.live_worker import LiveRecognizer
from server.agent.pcm import Samples
from server.agent.tts import synthesize

pytestmark = pytest.mark.slow

RATE_HZ = 16_000
STEP = RATE_HZ * 40 // 1000


@pytest.fixture(scope="module")
def recognizer() -> LiveRecognizer:
    made = LiveRecognizer()
    made.warm()
    return made


def spoken(text: str, voice: str = "michael") -> Samples:
    """With 300 ms before it, and 120 ms behind its last sound."""
    samples = synthesize(text, voice=voice, rate_hz=RATE_HZ).samples
    loud = np.flatnonzero(np.abs(samples) > 300)
    return np.concatenate((np.zeros(4800, np.int16), samples[: loud[-1]], np.zeros(1920, np.int16)))


def hear(recognizer: LiveRecognizer, samples: Samples) -> list[dict[str, Any]]:
    recognizer.begin()
    return [recognizer.more(samples[at : at + STEP]) for at in range(0, len(samples), STEP)]


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("what time is it", "complete"),
        ("tell me a joke", "complete"),
        ("count from one to twenty", "complete"),
        ("what is the weather", "open"),
        ("what is the weather in paris", "complete"),
        ("count to", "incomplete"),
        ("turn on the", "incomplete"),
        ("my brother bought a green bicycle", "unknown"),
    ],
)
def test_the_stage_right_behind_the_last_sound(recognizer: LiveRecognizer, text: str, stage: str) -> None:
    last = hear(recognizer, spoken(text))[-1]
    assert last["stage"] == stage, last
    if stage != "unknown":
        assert last["text"] == text


def test_half_a_sentence_is_not_taken_for_a_whole_one(recognizer: LiveRecognizer) -> None:
    """In the middle of "what is the weather in paris" there is "what is the weather", which is
    `open`, and no `complete`.
    """
    told = hear(recognizer, spoken("what is the weather in paris"))
    half = told[: len(told) * 6 // 10]
    assert "complete" not in [one["stage"] for one in half]
    assert any(one["stage"] == "incomplete" for one in half)


def test_one_turn_knows_nothing_of_the_one_before(recognizer: LiveRecognizer) -> None:
    alone = hear(recognizer, spoken("what time is it"))[-1]["text"]
    hear(recognizer, spoken("tell me a long"))
    assert hear(recognizer, spoken("what time is it"))[-1]["text"] == alone


def test_loudness_does_not_matter(recognizer: LiveRecognizer) -> None:
    phrase = spoken("what time is it").astype(np.float64)
    for factor in (0.02, 1.0, 2.0):
        scaled = np.clip(phrase * factor, -32768, 32767).astype(np.int16)
        assert hear(recognizer, scaled)[-1]["stage"] == "complete", factor
