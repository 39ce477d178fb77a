"""What the services are known to refuse, the local agent refuses too, in the same words (rows 43 to 47)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets

from server.agent.answering import MAX_PLANNED
from server.agent.options import AgentOptions
from server.agent.wires.assemblyai import wire
from tests.server.support.agent_support import RunningAgent, running_agent
from tests.server.support.inbox import Event
from tests.server.support.openai_client import OpenAIClient
from tests.server.support.openai_socket import KEY_PROTOCOL, browser, message, secret, until_closed
from tests.server.support.vendor_client import VendorClient

PAGE = "https://app.example.org"


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    options = AgentOptions(allow_control=True, allowed_origins=(PAGE,))
    with running_agent(options) as running:
        yield running


# --- row 43 -----------------------------------------------------------------------------------------------------------

DOORS = (
    ("POST", "/api/v1/sdk/token"),
    ("POST", "/api/v1/sdk/heartbeat"),
    ("POST", "/v1/realtime/client_secrets"),
    ("GET", "/v1/token?expires_in_seconds=60"),
    ("GET", "/v1/agents"),
    ("GET", "/v1/agents/agent_1"),
)


def preflight(agent: RunningAgent, path: str, method: str, origin: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return httpx.options(agent.url + path, headers={"Origin": origin, **asked}, trust_env=False)


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_row_43_an_allowed_page_may_call_the_doors_as_it_may_the_vendors(
    agent: RunningAgent, method: str, path: str
) -> None:
    first = preflight(agent, path, method, PAGE)
    assert first.status_code == 204
    assert first.headers["access-control-allow-origin"] == PAGE
    assert method in first.headers["access-control-allow-methods"]
    assert "authorization" in first.headers["access-control-allow-headers"].lower()
    for headers in ({"Authorization": "Bearer any"}, {}):
        # A refusal must be readable, too: else the page knows only that the fetch failed.
        answer = httpx.request(method, agent.url + path, headers={"Origin": PAGE, **headers}, trust_env=False)
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", PAGE + ":444", PAGE.upper()])
def test_row_43_no_other_page_may_read_an_answer(agent: RunningAgent, origin: str) -> None:
    for method, path in DOORS:
        for answer in (
            preflight(agent, path, method, origin),
            httpx.request(method, agent.url + path, headers={"Origin": origin}, trust_env=False),
        ):
            assert "access-control-allow-origin" not in answer.headers
            assert "origin" in answer.headers["vary"].lower()


def test_an_options_request_that_is_no_preflight_is_405(agent: RunningAgent) -> None:
    assert httpx.options(agent.url + "/api/v1/sdk/token", trust_env=False).status_code == 405


# --- row 44 -----------------------------------------------------------------------------------------------------------


async def error_after(client: OpenAIClient, kind: str, **fields: Any) -> Event:
    begin = len(client.events)
    await client.send(kind, **fields)
    return dict((await client.wait("error", after=begin))["error"])


def test_row_44_an_id_that_is_there_already_is_refused_as_the_service_does(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            item = message("user", "hello", id="a" * 32)
            await client.send("conversation.item.create", item=item)
            await client.wait("conversation.item.done")
            error = await error_after(client, "conversation.item.create", item=item, event_id="mine")
            assert error["code"] == "item_create_duplicate_item_id"
            assert error["param"] is None
            assert error["event_id"] == "mine"
            assert "a" * 32 in error["message"]

    asyncio.run(run())


def test_row_44_an_id_longer_than_the_service_takes_is_refused(agent: RunningAgent) -> None:
    items = [
        message("user", "hello", id="a" * 33),
        {"type": "function_call", "name": "f", "arguments": "{}", "id": "a" * 64},
        {"type": "function_call_output", "call_id": "c", "output": "x", "id": "a" * 400},
    ]

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            for item in items:
                error = await error_after(client, "conversation.item.create", item=item)
                assert (error["code"], error["param"]) == ("string_above_max_length", "item.id")
                assert "maximum length 32" in error["message"]
            error = await error_after(client, "response.create", response={"input": [items[0]]})
            assert (error["code"], error["param"]) == ("string_above_max_length", "response.input[0].id")
            error = await error_after(client, "conversation.item.create", item=message("user", "hello", id=""))
            assert (error["code"], error["param"]) == ("invalid_value", "item.id")

    asyncio.run(run())


# --- row 45 -----------------------------------------------------------------------------------------------------------

LONG = 'Say exactly: "' + " ".join(["this is a sentence that goes on and on,"] * 12) + '"'


@pytest.mark.parametrize("pace", ["burst", "real-time"])
def test_row_45_a_truncate_while_the_item_is_made_ends_it(agent: RunningAgent, pace: str) -> None:
    """What was not heard is gone: no more of it comes, the item holds none of it, and it
    cannot be cut later and later.
    """
    agent.scenario({"pace": pace, "chunk_ms": 20})

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.send("response.create", response={"instructions": LONG})
            for number in range(3):
                delta = await client.wait("response.output_audio.delta", after=number)
            item_id = delta["item_id"]
            cut = {"item_id": item_id, "content_index": 0}
            await client.send("conversation.item.truncate", **cut, audio_end_ms=20)
            truncated = await client.wait("conversation.item.truncated")
            after = client.events.index(truncated)
            done = await client.wait("response.done")
            assert client.of("response.output_audio.delta", "response.output_audio_transcript.delta", after=after) == []
            assert done["response"]["status"] == "cancelled"
            finished = [e["item"] for e in client.of("conversation.item.done") if e["item"]["id"] == item_id]
            assert [item["content"] for item in finished] == [[{"type": "output_audio", "transcript": None}]]
            error = await error_after(client, "conversation.item.truncate", **cut, audio_end_ms=20_000)
            assert (error["code"], error["param"]) == ("invalid_value", "audio_end_ms")
            await client.send("conversation.item.retrieve", item_id=item_id)
            kept = (await client.wait("conversation.item.retrieved"))["item"]
            assert kept["content"] == [{"type": "output_audio", "transcript": None}]
            # The session goes on.
            await client.ask("hello")
            begin = client.events.index(done)
            await client.wait("response.done", after=begin + 1, where=lambda e: e["response"]["status"] == "completed")

    asyncio.run(run())


# --- row 46 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?intent=transcription", "intent"),
        ("?model=gpt-realtime&intent=transcription", "intent"),
        ("?intent=anything", "intent"),
        ("?call_id=rtc_1", "call_id"),
    ],
)
def test_row_46_a_session_that_is_no_talking_one_is_refused_at_the_door(
    agent: RunningAgent, query: str, param: str
) -> None:
    key = secret(agent).json()["value"]

    async def run() -> list[Event]:
        async with browser(agent, "realtime", KEY_PROTOCOL + key, query=query) as socket:
            return await until_closed(socket)

    error, closed = asyncio.run(run())
    assert error["type"] == "error", "no session may have been opened"
    assert (error["error"]["code"], error["error"]["param"]) == ("invalid_value", param)
    assert closed["code"] == 1008


# --- row 47 -----------------------------------------------------------------------------------------------------------

PCM = {"encoding": "audio/pcm", "sample_rate": 24_000}
FIRST = {"greeting": "", "input": {"format": {"encoding": "audio/pcm"}}, "output": {"voice": "eve", "format": PCM}}
UNCHANGED: tuple[dict[str, Any], ...] = (
    FIRST,
    {"input": {"format": {"encoding": "audio/pcm"}}},
    {"input": {"format": {"sample_rate": 24_000}}},
    {"input": {"format": {"encoding": "audio/pcm", "sample_rate": None}}},
    {"input": {"format": {}}},
    {"input": {"format": PCM, "type": "audio"}},
    {"output": {"format": {"encoding": "audio/pcm"}, "voice": "eve", "type": "audio"}},
    {"greeting": ""},
    {"greeting": None},
)
CHANGED = (
    ({"input": {"format": {"encoding": "audio/pcmu"}}}, "input.format"),
    ({"input": {"format": {"sample_rate": 8000}}}, "input.format"),
    ({"input": {"format": {"encoding": "audio/pcm", "channels": 2}}}, "input.format"),
    ({"input": {"format": None}}, "input.format"),
    ({"output": {"format": {"encoding": "nonsense"}}}, "output.format"),
    ({"output": {"voice": "ivy"}}, "output.voice"),
    ({"input": {"type": "text"}}, "input.type"),
    ({"greeting": "other"}, "greeting"),
    ({"greeting": 0}, "greeting"),
)


async def told(agent: RunningAgent, session: dict[str, Any]) -> list[str | None]:
    """The params of the errors that answer a second update."""
    async with VendorClient(agent.url) as client:
        await client.start(**FIRST)
        begin = len(client.events)
        await client.send("session.update", session={**session, "system_prompt": "x"})
        await client.wait("session.updated", after=begin)
        return [e.get("param") for e in client.events[begin:] if e["type"] == "session.error"]


@pytest.mark.parametrize("session", UNCHANGED, ids=json.dumps)
def test_row_47_what_is_sent_again_and_changes_nothing_is_no_error(agent: RunningAgent, session: Any) -> None:
    assert asyncio.run(told(agent, session)) == []


@pytest.mark.parametrize(("session", "param"), CHANGED, ids=str)
def test_row_47_a_real_change_is_an_error(agent: RunningAgent, session: Any, param: str) -> None:
    assert asyncio.run(told(agent, session)) == [param]


def test_row_47_openais_voice_and_format_may_be_sent_again_after_it_has_spoken(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.ask("hello")
            await client.wait("response.done")
            output = {"voice": "marin", "format": {"type": "audio/pcm"}, "speed": 1.0}
            await client.configure(model="another", tracing=None, audio={"output": output})
            assert client.of("error") == []
            error = await error_after(
                client, "session.update", session={"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
            )
            assert error["code"] == "cannot_update_voice"

    asyncio.run(run())


# --- a message with half a character (row 68) -------------------------------------------------------------------------


def test_row_68_half_a_character_or_an_endless_number_ends_no_session(agent: RunningAgent) -> None:
    texts: tuple[str, ...] = ('{"type":"\\ud800"}', '{"type":"session.update","session":{"greeting":"\\udc00"}}')
    texts += ('{"type":"session.update","session":{"output":{"volume":' + "9" * 400 + "}}}",)

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            for text in texts:
                begin = len(client.events)
                await client.socket.send(text)
                await client.wait("session.error", after=begin)
            await client.start()
        async with OpenAIClient(agent.url) as openai:
            for text in ('{"type":"\\ud800"}', '{"type":"response.create","response":{"instructions":"\\ud800"}}'):
                begin = len(openai.events)
                await openai.connection.send_raw(text)
                await openai.wait("error", after=begin)
            await openai.configure()
        url = agent.url.replace("http", "ws", 1) + "/api/v1/sdk/ws"
        async with websockets.connect(url, proxy=None) as socket:
            await socket.send('{"token":"\\ud800"}')
            assert json.loads(await socket.recv())["code"] == "INVALID_AUTH"

    asyncio.run(run())
    body = '{"session":{"type":"realtime","instructions":"\\ud800"}}'
    headers = {"Authorization": "Bearer k"}
    answer = httpx.post(f"{agent.url}/v1/realtime/client_secrets", content=body, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


# --- places that nobody uses (row 63) ---------------------------------------------------------------------------------


def test_row_63_a_socket_that_never_says_anything_gives_its_place_back(
    agent: RunningAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "FIRST_MESSAGE_S", 1.0)

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            error = await client.wait("session.error")
            assert error["code"] == "agent_timeout"
            assert (await client.wait("(closed)"))["code"] == 1008
        async with VendorClient(agent.url) as client:
            await client.start(greeting="Hello, and now I say something that takes longer than that.")
            await client.wait("reply.done")
            assert [e for e in client.events if e["type"] == "session.error"] == []

    asyncio.run(run())


def test_responses_that_wait_are_bounded(agent: RunningAgent) -> None:
    agent.scenario({"pace": "real-time"})

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            for _ in range(MAX_PLANNED):
                await client.send("response.create", response={"conversation": "none", "instructions": LONG})
            error = await error_after(client, "response.create", response={"conversation": "none"})
            assert error["code"] == "rate_limit_exceeded"

    asyncio.run(run())
