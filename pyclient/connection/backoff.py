"""Backoff: when the next attempt to reconnect is made, and whether one is worth it.

Attempts are counted from 1. Randomness is the host's: it comes in as a number from 0 to 1, so that many pages that lost
the same server do not all come back at the same moment.
"""

from __future__ import annotations

from pyclient.codecs import CloseReason

# The server keeps an abandoned session for so long (AssemblyAI's protocol file, section 10).
RESUME_WINDOW_MS = 30_000

# The first is drawn from 0 to 500 ms, each other moves by half of itself: about 44 s of trying.
DELAYS_MS = (500, 300, 1_200, 2_700, 4_800, 7_000, 7_000, 7_000, 7_000, 7_000)

# Without a network, as the browser says. It may be wrong, so it is tried all the same.
OFFLINE_MS = 10_000

# A line that breaks again sooner was never good: the next attempt is not a first one.
STABLE_MS = 10_000

# A server that asks for more patience than this is not worth a page that says "reconnecting" all the while.
MAX_RETRY_AFTER_MS = 60_000

_MENDS_ITSELF = frozenset({"network", "server", "unknown"})


def delay_ms(attempt: int, jitter: float) -> int | None:
    """Wait before attempt number `attempt`, or None to give up. `jitter` lies between 0 and 1."""
    if attempt < 1 or not 0.0 <= jitter <= 1.0:
        raise ValueError("attempt counts from 1 and jitter lies between 0 and 1")
    if attempt > len(DELAYS_MS):
        return None
    base_ms = DELAYS_MS[attempt - 1]
    return round(base_ms * jitter) if attempt == 1 else round(base_ms * (0.5 + jitter))


def token_may_come(status: int) -> bool:
    """Can the token route answer otherwise in a moment?

    Not where it refuses us; a strange 200 is a network's own page.
    """
    return status in (0, 200, 408, 429) or status >= 500


def line_may_come(reason: CloseReason, code: int) -> bool:
    """Is a close worth a new attempt? 1006 is the browser's word for "unknown": a fresh token, and again."""
    return code == 1006 or (reason.retryable and reason.kind in _MENDS_ITSELF)
