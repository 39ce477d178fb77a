"""A line as a visitor has it, between a browser and a server of this machine, and a count of what goes over it.

    with SlowLine(server_port, mbit_per_s=10, rtt_ms=40) as line:
        tab.page.goto(line.url)
        line.received(until=moment)        # bytes towards the browser, headers included

A TCP proxy. What goes towards the browser shares one downlink, over all connections, and arrives half a round trip
later; requests are half a round trip late too, and a new connection costs one more. The way up has no rate of its own:
a visit sends only requests. Not modelled: lost packets, slow start, and the headers of TCP and IP. They would cost
everybody the same.

It ends by itself after `seconds`, whoever started it, and with the process in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# Connections take turns on the line in pieces of this size, as packets do; without a rate there are no turns to take.
_PIECE, _PIECE_UNLIMITED = 8 * 1024, 256 * 1024
# So much of the line is booked ahead, or it would stand idle while a timer is late.
_AHEAD_S = 0.03
_ENCODINGS = re.compile(rb"(?i)(?<=\r\nAccept-Encoding: )[^\r]*")
_REQUEST = re.compile(rb"[A-Z]{3,7} (\S+) HTTP/1\.[01]\r\n")
_START_S = 10.0


@dataclass(frozen=True, slots=True)
class Passed:
    """One piece that was handed on. `at`: seconds since 1970.

    `path`: of the request that it belongs to, if that was HTTP.
    """

    at: float
    size: int
    path: str


class SlowLine:
    """A context manager. Without `mbit_per_s` the line is as fast as the machine, and still counts.

    `encodings` replaces what a browser says that it can decode: one that names brotli over TLS only shall get here what
    it gets from every real site.
    """

    def __init__(
        self,
        target_port: int,
        *,
        mbit_per_s: float | None = None,
        rtt_ms: float = 0.0,
        seconds: float = 900.0,
        encodings: str = "",
    ) -> None:
        if mbit_per_s is not None and mbit_per_s <= 0:
            raise ValueError(f"a line needs a rate above 0 Mbit/s, not {mbit_per_s}")
        if rtt_ms < 0 or seconds <= 0:
            raise ValueError(f"rtt_ms must not be below 0 and seconds must be above it, not {rtt_ms} and {seconds}")
        self.port = 0
        self._target = target_port
        self._bytes_per_s = mbit_per_s * 1e6 / 8 if mbit_per_s else float("inf")
        self._piece = _PIECE if mbit_per_s else _PIECE_UNLIMITED
        self._half_s = rtt_ms / 2000
        self._seconds = seconds
        self._encodings = encodings.encode()
        self._free_at = 0.0  # when the downlink has sent all that was booked, by the loop's clock
        self._down: list[Passed] = []
        self._up: list[Passed] = []
        self._listens = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="slow line", daemon=True)

    @property
    def url(self) -> str:
        """Its page, under the only name that browsers trust without TLS."""
        return f"http://localhost:{self.port}/"

    @property
    def ended(self) -> bool:
        """Whether it hands nothing on any more."""
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listens.wait(_START_S):
            raise RuntimeError("the slow line did not start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop()
        self._thread.join(_START_S)

    def forget(self) -> None:
        """Count from here on."""
        self._down, self._up = [], []

    def received(self, *, until: float = float("inf"), part: str = "") -> int:
        """Bytes that reached the browser until that moment (seconds since 1970), of paths that hold `part`."""
        return sum(one.size for one in list(self._down) if one.at <= until and part in one.path)

    def sent(self) -> int:
        """Bytes that reached the server."""
        return sum(one.size for one in list(self._up))

    def by_path(self) -> dict[str, int]:
        """Bytes that reached the browser, for each path that it asked for."""
        found: dict[str, int] = {}
        for one in list(self._down):
            found[one.path] = found.get(one.path, 0) + one.size
        return found

    def quiet_for(self) -> float:
        """Seconds since anything was handed on, in either direction."""
        last = max((passed[-1].at for passed in (self._down, self._up) if passed), default=float("-inf"))
        return time.time() - last

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        running: set[asyncio.Task[None]] = set()

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = loop.create_task(self._connection(reader, writer))
            running.add(task)
            task.add_done_callback(running.discard)

        def stop() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(stopped.set)

        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._stop = stop
        self._listens.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), self._seconds)
        server.close()
        left = list(running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _connection(self, browser_in: asyncio.StreamReader, browser_out: asyncio.StreamWriter) -> None:
        """Until the server has ended it and all of it has arrived, or the browser is gone."""
        opened_at = asyncio.get_running_loop().time() + 2 * self._half_s
        up: asyncio.Task[None] | None = None
        writers = [browser_out]
        try:
            server_in, server_out = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(server_out)
            asked = _Asked()
            up = asyncio.create_task(self._requests(browser_in, server_out, asked, opened_at))
            await self._answers(server_in, browser_out, asked)
        except OSError:
            pass  # either side may go away at any time: that ends this connection and nothing else
        finally:
            if up is not None:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
            for writer in writers:
                writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: _Asked, opened_at: float
    ) -> None:
        now = asyncio.get_running_loop().time
        async with _Way(writer, lambda size: self._note(self._up, size, asked.path)) as way:
            while data := await reader.read(_PIECE_UNLIMITED):
                if found := _REQUEST.match(data):
                    asked.path = found[1].decode("ascii", "replace")
                    data = _ENCODINGS.sub(lambda said: self._encodings or said[0], data, count=1)
                way.put(max(now(), opened_at) + self._half_s, data)
        if writer.can_write_eof():
            writer.write_eof()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: _Asked) -> None:
        now = asyncio.get_running_loop().time
        async with _Way(writer, lambda size: self._note(self._down, size, asked.path)) as way:
            while data := await reader.read(self._piece):
                self._free_at = max(self._free_at, now()) + len(data) / self._bytes_per_s
                way.put(self._free_at + self._half_s, data)
                await asyncio.sleep(max(0.0, self._free_at - _AHEAD_S - now()))

    @staticmethod
    def _note(passed: list[Passed], size: int, path: str) -> None:
        passed.append(Passed(time.time(), size, path))


class _Asked:
    """What a connection was last asked for. Browsers ask again only when they have the whole answer."""

    path = ""


class _Way:
    """One direction of a connection: hands on, in order, each piece at its moment.

    Leaving it waits for the last one.
    """

    def __init__(self, writer: asyncio.StreamWriter, note: Callable[[int], None]) -> None:
        self._writer = writer
        self._note = note
        self._pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._hand_on())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:  # wait for the last piece, or for what handing it on has failed with
            self._pieces.put_nowait((0.0, b""))
            await self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def put(self, moment: float, data: bytes) -> None:
        """`moment`: by the loop's clock."""
        self._pieces.put_nowait((moment, data))

    async def _hand_on(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            moment, data = await self._pieces.get()
            if not data:
                return
            await asyncio.sleep(max(0.0, moment - now()))
            self._note(len(data))  # first: whoever got it may ask at once how much it was
            self._writer.write(data)
            await self._writer.drain()
