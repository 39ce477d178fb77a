"""The daily talk budget: what it lets through in one process and in several, and what a refused token costs of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import ApiError
from server.limits import RateLimit
from server.talk_budget import TalkBudget
from tests.server.support.redis_server import needs_redis, redis_server
from tests.server.support.server_support import FakeProvider, assert_error, running_server
from tests.server.support.vendors import VENDORS, Vendor

NOON_S = 1_000_000 * 86_400 + 43_200.0


def budget(seconds: int | None, clock: Callable[[], float] = lambda: NOON_S) -> TalkBudget:
    return TalkBudget(RateLimit(per_client=1, total=1), seconds, clock=clock)


def take(one: TalkBudget, wanted_s: int, least_s: int = 60) -> int:
    return asyncio.run(one.take(wanted_s, least_s)).seconds


def test_without_a_budget_everybody_gets_what_they_ask_for() -> None:
    one = budget(None)
    assert [take(one, 10_800) for _ in range(1000)] == [10_800] * 1000


def test_the_last_call_is_shorter_and_then_there_is_none_until_midnight() -> None:
    one = budget(1000)
    assert [take(one, 400), take(one, 400), take(one, 400)] == [400, 400, 200]
    with pytest.raises(ApiError) as refused:
        take(one, 400)
    assert (refused.value.status, refused.value.code) == (429, "talk_budget_used_up")
    assert refused.value.headers["Retry-After"] == "43200"


def test_less_than_the_shortest_call_is_not_given_but_kept_for_nobody_to_lose() -> None:
    one = budget(1000)
    assert take(one, 950) == 950
    with pytest.raises(ApiError):
        take(one, 400)
    assert take(one, 50, least_s=50) == 50


def test_a_new_day_begins_at_midnight_utc() -> None:
    now = [NOON_S]
    one = budget(1000, lambda: now[0])
    assert take(one, 1000) == 1000
    now[0] += 43_199
    with pytest.raises(ApiError):
        take(one, 60)
    now[0] += 1
    assert take(one, 1000) == 1000


def test_what_is_given_back_counts_for_the_day_that_it_was_taken_of() -> None:
    now = [NOON_S]
    one = budget(1000, lambda: now[0])
    yesterday = asyncio.run(one.take(1000, 60))
    now[0] += 86_400
    assert take(one, 600) == 600
    asyncio.run(one.give_back(yesterday))
    assert take(one, 1000) == 400


@given(st.lists(st.integers(60, 10_800), max_size=50), st.integers(60, 50_000))
def test_calls_together_never_last_longer_than_the_budget(wanted: list[int], seconds: int) -> None:
    one, given_s = budget(seconds), 0
    for wanted_s in wanted:
        try:
            got_s = take(one, wanted_s)
        except ApiError:
            continue
        assert 60 <= got_s <= wanted_s
        given_s += got_s
    assert given_s <= seconds


@pytest.mark.slow
@needs_redis
def test_processes_that_share_a_redis_share_the_budget_exactly(tmp_path: Path) -> None:
    from server.shared_limits import SharedRateLimit

    async def run(url: str) -> int:
        counts = [SharedRateLimit(url, per_client=1, total=1, patience_s=60) for _ in range(2)]
        budgets = [TalkBudget(one, 10_000) for one in counts]
        found = await asyncio.gather(
            *(budgets[number % 2].take(300, 60) for number in range(60)), return_exceptions=True
        )
        for one in counts:
            await one.close()
        return sum(0 if isinstance(answer, BaseException) else answer.seconds for answer in found)

    with redis_server(tmp_path) as redis:
        # 33 whole calls and one of 100 s. Two that compete for the last of it may each see the other's and leave it.
        assert 9_900 <= asyncio.run(run(redis.url)) <= 10_000


def test_the_vendor_is_told_the_shorter_time_and_asked_no_more_than_the_budget(
    provider: FakeProvider, vendor: Vendor
) -> None:
    settings: dict[str, Any] = {"talk_budget_minutes_per_day": 3, "max_session_duration_seconds": 120}
    with running_server(**vendor.settings(provider.url), **settings, metrics="loopback") as server:
        answers = [server.post({"provider": vendor.name}) for _ in range(3)]
        assert [answer.json().get("max_session_seconds") for answer in answers] == [120, 60, None]
        message = assert_error(answers[2], 429, "talk_budget_used_up")
        assert "midnight UTC" in message and 1 <= int(answers[2].headers["retry-after"]) <= 86_400
        assert "parley_talk_taken_seconds 180\n" in server.http.get("/metrics").text
    assert len(provider.calls) == 2
    if vendor.name == "assemblyai":
        assert [call["query"]["max_session_duration_seconds"] for call in provider.calls] == ["120", "60"]


def test_a_token_that_the_vendor_did_not_give_takes_nothing(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {"talk_budget_minutes_per_day": 1, "max_session_duration_seconds": 60}
    with running_server(**VENDORS["assemblyai"].settings(provider.url), **settings) as server:
        provider.answer_with(500, "{}")
        assert [server.post().status_code for _ in range(3)] == [502] * 3
        provider.answer = None
        assert [server.post().status_code for _ in range(2)] == [200, 429]
