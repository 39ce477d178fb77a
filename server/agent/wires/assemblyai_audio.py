"""Audio of the AssemblyAI protocol: base64 in JSON, three encodings, and the rule that it comes in real time (section 7)."""

from __future__ import annotations

import base64
import binascii

import numpy as np

from server.agent.pcm import Samples, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from server.agent.wires.assemblyai_config import Refused

__all__ = ["AudioClock", "AudioReader", "decode_base64", "encode_audio"]

# Section 6: more than about a second of audio per wall second; this much may be ahead at any moment.
_AHEAD_MS = 2000.0


def decode_base64(text: str) -> bytes:
    """The bytes of an audio message. Raises Refused with invalid_audio."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid_audio", "Invalid audio data") from error


def encode_audio(samples: Samples, encoding: str, *, odd: bool = False) -> str:
    """Samples as base64 text. `odd` adds half a sample, to try a client's patience."""
    match encoding:
        case "audio/pcmu":
            data = ulaw_encode(samples)
        case "audio/pcma":
            data = alaw_encode(samples)
        case _:
            data = samples.astype("<i2").tobytes() + (b"\x00" if odd else b"")
    return base64.b64encode(data).decode("ascii")


class AudioReader:
    """Decodes the chunks of one microphone; half a sample at the end of a chunk belongs to the next one."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._half = b""

    @property
    def holds_half(self) -> bool:
        """The last chunk ended in the middle of a sample."""
        return bool(self._half)

    def samples(self, data: bytes) -> Samples:
        match self._encoding:
            case "audio/pcmu":
                return ulaw_decode(data)
            case "audio/pcma":
                return alaw_decode(data)
        data = self._half + data
        whole = len(data) // 2 * 2
        self._half = data[whole:]
        return np.frombuffer(data[:whole], dtype="<i2").astype(np.int16)


class AudioClock:
    """Compares audio time with wall time. `wall_ms` counts from the moment that audio was allowed."""

    def __init__(self) -> None:
        self._seen_ms = 0.0
        self._violating = False

    def take(self, duration_ms: float, wall_ms: float) -> tuple[bool, bool]:
        """(whether this chunk is surplus and to be dropped, whether that is news)."""
        # Time without audio, such as a mute, earns no credit.
        self._seen_ms = max(self._seen_ms, wall_ms - _AHEAD_MS) + duration_ms
        if self._seen_ms <= wall_ms + _AHEAD_MS:
            self._violating = False
            return False, False
        self._seen_ms -= duration_ms
        news, self._violating = not self._violating, True
        return True, news
