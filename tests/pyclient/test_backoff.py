"""When to try again."""

from __future__ import annotations

import pytest

from pyclient.codecs import CloseReason
from pyclient.connection.backoff import DELAYS_MS, delay_ms, line_may_come, token_may_come


def test_the_schedule_is_the_agreed_one_and_then_gives_up() -> None:
    """At jitter 0.5 nothing is moved; the first attempt is drawn from 0 to 500 ms."""
    assert [delay_ms(attempt, 0.5) for attempt in range(1, 12)] == [
        250, 300, 1_200, 2_700, 4_800, 7_000, 7_000, 7_000, 7_000, 7_000, None,
    ]  # fmt: skip


def test_jitter_draws_the_first_delay_and_moves_the_others_by_half() -> None:
    assert (delay_ms(1, 0.0), delay_ms(1, 1.0)) == (0, 500)
    assert (delay_ms(3, 0.0), delay_ms(3, 1.0)) == (600, 1_800)


def test_the_whole_schedule_takes_about_three_quarters_of_a_minute() -> None:
    assert 40_000 < sum(DELAYS_MS) < 46_000


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.0), (1, 1.5), (1, -0.1)])
def test_nonsense_is_refused(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        delay_ms(attempt, jitter)


@pytest.mark.parametrize(
    ("status", "use"),
    [(0, True), (200, True), (408, True), (429, True), (500, True), (502, True), (503, True), (504, True),
     (400, False), (401, False), (403, False), (404, False), (422, False)],
)  # fmt: skip
def test_a_token_route_that_refuses_us_is_not_asked_again(status: int, use: bool) -> None:
    assert token_may_come(status) is use


@pytest.mark.parametrize(
    ("kind", "retryable", "code", "use"),
    [
        ("network", True, 1006, True),
        ("auth", True, 1006, True),
        ("server", True, 1011, True),
        ("unknown", True, 4321, True),
        ("unknown", False, 4001, False),
        ("server", False, 4000, False),
        ("policy", True, 1008, False),
        ("auth", False, 3000, False),
        ("too_large", False, 1009, False),
        ("ended", True, 1000, False),
    ],
)
def test_a_close_that_time_or_a_token_may_mend_is_worth_an_attempt(
    kind: str, retryable: bool, code: int, use: bool
) -> None:
    reason = CloseReason(name="unknown", kind=kind, retryable=retryable)
    assert line_may_come(reason, code) is use
