"""A client of the OpenAI Realtime protocol: the vendor's own Python package, and a judge of every event that comes.

`OpenAIClient` talks through `openai.AsyncOpenAI`; each event is checked against the package's own types,
strictly: a type that the package does not know, a missing or misspelt field, or a value of another type fails
at the event where it happens.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from functools import cache
from types import TracebackType
from typing import Any, get_args

import websockets
from pydantic import BaseModel, TypeAdapter

from tests.server.support.inbox import Event, Inbox, live

# Fields that the documents show in events and the package's types do not have: the session's own three (protocol file
# section 5). The package's models keep unknown fields, so a misspelt optional field would pass without this list.
_ONLY_DOCUMENTED = {"session.id", "session.object", "session.expires_at"}

# A tool as the wire declares it.
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@cache
def _server_events() -> tuple[TypeAdapter[Any], dict[str, type[BaseModel]]]:
    """The union of the package's server events, and its models by type.

    The package takes a second of a processor to import, and not each process that reads these tests runs one of them.
    """
    from openai.types.realtime import RealtimeServerEvent

    models = get_args(get_args(RealtimeServerEvent)[0])
    by_type = {model.model_fields["type"].annotation.__args__[0]: model for model in models}
    return TypeAdapter(RealtimeServerEvent), by_type


def checked(event: Event) -> Any:
    """The event as the package's own model. Fails for what that package would not understand in full."""
    union, models = _server_events()
    assert event.get("type") in models, f"the package knows no event {event.get('type')!r}"
    # By its own model first, for a readable message; then through the union, as a typed client would.
    parsed = models[event["type"]].model_validate(event, strict=True)
    assert type(union.validate_python(event)) is type(parsed)
    unknown = set(_extras(parsed)) - _ONLY_DOCUMENTED
    assert not unknown, f"{event['type']} has fields that the package does not know: {sorted(unknown)}"
    return parsed


def _extras(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{path}{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for one in value:
            yield from _extras(one, path)


class OpenAIClient(Inbox):
    """One session through the package. `events` holds all that came, in order, already checked."""

    def __init__(
        self, base_url: str, *, api_key: str = "any-key", model: str = "gpt-realtime-2.1", scenario: str = ""
    ) -> None:
        super().__init__()
        import openai  # for the reason of `_server_events`

        self.package = openai.AsyncOpenAI(api_key=api_key, base_url=f"{base_url}/v1", max_retries=0)
        self.model, self.scenario = model, scenario

    async def __aenter__(self) -> OpenAIClient:
        query: dict[str, object] = {"scenario": self.scenario} if self.scenario else {}
        self._manager = self.package.realtime.connect(
            model=self.model,
            extra_query=query,
            # `proxy` is an option of websockets that the package passes on and does not list.
            websocket_connection_options={"proxy": None, "max_size": None},  # type: ignore[typeddict-unknown-key]
        )
        self.connection = await self._manager.__aenter__()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._manager.__aexit__(kind, error, trace)
        await self._reader
        await self.package.close()
        if kind is None and self.failure is not None:
            raise self.failure

    async def send(self, kind: str, **fields: Any) -> None:
        await self.connection.send({"type": kind, **fields})  # type: ignore[arg-type]

    async def configure(self, **session: Any) -> Event:
        """session.update and its answer."""
        begin = len(self.events)
        await self.connection.session.update(session={"type": "realtime", **session})  # type: ignore[arg-type]
        return await self.wait("session.updated", after=begin)

    async def talk(self, pcm: bytes, *, silence_ms: int = 1200) -> None:
        """Send speech as a microphone would: in real time, and with the quiet that follows."""
        async for frame in live(pcm, silence_ms, 100):
            await self.append(frame)

    async def append(self, pcm: bytes) -> None:
        await self.connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

    async def ask(self, text: str, **response: Any) -> None:
        """A text turn: an item and the wish for an answer."""
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.send("response.create", response=response)

    def of(self, *kinds: str, after: int = 0) -> list[Event]:
        return [event for event in self.events[after:] if event["type"] in kinds]

    def audio(self, item_id: str) -> bytes:
        """The sound of an item so far."""
        deltas = (e for e in self.of("response.output_audio.delta") if e["item_id"] == item_id)
        return b"".join(base64.b64decode(e["delta"]) for e in deltas)

    async def _read(self) -> None:
        try:
            while True:
                event = json.loads(await self.connection.recv_bytes())
                checked(event)
                await self.received(event)
        except websockets.ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
            await self.received({"type": "(closed)", "code": code, "reason": reason})
        except BaseException as error:
            await self.failed(error)
