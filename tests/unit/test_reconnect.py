"""When to try again."""

from __future__ import annotations

import pytest

from pyclient.reconnect import DELAYS_MS, RESUME_WINDOW_MS, delay_ms, may_resume


def test_the_schedule_is_the_documented_one_and_then_gives_up() -> None:
    """Protocol file section 10."""
    assert [delay_ms(attempt, 0) for attempt in range(1, 7)] == [500, 1000, 2000, 4000, 8000, None]


def test_an_attempt_that_would_come_after_the_window_is_not_made() -> None:
    assert delay_ms(1, RESUME_WINDOW_MS - 501) == 500
    assert delay_ms(1, RESUME_WINDOW_MS - 500) is None


def test_jitter_moves_a_delay_by_at_most_half() -> None:
    assert delay_ms(2, 0, jitter=-1.0) == 500
    assert delay_ms(2, 0, jitter=1.0) == 1500


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.0), (1, 1.5), (1, -1.5)])
def test_nonsense_is_refused(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        delay_ms(attempt, 0, jitter)


def test_the_whole_schedule_fits_into_the_window() -> None:
    assert sum(DELAYS_MS) < RESUME_WINDOW_MS


def test_only_a_named_session_that_nobody_ended_is_resumed() -> None:
    assert may_resume("sess_1", ended=False, fault_closed=False)
    assert not may_resume("", ended=False, fault_closed=False)
    assert not may_resume("sess_1", ended=True, fault_closed=False)
    assert not may_resume("sess_1", ended=False, fault_closed=True)
