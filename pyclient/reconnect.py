"""When is the next attempt to reconnect, and may this session be resumed at all?

Attempts are counted from 1. The schedule and the 30 s window are those of protocol file section 10; randomness is the
host's, so a jitter comes in as an argument.
"""

from __future__ import annotations

RESUME_WINDOW_MS = 30_000
DELAYS_MS = (500, 1_000, 2_000, 4_000, 8_000)


def delay_ms(attempt: int, elapsed_ms: float, jitter: float = 0.0) -> int | None:
    """Wait before attempt number `attempt`, or None to give up.

    `elapsed_ms` counts since the line broke; `jitter` from -1.0 to 1.0 moves the delay by up to half of it.
    None comes when the schedule is used up, or when the attempt would start after the server let go of the session.
    """
    if attempt < 1 or not -1.0 <= jitter <= 1.0:
        raise ValueError("attempt counts from 1 and jitter lies between -1 and 1")
    if attempt > len(DELAYS_MS):
        return None
    delay = round(DELAYS_MS[attempt - 1] * (1 + jitter / 2))
    return delay if elapsed_ms + delay < RESUME_WINDOW_MS else None


def may_resume(session_id: str, *, ended: bool, fault_closed: bool) -> bool:
    """A session can be resumed when the server named it, did not end it, and did not close it over an error."""
    return bool(session_id) and not ended and not fault_closed
