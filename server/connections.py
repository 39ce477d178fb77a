"""How long may a connection keep us waiting, and how many may there be?

Uvicorn ends a connection that was used and then rests, and nothing else: one that never sends a request, sends
half of one, or does not read its answer stays open for ever, until no descriptor is left and even /healthz is
refused. Its own limit on connections (`limit_concurrency`) counts those that rest as well, so that whoever
opens many shuts everybody else out.

So each HTTP connection is looked at once a second (`end_the_slow`), and where there are too many, the one that has
waited longest with no request goes. WebSockets have uvicorn's pings for that, and their own limits behind their routes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["WatchedHttp", "allow_descriptors", "end_the_slow"]

# From the connection, or from the last answer, to the end of the next request.
REQUEST_S = 15.0
# Without one byte of an answer being taken.
STALLED_S = 30.0
# For files, the provider's connections, the recognisers.
_OTHER_DESCRIPTORS = 100


class WatchedHttp(H11Protocol):
    """One HTTP connection. `most` is set on the class by whoever starts the server: how many there may be."""

    most = 1000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since_s = self.loop.time()
        self._unread = (0, self._since_s)
        if len(self.connections) > self.most:
            # Those that were ended in this very round of the loop are still in the set.
            there = [one for one in self.connections if not one.transport.is_closing()]
            if len(there) > self.most:
                resting = [one for one in there if isinstance(one, WatchedHttp) and one.rests]
                min(resting, key=lambda one: one._since_s, default=self).transport.abort()

    def on_response_complete(self) -> None:
        self._since_s = self.loop.time()
        super().on_response_complete()

    @property
    def rests(self) -> bool:
        """No request has come whole, and none is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def is_too_slow(self, now_s: float) -> bool:
        """Has it kept us waiting too long: with a request, with the rest of one, or with reading the answer?"""
        if self.rests or self.cycle.more_body:
            return now_s - self._since_s > REQUEST_S
        left = self.transport.get_write_buffer_size()
        if not left or left != self._unread[0]:
            self._unread = (left, now_s)
        return now_s - self._unread[1] > STALLED_S


def end_the_slow(connections: Iterable[object], now_s: float) -> None:
    """`now_s`: the loop's time. Nothing is told to the other end: it has shown that it does not listen."""
    for one in list(connections):
        if isinstance(one, WatchedHttp) and one.is_too_slow(now_s):
            one.transport.abort()


def allow_descriptors(wanted: int) -> int:
    """Raise this process's own limit of open descriptors as far as it goes.

    Returns how many connections fit under it.
    """
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - _OTHER_DESCRIPTORS))
