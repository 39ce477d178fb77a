"""Session limit: when a session must wrap up, and when it must end.

The server gives no warning before the session cap, and was seen not to enforce it (protocol file sections 13 and 14.4), so
the clock runs here: some seconds before the cap the agent is asked to say goodbye, a moment after it we hang up.
"""

from __future__ import annotations

from pyclient.command_queue import CommandQueue

WRAP_UP_TIMER = "wrap_up"
CAP_TIMER = "cap"

# The server may close at the limit itself, and says so better than we can guess.
CAP_GRACE_MS = 2_000


class SessionLimit:
    """The cap of one session. `lead_ms` of 0 means no wrap-up."""

    def __init__(self, cap_ms: int, lead_ms: int) -> None:
        self._cap_ms = cap_ms
        self._lead_ms = lead_ms
        self._deadline_ms: float | None = None

    def shorten(self, granted_s: float | None) -> None:
        """The token may allow less than was asked for; nonsense allows what was asked for."""
        if granted_s is not None and granted_s > 0:
            self._cap_ms = round(min(self._cap_ms, granted_s * 1000))

    def opened(self, now_ms: float) -> None:
        """The server counts from the open socket on."""
        self._deadline_ms = now_ms + self._cap_ms

    def start(self, out: CommandQueue, now_ms: float) -> None:
        """The session is live: set the timers."""
        left_ms = self.left_ms(now_ms)
        if self._lead_ms:
            out.set_timer(WRAP_UP_TIMER, left_ms - min(self._lead_ms, self._cap_ms // 2), now_ms)
        out.set_timer(CAP_TIMER, left_ms + CAP_GRACE_MS, now_ms)

    def left_ms(self, now_ms: float) -> int:
        """Never negative. Before the socket is open: all of it."""
        return self._cap_ms if self._deadline_ms is None else max(0, round(self._deadline_ms - now_ms))

    def reached(self, now_ms: float) -> bool:
        """Is an end at this moment the limit's doing?"""
        return self.left_ms(now_ms) <= CAP_GRACE_MS
