"""A real client in a process of its own: it is told what to say on stdin, and tells line by line what it received.

Each line of its stdout is JSON: `{"server": event}` for an event of the server as it came over the wire, `{"client":
name, ...}` for what the client's own package made of it. The commands, one a line: `{"audio": base64}` and `{"text":
words}`. The end of stdin is the end of the session. Every event is judged as it comes (`openai_client.checked`).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tests.server.support.inbox import BYTES_PER_MS, Event, Inbox, live
from tests.server.support.openai_client import checked


class ProcessClient(Inbox):
    """`events` are the server's; `made` is what the package made of them, in order, as (number of
    events before it, line).
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        super().__init__()
        self.command, self.environ = command, environ
        self.made: list[tuple[int, dict[str, Any]]] = []

    async def __aenter__(self) -> ProcessClient:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            *self.command, env=self.environ, stdin=pipe, stdout=pipe, stderr=pipe, limit=8_000_000
        )
        self._reader = asyncio.create_task(self._read())
        self._complaints = asyncio.create_task(self.process.stderr.read())  # type: ignore[union-attr]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        try:
            async with asyncio.timeout(20):
                status = await self.process.wait()
        except TimeoutError:
            self.process.kill()
            raise
        await self._reader
        complaints = (await self._complaints).decode()
        if kind is None:
            if self.failure is not None:
                raise self.failure
            assert status == 0, complaints
            assert complaints == ""

    async def tell(self, **command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        await self.process.stdin.drain()

    async def talk(self, pcm: bytes, *, silence_ms: int = 1200) -> None:
        """Speech as a microphone would give it: in real time, and with the quiet that follows."""
        async for frame in live(pcm, silence_ms, 100):
            await self.tell(audio=base64.b64encode(frame).decode())

    def of(self, *kinds: str, after: int = 0) -> list[Event]:
        return [event for event in self.events[after:] if event["type"] in kinds]

    def own(self, *names: str) -> list[dict[str, Any]]:
        """What the package told its user under these names."""
        return [line for _, line in self.made if line["client"] in names]

    def sound_ms(self, item_id: str) -> float:
        deltas = [e["delta"] for e in self.of("response.output_audio.delta") if e["item_id"] == item_id]
        return sum(len(base64.b64decode(delta)) for delta in deltas) / BYTES_PER_MS

    async def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            async for line in self.process.stdout:
                told = json.loads(line)
                if "server" in told:
                    checked(told["server"])
                    await self.received(told["server"])
                else:
                    self.made.append((len(self.events), told))
                    if told["client"] == "failure":
                        raise AssertionError(f"the client gave up: {told}")
        except BaseException as error:
            await self.failed(error)
            await self.process.stdout.read()
        await self.received({"type": "(ended)"})
