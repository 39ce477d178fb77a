"""A browser without a browser: the host that `pyclient.host.pyodide_host.Client` asks for, in CPython on asyncio.

Sockets, the token route, timers and tools are real. Microphone and speaker are modelled (`modelled_sound`), and the
page is a list of the views that were shown.

Time may be compressed or stretched: the clock, the timers, the microphone and the speaker of this host all run `speed`
times as fast as the wall, so that for the session a second stays a second. The server does not know of it. It hears
speech by counting samples, so compressed speech is the same speech; it takes its own time to send a paced reply, so
there a reply that is to be heard without gaps has to come in a burst; and it judges by the wall what was heard of an
interrupted reply, so those scenarios keep `speed` at 1.

Begin with `attach`, go on with `client.intent`, end with `close`, which raises whatever went wrong inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from pyclient.config import ClientConfig
from pyclient.host.pyodide_host import Client
from pyclient.page.view import merge_turns
from pyclient.tools import ToolRegistry
from tests.contract.modelled_sound import Buffer, ModelledSound
from tests.replay.player import play

TICK_S = 0.004


class HeadlessHost:
    """See `pyclient.host.pyodide_host.Host` for the methods that the client calls.

    `base_url` is where the page would come from.
    """

    def __init__(self, base_url: str, *, speed: float = 1.0, microphone: bool = True) -> None:
        self._base_url = base_url
        self._speed = speed
        self._begun_s = asyncio.get_running_loop().time()
        self._http = httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=20)
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._sockets: dict[int, Socket] = {}
        self._errors: list[BaseException] = []
        self._news = asyncio.Event()
        self.token_delay_ms = 0.0
        self.tokens: list[str] = []
        self.views: list[dict[str, Any]] = []
        self.logs: list[tuple[str, str]] = []
        self.recorded: list[str] = []
        self.sent: list[str | bytes] = []
        self.sound = ModelledSound(microphone=microphone)

    def ask_page(self, question: str) -> None:
        """No page is around this one, and nobody is asked."""

    def attach(self, config: dict[str, Any], tools: ToolRegistry | None = None) -> Client:
        """The client of one page. Raises ConfigError."""
        self.client = Client(self, ClientConfig.from_dict(config), tools or ToolRegistry())
        self.spawn(self._pass_time())
        return self.client

    async def close(self) -> None:
        """The page is left, and everything ends.

        Raises the first error of a callback or a task that nobody saw until now.
        """
        self.tell(self.client.intent, json.dumps({"type": "hang_up", "page_gone": True}))
        for socket in self._sockets.values():
            await socket.said_goodbye()
        for timer in self._timers.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()
        if self._errors:
            raise self._errors[0]
        self._replay()

    def _replay(self) -> None:
        """Whatever the scenario was, the session core does the same again, and no token was recorded."""
        self.client.intent(json.dumps({"type": "record", "whole": True}))
        text = "".join(self.recorded)
        assert not [token for token in self.tokens if token in text]
        done = play([json.loads(line) for line in text.splitlines()])
        assert done.difference is None, done.difference

    def break_line(self) -> None:
        """The network goes away under the newest socket."""
        self._sockets[max(self._sockets)].break_off()

    async def news(self, timeout_s: float) -> None:
        """Until something was shown, sent, logged or played, or the time is up."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)
        if self._errors:
            raise self._errors[0]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    # --- the client's side: pyclient.host.pyodide_host.Host -----------------------------------------------------------

    def now_ms(self) -> float:
        return (asyncio.get_running_loop().time() - self._begun_s) * 1000 * self._speed

    def capture(self, message: str) -> None:
        self.sound.capture(json.loads(message))

    def playback(self, message: str) -> None:
        self.sound.playback(json.loads(message), self.now_ms())

    def play(self, item: str, view: bytes) -> None:
        self.sound.play(item, view, self.now_ms())
        self._news.set()

    def recycle(self, buffer: Any) -> None:
        pass

    def open_socket(self, socket_id: int, url: str, protocols: str, audio: str) -> None:
        del audio  # the fast path is for a host that moves base64 itself: this one lets Python do all
        self._sockets[socket_id] = socket = Socket(self, socket_id)
        self.spawn(socket.run(url, json.loads(protocols)))

    def send(self, socket_id: int, data: str | bytes) -> None:
        self.sent.append(data)
        self._sockets[socket_id].send(data)
        self._news.set()

    def buffered(self, socket_id: int) -> int:
        return 0

    def close_socket(self, socket_id: int, code: int, reason: str) -> None:
        self._sockets[socket_id].close(code, reason)

    def set_timer(self, name: str, delay_ms: int) -> None:
        self.cancel_timer(name)
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(delay_ms / 1000 / self._speed, self._timer, name)

    def cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def request_token(self, attempt: int, url: str, body: str, timeout_ms: int) -> None:
        self.spawn(self._token(attempt, url, body))

    def show(self, view: str) -> None:
        update = json.loads(view)
        turns = merge_turns(self.views[-1]["turns"] if self.views else [], update)
        self.views.append({**update, "turns": turns})
        self._news.set()

    def record(self, lines: str) -> None:
        self.recorded.append(lines)

    def settle(self) -> None:
        """All audio takes the usual path here."""

    def log(self, direction: str, text: str) -> None:
        self.logs.append((direction, text))
        self._news.set()

    # --- inside -------------------------------------------------------------------------------------------------------

    def tell(self, callback: Callable[..., None], *values: Any) -> None:
        """One of the client's callbacks; what it raises is kept for whoever waits."""
        try:
            callback(*values)
        except Exception as error:
            self._errors.append(error)
            self._news.set()

    def _timer(self, name: str) -> None:
        self._timers.pop(name, None)
        self.tell(self.client.timer, name)

    async def _token(self, attempt: int, url: str, body: str) -> None:
        await asyncio.sleep(self.token_delay_ms / 1000 / self._speed)
        answer = await self._http.post(url, content=body, headers={"Content-Type": "application/json"})
        with contextlib.suppress(ValueError, KeyError):
            self.tokens.append(answer.json()["token"])
        wait = answer.headers.get("Retry-After", "")
        self.tell(self.client.token_answered, attempt, answer.status_code, answer.text, wait)

    async def _pass_time(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for name, *values in self.sound.pass_time(self.now_ms()):
                self.tell(getattr(self.client, name), *values)
                self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._errors.append(task.exception())  # type: ignore[arg-type]
            self._news.set()


class Socket:
    """One WebSocket as a browser has it: in order, and 1006 for every end without a close frame."""

    def __init__(self, host: HeadlessHost, socket_id: int) -> None:
        self._host = host
        self._id = socket_id
        self._out: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._close = (1000, "")
        self._forgotten = False
        self._said = asyncio.Event()
        self._line: ClientConnection | None = None

    def send(self, data: str | bytes) -> None:
        self._out.put_nowait(data)

    def close(self, code: int, reason: str) -> None:
        """Behind what waits to be sent; nothing is told of this socket any more."""
        self._forgotten = True
        self._close = (code, reason)
        self._out.put_nowait(None)

    def break_off(self) -> None:
        assert self._line is not None
        self._line.transport.abort()

    async def said_goodbye(self) -> None:
        """Until what was to be sent was sent; a second is enough for that, or nobody listens."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._said.wait(), 1)

    async def run(self, url: str, protocols: list[str]) -> None:
        client = self._host.client
        offered = [Subprotocol(name) for name in protocols] or None
        try:
            line = await websockets.connect(url, subprotocols=offered, proxy=None, max_size=None, compression=None)
        except (OSError, websockets.WebSocketException):
            self._said.set()
            self._tell(client.socket_closed, self._id, 1006, "")
            return
        self._line = line
        sender = asyncio.create_task(self._send(line))
        try:
            self._tell(client.socket_opened, self._id)
            async for data in line:
                self._tell(client.message, self._id, data if isinstance(data, str) else Buffer(data))
        except websockets.ConnectionClosed:
            pass
        finally:
            sender.cancel()
            self._said.set()
            # a second time does nothing; cancelled in mid-call it must not wait for the other side
            line.transport.abort()
        code = line.close_code or 1006
        self._tell(client.socket_closed, self._id, code, line.close_reason or "")

    async def _send(self, line: ClientConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            while (data := await self._out.get()) is not None:
                await line.send(data)
            await line.close(*self._close)
        self._said.set()

    def _tell(self, callback: Callable[..., None], *values: Any) -> None:
        if not self._forgotten:
            self._host.tell(callback, *values)
