"""Keepalive: finds out whether the server is still there.

A browser never reports a socket that stalls, and an unanswered close only after 5 to 60 s. So after a while without any
message the codec's probe is sent; where even that brings nothing, the line counts as dropped.
"""

from __future__ import annotations

from enum import Enum, unique

from pyclient.part import Timer

KEEPALIVE_TIMER = "keepalive"

# A timer that comes later than this was held up with the whole page, and the answer may stand in the queue behind it.
_LATE_MS = 1_000
_EARLY_MS = 5


@unique
class Liveness(Enum):
    """Whether the socket still answers, and what to do about it."""

    ALIVE = "alive"
    PROBE = "probe"  # send one
    DEAD = "dead"


class Keepalive:
    """The clock of one socket.

    Hearing a message costs one assignment: the timer finds out by itself how long ago it was.
    """

    def __init__(self, timer: Timer, interval_ms: int) -> None:
        self._timer = timer
        self._interval_ms = interval_ms
        self._patience_ms = interval_ms // 2
        self._heard_ms = 0.0
        self._asked_ms: float | None = None
        self._forgiven = False

    def start(self, now_ms: float) -> None:
        self._heard_ms = now_ms
        self._asked_ms = None
        self._forgiven = False
        self._timer.set(self._interval_ms, now_ms)

    def heard(self, now_ms: float) -> None:
        """Any message will do."""
        self._heard_ms = now_ms

    def fired(self, now_ms: float) -> Liveness:
        """The timer fired. Sets the next one, except for a line that is dead."""
        if self._asked_ms is not None and self._heard_ms < self._asked_ms:
            late = now_ms - self._asked_ms > self._patience_ms + _LATE_MS
            if not late or self._forgiven:
                return Liveness.DEAD
            self._forgiven = True
            return self._ask(now_ms)
        self._asked_ms = None
        self._forgiven = False
        quiet_ms = now_ms - self._heard_ms
        if quiet_ms >= self._interval_ms - _EARLY_MS:
            return self._ask(now_ms)
        self._timer.set(self._interval_ms - quiet_ms, now_ms)
        return Liveness.ALIVE

    def look(self, now_ms: float) -> Liveness:
        """The page was asleep, perhaps: is the line still there? Not asked again where an answer is awaited."""
        if not self._timer.running or self._asked_ms is not None:
            return Liveness.ALIVE
        return self._ask(now_ms)

    def _ask(self, now_ms: float) -> Liveness:
        self._asked_ms = now_ms
        self._timer.set(self._patience_ms, now_ms)
        return Liveness.PROBE
