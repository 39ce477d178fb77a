"""One socket's life, the same on every wire: something sends, something receives, and the first to end ends both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.websockets import WebSocket

from server.agent.records import Record
from server.agent.wires.outbox import Outbox

__all__ = ["converse"]

_log = logging.getLogger("parley.agent.wire")


async def converse(
    socket: WebSocket,
    outbox: Outbox,
    record: Record,
    on_text: Callable[[str], None],
    on_bytes: Callable[[bytes], None],
) -> None:
    """Until the client leaves, or the outbox has closed or dropped the socket."""
    sender = asyncio.create_task(outbox.run())
    receiver = asyncio.create_task(_receive(socket, record, on_text, on_bytes))
    try:
        await asyncio.wait((sender, receiver), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sender.cancel()
        receiver.cancel()
        for result in await asyncio.gather(sender, receiver, return_exceptions=True):
            if isinstance(result, Exception):
                _log.error("a socket's task failed", exc_info=result)


async def _receive(
    socket: WebSocket, record: Record, on_text: Callable[[str], None], on_bytes: Callable[[bytes], None]
) -> None:
    while True:
        try:
            message = await socket.receive()
        except RuntimeError:
            return
        if message["type"] == "websocket.disconnect":
            if record.close_code is None:
                record.close_code, record.closed_by = int(message.get("code") or 1005), "client"
            return
        text = message.get("text")
        if text is not None:
            on_text(text)
        else:
            on_bytes(message.get("bytes") or b"")
