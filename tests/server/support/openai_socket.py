"""The OpenAI wire of the local agent as a page meets it: a minted key, sub-protocols, messages as they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets

from tests.server.support.agent_support import RunningAgent
from tests.server.support.inbox import Event

KEY_PROTOCOL = "openai-insecure-api-key."


def secret(agent: RunningAgent, body: Any = None, **headers: str) -> httpx.Response:
    given = {"Authorization": "Bearer some-key", **headers}
    return httpx.post(f"{agent.url}/v1/realtime/client_secrets", json=body, headers=given, trust_env=False)


@asynccontextmanager
async def browser(agent: RunningAgent, *protocols: str, query: str = "?model=m") -> AsyncIterator[Any]:
    """A socket as a page opens it: sub-protocols and no header."""
    url = f"{agent.url.replace('http', 'ws', 1)}/v1/realtime{query}"
    async with websockets.connect(url, subprotocols=protocols or None, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
        yield socket


async def until_closed(socket: Any) -> list[Event]:
    events: list[Event] = []
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            events.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
    return [*events, {"type": "(closed)", "code": socket.close_code, "reason": socket.close_reason}]


def message(role: str, text: str, **more: Any) -> Event:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **more}
