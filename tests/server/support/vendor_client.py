"""A complete client of the AssemblyAI Voice Agent protocol, and an example of it: mint,
connect, configure, talk, listen.

It knows only the vendor's documents, so the same lines work against the vendor and against `/agent` of this server.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import quote

import httpx
import websockets

from tests.server.support.inbox import Event, Inbox, live


class VendorClient(Inbox):
    """One session.

    Use as `async with VendorClient(base_url) as client: ...`; `events` holds all that came, in order.
    """

    def __init__(self, base_url: str, *, api_key: str = "any-key", query: str = "", origin: str | None = None) -> None:
        self.base_url, self.api_key, self.query, self.origin = base_url, api_key, query, origin
        super().__init__()

    async def mint(self, **params: int) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"Authorization": f"Bearer {self.api_key}"}
            answer = await http.get(
                f"{self.base_url}/v1/token", params={"expires_in_seconds": 60, **params}, headers=headers
            )
            return str(answer.raise_for_status().json()["token"])

    async def connect(self, token: str, path: str = "/v1/ws") -> None:
        url = f"{self.base_url.replace('http', 'ws', 1)}{path}?token={quote(token)}{self.query}"
        self.socket = await websockets.connect(url, origin=self.origin, max_size=None, proxy=None)  # type: ignore[arg-type]
        self._reader = asyncio.create_task(self._read())

    async def __aenter__(self) -> VendorClient:
        await self.connect(await self.mint())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self._reader

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def start(self, **session: Any) -> Event:
        """Configure the session and wait until audio may be sent."""
        await self.send("session.update", session=session)
        return await self.wait("session.ready")

    async def talk(self, pcm: bytes, *, silence_ms: int = 1200) -> None:
        """Send speech as a microphone would: in real time, and with the quiet that follows."""
        async for frame in live(pcm, silence_ms, 50):
            await self.send("input.audio", audio=base64.b64encode(frame).decode())

    def audio(self, reply_id: str) -> bytes:
        """The sound of a reply so far."""
        chunks = (e["data"] for e in self.events if e["type"] == "reply.audio" and e.get("reply_id") == reply_id)
        return b"".join(base64.b64decode(chunk) for chunk in chunks)

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                await self.received(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        await self.received({"type": "(closed)", "code": self.socket.close_code, "reason": self.socket.close_reason})
