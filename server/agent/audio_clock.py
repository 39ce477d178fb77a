"""Does sound arrive faster than people speak? Compares audio time with wall time; both in ms, both arguments."""

from __future__ import annotations

__all__ = ["AudioClock"]


class AudioClock:
    """`ahead_ms`: how much sound may be ahead of the wall clock at any moment. What is more is surplus."""

    def __init__(self, ahead_ms: float) -> None:
        self._ahead_ms = ahead_ms
        self._seen_ms = 0.0
        self._violating = False

    def take(self, duration_ms: float, wall_ms: float) -> tuple[bool, bool]:
        """(whether this chunk is surplus and to be dropped, whether that is news). `wall_ms` counts from the first sound."""
        # Time without audio, such as a mute, earns no credit.
        self._seen_ms = max(self._seen_ms, wall_ms - self._ahead_ms) + duration_ms
        if self._seen_ms <= wall_ms + self._ahead_ms:
            # At the limit chunks are surplus and not by turns: it is over when nothing is ahead any more.
            self._violating = self._violating and self._seen_ms > wall_ms
            return False, False
        self._seen_ms -= duration_ms
        news, self._violating = not self._violating, True
        return True, news
