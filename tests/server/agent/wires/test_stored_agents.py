"""Stored agents: the REST pair, and a session that names one, as AssemblyAI's own starters use them (row 48)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pyclient.codecs import create_codec
from pyclient.config import ClientConfig
from pyclient.core.events import SessionReady, ToolCalled
from server.agent.options import AgentOptions
from server.agent.wires.assemblyai import stored
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.vendor_client import VendorClient

MINIMAL = {
    "name": "Minimal agent",
    "system_prompt": "Be brief.",
    "voice": {"voice_id": "anna"},
    "greeting": "Hey, what can I do?",
}
HTTP_TOOL = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "execution_mode": "hold",
    "timeout_seconds": 15,
    "http": {
        "url": "https://api.example.com/weather",
        "http_method": "GET",
        "headers": [{"name": "Authorization", "value": "SECRET-header"}],
    },
}
WEATHER_OF = HTTP_TOOL["parameters"]
FULL = {
    **MINIMAL,
    "name": "Full agent",
    "input": {"keyterms": ["Parley"], "turn_detection": {"min_silence": 600, "max_silence": 1200}},
    "output": {"volume": 80},
    "tools": [HTTP_TOOL, {"name": "switch_light", "description": "Switch the light on or off"}],
    "llm": [{"base_url": "https://llm.example.com/v1", "model": "m", "api_key": "SECRET-llm"}],
}


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    options = AgentOptions(allow_control=True, api_keys=("good", "any-key"))
    with running_agent(options) as running:
        yield running


def ask(agent: RunningAgent, method: str, path: str = "", body: Any = None, key: str = "Bearer good") -> httpx.Response:
    headers = {"Authorization": key} if key else {}
    url = f"{agent.url}/v1/agents{path}"
    return httpx.request(method, url, json=body, headers=headers, trust_env=False)


def made(agent: RunningAgent, body: dict[str, Any]) -> str:
    return str(ask(agent, "POST", body=body).raise_for_status().json()["id"])


@pytest.mark.parametrize("body", [MINIMAL, FULL], ids=["minimal", "full"])
def test_row_48_an_agent_is_made_shown_listed_changed_and_deleted(agent: RunningAgent, body: dict[str, Any]) -> None:
    answer = ask(agent, "POST", body=body)
    assert answer.status_code == 201
    created = answer.json()
    assert created["id"].startswith("agent_")
    assert len(created["id"]) == len("agent_") + 32
    path = f"/{created['id']}"
    shown = ask(agent, "GET", path).json()
    assert shown == created
    assert {key: shown[key] for key in ("name", "system_prompt", "voice", "greeting")} == MINIMAL | {
        "name": body["name"]
    }
    assert "SECRET" not in json.dumps(shown), "what is secret does not come back"
    listed = ask(agent, "GET").json()
    assert (listed["has_more"], listed["response_metadata"]) == (False, {"next_cursor": ""})
    entry = next(one for one in listed["agents"] if one["id"] == created["id"])
    assert set(entry) == {"id", "name", "created_at", "updated_at"}
    # What a client read it may send back.
    changed = ask(agent, "PUT", path, {**shown, "greeting": "Welcome back."})
    assert changed.status_code == 200
    assert changed.json()["greeting"] == "Welcome back."
    assert changed.json()["created_at"] == created["created_at"]
    assert ask(agent, "DELETE", path).status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        gone = ask(agent, method, path, body if method == "PUT" else None)
        assert (gone.status_code, gone.json()["code"]) == (404, "agent_not_found")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"system_prompt": None}, "system_prompt"),
        ({"system_prompt": 5}, "system_prompt"),
        ({"voice": None}, "voice"),
        ({"voice": "anna"}, "voice"),
        ({"voice": {"voice_id": "ivy"}}, "output.voice"),
        ({"greting": "x"}, "greting"),
        ({"input": {"turn_detection": {"vad_threshold": 2}}}, "input.turn_detection.vad_threshold"),
        ({"input": []}, "input"),
        ({"tools": [{"name": "a", "parameters": []}]}, "tools[0].parameters"),
        ({"tools": [{"name": "a", "http": {"url": "http://plain.example.com"}}]}, "tools[0].http"),
        ({"llm": [{"model": 5}]}, "llm"),
        ({"llm": [{}, {}]}, "llm"),
    ],
    ids=str,
)
def test_row_48_a_wrong_agent_is_refused_and_named(agent: RunningAgent, change: dict[str, Any], param: str) -> None:
    before = len(ask(agent, "GET").json()["agents"])
    answer = ask(agent, "POST", body={**MINIMAL, **change})
    assert answer.status_code == 422
    body = answer.json()
    assert set(body) == {"code", "message", "param", "request_id", "errors", "detail"}
    assert (body["code"], body["param"]) == ("validation_error", param)
    assert len(ask(agent, "GET").json()["agents"]) == before


def test_row_48_bodies_that_are_no_agent_are_refused(agent: RunningAgent) -> None:
    url, headers = f"{agent.url}/v1/agents", {"Authorization": "good"}
    for content in (b"", b"[]", b"{", b'{"a":' * 100, b'{"name":"' + b"x" * 300_000 + b'"}', b'{"name":"\\ud800"}'):
        answer = httpx.post(url, content=content, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


def test_row_48_the_key_is_asked_for_as_for_a_token(agent: RunningAgent) -> None:
    for path in ("", "/agent_1"):
        assert ask(agent, "GET", path, key="").status_code == 422
        wrong = ask(agent, "GET", path, key="Bearer wrong")
        assert (wrong.status_code, wrong.json()) == (404, {"detail": "Invalid API key"})


def test_row_48_the_agents_that_are_kept_are_bounded(agent: RunningAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_MAX_AGENTS", len(ask(agent, "GET").json()["agents"]))
    answer = ask(agent, "POST", body=MINIMAL)
    assert (answer.status_code, answer.json()["code"]) == (422, "agent_limit_reached")


def test_row_48_a_session_takes_its_settings_from_the_agent_it_names(agent: RunningAgent) -> None:
    agent_id = made(agent, FULL)

    async def run() -> dict[str, Any]:
        async with VendorClient(agent.url) as client:
            ready = await client.start(agent_id=agent_id)
            greeted = await client.wait("transcript.agent")
            assert greeted["text"].lower().startswith("hey")
            begin = len(client.events)
            await client.send("session.update", session={"agent_id": agent_id})
            assert (await client.wait("session.error", after=begin))["code"] == "agent_id_not_first"
            return dict(ready["config"])

    config = asyncio.run(run())
    assert config["system_prompt"] == "Be brief."
    assert config["output"]["voice"] == "anna"
    assert config["output"]["volume"] == 80
    assert config["input"]["keyterms"] == ["Parley"]
    assert config["input"]["turn_detection"]["min_silence"] == 600
    assert [tool["http"] is not None for tool in config["tools"]] == [True, False]
    assert config["llm"] == [{"base_url": "https://llm.example.com/v1", "model": "m"}]
    assert "SECRET" not in json.dumps(config)


@pytest.mark.slow
def test_row_48_a_spoken_turn_with_a_stored_agent(agent: RunningAgent) -> None:
    """As the starter's page holds it: nothing in the first update but the id.

    A tool that the service calls is not called here.
    """
    agent_id = made(agent, FULL)

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start(agent_id=agent_id)
            await client.wait("reply.done")
            begin = len(client.events)
            await client.talk(spoken("what is the weather in paris"))
            heard = await client.wait("transcript.user", after=begin)
            assert "weather" in heard["text"]
            await client.wait("reply.done", after=begin)
            assert [e for e in client.events if e["type"] == "tool.call"] == []

    asyncio.run(run())


@pytest.mark.slow
def test_row_48_our_client_opens_a_session_of_a_stored_agent_and_is_asked_for_its_tool(agent: RunningAgent) -> None:
    body = {**MINIMAL, "tools": [{"name": "get_weather", "description": "The weather", "parameters": WEATHER_OF}]}
    config = ClientConfig.from_dict({"agent_id": made(agent, body)})
    codec = create_codec(config.provider)

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            for message in codec.opening(config.settings(({"name": "not_for_the_service"},))):
                await client.socket.send(message)
            ready = await client.wait("session.ready")
            [event] = codec.decode(json.dumps(ready), config.limits)
            assert isinstance(event, SessionReady)
            greeted = await client.wait("transcript.agent")
            assert greeted["text"].lower().startswith("hey")
            await client.wait("reply.done")
            begin = len(client.events)
            await client.talk(spoken("what is the weather in paris"))
            call = await client.wait("tool.call", after=begin)
            [called] = codec.decode(json.dumps(call), config.limits)
            assert isinstance(called, ToolCalled)
            assert (called.name, called.informational) == ("get_weather", False)

    asyncio.run(run())


@pytest.mark.parametrize("agent_id", ["agent_" + "0" * 32, "", 5, None, ["a"]], ids=str)
def test_row_48_an_agent_that_is_not_there_closes_the_socket(agent: RunningAgent, agent_id: Any) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.send("session.update", session={"agent_id": agent_id})
            error = await client.wait("session.error")
            assert (error["code"], error["param"]) == ("agent_not_found", "agent_id")
            assert (await client.wait("(closed)"))["code"] == 1008

    asyncio.run(run())
