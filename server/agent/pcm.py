"""Samples: changing their rate and their encoding.

Everything inside the agent is 16-bit mono in numpy arrays; only the wires see bytes. Rates are in Hz.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "Resampler",
    "Samples",
    "alaw_decode",
    "alaw_encode",
    "resample",
    "to_samples",
    "ulaw_decode",
    "ulaw_encode",
    "wav_bytes",
]

Samples = NDArray[np.int16]
Floats = NDArray[np.float64]

# 24 input samples on each side at the lower of the two rates: better than 70 dB of stop band, and
# cheap enough for Python.
_HALF_WIDTH = 24
_KAISER_BETA = 8.0
# The pass band ends at this part of the lower Nyquist frequency; the rest is the filter's slope.
_PASS = 0.92


@lru_cache(maxsize=16)
def _filter_bank(up: int, down: int) -> tuple[Floats, int]:
    """(phases x taps, half width in input samples) of the low-pass for a change of rate by up/down."""
    stretch = max(1.0, down / up)
    half = int(np.ceil(_HALF_WIDTH * stretch))
    taps = np.arange(-half + 1, half + 1, dtype=np.float64)
    cutoff = _PASS / stretch
    bank = np.empty((up, 2 * half), dtype=np.float64)
    for phase in range(up):
        at = taps - phase / up
        window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1.0 - (at / half) ** 2, 0.0, None))) / np.i0(_KAISER_BETA)
        row = cutoff * np.sinc(cutoff * at) * window
        # Each phase passes a constant unchanged; without this the phases hum against each other.
        bank[phase] = row / row.sum()
    return bank, half


class Resampler:
    """Changes the rate of a stream, keeping its state from one run of samples to the next.

    Feed with `process`, in runs of any length; `flush` once at the end gives what the filter still holds.
    Output sample n stands at input position n * from_hz / to_hz: no delay is added.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if from_hz <= 0 or to_hz <= 0:
            raise ValueError(f"rates must be positive, not {from_hz} and {to_hz}")
        common = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        self._bank, self._half = _filter_bank(self._up, self._down)
        self._held: Floats = np.zeros(self._half - 1, dtype=np.float64)
        self._held_from = -(self._half - 1)
        self._next_out = 0

    def process(self, run: Samples | Floats) -> Floats:
        """The output samples that this run completes; may be empty."""
        if self._up == self._down:
            return run.astype(np.float64)
        self._held = np.concatenate((self._held, run.astype(np.float64)))
        # Output n needs input up to n*down//up + half.
        reach = self._held_from + len(self._held) - self._half
        last = (reach * self._up - 1) // self._down if reach > 0 else -1
        if last < self._next_out:
            return np.zeros(0, dtype=np.float64)
        numbers = np.arange(self._next_out, last + 1)
        first_tap = (numbers * self._down) // self._up - self._half + 1 - self._held_from
        phases = (numbers * self._down) % self._up
        windows = np.lib.stride_tricks.sliding_window_view(self._held, 2 * self._half)
        out: Floats = np.einsum("ij,ij->i", windows[first_tap], self._bank[phases])
        self._next_out = last + 1
        keep_from = (self._next_out * self._down) // self._up - self._half + 1
        drop = keep_from - self._held_from
        if drop > 0:
            self._held = self._held[drop:]
            self._held_from = keep_from
        return out

    def flush(self) -> Floats:
        """The last samples, as if silence followed."""
        if self._up == self._down:
            return np.zeros(0, dtype=np.float64)
        return self.process(np.zeros(self._half, dtype=np.float64))


def resample(samples: Samples | Floats, from_hz: int, to_hz: int) -> Floats:
    """A whole recording at another rate; ceil(len * to_hz / from_hz) samples, give or take one."""
    stream = Resampler(from_hz, to_hz)
    return np.concatenate((stream.process(samples), stream.flush()))


def to_samples(values: Floats) -> Samples:
    """Rounded and clipped to 16 bits."""
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


_ULAW_BIAS = 132
_ULAW_CLIP = 32635


def ulaw_encode(samples: Samples) -> bytes:
    """G.711 mu-law, one byte a sample."""
    wide = samples.astype(np.int32)
    sign = np.where(wide < 0, 0x80, 0)
    size = np.minimum(np.abs(wide), _ULAW_CLIP) + _ULAW_BIAS
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    mantissa = (size >> (exponent + 3)) & 0x0F
    return bytes((~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8))


def ulaw_decode(data: bytes) -> Samples:
    """Samples of G.711 mu-law bytes."""
    code = ~np.frombuffer(data, dtype=np.uint8).astype(np.int32) & 0xFF
    size = (((code & 0x0F) << 3) + _ULAW_BIAS << ((code >> 4) & 0x07)) - _ULAW_BIAS
    return np.where(code & 0x80, -size, size).astype(np.int16)


def alaw_encode(samples: Samples) -> bytes:
    """G.711 A-law, one byte a sample."""
    wide = samples.astype(np.int32)
    sign = np.where(wide >= 0, 0x80, 0)
    size = np.minimum(np.where(wide >= 0, wide, -wide - 1), 32767)
    exponent = np.maximum(np.floor(np.log2(np.maximum(size, 1))).astype(np.int32) - 7, 0)
    mantissa = np.where(exponent == 0, size >> 4, size >> (exponent + 3)) & 0x0F
    return bytes(((sign | (exponent << 4) | mantissa) ^ 0x55).astype(np.uint8))


def alaw_decode(data: bytes) -> Samples:
    """Samples of G.711 A-law bytes."""
    code = np.frombuffer(data, dtype=np.uint8).astype(np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 0x07, code & 0x0F
    size = np.where(exponent == 0, (mantissa << 4) + 8, (mantissa << 4) + 0x108 << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


def wav_bytes(samples: Samples, rate_hz: int) -> bytes:
    """A mono 16-bit WAV file."""
    data = samples.astype("<i2").tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") * 2 + rate_hz.to_bytes(4, "little") + (2 * rate_hz).to_bytes(4, "little")
    head += (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
    return head + b"data" + len(data).to_bytes(4, "little") + data
