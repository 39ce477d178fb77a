"""PCM16 audio: duration, frame size, and where sound begins.

All audio here is PCM16 little-endian mono. Both homes of this code (Pyodide and every desktop CPython) are
little-endian, so a `memoryview` cast to "h" reads samples without copying or swapping.
"""

from __future__ import annotations

BYTES_PER_SAMPLE = 2

# -40 dBFS: above the noise floor of a quiet room after the browser's own noise suppression, far below speech.
AUDIBLE_PEAK = 328

# 20 ms at 24 kHz. `max` over a slice runs in C, so the search costs a few calls per reply instead of one per sample.
_SEARCH_STEP = 480


def frame_samples(rate_hz: int, frame_ms: int) -> int:
    """Samples in one frame of `frame_ms` at `rate_hz`."""
    return rate_hz * frame_ms // 1000


def sample_count(pcm: bytes) -> int:
    """Whole samples in `pcm`; a trailing odd byte does not count."""
    return len(pcm) // BYTES_PER_SAMPLE


def duration_ms(samples: int, rate_hz: int) -> int:
    """Length in whole milliseconds, rounded down: never claims a sample that was not there."""
    return samples * 1000 // rate_hz


def peak(pcm: bytes, every: int = 1) -> int:
    """Largest absolute sample, 0 to 32768, looking at each `every`th one. `pcm` must hold whole samples."""
    if not pcm:
        return 0
    view = memoryview(pcm).cast("h")[::every]
    return max(max(view), -min(view))


def first_audible_sample(pcm: bytes, threshold: int = AUDIBLE_PEAK) -> int | None:
    """Index of the first step in which something can be heard (20 ms resolution), or None for silence.

    Replies begin with up to two seconds of zeros, and the reply that carries a tool call can be silent
    throughout (protocol file section 7), so audio that arrived is not yet a voice that is heard.
    """
    view = memoryview(pcm).cast("h")
    for start in range(0, len(view), _SEARCH_STEP):
        step = view[start : start + _SEARCH_STEP]
        if max(step) > threshold or min(step) < -threshold:
            return start
    return None
