"""Audio clock: does audio arrive faster than real time?"""

from __future__ import annotations

import asyncio

__all__ = ["AudioClock", "LiveAudioClock"]


class AudioClock:
    """Compares audio time with wall time. `ahead_ms`: how much sound may be ahead of the wall clock at any moment.

    What is more is surplus.
    """

    def __init__(self, ahead_ms: float) -> None:
        self._ahead_ms = ahead_ms
        self._seen_ms = 0.0
        self._violating = False

    def take(self, duration_ms: float, wall_ms: float) -> tuple[bool, bool]:
        """(whether this chunk is surplus and to be dropped, whether that is news).

        `wall_ms` counts from the first sound.
        """
        # Time without audio, such as a mute, earns no credit.
        self._seen_ms = max(self._seen_ms, wall_ms - self._ahead_ms) + duration_ms
        if self._seen_ms <= wall_ms + self._ahead_ms:
            # At the limit chunks are surplus and not by turns: it is over when nothing is ahead any more.
            self._violating = self._violating and self._seen_ms > wall_ms
            return False, False
        self._seen_ms -= duration_ms
        news, self._violating = not self._violating, True
        return True, news


class LiveAudioClock(AudioClock):
    """The same by the event loop's own time, from the first sound on."""

    def __init__(self, ahead_ms: float) -> None:
        super().__init__(ahead_ms)
        self._first_s: float | None = None

    def take_now(self, duration_ms: float) -> tuple[bool, bool]:
        """As `take`."""
        now_s = asyncio.get_running_loop().time()
        self._first_s = now_s if self._first_s is None else self._first_s
        return self.take(duration_ms, (now_s - self._first_s) * 1000)
