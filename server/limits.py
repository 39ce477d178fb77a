"""How often may tokens be asked for, and how many requests may wait for a provider at once?

Both are kept in this process. For several processes with one limit, `server/shared_limits.py` keeps the first in Redis;
the second is each process's own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from server.errors import ApiError

_SUMS_KEPT = 3


class TokenLimit(Protocol):
    """How often tokens may be asked for, wherever the counts are kept."""

    async def start(self) -> None:
        """Called once, before the first request."""

    async def wait_s(self, client: str) -> float:
        """0.0 and counted, or the seconds to wait and not counted. `client`: its address."""

    async def add(self, name: str, amount: int) -> int:
        """Add to the sum of that name, and return it. It is kept for two days at least."""

    async def close(self) -> None:
        """Called once, after the last request."""


class MovingWindow:
    """At most `limit` events in any `span_s` seconds. Time is an argument, in seconds of any steady clock."""

    __slots__ = ("_limit", "_span_s", "_times")

    def __init__(self, limit: int, span_s: float) -> None:
        if limit < 1 or span_s <= 0:
            raise ValueError("a window needs a limit of at least 1 and a positive span")
        self._limit = limit
        self._span_s = span_s
        self._times: deque[float] = deque()

    def wait_s(self, now_s: float) -> float:
        """0.0 if an event may happen now, otherwise the seconds until one may. Counts nothing."""
        while self._times and now_s - self._times[0] >= self._span_s:
            self._times.popleft()
        return 0.0 if len(self._times) < self._limit else self._times[0] + self._span_s - now_s

    def count(self, now_s: float) -> None:
        """One event happened. Ask `wait_s` first."""
        self._times.append(now_s)


class RateLimit:
    """A window per client and one for all together; a client over its own limit does not eat into the common one.

    Remembers the `max_clients` most recent clients, so that a flood of addresses cannot fill the memory.
    """

    def __init__(self, *, per_client: int, total: int, span_s: float = 60.0, max_clients: int = 10_000) -> None:
        self._per_client = per_client
        self._span_s = span_s
        self._max_clients = max_clients
        self._total = MovingWindow(total, span_s)
        self._clients: OrderedDict[str, MovingWindow] = OrderedDict()
        self._sums: OrderedDict[str, int] = OrderedDict()

    def take(self, client: str, now_s: float) -> float:
        """0.0 and counted, or the seconds to wait and not counted."""
        key = client_key(client)
        window = self._clients.get(key) or MovingWindow(self._per_client, self._span_s)
        self._clients[key] = window
        self._clients.move_to_end(key)
        if len(self._clients) > self._max_clients:
            self._clients.popitem(last=False)
        wait_s = window.wait_s(now_s) or self._total.wait_s(now_s)
        if wait_s == 0.0:
            window.count(now_s)
            self._total.count(now_s)
        return wait_s

    async def start(self) -> None:
        """Nothing to do."""

    async def wait_s(self, client: str) -> float:
        """`take`, now."""
        return self.take(client, time.monotonic())

    async def add(self, name: str, amount: int) -> int:
        """As in the protocol; names are days, so the last three are two days."""
        self._sums[name] = self._sums.get(name, 0) + amount
        if len(self._sums) > _SUMS_KEPT:
            self._sums.popitem(last=False)
        return self._sums[name]

    async def close(self) -> None:
        """Nothing to do."""


def client_key(address: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 /64, since one household owns all of that."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class UpstreamSlots:
    """At most `slots` upstream calls at once and `max_waiting` requests in the queue for one.

    Few slots are faster than many (the HTTP pool slows down with waiters), and a stalled provider must not pile up
    every visitor of the page in our memory.
    """

    def __init__(self, slots: int, max_waiting: int) -> None:
        self._semaphore = asyncio.Semaphore(slots)
        self._max_waiting = max_waiting
        self.waiting = 0
        self.busy = 0

    @asynccontextmanager
    async def hold(self, timeout_s: float) -> AsyncIterator[None]:
        """Holds one slot. Raises `ApiError` 503 at once when the queue is full, or after `timeout_s` in it."""
        await self._acquire(timeout_s)
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self._semaphore.release()

    async def _acquire(self, timeout_s: float) -> None:
        if not self._semaphore.locked():
            await self._semaphore.acquire()
            return
        if self.waiting >= self._max_waiting:
            raise overloaded()
        self.waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._semaphore.acquire()
        except TimeoutError:
            raise overloaded() from None
        finally:
            self.waiting -= 1


def overloaded() -> ApiError:
    """What somebody is told who waited too long for a slot."""
    message = "Too many requests are waiting for the provider; try again in a few seconds."
    return ApiError(503, "overloaded", message, headers={"Retry-After": "5"})
