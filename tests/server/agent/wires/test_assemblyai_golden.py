"""The agent against the golden messages: what it sends has their shape, what a client may send it takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.agent.options import AgentOptions
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.vendor_client import VendorClient

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "wire" / "assemblyai.jsonl").read_text(encoding="utf-8").splitlines()
]
CLIENT = [one for one in GOLDEN if one["direction"] == "client"]
SERVER = [one for one in GOLDEN if one["direction"] == "server"]
# Said by stored agents or by other parts of the service that the local agent does not imitate.
NEVER_SENT = {"reply.error", "error"}

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def shape(message: dict[str, Any]) -> dict[str, str]:
    return {key: kind_of(value) for key, value in message.items()}


def fits(message: dict[str, Any], golden: dict[str, Any]) -> bool:
    """The same keys, and values of the same JSON type (null stands for anything)."""
    ours, theirs = shape(message), shape(golden)
    return ours.keys() == theirs.keys() and all(
        ours[key] == theirs[key] or "NoneType" in (ours[key], theirs[key]) for key in ours
    )


@pytest.mark.slow
def test_every_message_of_a_long_session_has_the_shape_of_a_golden_one(agent: RunningAgent) -> None:
    async def run() -> list[dict[str, Any]]:
        async with VendorClient(agent.url) as client:
            await client.start(greeting="Hello there.", tools=[TOOL], input={"turn_detection": {"min_silence": 400}})
            await client.send("session.update", session={"system_prompt": "Be brief.", "output": {"voice": "eve"}})
            await client.send("no.such.event")
            await client.send("input.audio", audio="%")
            for _ in range(6):  # an agent that is short of time leaves out what it would have heard so far
                said = len(client.events)
                await client.talk(spoken("what is the weather in paris"))
                call = await client.wait("tool.call", after=said)
                await client.send("tool.result", call_id=call["call_id"], result="{}")
                await client.wait("transcript.agent", after=client.events.index(call))
                if any(event["type"] == "transcript.user.delta" for event in client.events):
                    break
            await client.send("reply.create", instructions="tell me a long story")
            await client.wait("transcript.agent.delta", where=lambda e: e["start_ms"] > 2000 and e["delta"] != "there.")
            await client.talk(spoken("thank you very much"))
            await client.wait("reply.done", where=lambda e: e["status"] == "interrupted")
            await client.send("session.end")
            await client.wait("(closed)")
            return client.events[:-1]

    events = asyncio.run(run())
    seen = {event["type"] for event in events}
    assert seen == {one["message"]["type"] for one in SERVER} - NEVER_SENT, "every type was sent, and no other"
    for event in events:
        candidates = [one["message"] for one in SERVER if one["message"]["type"] == event["type"]]
        assert any(fits(event, golden) for golden in candidates), (event, [shape(golden) for golden in candidates])


def test_the_configuration_is_echoed_with_the_golden_keys(agent: RunningAgent) -> None:
    golden = next(one["message"] for one in SERVER if one["name"] == "session.updated")["config"]

    async def run() -> dict[str, Any]:
        async with VendorClient(agent.url) as client:
            return dict((await client.start(tools=[TOOL]))["config"])

    config = asyncio.run(run())

    def keys(value: Any) -> Any:
        return {key: keys(item) for key, item in value.items()} if isinstance(value, dict) else None

    for part in ("input", "output"):
        config[part].pop("turn_detection", None)
        golden[part].pop("turn_detection", None)
        assert keys(config[part]) == keys(golden[part])
    assert config.keys() == golden.keys()
    tools = [tool for one in SERVER for tool in one["message"].get("config", {}).get("tools", [])]
    assert tools, "a golden message shows a tool's echo"
    assert all(config["tools"][0].keys() == tool.keys() for tool in tools)


@pytest.mark.parametrize("golden", CLIENT, ids=lambda one: one["name"])
def test_a_golden_client_message_is_taken(agent: RunningAgent, golden: dict[str, Any]) -> None:
    """As the first message where it may be one, otherwise in a running session; no session.error comes."""
    message = golden["message"]
    kind = message["type"]

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            if kind == "session.resume":
                await client.socket.send(json.dumps(message))
                # Nobody has this session; the form of the message was understood.
                assert (await client.wait("session.error"))["code"] == "session_not_found"
                return
            if "agent_id" in message.get("session", {}):
                await client.socket.send(json.dumps(message))
                # Nobody has stored this agent; the form of the message was understood.
                assert (await client.wait("session.error"))["code"] == "agent_not_found"
                return
            if kind == "session.update" and "mutable" not in golden["name"] and "tools" not in golden["name"]:
                await client.socket.send(json.dumps(message))
                await client.wait("session.ready")
            else:
                await client.start()
                await client.socket.send(json.dumps(message))
            if kind != "session.end":
                await client.send("session.end")
            closed = await client.wait("(closed)")
            assert [e for e in client.events if e["type"] == "session.error"] == []
            assert closed["code"] == 1000

    asyncio.run(run())
