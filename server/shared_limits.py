"""One rate limit for several processes: the counts are kept in Redis (RATE_LIMIT_STORAGE), by the `limits` library.

The moving window and the scripts that Redis runs for it are the library's. Redis runs each script as a whole, so two
processes never both get the last free place. A window's entries carry the clock of the process that wrote them:
machines that share a Redis need clocks that agree, as NTP keeps them.

When Redis cannot be reached, does not answer in time or refuses, no token is given: 503 with Retry-After (`ApiError`,
`limits_unavailable`). The limit protects the money of the key's owner, and nobody is to lift it by putting
Redis out of work.

This file is imported only where Redis is used: the library and the client cost start-up time and memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from server.errors import ApiError
from server.limits import client_key

__all__ = ["SharedRateLimit"]

log = logging.getLogger("parley.limits")

RETRY_AFTER_S = 5
_CONNECTIONS = 16
_KEY_PREFIX = "parley"
_LEAST_WAIT_S = 0.001
_SUM_KEPT_S = 2 * 86_400


class SharedRateLimit:
    """The same rules as `server.limits.RateLimit`: a limit per client, one for all together,
    and a refusal counts nothing.

    One exception: where several requests compete for the last place of all, one that loses has counted
    against its own client.
    """

    def __init__(self, url: str, *, per_client: int, total: int, patience_s: float) -> None:
        """`url`: redis://, rediss:// or unix://.

        `patience_s`: how long Redis may take for one request, all questions together.

        Raises ValueError or TypeError where the client cannot use the address.
        """
        self._patience_s = patience_s
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=patience_s,
            socket_connect_timeout=patience_s,
            socket_timeout=patience_s,
            # Once more at once: a kept connection may have been closed by a Redis that was restarted.
            retry=Retry(NoBackoff(), 1),
        )
        self._pool.make_connection()  # type: ignore[no-untyped-call]  # reads the options of the address, connects to nothing
        # The library's own type for options knows numbers and texts only.
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix=_KEY_PREFIX, wrap_exceptions=False, **options
        )
        self._window = MovingWindowRateLimiter(self._storage)
        self._per_client = RateLimitItemPerMinute(per_client, namespace="client")
        self._total = RateLimitItemPerMinute(total, namespace="total")

    async def wait_s(self, client: str) -> float:
        """0.0 and counted, or the seconds to wait and not counted. Raises `ApiError` 503 without Redis."""
        key = client_key(client)
        async with self._patience():
            if not await self._window.test(self._total):
                return await self._left_s(self._total)
            if not await self._window.hit(self._per_client, key):
                return await self._left_s(self._per_client, key)
            if not await self._window.hit(self._total):
                return await self._left_s(self._total)
            return 0.0

    async def add(self, name: str, amount: int) -> int:
        """As in the protocol. Raises `ApiError` 503 without Redis."""
        async with self._patience():
            return await self._storage.incr(name, _SUM_KEPT_S, amount)

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience_s):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            # The name of the class only: the text of some errors holds the address, and that the password.
            log.warning("no token was given: the Redis of RATE_LIMIT_STORAGE failed (%s)", type(error).__name__)
            raise _unavailable() from None

    async def start(self) -> None:
        """Says in the log, before the first visitor does, that Redis is not there. It may still come."""
        try:
            async with asyncio.timeout(self._patience_s):
                there = await self._storage.check()
        except TimeoutError:
            there = False
        if not there:
            log.warning(
                "the Redis of RATE_LIMIT_STORAGE cannot be used; until it can, token requests are refused with 503"
            )

    async def close(self) -> None:
        """Closes the connections."""
        await self._pool.disconnect()

    async def _left_s(self, item: RateLimitItem, *key: str) -> float:
        stats = await self._window.get_window_stats(item, *key)
        return max(stats.reset_time - time.time(), _LEAST_WAIT_S)


def _unavailable() -> ApiError:
    message = "The server cannot count token requests for now, so it gives none; try again in a few seconds."
    return ApiError(503, "limits_unavailable", message, headers={"Retry-After": str(RETRY_AFTER_S)})
