"""The SDK-style voice wire: a token, a socket, frames of sound, and the four messages that there are.

What was said can only be heard: a turn is proved by the agent's own speech recognition of the reply,
and by the agent's record.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from server.agent.asr_worker import Recognizer
from server.agent.options import AgentOptions
from tests.server.support.agent_support import RunningAgent, running_agent
from tests.server.support.sdk_client import FRAME_BYTES, FRAME_S, SdkClient, mint, record_of, said, spoken16

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


def heard_in(pcm: bytes) -> str:
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int16)
    return str(Recognizer().recognize(samples, final=True)["text"])


def test_a_voice_turn(agent: RunningAgent) -> None:
    """Connected, ready, greeted; asked by voice and answered by voice; every frame is 20 ms."""

    async def run() -> None:
        async with SdkClient(agent) as client:
            await client.wait("agent_ready")
            assert [one["type"] for one in client.told] == ["connected", "agent_ready"]
            await said(agent, 1)
            greeting = len(client.frames)
            assert greeting > 50
            await client.talk(spoken16("thank you very much"))
            assert await said(agent, 2) == ["Hello, what can I do for you?", "You are welcome."]
            answer = b"".join(client.frames[greeting:])
            assert {len(frame) for frame in client.frames} == {FRAME_BYTES}
            assert np.sqrt(np.mean(np.square(np.frombuffer(answer, dtype="<i2").astype(float)))) > 300
            record = record_of(agent)
            assert record["heard"] == ["thank you very much"]
            assert set(record["frame_bytes"]) == {str(FRAME_BYTES)}
            assert record["violations"] == []

    asyncio.run(run())


def test_the_sound_is_speech_at_16_khz(agent: RunningAgent) -> None:
    """At another rate nobody could understand it: the recognizer that people are heard with hears the greeting, too."""
    agent.scenario({"greeting": "What time is it?", "pace": "burst"})

    async def run() -> bytes:
        async with SdkClient(agent) as client:
            await said(agent, 1)
            await client.until(lambda: len(client.frames) > 40)
            return client.sound()

    assert heard_in(asyncio.run(run())) == "what time is it"


def test_speech_stops_the_agent(agent: RunningAgent) -> None:
    async def run() -> None:
        async with SdkClient(agent, "no_greeting") as client:
            await client.wait("connected")
            await client.talk(spoken16("can you tell me a long story"))
            await client.until(lambda: len(client.frames) > 100)
            await client.talk(spoken16("what is your name"), silence_ms=1500)
            story, answer = (await said(agent, 2))[:2]
            assert len(story.split()) < 60, "cut to what was heard"
            assert "agent" in answer

    asyncio.run(run())


def test_what_needs_the_page_is_refused_in_words(agent: RunningAgent) -> None:
    async def run() -> None:
        async with SdkClient(agent, "no_greeting") as client:
            await client.wait("connected")
            await client.talk(spoken16("what is the weather like in london"))
            assert await said(agent, 1) == ["I cannot do that here."]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("key", "status"), [("", 401), ("Basic abc", 401), ("kiosk-key", 401), ("Bearer kiosk-key", 200)]
)
def test_the_token_route_wants_a_bearer_key(agent: RunningAgent, key: str, status: int) -> None:
    assert mint(agent, key=key).status_code == status


@pytest.mark.parametrize("body", [{}, {"content": b""}, {"json": {}}, {"content": b"{not json"}])
def test_the_body_of_a_token_request_does_not_matter(agent: RunningAgent, body: Any) -> None:
    assert mint(agent, **body).status_code == 200


def test_a_token_names_the_socket_of_the_host_that_was_asked(agent: RunningAgent) -> None:
    answer = mint(agent, key="Bearer k").json()
    assert set(answer) == {"token", "ws_url"}
    assert answer["ws_url"] == agent.url.replace("http", "ws", 1) + "/api/v1/sdk/ws"
    header, claims, _ = answer["token"].split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert told["exp"] - told["iat"] == 300
    headers = {"Host": "voice.example.com:8443", "Authorization": "Bearer k"}
    other = httpx.post(f"{agent.url}/api/v1/sdk/token", headers=headers, trust_env=False).json()
    assert other["ws_url"] == "ws://voice.example.com:8443/agent/api/v1/sdk/ws"


def test_the_heartbeat(agent: RunningAgent) -> None:
    url = f"{agent.url}/api/v1/sdk/heartbeat"
    good = httpx.post(url, headers={"Authorization": "Bearer k"}, trust_env=False)
    assert (good.status_code, good.json()) == (200, {"status": "ok"})
    assert httpx.post(url, trust_env=False).status_code == 401


@pytest.mark.parametrize("status", [403, 500])
def test_the_token_route_can_be_made_to_refuse(agent: RunningAgent, status: int) -> None:
    agent.scenario(f"token_{status}")
    assert [mint(agent).status_code for _ in range(2)] == [status, 200]


async def first_message(agent: RunningAgent, message: str | bytes | None, scenario: str = "") -> list[dict[str, Any]]:
    client = await SdkClient(agent, scenario).open()
    if message is not None:
        await client.socket.send(message)
    await client.wait("(closed)")
    return client.told


@pytest.mark.parametrize(
    ("message", "code", "close"),
    [
        ("{", "INVALID_AUTH", 4002),
        ("{}", "INVALID_AUTH", 4002),
        ('{"token":7}', "INVALID_AUTH", 4002),
        (bytes(FRAME_BYTES), "INVALID_AUTH", 4002),
        ('{"token":"a.b.c"}', "AUTH_FAILED", 4003),
        ('{"token":"\\u20ac.\\u20ac"}', "AUTH_FAILED", 4003),
        (None, "AUTH_TIMEOUT", 4001),
    ],
)
def test_a_wrong_first_message_is_told_and_closes(
    agent: RunningAgent, message: str | bytes | None, code: str, close: int
) -> None:
    error, closed = asyncio.run(first_message(agent, message, "quick_auth_timeout" if message is None else ""))
    assert (error["type"], error["code"], closed["code"]) == ("error", code, close)


def test_a_token_is_good_for_one_session(agent: RunningAgent) -> None:
    async def run() -> None:
        async with SdkClient(agent) as client:
            await client.wait("connected")
            again = await SdkClient(agent).open()
            await again.socket.send(json.dumps({"token": client.minted["token"]}))
            assert (await again.wait("error"))["message"] == "Invalid or expired token"
            assert (await again.wait("(closed)"))["code"] == 4003

    asyncio.run(run())


def test_a_session_that_cannot_be_set_up(agent: RunningAgent) -> None:
    async def run() -> None:
        async with SdkClient(agent, "server_error") as client:
            assert (await client.wait("error"))["code"] == "SESSION_SETUP_FAILED"
            assert (await client.wait("(closed)"))["code"] == 4500

    asyncio.run(run())


@pytest.mark.parametrize("reason", ["session_closed", "room_closed", "agent_disconnected", "server_shutdown"])
def test_a_session_ends_with_each_reason(agent: RunningAgent, reason: str) -> None:
    agent.scenario({"cap_s": 0.3, "end_reason": reason})

    async def run() -> None:
        async with SdkClient(agent) as client:
            assert (await client.wait("session_ended"))["reason"] == reason
            assert (await client.wait("(closed)"))["code"] == 1000

    asyncio.run(run())


@pytest.mark.parametrize(("scenario", "size"), [("odd_frames", 641), ("large_frames", 5000), ("burst", 640)])
def test_frames_of_other_sizes(agent: RunningAgent, scenario: str, size: int) -> None:
    async def run() -> None:
        async with SdkClient(agent, scenario) as client:
            await said(agent, 1)
            await client.until(lambda: len(client.frames) > 5)
            assert {len(frame) for frame in client.frames} == {size}

    asyncio.run(run())


@pytest.mark.parametrize(("scenario", "paced"), [("default", True), ("burst", False)])
def test_frames_are_paced_unless_they_come_in_a_burst(agent: RunningAgent, scenario: str, paced: bool) -> None:
    """The agent's own record says over what time it sent so much sound; only a fifth of a second may go ahead."""

    async def run() -> None:
        async with SdkClient(agent, scenario) as client:
            await said(agent, 1)
            await client.until(lambda: len(client.frames) > 50)

    asyncio.run(run())
    sent = record_of(agent)["sent"]["(audio)"]
    took_ms, sound_ms = sent["last_ms"] - sent["first_ms"], sent["count"] * FRAME_S * 1000
    assert (took_ms > sound_ms - 200) is paced


def test_an_agent_that_never_comes(agent: RunningAgent) -> None:
    async def run() -> None:
        async with SdkClient(agent, "never_ready") as client:
            await client.wait("connected")
            await client.talk(spoken16("thank you very much"))
            assert await said(agent, 1) == ["You are welcome."], "sound may come before agent_ready"
            assert [one["type"] for one in client.told] == ["connected"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "scenario", ["drop_at_open", "drop_before_ready", "drop_at_ready", "drop_mid_reply", "drop_after_5"]
)
def test_a_dropped_connection_has_no_close_frame(agent: RunningAgent, scenario: str) -> None:
    async def run() -> None:
        client = await SdkClient(agent, scenario).open()
        if scenario != "drop_at_open":
            await client.socket.send(json.dumps({"token": client.minted["token"]}))
        assert (await client.wait("(closed)"))["code"] in (None, 1006)

    asyncio.run(run())


def test_frames_of_another_size_are_heard_and_noted(agent: RunningAgent) -> None:
    async def run() -> None:
        async with SdkClient(agent, "no_greeting") as client:
            await client.wait("connected")
            await client.socket.send(bytes(641))
            await client.socket.send("{}")
            await client.socket.send(bytes(639))
            await client.talk(b"", silence_ms=100)
        record = record_of(agent)
        assert record["frame_bytes"] == {"641": 1, "639": 1, "640": 5}
        assert len(record["violations"]) == 3

    asyncio.run(run())


def test_no_log_line_holds_a_token(agent: RunningAgent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="parley")

    async def run() -> str:
        async with SdkClient(agent) as client:
            await client.wait("agent_ready")
            return str(client.minted["token"])

    token = asyncio.run(run())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("parley")]
    assert not any(token in line or "kiosk-key" in line for line in lines)
