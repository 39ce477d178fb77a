"""A corpus of spoken sentences with a pause inside: what an end of turn is found in, and what a false end is.

200 sentences by four voices of espeak-ng. 160 are of the local agent's grammar, 40 are not. Each has one pause, at a
word boundary taken by chance: every boundary is as likely. Its length is taken by chance too, by a log-normal
distribution with a median of half a second and two thirds between a quarter and one second (sigma 0.69), which is about
what studies of spontaneous speech report for silent pauses. Where a sentence is complete before its pause ("what is the
weather ... in Paris"), nobody can know that it goes on.

Nothing here looks at how turns are ended. Sentences, places and lengths follow from one seed, which was not chosen
by its results. The parts are spoken apart, so that each ends as speech ends, and quiet noise lies under all of it,
as in a room.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voice_browsers.listen import load, sounding
from voice_browsers.speech import Speech, write_wav

RATE_HZ = 24_000
VOICES = ("en-us", "en-gb", "en-us+f3", "en-gb-scotland+f2")
SEED = 29
KNOWN_SENTENCES = 160
UNKNOWN_SENTENCES = 40
PAUSE_MEDIAN_MS = 500.0
PAUSE_SIGMA = 0.69
LEAD_MS = 400
# Longer than any turn detection waits.
TAIL_MS = 2_600
ROOM_RMS = 12.0
LEVEL_RMS = 2_500.0

_CITIES = ("paris", "berlin", "london", "new york", "rome", "tokyo", "madrid", "chicago", "oslo", "dublin")
_NUMBERS = ("three", "five", "seven", "ten", "twelve", "fifteen", "twenty")
_KNOWN = (
    "what time is it",
    "what time is it now",
    "what is the time",
    "tell me the time",
    "do you know what time it is",
    "what day is it today",
    "what is the date",
    "what is today's date",
    "tell me a joke",
    "tell me another joke",
    "make me laugh",
    "tell me a story",
    "tell me a long story",
    "tell me another story",
    "count to {number}",
    "count up to {number}",
    "count from two to {number}",
    "what is the weather",
    "what is the weather like today",
    "how is the weather in {city}",
    "what is the weather in {city}",
    "what's the weather like in {city}",
    "weather in {city}",
    "what is the temperature in {city}",
    "turn on the light",
    "switch the lamp off",
    "switch on the lights",
    "turn the lights off",
    "lights on",
    "please tell me a joke",
    "can you tell me a story",
    "could you turn on the light",
    "turn off the lamp please",
    "hello there",
    "good morning",
    "how are you today",
    "hello how are you",
    "what is your name",
    "who are you",
    "nice to meet you",
    "see you later",
    "what can you do",
    "help me",
    "thank you",
    "thank you very much",
    "that is all",
    "never mind",
)
_UNKNOWN = (
    "set a timer for {number} minutes",
    "play some music in the kitchen",
    "i would like to order a pizza",
    "remind me to call my mother tomorrow",
    "where is the nearest train station",
    "how far is it to {city}",
    "send a message to my brother",
    "open the window in the bedroom",
    "my name is peter and i am from {city}",
    "i have a question about my last bill",
    "can i change my appointment on friday",
    "who won the football game yesterday",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One recording.

    Times in ms of it; `ends_ms` is where its last sound ends, `pause_ms` how long the pause inside is.
    """

    text: str
    before: str
    voice: str
    known: bool
    pause_at_ms: float
    pause_ms: float
    ends_ms: float
    wav: str


def chosen(seed: int = SEED) -> list[tuple[str, str, str, bool, float]]:
    """(voice, words before the pause, words after it, known, pause in ms) of every sentence."""
    chance = random.Random(seed)
    found = []
    for known, count, patterns in ((True, KNOWN_SENTENCES, _KNOWN), (False, UNKNOWN_SENTENCES, _UNKNOWN)):
        for index in range(count):
            # Each as often as the others, give or take one.
            pattern = patterns[index % len(patterns)]
            words = pattern.format(city=chance.choice(_CITIES), number=chance.choice(_NUMBERS)).split()
            at = chance.randrange(1, len(words))
            pause_ms = PAUSE_MEDIAN_MS * chance.lognormvariate(0.0, PAUSE_SIGMA)
            found.append((chance.choice(VOICES), " ".join(words[:at]), " ".join(words[at:]), known, pause_ms))
    return found


def make(folder: Path, seed: int = SEED) -> list[Sentence]:
    """Speak all of them into WAV files of the wire's rate."""
    speech = Speech(folder / "parts")
    noise = np.random.default_rng(seed)
    sentences = []
    for number, (voice, before, after, known, pause_ms) in enumerate(chosen(seed)):
        first, second = _spoken(speech, before, voice), _spoken(speech, after, voice)
        level = np.sqrt(np.mean(np.concatenate((first, second)) ** 2))
        first, second = first * LEVEL_RMS / 32_768 / level, second * LEVEL_RMS / 32_768 / level
        pause_at = LEAD_MS + len(first) * 1000 / RATE_HZ
        parts = [_rest(LEAD_MS), first, _rest(pause_ms), second]
        ends_ms = sum(len(part) for part in parts) * 1000 / RATE_HZ
        whole = np.concatenate([*parts, _rest(TAIL_MS)])
        whole = whole + noise.normal(0.0, ROOM_RMS / 32_768, len(whole))
        wav = write_wav(folder / f"{number:03}.wav", whole, RATE_HZ)
        sentences.append(
            Sentence(
                text=f"{before} {after}",
                before=before,
                voice=voice,
                known=known,
                pause_at_ms=pause_at,
                pause_ms=pause_ms,
                ends_ms=ends_ms,
                wav=str(wav),
            )
        )
    return sentences


def _spoken(speech: Speech, text: str, voice: str) -> NDArray[np.float64]:
    """Words without the silence around them."""
    return sounding(load(speech.say(text, voice=voice)).at(RATE_HZ)).samples


def _rest(duration_ms: float) -> NDArray[np.float64]:
    return np.zeros(round(duration_ms * RATE_HZ / 1000))
