"""Inbound audio: base64 in JSON, and it has to come in real time (sections 6 and 7)."""

from __future__ import annotations

import base64
import binascii
import time

from server.agent.audio_clock import AudioClock
from server.agent.pcm import Samples
from server.agent.records import Record
from server.agent.wires.assemblyai.config import Refused
from server.agent.wires.assemblyai.outbound import Outbound
from server.agent.wires.audio import AudioReader

__all__ = ["Microphone", "decode_base64"]

# Section 6: more than about a second of audio per wall second; this much may be ahead at any moment.
_AHEAD_MS = 2000.0


def decode_base64(text: str) -> bytes:
    """The bytes of an audio message. Raises Refused with invalid_audio."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid_audio", "Invalid audio data") from error


class Microphone:
    """One socket's audio from the moment that it was allowed. `enforced`: what comes too fast is told and dropped."""

    def __init__(self, encoding: str, record: Record, outbound: Outbound, enforced: bool) -> None:
        self._reader = AudioReader(encoding)
        self._clock = AudioClock(_AHEAD_MS)
        self._record = record
        self._outbound = outbound
        self._enforced = enforced
        self._from_s = time.monotonic()

    def take(self, data: bytes) -> Samples | None:
        """The samples of one message, at the input rate; None when they are surplus."""
        samples = self._reader.samples(data)
        if self._reader.holds_half:
            self._record.violated("an audio chunk ended in the middle of a sample")
        self._record.audio(samples, len(data))
        if self._enforced:
            duration_ms = len(samples) * 1000 / self._record.input_rate_hz
            wall_ms = (time.monotonic() - self._from_s) * 1000
            surplus, news = self._clock.take(duration_ms, wall_ms)
            if news:
                self.too_fast()
            if surplus:
                return None
        return samples

    def too_fast(self) -> None:
        """Tell the client that sound was dropped."""
        self._outbound.fail("audio_rate_violation", "Audio arrives faster than real time")
