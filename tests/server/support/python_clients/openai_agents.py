"""Runs PyPI `openai-agents`: a realtime agent with one tool, over the package's own WebSocket.

Argument: the socket's address.

It runs with the packages in `.cache/` and imports nothing of this project. `process_client.py` describes its lines.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

from agents import function_tool, realtime


def tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


@function_tool
def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    tell(client="tool", arguments={"city": city})
    return json.dumps({"temperature": 18, "condition": "sunny"})


async def obey(session: realtime.RealtimeSession) -> None:
    """Do what stdin says, until it ends."""
    lines = asyncio.StreamReader(limit=8_000_000)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async for line in lines:
        command = json.loads(line)
        if "audio" in command:
            await session.send_audio(base64.b64decode(command["audio"]))
        else:
            await session.send_message(command["text"])


async def report(session: realtime.RealtimeSession) -> None:
    """Tell all that comes."""
    async for event in session:
        if event.type == "raw_model_event":
            if event.data.type == "raw_server_event":
                tell(server=event.data.data)
        elif event.type == "audio":
            tell(client="audio", item_id=event.item_id, bytes=len(event.audio.data))
        elif event.type == "audio_interrupted":
            tell(client="audio_interrupted", item_id=event.item_id)
        elif event.type in ("error", "guardrail_tripped"):
            tell(client="failure", what=str(event))
        else:
            tell(client=event.type)


async def main(url: str) -> None:
    agent = realtime.RealtimeAgent(name="assistant", instructions="Be brief.", tools=[get_weather])
    session = await realtime.RealtimeRunner(agent).run(model_config={"api_key": "any-key", "url": url})
    async with session:
        reporting = asyncio.create_task(report(session))
        obeying = asyncio.create_task(obey(session))
        await asyncio.wait([reporting, obeying], return_when=asyncio.FIRST_COMPLETED)
        if reporting.done():
            reporting.result()
        obeying.result()
        reporting.cancel()
        tell(client="history", items=[item.model_dump(mode="json") for item in session._history])


asyncio.run(main(sys.argv[1]))
