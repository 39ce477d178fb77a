"""Spectrogram: a picture of sound as PNG, made with numpy alone. Time goes right, frequency up, louder is brighter."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from .listen import Sound

HEIGHT = 128
TOP_HZ = 8_000.0
_QUIETEST_DB, _LOUDEST_DB = -75.0, -15.0
# From silence to loud: night, violet, orange, nearly white.
_COLOURS = np.array([[13, 14, 28], [66, 24, 103], [190, 55, 84], [249, 142, 9], [252, 255, 200]], float)


def spectrogram(sound: Sound, *, duration_ms: float, width: int) -> bytes:
    """A PNG of `width` x `HEIGHT` pixels that shows the first `duration_ms`; what `sound` lacks of them is dark."""
    return _png(_coloured(_levels(sound, duration_ms, width)))


def _levels(sound: Sound, duration_ms: float, width: int) -> NDArray[np.float64]:
    """One column for each pixel, one row for each band of frequency, in dB below full scale."""
    rate, size = sound.rate_hz, 1024
    window = np.hanning(size)
    starts = (np.arange(width) * duration_ms / width * rate / 1000.0).astype(int)
    samples = np.pad(sound.samples, (0, max(0, int(starts[-1]) + size - sound.samples.size)))
    bins = np.linspace(0, TOP_HZ / rate * size, HEIGHT + 1)
    low = np.minimum(bins[:-1].astype(int), size // 2)
    high = np.maximum(low + 1, np.minimum(bins[1:].astype(int) + 1, size // 2 + 1))
    levels = np.empty((HEIGHT, width))
    for column, start in enumerate(starts):
        spectrum = np.abs(np.fft.rfft(samples[start : start + size] * window)) * 4.0 / size
        levels[:, column] = [spectrum[one:two].max() for one, two in zip(low, high, strict=True)]
    return np.asarray(20.0 * np.log10(np.maximum(levels[::-1], 1e-6)))


def _coloured(levels_db: NDArray[np.float64]) -> NDArray[np.uint8]:
    share = np.clip((levels_db - _QUIETEST_DB) / (_LOUDEST_DB - _QUIETEST_DB), 0.0, 1.0) * (len(_COLOURS) - 1)
    below = np.minimum(share.astype(int), len(_COLOURS) - 2)
    part = (share - below)[..., None]
    mixed = _COLOURS[below] * (1 - part) + _COLOURS[below + 1] * part
    return np.asarray(mixed.round(), dtype=np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")
