"""One call of the real client with the real local agent, as a scenario drives it.

`open` makes the page and presses Connect; `until` waits for a view; `say` speaks; `record` is what the agent saw.
Whatever the scenario was, `close` checks what must hold for every call: no token in a view or a log line, and no error
that nobody saw.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, TypeVar

import httpx

from pyclient.tools import ToolRegistry
from server.agent.tts import synthesize
from tests.contract.adapters import Adapter
from tests.contract.headless_host import HeadlessHost
from tests.server.support.shared_recognizer import get_ready
from tests.support.texts import worded

View = dict[str, Any]
T = TypeVar("T")

DEADLINE_S = 60.0  # for a machine that is busy with something else
GREETING = "Hello from the page."

# What the agent says is a tone, in one piece: sound that can be counted, and no time spent on speech.
PLAIN: dict[str, Any] = {"tone_hz": 440.0, "tone_ms": 400, "pace": "burst", "greeting": "", "partials": False}
# Compressed time must not make a busy machine look like a dead server.
PATIENT = {"keepalive_ms": 120_000, "open_timeout_ms": 120_000, "ready_timeout_ms": 120_000}


@lru_cache(maxsize=32)
def speech(text: str, rate_hz: int) -> bytes:
    return synthesize(text, voice="michael", rate_hz=rate_hz).samples.astype("<i2").tobytes()


def square_wave(rate_hz: int, ms: int) -> bytes:
    """A loud square wave: no voice, but loud enough for any ear."""
    half = rate_hz // 400
    period = b"".join(value.to_bytes(2, "little", signed=True) * half for value in (12_000, -12_000))
    return (period * (rate_hz * ms // 1000 // (2 * half) + 1))[: 2 * rate_hz * ms // 1000]


class Call:
    """`base_url` is the server's. One page; `open` may be called once. `spoken`: somebody may speak (`book.py`)."""

    def __init__(self, base_url: str, adapter: Adapter, *, spoken: bool) -> None:
        self.adapter = adapter
        self._spoken = spoken
        self._base_url = base_url
        self._agent = httpx.AsyncClient(base_url=f"{base_url}/agent", trust_env=False, timeout=20)
        self.host: HeadlessHost

    async def __aenter__(self) -> Call:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if hasattr(self, "host") and hasattr(self.host, "client"):
                await self.host.close()
                if kind is None:
                    self._check_secrets()
        finally:
            await self._agent.aclose()

    # --- doing --------------------------------------------------------------------------------------------------------

    async def open(
        self,
        *,
        greeting: str = "",
        agent: dict[str, Any] | None = None,
        sockets: int = 1,
        tools: ToolRegistry | None = None,
        speed: float = 4.0,
        microphone: bool = True,
        live: bool = True,
        token_delay_ms: float = 0,
        **config: Any,
    ) -> None:
        """Press Connect. `agent` are switches of the agent's scenario for the next `sockets`; `config` are the page's.

        `greeting` is asked for in the settings, or made the vendor's own where the page cannot choose.
        """
        await self._agent_plays({**PLAIN, "greeting": greeting, **(agent or {})}, sockets)
        self.host = HeadlessHost(self._base_url, speed=speed, microphone=microphone)
        self.host.token_delay_ms = token_delay_ms
        self.host.attach({"provider": self.adapter.name, "greeting": greeting, **PATIENT, **config}, tools)
        self.intend("connect")
        if live:
            await self.until(lambda view: view["state"] == "live", "live")

    def intend(self, type: str, **fields: Any) -> None:
        """What the person does."""
        self.host.client.intent(json.dumps({"type": type, **fields}))

    async def rehearse(self, *texts: str) -> None:
        """Make that speech before the call begins: on a busy machine it takes longer than the reply
        that it is to interrupt.
        """
        for text in texts:
            await self._speech(text)

    async def say(self, text: str, *, end: bool = True) -> None:
        """Speak; returns when the last sample went into the microphone."""
        self.host.sound.say(await self._speech(text))
        if end:
            await self.happens(lambda: not self.host.sound.saying, "all was said")

    async def _speech(self, text: str) -> bytes:
        assert self._spoken, "somebody speaks here: say so where the scenario begins (`spoken`, in `book.py`)"
        get_ready()
        # In a thread: the host stands still while speech is made, and then believes what the speaker
        # told it before that.
        return await asyncio.to_thread(speech, text, self.adapter.rate_hz)

    async def ask(self, text: str) -> None:
        """Type a question where the wire takes text, else say it: recognising speech
        costs a second of a busy machine.
        """
        if self.view["features"]["typed_text"]:
            self.intend("text", text=text)
        else:
            await self.say(text)

    async def wait_ms(self, ms: float) -> None:
        """Let the host's time pass, and with it the microphone's and the speaker's."""
        end = self.host.now_ms() + ms
        await self.happens(lambda: self.host.sound.at_ms >= end, f"{ms} ms")

    # --- waiting ------------------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The newest snapshot, counters as of now."""
        return worded(self.host.client.session.view(self.host.now_ms()))

    async def until(self, is_so: Callable[[View], bool], what: str) -> View:
        """Wait for a snapshot that `is_so`; any that was shown since `open` counts only if it is the newest."""
        await self.happens(lambda: is_so(self.view), what)
        return self.view

    async def happens(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        while not is_so():
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"waited in vain for: {what}\n{self._story()}")
            await self.host.news(0.02)

    async def heard_all(self, replies: int = 1, ms: float = 0) -> None:
        """Until so many replies were made, every sample of them was rendered or flushed, and `ms` were heard in all."""
        await self.until(
            lambda view: (
                view["stats"]["replies"] >= replies
                and self.heard_ms >= ms
                and not view["can_interrupt"]
                and view["activity"] not in ("agent_speaking", "thinking")
            ),
            f"{replies} replies heard",
        )

    # --- what came of it ----------------------------------------------------------------------------------------------

    @property
    def heard_ms(self) -> float:
        """What the speaker rendered of everything, by its own count."""
        return sum(self.host.sound.rendered.values()) * 1000 / self.adapter.rate_hz

    @property
    def received_ms(self) -> float:
        return sum(self.host.sound.received.values()) * 1000 / self.adapter.rate_hz

    def turns(self, role: str) -> list[View]:
        return [turn for turn in self.view["turns"] if turn["role"] == role]

    def texts(self, role: str) -> list[str]:
        return [turn["text"] for turn in self.turns(role)]

    @property
    def notice(self) -> str:
        """Code of the notice that the person sees."""
        return str((self.view["notice"] or {}).get("code", ""))

    @property
    def notices(self) -> list[str]:
        """Codes of all notices that were shown, each once."""
        shown = [(view["notice"] or {}).get("code", "") for view in self.host.views]
        return list(dict.fromkeys(code for code in shown if code))

    def shown(self, key: str) -> list[Any]:
        """The values that one key of the snapshots went through."""
        values: list[Any] = []
        for view in self.host.views:
            if not values or values[-1] != view[key]:
                values.append(view[key])
        return values

    def logged(self, part: str) -> bool:
        return any(part in text for _, text in self.host.logs)

    async def record(self) -> dict[str, Any]:
        """What the agent saw of the newest socket."""
        return (await self._records())[-1]

    async def _records(self) -> list[dict[str, Any]]:
        answer = (await self._agent.get("/_sessions")).raise_for_status()
        return [one for one in answer.json()["sessions"] if one["wire"].startswith(self.adapter.name.partition("_")[0])]

    async def recorded(self, is_so: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait for the agent's record to say so."""
        return await self._told(self.record, is_so, what)

    async def loudest(self) -> int:
        """The loudest sample that the agent got from the microphone."""
        answer = await self._agent.get(f"/_sessions/{(await self.record())['id']}/audio")
        samples = memoryview(answer.raise_for_status().content[44:]).cast("h")
        return max(map(abs, samples), default=0)

    async def comes_through(self) -> None:
        """Wait until the agent has got something loud from the microphone: it may need a moment longer
        than the host's time.
        """
        await self._told(self.loudest, lambda found: found > 10_000, "something loud")

    async def _told(self, ask: Callable[[], Awaitable[T]], is_so: Callable[[T], bool], what: str) -> T:
        """Ask the agent until it is so, and return its answer."""
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        while not is_so(answer := await ask()):
            assert asyncio.get_running_loop().time() < deadline, f"{what}: {answer}\n{self._story()}"
            await asyncio.sleep(0.02)
        return answer

    async def agent_plays(self, switches: dict[str, Any], sockets: int = 1) -> None:
        """The scenario of the next sockets."""
        await self._agent_plays({**PLAIN, **switches}, sockets)

    async def _agent_plays(self, switches: dict[str, Any], sockets: int) -> None:
        body = {"scenario": switches, "sessions": sockets}
        (await self._agent.post("/_scenario", json=body)).raise_for_status()

    def _check_secrets(self) -> None:
        pages = json.dumps(self.host.views) + json.dumps(self.host.logs)
        assert self.host.tokens or self.view["state"] != "live"
        assert not any(token in pages for token in self.host.tokens), "a token was shown or logged"

    def _story(self) -> str:
        view = {key: value for key, value in self.view.items() if key not in ("features", "stats")}
        lines = [f"{direction} {text}" for direction, text in self.host.logs[-25:]]
        return "\n".join([json.dumps(view, indent=1), json.dumps(self.view["stats"]), *lines])
