"""What is understood of spoken phrases, measured on a small table; the agent's own voice and the
espeak-ng program speak it.
"""

from __future__ import annotations

import numpy as np
import pytest

from server.agent.asr_worker import Recognizer
from server.agent.pcm import Samples, resample, to_samples
from server.agent.tts import synthesize
from tests.server.support.agent_support import espeak_command, spoken_by_command

pytestmark = pytest.mark.slow

PHRASES = (
    "hello",
    "what time is it",
    "tell me a joke",
    "count from one to twenty",
    "what is the weather like in london",
    "turn on the light",
    "switch on the light in the kitchen",
)
# For the voices that are not the agent's own: fewer, as each costs the better part of a second.
FEW = PHRASES[1::2]
OTHER = (
    "my brother bought a green bicycle",
    "we walked along the river for three hours",
    "she bought seven potatoes and a newspaper",
)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer()


def quietly(samples: Samples) -> Samples:
    return np.concatenate((np.zeros(3200, np.int16), samples, np.zeros(3200, np.int16)))


def own(text: str, voice: str) -> Samples:
    return quietly(synthesize(text, voice=voice, rate_hz=16_000).samples)


def program(text: str, voice: str, speed: int) -> Samples:
    pcm = np.frombuffer(spoken_by_command(text, voice, speed), dtype="<i2")
    return quietly(to_samples(resample(pcm, 24_000, 16_000)))


def test_skills_are_understood_in_the_agents_own_voice(recognizer: Recognizer) -> None:
    heard = [recognizer.recognize(own(phrase, "michael"), final=True) for phrase in PHRASES]
    right = [answer["text"] == phrase for answer, phrase in zip(heard, PHRASES, strict=True)]
    assert sum(right) == len(PHRASES), list(zip(PHRASES, heard, strict=True))


@pytest.mark.skipif(espeak_command() is None, reason="the espeak-ng program is not installed")
@pytest.mark.parametrize(("voice", "speed"), [("en-us", 150), ("en-gb", 145), ("en-us+f3", 150)])
def test_skills_are_understood_in_other_voices(recognizer: Recognizer, voice: str, speed: int) -> None:
    heard = [recognizer.recognize(program(phrase, voice, speed), final=True) for phrase in FEW]
    assert [answer["text"] for answer in heard] == list(FEW)


def test_other_sentences_are_dictation_and_no_commands(recognizer: Recognizer) -> None:
    heard = [recognizer.recognize(own(sentence, "michael"), final=True) for sentence in OTHER]
    assert [answer["kind"] for answer in heard] == ["free"] * len(OTHER), heard
    right = sum(
        word in answer["text"].split()
        for answer, sentence in zip(heard, OTHER, strict=True)
        for word in sentence.split()
    )
    assert right >= 8, f"dictation got {right} of {sum(len(s.split()) for s in OTHER)} words: {heard}"


def test_noises_are_nothing(recognizer: Recognizer) -> None:
    random = np.random.default_rng(11)
    cough = random.normal(0, 6000, 16 * 300) * np.exp(-np.arange(16 * 300) / 1200)
    noises = {
        "silence": np.zeros(16_000),
        "hiss": random.normal(0, 300, 16_000),
        "cough": np.concatenate((np.zeros(4000), cough, np.zeros(8000))),
        "hum": 3000 * np.sin(2 * np.pi * 50 * np.arange(16_000) / 16_000),
        "too short": np.full(800, 5000.0),
    }
    heard = {name: recognizer.recognize(to_samples(noise), final=True) for name, noise in noises.items()}
    assert {name: answer["kind"] for name, answer in heard.items()} == dict.fromkeys(noises, "nothing")


def test_loudness_does_not_matter(recognizer: Recognizer) -> None:
    """A distant microphone and a hot one, 40 dB apart."""
    phrase = own("what time is it", "michael")
    for factor in (0.02, 1.0, 2.0):
        scaled = to_samples(phrase.astype(np.float64) * factor)
        assert recognizer.recognize(scaled, final=True)["text"] == "what time is it", factor


def test_a_partial_is_the_beginning(recognizer: Recognizer) -> None:
    phrase = own("what is the weather like in london", "michael")
    partial = recognizer.recognize(phrase[: len(phrase) * 6 // 10], final=False)
    assert partial["text"].startswith("what is the")
