"""What a client of the agent has received, and how a test waits for more of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

Event = dict[str, Any]
BYTES_PER_MS = 48  # 24 kHz, 16 bits, mono


class Inbox:
    """`events` in order of arrival; `failure` is what went wrong while reading, and every wait raises it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failure: BaseException | None = None
        self._came = asyncio.Condition()

    async def received(self, event: Event) -> None:
        async with self._came:
            self.events.append(event)
            self._came.notify_all()

    async def failed(self, error: BaseException) -> None:
        async with self._came:
            self.failure = error
            self._came.notify_all()

    async def wait(
        self, kind: str, *, after: int = 0, where: Callable[[Event], bool] | None = None, timeout_s: float = 30
    ) -> Event:
        """The first event of a type (from index `after` on); raises TimeoutError when it does not come."""

        def found() -> Event | None:
            return next((e for e in self.events[after:] if e["type"] == kind and (where is None or where(e))), None)

        async with asyncio.timeout(timeout_s), self._came:
            await self._came.wait_for(lambda: found() is not None or self.failure is not None)
        if self.failure is not None:
            raise self.failure
        event = found()
        assert event is not None
        return event

    async def wait_any(self, *kinds: str) -> None:
        """Until an event of one of these types has come."""
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(lambda: any(e["type"] in kinds for e in self.events))


async def live(pcm: bytes, silence_ms: int, frame_ms: int) -> AsyncIterator[bytes]:
    """Frames of speech at 24 kHz as a microphone would give them: in real time, and with the quiet that follows."""
    loop = asyncio.get_running_loop()
    begun, data = loop.time(), pcm + bytes(silence_ms * BYTES_PER_MS)
    for at in range(0, len(data), frame_ms * BYTES_PER_MS):
        yield data[at : at + frame_ms * BYTES_PER_MS]
        await asyncio.sleep(begun + at / BYTES_PER_MS / 1000 - loop.time())
