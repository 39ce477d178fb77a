#!/usr/bin/env bash
# PyPI openai 3.51.0, websockets 17.4: a realtime event of a type that the package does not know arrives as an object of
# the first class of its union, ConversationCreatedEvent; and a field of the wrong type is kept as it came.
#
# A good engineer expects an exception, a plain dict, or a class that says "unknown": the events are pydantic models,
# and `isinstance` is the typed way to tell them apart. Here a new event of the service, or one without a type, passes
# `isinstance(event, ConversationCreatedEvent)`, with `conversation` None, which its annotation forbids. Only
# `event.type` can be believed, and values have to be checked before they are used.
#
# Seen 2026-11-28, Python 3.11.7: three messages from a WebSocket server on this machine, printed as class, type and a
# field.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openai==3.51.0 websockets==17.4
cat >try.py <<'PYTHON'
import asyncio
import json

import websockets
from openai import AsyncOpenAI

SENT = [
    {"type": "a.new.event", "event_id": "1"},
    {"event_id": "2"},
    {"type": "input_audio_buffer.speech_started", "event_id": "3", "audio_start_ms": "late", "item_id": "item_1"},
]


async def serve(socket):
    for message in SENT:
        await socket.send(json.dumps(message))


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0) as server:
        here = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = AsyncOpenAI(api_key="none", base_url=f"http://{here}", websocket_base_url=f"ws://{here}")
        async with client.realtime.connect(model="any") as connection:
            async for event in connection:
                print(type(event).__name__, event.type, getattr(event, "audio_start_ms", "-"))


asyncio.run(main())
PYTHON
seen=$(env -u HTTP_PROXY -u http_proxy -u ALL_PROXY -u all_proxy timeout 120 venv/bin/python try.py)
echo "$seen"
expected='ConversationCreatedEvent a.new.event -
ConversationCreatedEvent None -
InputAudioBufferSpeechStartedEvent input_audio_buffer.speech_started late'
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
