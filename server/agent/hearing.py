"""The recognising process: reads utterances from its input, writes words to its output, ends at the end of input.

Run by `ears.py` as `python -m server.agent.hearing`. A request is one JSON line `{"bytes": n, "final": bool}` and n bytes
of 16 kHz PCM; the answer is one JSON line `{"kind", "text", "confidence"}`.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any, BinaryIO

import numpy as np
from pocketsphinx import Decoder

from server.agent.grammar import jsgf
from server.agent.pcm import Floats, Samples

__all__ = ["Recogniser", "main"]

_TARGET_RMS = 2500.0
# The acoustic model was trained on rooms. Digital silence (all zeros) breaks its normalisation: measured, 38 of 108
# phrases without noise and 89 of 108 with noise of this size.
_ROOM_RMS = 30.0


def _prepare(samples: Samples) -> bytes:
    """Loudness made equal, and a quiet room added; the same input gives the same output."""
    wide: Floats = samples.astype(np.float64)
    frames = wide[: len(wide) // 320 * 320].reshape(-1, 320)
    if len(frames):
        powers = np.sort(np.mean(frames**2, axis=1))
        loud = float(np.sqrt(np.mean(powers[len(powers) * 6 // 10 :])))
        if loud > 1.0:
            wide = wide * min(_TARGET_RMS / loud, 20.0)
    room = np.random.default_rng(7).normal(0.0, _ROOM_RMS, len(wide))
    return np.clip(wide + room, -32768, 32767).astype("<i2").tobytes()


class Recogniser:
    """Grammar first; free dictation when the grammar does not fit."""

    def __init__(self) -> None:
        self._skills = Decoder(loglevel="FATAL", lm=None)
        self._skills.add_jsgf_string("skills", jsgf())
        self._skills.activate_search("skills")
        self._free: Any = None

    def hear(self, samples: Samples, *, final: bool) -> dict[str, Any]:
        """`{"kind", "text", "confidence"}` as `ears.Heard` has it."""
        if len(samples) < 1600:
            return {"kind": "nothing", "text": "", "confidence": 0.0}
        audio = _prepare(samples)
        text = _decode(self._skills, audio)
        if text:
            return {"kind": "skill", "text": text, "confidence": 0.9}
        if not final:
            return {"kind": "nothing", "text": "", "confidence": 0.0}
        if self._free is None:
            self._free = Decoder(loglevel="FATAL")
        text = _decode(self._free, audio)
        return {"kind": "free" if text else "nothing", "text": text, "confidence": 0.3 if text else 0.0}


def _decode(decoder: Any, audio: bytes) -> str:
    decoder.start_utt()
    decoder.process_raw(audio, full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def main(source: BinaryIO, sink: BinaryIO) -> None:
    recogniser = Recogniser()
    while line := source.readline():
        request = json.loads(line)
        audio = source.read(request["bytes"])
        answer = recogniser.hear(np.frombuffer(audio, dtype="<i2").astype(np.int16), final=request["final"])
        sink.write(json.dumps(answer).encode() + b"\n")
        sink.flush()


if __name__ == "__main__":
    # Ctrl-C in a terminal reaches this process too; the parent decides when it ends, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(sys.stdin.buffer, sys.stdout.buffer)
