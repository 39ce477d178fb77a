"""Daily talk budget: how many minutes all calls of a day (UTC) may last together (TALK_BUDGET_MINUTES_PER_DAY).

This server hears nothing of a call, so each token takes the longest time that its call may last, before the vendor is
asked. What a token would take over the budget shortens its call; where less is left than the shortest call, no token is
given until midnight. A token that the vendor did not give takes nothing. So calls together never last longer than the
budget, as far as the vendor keeps the time that a token was given with (docs/token-server.md).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import ApiError
from server.limits import TokenLimit

__all__ = ["Reservation", "TalkBudget"]

log = logging.getLogger("parley.budget")

_DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Seconds of one day that a token took."""

    name: str
    seconds: int


class TalkBudget:
    """`seconds_per_day` None: there is no budget. `counts` keeps the sum, in this process or in Redis."""

    def __init__(
        self, counts: TokenLimit, seconds_per_day: int | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._counts = counts
        self._budget = seconds_per_day
        self._clock = clock
        # As this process last saw it; other processes may have added to it since.
        self.taken_s = 0

    async def take(self, wanted_s: int, least_s: int) -> Reservation:
        """`wanted_s` or what is left, at least `least_s`.

        Raises `ApiError` 429 where less is left, 503 without Redis.
        """
        now_s = self._clock()
        name = f"talk:{time.strftime('%Y-%m-%d', time.gmtime(now_s))}"
        if self._budget is None:
            return Reservation(name=name, seconds=wanted_s)
        total = await self._counts.add(name, wanted_s)
        # Everything that was taken before stays below the budget, also while several take at once: each gives
        # back what is over.
        seconds = min(wanted_s, wanted_s - (total - self._budget))
        if seconds < least_s:
            seconds = 0
        if seconds < wanted_s:
            total = await self._counts.add(name, seconds - wanted_s)
        self.taken_s = total
        if seconds == 0:
            left_s = math.ceil(_DAY_S - now_s % _DAY_S)
            message = "Today's talk time of this service is used up; it begins anew at midnight UTC."
            raise ApiError(429, "talk_budget_used_up", message, headers={"Retry-After": str(left_s)})
        return Reservation(name=name, seconds=seconds)

    async def give_back(self, reservation: Reservation) -> None:
        """No call comes of it. Never raises: whoever calls has an error of its own to tell."""
        if self._budget is None:
            return
        try:
            self.taken_s = await self._counts.add(reservation.name, -reservation.seconds)
        except ApiError:
            log.warning("%d s of the talk budget could not be given back", reservation.seconds)
