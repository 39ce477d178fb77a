"""Live recognition worker: reads a turn's sound while it is spoken, writes what it is so far, ends at the end of input.

Run by `asr_live.py` as `python -m server.agent.live_worker`. A request is one JSON line `{"begin": bool, "bytes": n}`
and n bytes of 16 kHz PCM; the answer is one JSON line `{"text", "stage", "confidence"}`. It serves one turn at a time.

Where `asr_worker.py` decodes a finished recording, this one keeps up with the speaker: when they stop, there is nothing
left to compute.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pocketsphinx import Decoder

from server.agent.asr_worker import (
    LEAST,
    SMALL,
    Answer,
    Hypothesis,
    confidence,
    gain,
    grammar_decoder,
    hypothesis,
    prepared,
    quiet_room,
    serve,
)
from server.agent.pcm import Samples
from server.agent.skills import may_go_on

__all__ = ["LiveRecognizer"]

# Loudness and colour of the voice are judged by so much of the turn, half a second (the silence before it included).
# They stay as they are then: a decoder that has begun cannot be told anew.
_HEAD = 16_000 * 6 // 10
# What is usual for a voice here, and to which half that judgement moves: the cepstral mean of 36 sentences by four
# voices. So prepared, 34 of the 36 were understood while spoken, and 32 by decoding the whole recording.
_USUAL_MEAN = np.array([53.7, -2.1, -1.7, 12.5, -12.9, -0.2, -9.4, -7.5, -4.4, -2.8, 2.1, -3.9, 0.0])
# Dictation is only compared with here: narrow beams take two fifths of the time, and its words are not used.
_NARROW = {
    "beam": 1e-40,
    "wbeam": 1e-20,
    "pbeam": 1e-40,
    "maxhmmpf": 1500,
    "fwdflat": False,
    "bestpath": False,
}
# How sure it must be of a greeting and the like, as in `asr_worker.py`, but nobody is to be cut short by one; and of
# the beginning of a sentence, where a mistake costs the person a second of waiting, and too little trust the end of
# what they wanted to say.
_LEAST_SMALL = 0.5
_LEAST_BEGUN = 0.3
_UNKNOWN: dict[str, Any] = {"text": "", "stage": "unknown", "confidence": 0.0}


class LiveRecognizer:
    """`begin` a turn, then `more` of its sound, again and again."""

    def __init__(self) -> None:
        self._skills = grammar_decoder()
        self._free = Decoder(loglevel="FATAL", **_NARROW)
        self._room = quiet_room()
        self._head: list[Samples] = []
        self._gain = 0.0

    def warm(self) -> None:
        """Load what the first turn would otherwise wait for."""
        self.begin()
        self.more(np.zeros(_HEAD, dtype=np.int16))
        self.begin()

    def begin(self) -> None:
        """A new turn; the one before is forgotten."""
        if self._gain:
            for decoder in (self._skills, self._free):
                with contextlib.suppress(RuntimeError):
                    decoder.end_utt()
        self._head, self._gain = [], 0.0

    def more(self, samples: Samples) -> dict[str, Any]:
        """`{"text", "stage", "confidence"}` of the turn so far, as `asr.SoFar` has it."""
        if self._gain:
            audio = prepared(samples, self._gain, self._room)
        else:
            self._head.append(samples)
            if sum(map(len, self._head)) < _HEAD:
                return _UNKNOWN
            audio = self._first()
        for decoder in (self._skills, self._free):
            decoder.process_raw(audio, full_utt=False)
        return self._judged()

    def _first(self) -> bytes:
        """Begin with what was held back, prepared as what follows will be."""
        head = np.concatenate(self._head)
        self._head, self._gain = [], gain(head)
        audio = prepared(head, self._gain, self._room)
        # The features of it as a whole recording, without a search, leave its cepstral mean behind.
        self._skills.start_utt()
        self._skills.process_raw(audio, no_search=True, full_utt=True)
        self._skills.end_utt()
        mean = (np.array([float(value) for value in self._skills.get_cmn(False).split(",")]) + _USUAL_MEAN) / 2
        text = ",".join(f"{value:.4f}" for value in mean)
        for decoder in (self._skills, self._free):
            decoder.start_utt()
            decoder.set_cmn(text)
        return audio

    def _judged(self) -> dict[str, Any]:
        # Asked for before the end, a decoder gives its best words, whether or not a sentence may end there.
        skill = hypothesis(self._skills)
        if not skill.text:
            return _UNKNOWN
        free = hypothesis(self._free)
        sure = confidence(skill, free, self._free) if free.text else 0.0
        return {"text": skill.text, "stage": self._stage(skill, sure), "confidence": round(sure, 3)}

    def _stage(self, skill: Hypothesis, sure: float) -> str:
        if not self._skills.get_fsg("skills").accept(skill.text):
            return "incomplete" if sure >= _LEAST_BEGUN else "unknown"
        if sure < (_LEAST_SMALL if skill.text in SMALL else LEAST):
            return "unknown"
        return "open" if may_go_on(skill.text) else "complete"


def load() -> Answer:
    recognizer = LiveRecognizer()
    recognizer.warm()

    def answer(request: Mapping[str, Any], samples: Samples) -> dict[str, Any]:
        if request["begin"]:
            recognizer.begin()
        return recognizer.more(samples)

    return answer


if __name__ == "__main__":
    serve(load)
