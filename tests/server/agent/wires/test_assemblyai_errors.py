"""The error table of protocol file section 6, row by row, and the token route of section 1."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets

from server.agent.options import AgentOptions
from tests.server.support.agent_support import RunningAgent, running_agent
from tests.server.support.vendor_client import VendorClient


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    options = AgentOptions(allow_control=True, allowed_origins=("https://app.example.org",), prewarm=False)
    with running_agent(options) as running:
        yield running


TOOL = {"type": "function", "name": "t", "description": "", "parameters": {"type": "object", "properties": {}}}


async def refused_at_first(agent: RunningAgent, session: Any) -> tuple[dict[str, Any], bool]:
    """The error that answers a first session.update, and whether the socket closed with 1008."""
    async with VendorClient(agent.url) as client:
        await client.send("session.update", session=session)
        error = await client.wait("session.error")
        # A message that is always answered shows that the socket is still open.
        try:
            await client.send("no.such.event")
            await client.wait("session.error", where=lambda e: "no.such.event" in e["message"], timeout_s=3)
        except (TimeoutError, websockets.ConnectionClosed):
            closed = await client.wait("(closed)")
            assert closed["code"] == 1008
            return error, True
        return error, False


@pytest.mark.parametrize(
    ("session", "code", "says", "param", "closes"),
    [
        ({"output": {"voice": "ivy"}}, "invalid_value", "Invalid voice 'ivy'. Must be one of: alba, ", "output.voice", True),
        (
            {"agent_id": "agent_" + "0" * 32, "greeting": "Hi"},
            "invalid_value",
            "agent_id is mutually exclusive with other session fields",
            "agent_id",
            True,
        ),
        ({"agent_id": "agent_" + "0" * 32}, "agent_not_found", "Agent not found", "agent_id", True),
        ({"llm": [{"model": "x"}]}, "invalid_value", "BYO LLM config is not allowed", "llm", True),
        ({"greeting": None}, "invalid_format", "Invalid message format for type 'session.update'", None, False),
        ({"no_such_key": 1}, "invalid_format", "Invalid message format for type 'session.update'", None, False),
        ({"input": {"no_such_key": 1}}, "invalid_format", "Invalid message format", None, False),
        (
            {"tools": [{**TOOL, "parameters": {"type": "object", "properties": []}}]},
            "invalid_value",
            "'tools[0].parameters.properties' must be an object",
            "tools[0].parameters.properties",
            False,
        ),
        ({"input": {"turn_detection": {"vad_threshold": 2}}}, "invalid_config", "", "input.turn_detection.vad_threshold", False),
        ({"output": {"volume": 101}}, "invalid_config", "", "output.volume", False),
        ({"input": {"format": {"encoding": "audio/pcm", "sample_rate": 16000}}}, "invalid_config", "24000", "input.format.sample_rate", False),
        ({"webhook": {"url": "http://x"}}, "invalid_webhook", "", "webhook", False),
    ],
)  # fmt: skip
def test_a_refused_first_update(
    agent: RunningAgent, session: Any, code: str, says: str, param: str | None, closes: bool
) -> None:
    error, closed = asyncio.run(refused_at_first(agent, session))
    assert (error["code"], error.get("param"), closed) == (code, param, closes)
    assert says in error["message"]
    assert ("session_id" in error) == (param is not None), "config-level errors carry both, protocol-level ones neither"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{not json", "invalid_format", "Invalid JSON format."),
        ("[1]", "invalid_format", "Invalid JSON format."),
        ('{"type":"input.audio","audio":NaN}', "invalid_format", "Invalid JSON format."),
        ('{"type":"no.such.event"}', "invalid_format", "Unknown message type: no.such.event"),
        ('{"type":"conversation.message","role":"agent","content":"x"}', "invalid_format",
         "Invalid message format for type 'conversation.message'"),
        ('{"type":"conversation.message","role":"user","content":["x"]}', "invalid_format",
         "Invalid message format for type 'conversation.message'"),
        ('{"type":"tool.result","call_id":"c","result":{"a":1}}', "invalid_format",
         "Invalid message format for type 'tool.result'"),
        ('{"type":"input.audio","data":"AAAA"}', "invalid_format", "Invalid message format for type 'input.audio'"),
        ('{"type":"input.audio","audio":"%%%"}', "invalid_audio", "Invalid audio data"),
        ('{"type":"session.update","session":{"output":{"voice":"eve"}}}', "immutable_field",
         "'output.voice' cannot be changed after the first session.update"),
        ('{"type":"session.update","session":{"output":{"voice":"ivy"}}}', "immutable_field",
         "'output.voice' cannot be changed after the first session.update"),
        ('{"type":"session.update","session":{"greeting":"other"}}', "immutable_field",
         "'greeting' cannot be changed after the first session.update"),
        ('{"type":"session.update","session":{"agent_id":"agent_1"}}', "agent_id_not_first",
         "agent_id can only be set on the first session.update"),
        ('{"type":"session.resume","session_id":"sess_1"}', "invalid_format", "session.resume must be the first message"),
        ("[" * 100_000, "invalid_format", "Invalid JSON format."),
        ('{"type":"x","p":"' + "x" * (1 << 20) + '"}', "invalid_format", "Invalid JSON format."),
    ],
)  # fmt: skip
def test_a_refused_later_message_leaves_the_session_open(
    agent: RunningAgent, text: str, code: str, message: str
) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start()
            await client.socket.send(text)
            error = await client.wait("session.error")
            assert (error["code"], error["message"]) == (code, message)
            begin = len(client.events)
            await client.send("session.update", session={"system_prompt": "still here"})
            updated = await client.wait("session.updated", after=begin)
            assert updated["config"]["system_prompt"] == "still here"
            assert updated["config"]["output"]["voice"] == "alba", "the change was dropped"

    asyncio.run(run())


def test_a_binary_message_is_refused_and_the_session_goes_on(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start()
            await client.socket.send(b"\x00\x01")
            assert (await client.wait("session.error"))["code"] == "invalid_format"
            await client.send("session.end")
            assert (await client.wait("(closed)"))["code"] == 1000

    asyncio.run(run())


def test_mutable_fields_change_and_unset_ones_are_null(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as client:
            ready = await client.start()
            config = ready["config"]
            assert config["input"]["turn_detection"] is None
            assert config["output"] == {
                "type": "audio",
                "voice": "alba",
                "format": {"encoding": "audio/pcm", "sample_rate": 24000},
                "volume": None,
            }
            assert ready["session_id"].startswith("sess_")
            assert len(ready["session_id"]) == 37
            begin = len(client.events)
            changes = {"output": {"volume": 40}, "tools": [TOOL], "input": {"turn_detection": {"min_silence": 600}}}
            await client.send("session.update", session=changes)
            updated = (await client.wait("session.updated", after=begin))["config"]
            assert updated["output"]["volume"] == 40
            assert updated["tools"][0]["timeout_seconds"] == 120
            assert updated["input"]["turn_detection"]["min_silence"] == 600
            assert updated["input"]["turn_detection"]["max_silence"] is None

    asyncio.run(run())


def test_an_unchanged_immutable_field_is_no_error_by_default_and_one_by_a_switch(agent: RunningAgent) -> None:
    async def run(query: str) -> list[str]:
        async with VendorClient(agent.url, query=query) as client:
            await client.start(greeting="")
            await client.send("session.update", session={"output": {"voice": "alba"}, "system_prompt": "x"})
            await client.wait("session.updated", after=2)
            return [e["code"] for e in client.events if e["type"] == "session.error"]

    assert asyncio.run(run("")) == []
    assert asyncio.run(run("&scenario=strict_immutable")) == ["immutable_field"]


def test_the_agent_is_silent_until_the_first_message_and_wants_an_update(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await asyncio.sleep(0.3)
            assert client.events == []
            await client.send("reply.create")
            assert (await client.wait("session.error"))["code"] == "invalid_format"
            await client.start()

    asyncio.run(run())


def test_audio_before_ready_is_dropped_without_a_word(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.send("input.audio", audio=base64.b64encode(bytes(2400)).decode())
            ready = await client.start()
            assert [e for e in client.events if e["type"] == "session.error"] == []
            assert agent.record(ready["session_id"])["audio_before_ready"] == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("scenario", "codes", "close"),
    [
        ("unauthorized", ["unauthorized"], 1008),
        ("unauthorized_upper", ["UNAUTHORIZED"], 1008),
        ("unauthorized_1008", [], 1008),
        ("unauthorized_1006", [], 1006),
        ("at_capacity", ["at_capacity"], 1008),
        ("server_error", ["server_error"], 1008),
        ("concurrency_exceeded", ["concurrency_exceeded"], 1008),
    ],
)
def test_a_refusal_at_the_door(agent: RunningAgent, scenario: str, codes: list[str], close: int) -> None:
    async def run() -> None:
        client = VendorClient(agent.url, query=f"&scenario={scenario}")
        await client.connect(await client.mint())
        closed = await client.wait("(closed)")
        assert (closed["code"] or 1006) == close
        assert [e["code"] for e in client.events if e["type"] == "session.error"] == codes

    asyncio.run(run())


def test_a_token_that_is_missing_used_or_unknown_is_told_the_live_way(agent: RunningAgent) -> None:
    async def attempt(token: str) -> dict[str, Any]:
        client = VendorClient(agent.url)
        await client.connect(token)
        assert (await client.wait("(closed)"))["code"] == 1008
        return client.events[0]

    async def run() -> None:
        used = await VendorClient(agent.url).mint()
        client = VendorClient(agent.url)
        await client.connect(used)
        await client.start()
        for token in ("", "never-minted", used):
            error = await attempt(token)
            timestamp = error.pop("timestamp")
            assert isinstance(timestamp, float)
            assert error == {
                "type": "session.error",
                "code": "unauthorized",
                "message": "Authentication failed",
                "session_id": None,
                "param": None,
            }
        await client.socket.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("scenario", "code", "close"),
    [
        ("crash_at_setup", "INTERNAL_ERROR", 1011),
        ("forbidden", "FORBIDDEN", 1008),
        ("short_cap", "session_expired", 1008),
    ],
)
def test_an_error_that_ends_a_session(agent: RunningAgent, scenario: str, code: str, close: int) -> None:
    if scenario == "short_cap":
        agent.scenario({"base": "short_cap", "cap_s": 0.3})
    else:
        agent.scenario(scenario)

    async def run() -> None:
        client = VendorClient(agent.url)
        await client.connect(await client.mint())
        await client.send("session.update", session={})
        assert (await client.wait("session.error"))["code"] == code
        assert (await client.wait("(closed)"))["code"] == close

    asyncio.run(run())


def test_audio_faster_than_real_time_is_told_once_and_dropped(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url, query="&scenario=audio_rate") as client:
            ready = await client.start()
            for _ in range(400):  # 40 s of sound, so that they are too fast on a busy machine too
                await client.send("input.audio", audio=base64.b64encode(bytes(4800)).decode())
            error = await client.wait("session.error")
            assert error["code"] == "audio_rate_violation"
            await client.send("session.end")
            await client.wait("(closed)")
            # Twice where nothing could be sent for two seconds.
            assert agent.record(ready["session_id"])["errors"].count("audio_rate_violation") <= 2

    asyncio.run(run())


# The token route -----------------------------------------------------------------------------------------------------


def get_token(agent: RunningAgent, params: dict[str, str], **headers: str) -> httpx.Response:
    return httpx.get(f"{agent.url}/v1/token", params=params, headers=headers, trust_env=False)


AUTH = {"Authorization": "Bearer canary-key"}


@pytest.mark.parametrize("value", ["Bearer canary-key", "canary-key"])
def test_a_token_is_minted_for_both_forms_of_the_header(agent: RunningAgent, value: str) -> None:
    answer = get_token(agent, {"expires_in_seconds": "60"}, Authorization=value)
    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expires_in_seconds"}
    assert answer.json()["expires_in_seconds"] == 60
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({}, {"type": "missing", "loc": ["query", "expires_in_seconds"], "msg": "Field required", "input": None}),
        (
            {"expires_in_seconds": "0"},
            {
                "type": "greater_than_equal",
                "loc": ["query", "expires_in_seconds"],
                "msg": "Input should be greater than or equal to 1",
                "input": "0",
                "ctx": {"ge": 1},
            },
        ),
        (
            {"expires_in_seconds": "601"},
            {
                "type": "less_than_equal",
                "loc": ["query", "expires_in_seconds"],
                "msg": "Input should be less than or equal to 600",
                "input": "601",
                "ctx": {"le": 600},
            },
        ),
        (
            {"expires_in_seconds": "60", "max_session_duration_seconds": "30"},
            {
                "type": "greater_than_equal",
                "loc": ["query", "max_session_duration_seconds"],
                "msg": "Input should be greater than or equal to 60",
                "input": "30",
                "ctx": {"ge": 60},
            },
        ),
        (
            {"expires_in_seconds": "x"},
            {
                "type": "int_parsing",
                "loc": ["query", "expires_in_seconds"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "x",
            },
        ),
    ],
)
def test_a_wrong_token_request_is_answered_in_the_vendors_words(
    agent: RunningAgent, params: dict[str, str], detail: dict[str, Any]
) -> None:
    answer = get_token(agent, params, **AUTH)
    assert (answer.status_code, answer.json()) == (422, {"detail": [detail]})


def test_a_missing_header_and_a_wrong_key(agent: RunningAgent) -> None:
    missing = get_token(agent, {"expires_in_seconds": "60"})
    assert missing.status_code == 422
    assert missing.json()["detail"][0]["loc"] == ["header", "authorization"]
    with running_agent(AgentOptions(api_keys=("right",), prewarm=False)) as strict:
        wrong = get_token(strict, {"expires_in_seconds": "60"}, Authorization="Bearer wrong")
        assert (wrong.status_code, wrong.json()) == (404, {"detail": "Invalid API key"})
        assert get_token(strict, {"expires_in_seconds": "60"}, Authorization="Bearer right").status_code == 200


def test_the_token_answers_have_the_shape_that_fastapi_gives(agent: RunningAgent) -> None:
    """The document says that a plain FastAPI route produces these bodies: ask one."""
    from fastapi import FastAPI, Header, Query

    app = FastAPI()

    @app.get("/t")
    async def route(
        expires_in_seconds: int = Query(ge=1, le=600),
        max_session_duration_seconds: int = Query(10800, ge=60, le=10800),
        authorization: str = Header(),
    ) -> None: ...

    async def ask(params: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://reference") as reference:
            return await reference.get("/t", params=params, headers=headers)

    for params in ({}, {"expires_in_seconds": "0"}, {"expires_in_seconds": "9999"}, {"expires_in_seconds": "x"}):
        for headers in (AUTH, {}):
            wanted = asyncio.run(ask(params, headers))
            got = get_token(agent, params, **headers)
            assert (got.status_code, got.json()) == (wanted.status_code, wanted.json())


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://{host}", True),
        ("https://app.example.org", True),
        ("https://app.example.org.evil.example", False),
        ("http://app.example.org", False),
        ("https://evil.example", False),
        ("http://{host}.evil.example", False),
        ("http://127.0.0.1:1", False),
        ("null", False),
        ("file://", False),
    ],
)
def test_a_foreign_page_cannot_open_the_socket(agent: RunningAgent, origin: str | None, allowed: bool) -> None:
    host = agent.url.split("/")[2]

    async def run() -> None:
        client = VendorClient(agent.url, origin=origin.format(host=host) if origin else None)
        token = await client.mint()
        if allowed:
            await client.connect(token)
            await client.start()
            await client.socket.close()
            return
        with pytest.raises(websockets.InvalidStatus) as refused:
            await client.connect(token)
        assert refused.value.response.status_code == 403

    asyncio.run(run())


def test_the_control_routes_exist_only_when_allowed() -> None:
    with running_agent(AgentOptions(prewarm=False)) as plain:
        for path in ("/_sessions", "/_scenarios", "/_sessions/x/audio"):
            assert httpx.get(plain.url + path, trust_env=False).status_code == 404
        assert httpx.post(plain.url + "/_scenario", json={}, trust_env=False).status_code == 404


def test_a_wrong_scenario_is_refused_by_the_control_route(agent: RunningAgent) -> None:
    answer = httpx.post(agent.url + "/_scenario", json={"scenario": "no-such"}, trust_env=False)
    assert answer.status_code == 422
    assert "no-such" in answer.text
    assert json.loads(httpx.get(agent.url + "/_scenarios", trust_env=False).text)["scenarios"]
