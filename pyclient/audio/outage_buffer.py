"""Outage buffer: what the person said while the connection was down.

Frames of the microphone in a buffer that never grows: the oldest are dropped, because speech that comes minutes late
answers nothing, and a server hears a long backlog as noise or refuses it as too fast.
"""

from __future__ import annotations

from collections import deque

from pyclient.audio.pcm import sample_count


class OutageBuffer:
    """The last `limit_ms` of microphone audio at `rate_hz`."""

    def __init__(self, limit_ms: int, rate_hz: int) -> None:
        self._limit_samples = limit_ms * rate_hz // 1000
        self._frames: deque[bytes] = deque()
        self._samples = 0

    def add(self, pcm: bytes) -> int:
        """Keep one frame. Returns how many were dropped for it."""
        self._frames.append(pcm)
        self._samples += sample_count(pcm)
        dropped = 0
        while self._samples > self._limit_samples:
            self._samples -= sample_count(self._frames.popleft())
            dropped += 1
        return dropped

    def take(self) -> list[bytes]:
        """Everything, oldest first; the buffer is empty then."""
        frames = list(self._frames)
        self.clear()
        return frames

    def clear(self) -> None:
        self._frames.clear()
        self._samples = 0
