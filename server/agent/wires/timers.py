"""The timers of one socket, by name: a new one takes the place of the old, and all of them end with the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Timers"]


class Timers:
    """`stop_all` when the socket is over."""

    def __init__(self) -> None:
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def later(self, name: str, delay_s: float, act: Callable[[], None]) -> None:
        self.stop(name)
        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, act)

    def runs(self, name: str) -> bool:
        """It was started and not stopped; it may have acted by now."""
        return name in self._timers

    def stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def stop_all(self) -> None:
        for name in list(self._timers):
            self.stop(name)
