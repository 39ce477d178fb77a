"""Limits with time as an argument, so that nothing here waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.limits import MovingWindow, RateLimit, client_key


def test_a_window_lets_the_limit_through_and_says_how_long_to_wait() -> None:
    limit = RateLimit(per_client=2, total=100)
    assert [limit.take("a", 0.0), limit.take("a", 10.0)] == [0.0, 0.0]
    assert limit.take("a", 20.0) == 40.0
    assert limit.take("a", 59.9) == pytest.approx(0.1)
    assert limit.take("a", 60.0) == 0.0
    assert limit.take("a", 61.0) == 9.0


def test_one_client_over_its_limit_does_not_use_up_the_common_one() -> None:
    limit = RateLimit(per_client=1, total=2)
    assert limit.take("a", 0.0) == 0.0
    assert all(limit.take("a", 1.0) > 0 for _ in range(10))
    assert limit.take("b", 1.0) == 0.0
    assert limit.take("c", 1.0) > 0


def test_a_refusal_for_all_is_not_counted_against_the_one() -> None:
    limit = RateLimit(per_client=1, total=1)
    assert limit.take("a", 0.0) == 0.0
    assert limit.take("b", 30.0) == 30.0
    assert limit.take("b", 60.0) == 0.0


def test_a_flood_of_addresses_does_not_grow_the_memory_without_end() -> None:
    limit = RateLimit(per_client=1, total=10_000, max_clients=10)
    for number in range(1000):
        limit.take(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert len(limit._clients) == 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("unknown", "unknown", True),
    ],
)
def test_one_household_is_one_client(one: str, other: str, same: bool) -> None:
    assert (client_key(one) == client_key(other)) is same


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 5))
def test_no_span_ever_holds_more_than_the_limit(steps: list[float], limit: int) -> None:
    window, now, taken = MovingWindow(limit, 10.0), 0.0, []
    for step in steps:
        now += step
        if window.wait_s(now) == 0.0:
            window.count(now)
            taken.append(now)
    for time_s in taken:
        assert sum(time_s <= other < time_s + 10.0 for other in taken) <= limit


@pytest.mark.parametrize(("limit", "span_s"), [(0, 60.0), (1, 0.0)])
def test_a_window_without_sense_is_refused(limit: int, span_s: float) -> None:
    with pytest.raises(ValueError, match="window"):
        MovingWindow(limit, span_s)
