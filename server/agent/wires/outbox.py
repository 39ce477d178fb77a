"""The way out of a socket: one queue, one sender, and the scripted faults that count what leaves.

A wire `put`s messages and sound from anywhere and runs `run` as a task; `run` returns when the socket is to be closed
or dropped. What did not leave by then can be had with `unsent`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect

from server.agent.records import Record
from server.agent.scenarios import Fault

__all__ = ["Outbox"]

# A client that reads nothing makes the queue grow by 100 messages a second; after minutes of that it is gone. A burst
# of ten minutes of sound is half of these bytes.
_MAX_QUEUED = 60_000
_MAX_QUEUED_BYTES = 64 << 20
_MAX_SWALLOWED = 1000
_MAX_SWALLOWED_BYTES = 8 << 20


class _Queued(NamedTuple):
    """A message (or bytes, sent as a binary frame) of a type; `units` is its length in 10 ms of sound, else 1.

    `size`: about how many bytes it holds.
    """

    kind: str
    message: Mapping[str, Any] | bytes
    units: int
    size: int


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: str


class Outbox:
    """Sends messages in order. `make_error` builds the wire's own error message for the fault `error`.

    `points` gives for a message's type the moment of `scenarios.POINTS` that it is, for the wires' common faults.
    """

    def __init__(
        self,
        socket: WebSocket,
        record: Record,
        faults: tuple[Fault, ...],
        make_error: Callable[[str, str, str | None], dict[str, Any]],
        points: Mapping[str, str],
    ) -> None:
        self._socket = socket
        self._record = record
        self._faults = faults
        self._make_error = make_error
        self._points = points
        self._queue: deque[_Queued | _Close | Fault] = deque()
        self._queued_bytes = 0
        self._swallowed: deque[_Queued] = deque()
        self._swallowed_bytes = 0
        self._wake = asyncio.Event()
        self._seen: Counter[str] = Counter()
        self._timers: list[asyncio.TimerHandle] = []
        self._stalled = False
        self._closing = False
        self.sent_close: int | None = None

    def put(self, kind: str, message: Mapping[str, Any] | bytes, *, units: int = 1) -> None:
        """Queue a message of type `kind`; after `close` nothing more is taken."""
        if self._closing:
            return
        item = _Queued(kind, message, units, _size(message))
        self._queue.append(item)
        self._queued_bytes += item.size
        self._wake.set()
        if len(self._queue) > _MAX_QUEUED or self._queued_bytes > _MAX_QUEUED_BYTES:
            self.drop_all()
            self.close(1011, "client does not read")

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued."""
        if not self._closing:
            self._closing = True
            self._queue.append(_Close(code, reason))
            self._wake.set()

    def drop_unsent(self, kind: str) -> None:
        """Take back queued messages of a type that must not leave any more (the rest of an interrupted reply)."""
        self._queue = deque(item for item in self._queue if not (isinstance(item, _Queued) and item.kind == kind))
        self._queued_bytes = sum(item.size for item in self._queue if isinstance(item, _Queued))

    def drop_all(self) -> None:
        """Nothing of what waits is to leave any more."""
        self._queue.clear()
        self._queued_bytes = 0

    def unsent(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The JSON messages that were put and never left, in order."""
        waiting = [item for item in self._queue if isinstance(item, _Queued)]
        return [
            (item.kind, item.message) for item in [*self._swallowed, *waiting] if not isinstance(item.message, bytes)
        ]

    def saw(self, point: str, units: int = 1) -> None:
        """Something happened that faults may wait for, besides a message sent: `open`, or `< type`."""
        for name in (point, self._points.get(point, "")):
            if name:
                self._count(name, units)

    def _count(self, point: str, units: int) -> None:
        before = self._seen[point]
        self._seen[point] += units
        for fault in self._faults:
            if fault.after == point and before < fault.nth <= self._seen[point]:
                if fault.in_ms:
                    loop = asyncio.get_running_loop()
                    self._timers.append(loop.call_later(fault.in_ms / 1000, self._act_next, fault))
                else:
                    self._act_next(fault)

    def _act_next(self, fault: Fault) -> None:
        self._queue.appendleft(fault)
        self._wake.set()

    async def run(self) -> None:
        """Send until closed.

        Returns with `sent_close` set, or None when the connection is to be dropped with no close.
        """
        try:
            await self._send_all()
        finally:
            for timer in self._timers:
                timer.cancel()

    async def _send_all(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            item = self._queue.popleft()
            if isinstance(item, _Queued):
                self._queued_bytes -= item.size
            try:
                if isinstance(item, _Close):
                    await self._close(item.code, item.reason)
                    return
                if isinstance(item, Fault):
                    if await self._act(item):
                        return
                    continue
                if self._stalled:
                    self._swallow(item)
                    continue
                if isinstance(item.message, bytes):
                    await self._socket.send_bytes(item.message)
                else:
                    await self._socket.send_text(json.dumps(item.message, separators=(",", ":")))
                self._record.send(item.kind)
                self.saw(item.kind, item.units)
                self._count("any", 1)
            except (WebSocketDisconnect, RuntimeError):
                # The client went away in the middle of a message; the receiving side tells the session.
                self._queue.appendleft(item)
                return
            except asyncio.CancelledError:
                self._queue.appendleft(item)
                raise

    def _swallow(self, item: _Queued) -> None:
        # Sound that never left is worth nothing later; of the rest a session that goes on may need the last.
        if not isinstance(item.message, bytes):
            self._swallowed.append(item)
            self._swallowed_bytes += item.size
            while len(self._swallowed) > _MAX_SWALLOWED or self._swallowed_bytes > _MAX_SWALLOWED_BYTES:
                self._swallowed_bytes -= self._swallowed.popleft().size

    async def _close(self, code: int, reason: str) -> None:
        if self._stalled:
            await asyncio.Event().wait()
        self.sent_close = code
        self._record.close_code, self._record.closed_by = code, "agent"
        await self._socket.close(code, reason or None)

    async def _act(self, fault: Fault) -> bool:
        """Do what the script says; True when the socket is finished."""
        match fault.do:
            case "close":
                self._closing = True
                await self._close(fault.code, fault.reason)
                return True
            case "drop":
                self._record.close_code, self._record.closed_by = 1006, "agent"
                return True
            case "send":
                for _ in range(fault.repeat):
                    await self._socket.send_text(fault.text)
            case "send_binary":
                await self._socket.send_bytes(fault.text.encode("latin-1"))
            case "error":
                message = self._make_error(fault.code_name, fault.text or "Injected error", fault.param)
                await self._socket.send_text(json.dumps(message))
                self._closing = True
                await self._close(fault.code, fault.reason)
                return True
            case "stall":
                self._stalled = True
            case "sleep":
                await asyncio.sleep(fault.ms / 1000)
        return False


def _size(message: object) -> int:
    """About how many bytes a message takes: of its texts every character, of the rest a little each."""
    if isinstance(message, str | bytes):
        return len(message) + 50
    if isinstance(message, Mapping):
        return sum(len(key) + _size(value) for key, value in message.items()) + 100
    if isinstance(message, list | tuple):
        return sum(map(_size, message)) + 100
    return 30
