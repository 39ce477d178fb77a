"""The way out of a socket whose client reads nothing: bounded by messages and by bytes (row 69)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket

from server.agent.records import Record
from server.agent.scenarios import Fault
from server.agent.wires import outbox as module
from server.agent.wires.outbox import Outbox


class Socket:
    """Reads nothing until `go_on` is set; then remembers what came."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.sent: list[str | bytes] = []
        self.closed: tuple[int, str | None] | None = None

    async def send_text(self, text: str) -> None:
        await self.go_on.wait()
        self.sent.append(text)

    async def send_bytes(self, data: bytes) -> None:
        await self.go_on.wait()
        self.sent.append(data)

    async def close(self, code: int, reason: str | None) -> None:
        self.closed = (code, reason)


def made(socket: Socket, *faults: Fault) -> Outbox:
    return Outbox(cast(WebSocket, socket), Record(), faults, lambda *_: {}, {})


BIG: tuple[Any, ...] = (
    {"audio": "A" * 100_000},
    b"A" * 100_000,
    {"session": {"tools": [{"description": "A" * 100_000}]}},
)


@pytest.mark.parametrize("message", BIG, ids=["text", "binary", "nested"])
def test_row_69_a_client_that_reads_nothing_is_closed_by_bytes(monkeypatch: pytest.MonkeyPatch, message: Any) -> None:
    monkeypatch.setattr(module, "_MAX_QUEUED_BYTES", 1_000_000)

    async def body() -> None:
        socket = Socket()
        outbox = made(socket)
        for _ in range(9):
            outbox.put("a", message)
        assert len(outbox._queue) == 9
        for _ in range(20):
            outbox.put("a", message)
        assert len(outbox._queue) == 1, "only the close is left"
        socket.go_on.set()
        await outbox.run()
        assert socket.closed == (1011, "client does not read")

    asyncio.run(body())


def test_row_69_what_has_left_or_was_taken_back_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_QUEUED_BYTES", 1_000_000)

    async def body() -> None:
        socket = Socket()
        outbox = made(socket)
        for _ in range(5):
            for _ in range(8):
                outbox.put("sound", {"audio": "A" * 100_000})
            outbox.drop_unsent("sound")
        for _ in range(5):
            for _ in range(8):
                outbox.put("sound", {"audio": "A" * 100_000})
            outbox.drop_all()
        socket.go_on.set()
        running = asyncio.create_task(outbox.run())
        for _ in range(5):
            for _ in range(8):
                outbox.put("text", {"text": "A" * 100_000})
            while outbox._queue:  # noqa: ASYNC110 - the queue has no event of ours
                await asyncio.sleep(0)
        outbox.close(1000)
        await running
        assert len(socket.sent) == 40
        assert socket.closed == (1000, None)

    asyncio.run(body())


def test_row_69_what_a_stalled_socket_swallows_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_SWALLOWED_BYTES", 1_000_000)

    async def body() -> None:
        socket = Socket()
        socket.go_on.set()
        outbox = made(socket, Fault(after="open", do="stall"))
        outbox.saw("open")
        running = asyncio.create_task(outbox.run())
        for number in range(50):
            outbox.put("text", {"number": number, "text": "A" * 100_000})
            await asyncio.sleep(0)
        while outbox._queue:  # noqa: ASYNC110 - the queue has no event of ours
            await asyncio.sleep(0)
        kept = [message["number"] for _, message in outbox.unsent()]
        assert kept == list(range(50 - len(kept), 50)), "the last ones are kept"
        assert 5 <= len(kept) <= 10
        running.cancel()

    asyncio.run(body())


def test_a_fault_in_time_happens_whatever_is_sent_meanwhile_and_not_to_a_socket_that_is_closed() -> None:
    async def body() -> None:
        socket = Socket()
        socket.go_on.set()
        outbox = made(socket, Fault(after="open", in_ms=50, do="drop"))
        outbox.saw("open")
        outbox.put("text", {"text": "before"})
        await asyncio.wait_for(outbox.run(), 10)
        assert len(socket.sent) == 1 and socket.closed is None, "sent, and dropped without a close frame"

        outbox = made(socket, Fault(after="open", in_ms=50, do="close"))
        outbox.saw("open")
        outbox.close(1000)
        await asyncio.wait_for(outbox.run(), 10)
        await asyncio.sleep(0.1)
        assert socket.closed == (1000, None) and not outbox._queue, "its timer ended with it"

    asyncio.run(body())
