"""Recognition worker: reads utterances from its input, writes words to its output, ends at the end of input.

Run by `asr.py` as `python -m server.agent.asr_worker`. A request is one JSON line `{"bytes": n, "final": bool}` and n
bytes of 16 kHz PCM; the answer is one JSON line `{"kind", "text", "confidence"}`.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pocketsphinx import Decoder

from server.agent.grammar import jsgf, small_talk_jsgf
from server.agent.pcm import Floats, Samples

__all__ = [
    "LEAST",
    "SMALL",
    "Answer",
    "Hypothesis",
    "Recognizer",
    "confidence",
    "gain",
    "grammar_decoder",
    "hypothesis",
    "prepared",
    "quiet_room",
    "serve",
]

# Of a request and its sound.
Answer = Callable[[Mapping[str, Any], Samples], Mapping[str, Any]]

_TARGET_RMS = 2500.0
# The acoustic model was trained on rooms. Digital silence (all zeros) breaks its normalisation: measured, 38 of 108
# phrases without noise and 89 of 108 with noise of this size.
_ROOM_RMS = 30.0
# With the default beams the search loses sentences that begin with a weak sound. Wider ones cost half as much again;
# much wider ones find little more and take seconds for one second of noise.
_WIDE = {"beam": 1e-56, "wbeam": 1e-36, "pbeam": 1e-56}
# Pronunciations of British speakers that the American dictionary lacks.
_MORE_SOUNDS = (("paris(3)", "P AA R IY S"), ("warsaw(2)", "W AO S AO"), ("can(3)", "K AA N"), ("lamp(2)", "L AA M P"))
_SHORT_SAMPLES = 16_000 * 2
_NOTHING: dict[str, Any] = {"kind": "nothing", "text": "", "confidence": 0.0}
_LOG_BASE = math.log(1.0001)

# How sure a sentence of the grammar must be. `_confidence` was fitted on 239 spoken phrases and 140 recordings of other
# sentences, all by synthesized voices. The limit was taken from 384 more (57 sentences and 39 others, four voices): 6
# of the right ones are missed and 21 of 156 others taken for one. Greetings and the like are so short that there is
# little to judge by, and little happens when one is misheard.
LEAST = 0.6
LEAST_SMALL = 0.03
SMALL = frozenset(
    {"hello", "hi", "hi there", "hello there", "goodbye", "bye bye", "thank you", "thanks", "help", "stop"}
)
# What dictation makes of a cough or a door.
_NOISE_WORDS = frozenset(
    ["a", "ah", "and", "but", "he", "huh", "i", "in", "it", "of", "oh", "or", "that", "the", "to", "uh", "um"]
)
# Openings and endings that the recogniser likes to hear in any sound.
_FILLERS = frozenset({"please", "can", "could", "would", "okay", "hey"})


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One decoder's idea: its words, its score in the recogniser's own logarithm, and how many frames are words."""

    text: str
    score: float
    frames: int


def quiet_room() -> np.random.Generator:
    """The noise that is added to what is heard: the same each time, so that the same input gives the same output."""
    return np.random.default_rng(7)


def prepared(samples: Samples, loudness: float, room: np.random.Generator) -> bytes:
    """Loudness made equal by `gain`, and a quiet room added."""
    wide: Floats = samples.astype(np.float64) * loudness
    return np.clip(wide + room.normal(0.0, _ROOM_RMS, len(wide)), -32768, 32767).astype("<i2").tobytes()


def gain(samples: Samples) -> float:
    """What makes the loud parts of it as loud as all other speech."""
    frames = samples[: len(samples) // 320 * 320].astype(np.float64).reshape(-1, 320)
    if not len(frames):
        return 1.0
    powers = np.sort(np.mean(frames**2, axis=1))
    loud = float(np.sqrt(np.mean(powers[len(powers) * 6 // 10 :])))
    return min(_TARGET_RMS / loud, 20.0) if loud > 1.0 else 1.0


class Recognizer:
    """Grammar first; free dictation to compare with, and to fall back to."""

    def __init__(self) -> None:
        self._skills = grammar_decoder()
        self._free: Any = None

    def recognize(self, samples: Samples, *, final: bool) -> dict[str, Any]:
        """`{"kind", "text", "confidence"}` as `asr.Recognized` has it."""
        if len(samples) < 1600:
            return _NOTHING
        audio = prepared(samples, gain(samples), quiet_room())
        if not final:
            # Without a second opinion: what comes is replaced by the final in any case.
            text = _decode(self._skills, audio).text
            unsure = not text or text.split()[0] in _FILLERS
            return _NOTHING if unsure else {"kind": "skill", "text": text, "confidence": 0.5}
        skill = _decode(self._skills, audio)
        if not self._complete(skill.text) and len(samples) < _SHORT_SAMPLES:
            # Among many sentences the right one was lost on the way; among few it may not be.
            self._skills.activate_search("small talk")
            skill = _decode(self._skills, audio)
            self._skills.activate_search("skills")
        if self._free is None:
            # Where no more than these places of the dictionary are looked at in one frame it takes
            # two sevenths less time.
            self._free = Decoder(loglevel="FATAL", maxhmmpf=3000)
        free = _decode(self._free, audio)
        if not free.text and not skill.text:
            return _NOTHING
        if free.text and self._complete(skill.text):
            sure = confidence(skill, free, self._free)
            if sure >= (LEAST_SMALL if skill.text in SMALL else LEAST):
                return {"kind": "skill", "text": skill.text, "confidence": round(sure, 3)}
        if set(free.text.split()) <= _NOISE_WORDS:
            return _NOTHING
        return {"kind": "free", "text": free.text, "confidence": 0.3}

    def warm(self) -> None:
        """Load what the first utterance would otherwise wait for."""
        self.recognize(np.zeros(8000, dtype=np.int16), final=True)

    def _complete(self, text: str) -> bool:
        """Whether a sentence of the grammar was heard to its end."""
        return bool(text) and bool(self._skills.get_fsg("skills").accept(text))


def confidence(skill: Hypothesis, free: Hypothesis, dictionary: Any) -> float:
    """0 to 1: how much better the grammar's words explain the sound than what free dictation made of it."""
    frames = max(free.frames, 1)
    ours, theirs = _sounds(skill.text, dictionary), _sounds(free.text, dictionary)
    longest = max(len(ours), len(theirs), 1)
    words = skill.text.split()
    fillers = words[0] in _FILLERS or words[-1] == "please"
    evidence = (
        0.145 * (skill.score - free.score) / frames
        - 4.0 * _distance(ours, theirs) / longest
        - 2.5 * abs(len(ours) - len(theirs)) / longest
        + 3.6 * min(2.0, skill.frames / frames)
        - 1.9 * fillers
        - 1.2
    )
    return 1.0 / (1.0 + math.exp(-evidence))


def _sounds(text: str, dictionary: Any) -> list[str]:
    sounds: list[str] = []
    for word in text.split():
        sounds += (dictionary.lookup_word(word) or word).split()
    return sounds


def _distance(left: list[str], right: list[str]) -> int:
    """How many sounds must be put in, left out or exchanged to make one from the other."""
    row = list(range(len(right) + 1))
    for index, sound in enumerate(left, start=1):
        before, row[0] = row[:], index
        for at, other in enumerate(right, start=1):
            row[at] = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (sound != other))
    return row[-1]


def grammar_decoder() -> Any:
    # A low weight of the grammar's own probabilities (the default is 6.5): the sentences are few, the sound decides.
    # Without the last pass, over all that the search has kept: it took three times as long as the search, and of 228
    # sentences it made 202 right instead of 199.
    decoder = Decoder(loglevel="FATAL", lm=None, lw=3.0, bestpath=False, **_WIDE)
    for word, sounds in _MORE_SOUNDS:
        decoder.add_word(word, sounds, False)
    decoder.add_jsgf_string("skills", jsgf())
    decoder.add_jsgf_string("small talk", small_talk_jsgf())
    decoder.activate_search("skills")
    return decoder


def _decode(decoder: Any, audio: bytes) -> Hypothesis:
    decoder.start_utt()
    try:
        decoder.process_raw(audio, full_utt=True)
    finally:
        decoder.end_utt()  # or it refuses to start another one, for good
    return hypothesis(decoder)


def hypothesis(decoder: Any) -> Hypothesis:
    """What a decoder makes of the sound that it was given so far."""
    found = decoder.hyp()
    if found is None or not found.hypstr:
        return Hypothesis("", 0.0, 0)
    frames = sum(one.end_frame - one.start_frame + 1 for one in decoder.seg() if not one.word.startswith("<"))
    score = math.log(found.score) / _LOG_BASE if found.score > 0 else 0.0
    return Hypothesis(found.hypstr, score, frames)


def serve(load: Callable[[], Answer]) -> None:
    """The other end of `worker_process`: what `load` gives answers each request, until the end of input."""
    # Ctrl-C in a terminal reaches this process too; the parent decides when it ends, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer = load()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        request = json.loads(line)
        samples = np.frombuffer(source.read(request["bytes"]), dtype="<i2").astype(np.int16)
        sink.write(json.dumps(answer(request, samples)).encode() + b"\n")
        sink.flush()


def load() -> Answer:
    recognizer = Recognizer()
    recognizer.warm()
    return lambda request, samples: recognizer.recognize(samples, final=request["final"])


if __name__ == "__main__":
    serve(load)
