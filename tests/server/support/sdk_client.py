"""A client of the SDK-style voice wire: frames of sound, and the four messages that there are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import websockets

from server.agent.tts import synthesize
from tests.server.support.agent_support import RunningAgent

FRAME_BYTES = 640
FRAME_S = 0.02


def spoken16(text: str) -> bytes:
    return synthesize(text, voice="michael", rate_hz=16_000).samples.astype("<i2").tobytes()


def mint(agent: RunningAgent, query: str = "", *, key: str = "Bearer kiosk-key", **more: Any) -> httpx.Response:
    headers = {"Authorization": key} if key else {}
    return httpx.post(f"{agent.url}/api/v1/sdk/token{query}", headers=headers, trust_env=False, **more)


class SdkClient:
    """One session. `frames` are the binary messages, `told` the text ones and at the end `(closed)`."""

    def __init__(self, agent: RunningAgent, scenario: str = "") -> None:
        self.minted = mint(agent, f"?scenario={scenario}" if scenario else "").json()
        self.frames: list[bytes] = []
        self.told: list[dict[str, Any]] = []
        self._came = asyncio.Condition()

    async def open(self) -> SdkClient:
        self.socket = await websockets.connect(self.minted["ws_url"], proxy=None)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aenter__(self) -> SdkClient:
        await self.open()
        await self.socket.send(json.dumps({"token": self.minted["token"]}))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self._reader

    async def wait(self, kind: str) -> dict[str, Any]:
        await self.until(lambda: any(one["type"] == kind for one in self.told))
        return next(one for one in self.told if one["type"] == kind)

    async def until(self, happened: Any) -> None:
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(happened)

    async def talk(self, pcm: bytes, *, silence_ms: int = 1200) -> None:
        loop = asyncio.get_running_loop()
        begun, data = loop.time(), pcm + bytes(32 * silence_ms)
        for number, at in enumerate(range(0, len(data) - FRAME_BYTES + 1, FRAME_BYTES)):
            await self.socket.send(data[at : at + FRAME_BYTES])
            await asyncio.sleep(begun + number * FRAME_S - loop.time())

    def sound(self) -> bytes:
        return b"".join(self.frames)

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                async with self._came:
                    if isinstance(message, bytes):
                        self.frames.append(message)
                    else:
                        self.told.append(json.loads(message))
                    self._came.notify_all()
        except websockets.ConnectionClosed:
            pass
        async with self._came:
            self.told.append({"type": "(closed)", "code": self.socket.close_code})
            self._came.notify_all()


def record_of(agent: RunningAgent) -> dict[str, Any]:
    """The newest SDK session, as the client is told no id."""
    return dict([one for one in agent.control("/_sessions")["sessions"] if one["wire"] == "sdk_voice"][-1])


async def said(agent: RunningAgent, count: int) -> list[str]:
    """What the agent has said in the newest session, once it is so many replies."""
    async with asyncio.timeout(30):
        while len(record_of(agent)["said"]) < count:  # noqa: ASYNC110 - the record has no event
            await asyncio.sleep(0.05)
    return list(record_of(agent)["said"])
