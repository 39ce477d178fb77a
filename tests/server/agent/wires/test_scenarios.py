"""Switches and injected faults, as a client sees them, and what the agent remembers of a session."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import logging
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets

from server.agent.options import AgentOptions
from server.agent.scenario_names import NAMED
from server.agent.scenarios import Scenario
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.inbox import Event
from tests.server.support.vendor_client import VendorClient


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


async def session(agent: RunningAgent, scenario: str, *, until: str = "(closed)", **settings: Any) -> list[Event]:
    """The events of a session with a greeting, up to the first of a type."""
    client = VendorClient(agent.url, query=f"&scenario={scenario}")
    await client.connect(await client.mint())
    with contextlib.suppress(websockets.ConnectionClosed):
        await client.send("session.update", session={"greeting": "Hello there, how are you today?", **settings})
    await client.wait(until)
    events = list(client.events)
    await client.socket.close()
    return events


@pytest.mark.parametrize("code", [1000, 1008, 1011, 1012, 4001])
def test_a_close_code_in_the_middle_of_a_reply(agent: RunningAgent, code: int) -> None:
    events = asyncio.run(session(agent, f"close_{code}"))
    assert events[-1]["code"] == code
    assert sum(event["type"] == "reply.audio" for event in events) == 20
    assert not any(event["type"] in ("session.ended", "session.error") for event in events)


@pytest.mark.parametrize("scenario", ["drop_at_open", "drop_before_ready", "drop_mid_reply"])
def test_a_dropped_connection_has_no_close_frame(agent: RunningAgent, scenario: str) -> None:
    events = asyncio.run(session(agent, scenario))
    assert events[-1]["code"] in (None, 1006)


def test_an_error_in_the_middle_of_a_reply(agent: RunningAgent) -> None:
    events = asyncio.run(session(agent, "expired_mid_reply"))
    assert [event["type"] for event in events[-2:]] == ["session.error", "(closed)"]
    assert (events[-2]["code"], events[-1]["code"]) == ("session_expired", 1008)


@pytest.mark.parametrize(
    ("scenario", "order"),
    [
        ("default", ["session.updated", "session.ready"]),
        ("ready_before_updated", ["session.ready", "session.updated"]),
        ("ready_without_updated", ["session.ready"]),
        ("ready_twice", ["session.updated", "session.ready", "session.ready"]),
    ],
)
def test_the_opening_can_be_in_every_order(agent: RunningAgent, scenario: str, order: list[str]) -> None:
    events = asyncio.run(session(agent, scenario, until="reply.started"))
    assert [event["type"] for event in events if event["type"].startswith("session.")] == order


def test_a_session_that_never_becomes_ready_says_nothing(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url, query="&scenario=never_ready") as client:
            await client.send("session.update", session={"greeting": "Hello"})
            await client.wait("session.updated")
            await asyncio.sleep(0.5)
            assert [event["type"] for event in client.events] == ["session.updated"]

    asyncio.run(run())


def test_a_stalled_reply_leaves_the_socket_open(agent: RunningAgent) -> None:
    async def run() -> None:
        client = VendorClient(agent.url, query="&scenario=stall_mid_reply")
        await client.connect(await client.mint())
        await client.start(greeting="Hello there, how are you today?")
        await client.wait("reply.audio")
        await asyncio.sleep(1)
        assert sum(event["type"] == "reply.audio" for event in client.events) == 20
        assert client.events[-1]["type"] != "(closed)"
        await client.socket.close()

    asyncio.run(run())


def reply_bytes(events: list[Event]) -> list[int]:
    return [len(base64.b64decode(event["data"])) for event in events if event["type"] == "reply.audio"]


@pytest.mark.parametrize(("scenario", "size"), [("default", 480), ("burst", 2400), ("odd_bytes", 481)])
def test_chunk_sizes(agent: RunningAgent, scenario: str, size: int) -> None:
    events = asyncio.run(session(agent, scenario, until="reply.done"))
    assert max(reply_bytes(events)) == size


def test_a_whole_sentence_in_one_chunk(agent: RunningAgent) -> None:
    events = asyncio.run(session(agent, "one_big_chunk", until="reply.done"))
    assert len(reply_bytes(events)) == 1
    assert reply_bytes(events)[0] > 48_000


def test_leading_silence_is_silent_and_as_long_as_asked(agent: RunningAgent) -> None:
    agent.scenario({"pace": "burst", "leading_silence_ms": 700})

    async def run() -> bytes:
        async with VendorClient(agent.url) as client:
            await client.start(greeting="Hello")
            return client.audio((await client.wait("reply.done"))["reply_id"])

    sound = asyncio.run(run())
    assert not any(sound[: 700 * 48])
    assert any(sound[700 * 48 :])


def test_fields_of_old_documents_can_be_left_out(agent: RunningAgent) -> None:
    events = asyncio.run(session(agent, "bare_reply_done", until="reply.done"))
    assert set(events[-1]) == {"type", "timestamp"}
    assert all("reply_id" not in event for event in events if event["type"] == "reply.audio")


@pytest.mark.parametrize(("scenario", "kind"), [("default", float), ("iso_timestamps", str), ("no_timestamps", None)])
def test_timestamps(agent: RunningAgent, scenario: str, kind: type | None) -> None:
    events = asyncio.run(session(agent, scenario, until="reply.done"))
    assert {type(event.get("timestamp")) for event in events} == {kind or type(None)}


def test_the_other_name_of_an_error(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url, query="&scenario=error_event") as client:
            await client.send("no.such.event")
            assert (await client.wait("error"))["code"] == "invalid_format"

    asyncio.run(run())


def test_deltas_in_a_burst_come_before_their_sound(agent: RunningAgent) -> None:
    events = asyncio.run(session(agent, "delta_burst", until="reply.done"))
    types = [event["type"] for event in events if event["type"] in ("reply.audio", "transcript.agent.delta")]
    assert types[:6] == ["transcript.agent.delta"] * 6
    assert "transcript.agent.delta" not in types[6:]


@pytest.mark.parametrize("cap", ["enforced", "ended", "ignored"])
def test_the_session_cap(agent: RunningAgent, cap: str) -> None:
    agent.scenario({"cap": cap, "cap_s": 0.4})

    async def run() -> list[Event]:
        client = VendorClient(agent.url)
        await client.connect(await client.mint())
        await client.start()
        await asyncio.sleep(1)
        await client.socket.close()
        await client.wait("(closed)")
        return client.events

    events = asyncio.run(run())
    ends = {"enforced": "session.error", "ended": "session.ended", "ignored": "session.ready"}
    closes = {"enforced": 1008, "ended": 1000, "ignored": 1000}
    assert (events[-2]["type"], events[-1]["code"]) == (ends[cap], closes[cap])


@pytest.mark.parametrize(
    "name",
    ["truncated_json", "not_an_object", "unknown_event", "missing_field", "wrong_type", "infinite_number",
     "deep_message", "huge_message", "binary_frame"],
)  # fmt: skip
def test_a_malformed_message_is_sent_as_it_stands_and_the_session_goes_on(agent: RunningAgent, name: str) -> None:
    async def run() -> None:
        client = VendorClient(agent.url, query=f"&scenario={name}")
        url = f"{agent.url.replace('http', 'ws', 1)}/v1/ws?token={await client.mint()}&scenario={name}"
        async with websockets.connect(url, max_size=None, proxy=None) as socket:
            await socket.send('{"type":"session.update"}')
            got = [await asyncio.wait_for(socket.recv(), 10) for _ in range(3)]
            fault = NAMED[name].faults[0]
            wanted: str | bytes = fault.text.encode("latin-1") if fault.do == "send_binary" else fault.text
            assert got[2] == wanted
            await socket.send('{"type":"session.end"}')
            assert json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] == "session.ended"

    asyncio.run(run())


def test_tokens_can_be_long_and_reusable(agent: RunningAgent) -> None:
    agent.scenario("live", sessions=3)

    async def run() -> None:
        token = await VendorClient(agent.url).mint()
        assert len(token) >= 2400
        for _ in range(2):
            client = VendorClient(agent.url)
            await client.connect(token)
            await client.start()
            await client.socket.close()

    asyncio.run(run())
    agent.scenario("default", sessions=0)


def test_the_scenario_set_for_two_sessions_ends_after_two(agent: RunningAgent) -> None:
    agent.scenario("at_capacity", sessions=2)

    async def run() -> list[bool]:
        outcomes = []
        for _ in range(3):
            client = VendorClient(agent.url)
            await client.connect(await client.mint())
            with contextlib.suppress(websockets.ConnectionClosed):
                await client.send("session.update", session={})
            await client.wait_any("session.ready", "(closed)")
            outcomes.append(client.events[0]["type"] == "session.error")
            await client.socket.close()
        return outcomes

    assert asyncio.run(run()) == [True, True, False]


def test_a_scenario_can_come_with_the_token(agent: RunningAgent) -> None:
    """For a client whose socket address cannot be changed, but whose mint call can."""

    async def run() -> None:
        client = VendorClient(agent.url)
        params = {"expires_in_seconds": "60", "scenario": "close_4001"}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{agent.url}/v1/token", params=params, headers={"Authorization": "k"})
        await client.connect(answer.json()["token"])
        await client.start(greeting="Hello there, how are you?")
        assert (await client.wait("(closed)"))["code"] == 4001

    asyncio.run(run())


def test_a_process_wide_scenario_needs_no_client_to_ask() -> None:
    with running_agent(AgentOptions(scenario=Scenario(name="x", timestamps="none"), prewarm=False)) as plain:

        async def run() -> None:
            async with VendorClient(plain.url) as client:
                assert "timestamp" not in await client.start()

        asyncio.run(run())


@pytest.mark.slow
def test_the_record_shows_what_the_agent_saw(agent: RunningAgent) -> None:
    async def run() -> str:
        async with VendorClient(agent.url) as client:
            ready = await client.start(input={"turn_detection": {"min_silence": 400}})
            await client.talk(spoken("thank you very much"), silence_ms=800)
            await client.wait("transcript.agent")
            await client.send("tool.result", call_id="nobody", result="{}")
            await client.send("session.end")
            await client.wait("(closed)")
            return str(ready["session_id"])

    session_id = asyncio.run(run())
    record = agent.record(session_id)
    assert record["heard"] == ["thank you very much"]
    assert record["said"] == ["You are welcome."]
    assert record["frame_bytes"]["2400"] > 20
    assert 0.8 < record["audio_rate"] < 1.3
    assert record["received"]["input.audio"]["count"] == sum(record["frame_bytes"].values())
    assert record["sent"]["session.ended"]["count"] == 1
    assert record["violations"][-1] == "tool.result for a call that nobody waits for"
    assert (record["close_code"], record["closed_by"]) == (1000, "agent")
    answer = httpx.get(f"{agent.url}/_sessions/{session_id}/audio", trust_env=False)
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getframerate() == 24_000
        assert abs(file.getnframes() / 24 - record["audio_ms"]) < 1
        sent = spoken("thank you very much")
        assert file.readframes(len(sent) // 2) == sent, "byte for byte"


def test_no_log_line_holds_a_token_or_what_was_said(agent: RunningAgent, caplog: pytest.LogCaptureFixture) -> None:
    """Our own lines, at every level; the web server's are the server room's business."""
    caplog.set_level(logging.DEBUG, logger="parley")
    tokens: list[str] = []

    async def run() -> None:
        client = VendorClient(agent.url, api_key="canary-key", query="&scenario=burst")
        tokens.append(await client.mint())
        await client.connect(tokens[0])
        tokens.append((await client.start())["resume_token"])
        await client.send("reply.create", instructions='say "xylophone"')
        await client.wait("reply.done")
        await client.socket.close()

    asyncio.run(run())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("parley")]
    for secret in (*tokens, "canary-key", "xylophone"):
        assert not any(secret in line for line in lines)
