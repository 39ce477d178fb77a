"""The way out of a socket: one queue, one sender, and the scripted faults that count what leaves.

A wire `put`s messages from anywhere and runs `run` as a task; `run` returns when the socket is to be closed or dropped.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from server.agent.records import Record
from server.agent.scenarios import Fault

__all__ = ["Outbox"]

# A client that reads nothing makes the queue grow by 100 messages a second; after minutes of that it is gone.
_MAX_QUEUED = 60_000


@dataclass(frozen=True, slots=True)
class _Close:
    code: int
    reason: str


class Outbox:
    """Sends JSON messages in order. `make_error` builds the wire's own error message for the fault `error`."""

    def __init__(
        self,
        socket: WebSocket,
        record: Record,
        faults: tuple[Fault, ...],
        make_error: Callable[[str, str, str | None], dict[str, Any]],
    ) -> None:
        self._socket = socket
        self._record = record
        self._faults = faults
        self._make_error = make_error
        self._queue: deque[tuple[str, Mapping[str, Any]] | _Close | Fault] = deque()
        self._wake = asyncio.Event()
        self._seen: Counter[str] = Counter()
        self._stalled = False
        self._closing = False
        self.sent_close: int | None = None

    def put(self, kind: str, message: Mapping[str, Any]) -> None:
        """Queue a message of type `kind`; after `close` nothing more is taken."""
        if self._closing:
            return
        self._queue.append((kind, message))
        self._wake.set()
        if len(self._queue) > _MAX_QUEUED:
            self._queue.clear()
            self.close(1011, "client does not read")

    def close(self, code: int, reason: str = "") -> None:
        """Close after what is queued."""
        if not self._closing:
            self._closing = True
            self._queue.append(_Close(code, reason))
            self._wake.set()

    def drop_unsent(self, unwanted: Callable[[str, Mapping[str, Any]], bool]) -> None:
        """Take back queued messages that must not leave any more (the rest of an interrupted reply)."""
        self._queue = deque(item for item in self._queue if not (isinstance(item, tuple) and unwanted(*item)))

    def saw(self, point: str) -> None:
        """Something happened that faults may wait for, besides a message sent: `open`, or `< type`."""
        self._seen[point] += 1
        for fault in self._faults:
            if fault.after == point and fault.nth == self._seen[point]:
                self._queue.appendleft(fault)
                self._wake.set()

    async def run(self) -> None:
        """Send until closed. Returns with `sent_close` set, or None when the connection is to be dropped with no close."""
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            item = self._queue.popleft()
            try:
                if isinstance(item, _Close):
                    await self._close(item.code, item.reason)
                    return
                if isinstance(item, Fault):
                    if await self._act(item):
                        return
                    continue
                kind, message = item
                if self._stalled:
                    continue
                await self._socket.send_text(json.dumps(message, separators=(",", ":")))
                self._record.send(kind)
                self.saw(kind)
            except (WebSocketDisconnect, RuntimeError):
                # The client went away in the middle of a message; the receiving side tells the session.
                return

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
                self._closing = True
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
