"""A server that speaks just enough of AssemblyAI's wire to be measured against: it answers at once, and says when.

It runs in a thread of the bench, so its clock is the browsers' clock. Messages carry `at`, the milliseconds
when they were sent.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import math
import threading
import time
from collections.abc import Coroutine
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

RATE_HZ = 24_000
LOUD = 1_640


def tone(ms: int, hz: float = 440.0, level: int = 9_000) -> bytes:
    """A sine as PCM16."""
    count = RATE_HZ * ms // 1000
    values = (round(level * math.sin(2 * math.pi * hz * n / RATE_HZ)) for n in range(count))
    return b"".join(value.to_bytes(2, "little", signed=True) for value in values)


class ProbeServer:
    """A context manager. `url` is where it listens; the other methods act on the newest connection, from any thread."""

    def __init__(self) -> None:
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._socket: ServerConnection | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="probe server", daemon=True)
        self._number = 0
        self._armed = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(self._listen())
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://localhost:{port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def chunks(self, count: int, *, every_ms: int, ms: int = 20) -> None:
        """`count` replies of `ms` each, far enough from each other that none waits behind another."""
        self._do(self._chunks(count, every_ms / 1000, tone(ms)))

    def stream(self, seconds: float, *, lead_ms: int = 120) -> None:
        """One reply at the pace of speech, `lead_ms` ahead."""
        self._do(self._stream(seconds, lead_ms))

    def history(self, turns: int) -> None:
        """So many finished turns of the person's."""
        self._do(self._history(turns))

    def conversation(self, seconds: float, *, word_every_ms: int = 150) -> None:
        """Both at once: one reply at the pace of speech, and words of the person's, a new turn for each twenty."""
        self._do(self._conversation(seconds, word_every_ms))

    def reply(self, ms: int) -> str:
        """Begin a reply and send `ms` of it at once; it stays unfinished. Returns its id."""
        return str(self._do(self._reply(ms)))

    def interrupted(self, reply_id: str) -> float:
        """The verdict. Returns when it was sent, in ms of `time.time`."""
        return float(self._do(self._say(type="reply.done", reply_id=reply_id, status="interrupted")))

    def arm(self) -> None:
        """Say that speech started as soon as the next loud frame comes, and name the frame."""
        self._armed = True

    def speech_stopped(self) -> None:
        self._do(self._say(type="input.speech.stopped"))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _listen(self) -> Server:
        return await serve(self._talk, "localhost", 0, compression=None, max_size=1 << 22)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _talk(self, socket: ServerConnection) -> None:
        self._socket = socket
        with contextlib.suppress(ConnectionClosedError):  # a browser that is ended says no goodbye
            await self._listen_to(socket)

    async def _listen_to(self, socket: ServerConnection) -> None:
        async for message in socket:
            if not isinstance(message, str):
                continue
            if message.startswith('{"type":"input.audio"'):
                number = self._loud_frame(message) if self._armed else None
                if number is not None:
                    self._armed = False
                    await self._say(type="input.speech.started", frame=number)
                continue
            kind = json.loads(message)["type"]
            if kind == "session.update":
                await self._say(type="session.ready", session_id="sess_probe")
            elif kind == "session.end":
                with contextlib.suppress(ConnectionClosed):  # who says goodbye may be gone
                    await self._say(type="session.ended")

    @staticmethod
    def _loud_frame(message: str) -> int | None:
        """The number that the probe wrote into this frame, where the frame is loud."""
        samples = memoryview(base64.b64decode(json.loads(message)["audio"])).cast("h")
        rest = samples[4:]  # the first four carry the stamp
        return samples[1] if max(rest) > LOUD or min(rest) < -LOUD else None

    async def _say(self, **fields: Any) -> float:
        assert self._socket is not None
        at = time.time() * 1000
        await self._socket.send(json.dumps({**fields, "at": at}, separators=(",", ":")))
        return at

    async def _audio(self, reply_id: str, pcm: bytes) -> None:
        assert self._socket is not None
        at = time.time() * 1000
        # `at` stands before the audio, where the probe in the worker looks for it.
        data = base64.b64encode(pcm).decode()
        text = f'{{"type":"reply.audio","reply_id":"{reply_id}","at":{at:.1f},"data":"{data}"}}'
        await self._socket.send(text)

    async def _begin(self) -> str:
        self._number += 1
        reply_id = f"probe_{self._number}"
        await self._say(type="reply.started", reply_id=reply_id, item_id=f"item_{self._number}")
        return reply_id

    async def _chunks(self, count: int, every_s: float, pcm: bytes) -> None:
        due = time.monotonic()
        for _ in range(count):
            reply_id = await self._begin()
            await self._audio(reply_id, pcm)
            await self._say(type="reply.done", reply_id=reply_id, status="completed")
            due += every_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _stream(self, seconds: float, lead_ms: int) -> None:
        reply_id = await self._begin()
        await self._audio(reply_id, tone(lead_ms))
        pcm = tone(20)
        due = time.monotonic()
        for _ in range(round(seconds * 50)):
            await self._audio(reply_id, pcm)
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await self._say(type="reply.done", reply_id=reply_id, status="completed")

    async def _history(self, turns: int) -> None:
        for _ in range(turns):
            self._number += 1
            await self._say(type="transcript.user", item_id=f"said_{self._number}", text=" ".join(["word"] * 12))

    async def _conversation(self, seconds: float, word_every_ms: int) -> None:
        number = self._number

        async def speak() -> None:
            for count in range(round(seconds * 1000 / word_every_ms)):
                turn, words = divmod(count, 20)
                text = " ".join(["word"] * (words + 1))
                await self._say(type="transcript.user.delta", item_id=f"now_{number}_{turn}", text=text)
                await asyncio.sleep(word_every_ms / 1000)

        await asyncio.gather(self._stream(seconds, 120), speak())

    async def _reply(self, ms: int) -> str:
        reply_id = await self._begin()
        await self._audio(reply_id, tone(ms))
        return reply_id
