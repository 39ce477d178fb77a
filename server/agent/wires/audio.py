"""Audio as the wires carry it: PCM16, mu-law or A-law, named as the vendors name them."""

from __future__ import annotations

import base64

import numpy as np

from server.agent.pcm import Samples, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

__all__ = ["AudioReader", "encode_audio"]


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
