"""Whole conversations with the local agent, by a client that knows only the vendor's protocol, with real speech.

Everything is heard by the recogniser and spoken by the synthesizer; nothing is a fake. Waiting has deadlines, never
expectations of time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator

import numpy as np
import pytest

from server.agent.options import AgentOptions
from tests.server.support.agent_support import RunningAgent, espeak_command, running_agent, spoken, spoken_by_command
from tests.server.support.inbox import BYTES_PER_MS, Event
from tests.server.support.vendor_client import VendorClient

pytestmark = pytest.mark.slow

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
QUICK = {"turn_detection": {"min_silence": 500}}


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True, resume_window_ms=3000)) as running:
        yield running


def kinds(events: list[Event]) -> list[str]:
    """Types in order, repeated ones once."""
    found: list[str] = []
    for event in events:
        if not found or found[-1] != event["type"]:
            found.append(event["type"])
    return found


def level(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.square(np.frombuffer(pcm, dtype="<i2").astype(float)))))


def test_a_turn(agent: RunningAgent) -> None:
    """Configure, be greeted, ask, be answered: events in the documented order, and sound that is speech."""

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            ready = await client.start(greeting="Hello there.", input=QUICK)
            greeted = await client.wait("reply.done")
            assert kinds(client.events)[:3] == ["session.updated", "session.ready", "reply.started"]
            text = await client.wait("transcript.agent")
            assert (text["text"], text["interrupted"]) == ("Hello there.", False)
            sound = client.audio(greeted["reply_id"])
            assert 400 < len(sound) / BYTES_PER_MS < 4000
            assert level(sound) > 300, "not silence"

            begin = len(client.events)
            await client.talk(spoken("what time is it"))
            await client.wait("reply.done", after=begin)
            heard = await client.wait("transcript.user", after=begin)
            assert heard["text"] == "what time is it"
            answer = await client.wait("transcript.agent", after=begin)
            assert answer["text"].startswith("It is ")
            order = [kind for kind in kinds(client.events[begin:]) if kind not in ("transcript.user.delta",)]
            assert order[:4] == [
                "input.speech.started",
                "input.speech.stopped",
                "transcript.user",
                "reply.started",
            ]
            turn = client.events[begin:]
            last_audio = max(index for index, event in enumerate(turn) if event["type"] == "reply.audio")
            assert turn.index(answer) > last_audio
            assert turn[turn.index(answer) + 1]["type"] == "reply.done"
            words = "".join(e["delta"] for e in turn if e["type"] == "transcript.agent.delta")
            assert words.strip() == answer["text"]
            sizes = {len(base64.b64decode(e["data"])) for e in turn if e["type"] == "reply.audio"}
            assert max(sizes) == 480, "10 ms a chunk"

            await client.send("session.end")
            closed = await client.wait("(closed)")
            assert closed["code"] == 1000
            assert kinds(client.events)[-2:] == ["session.ended", "(closed)"]
            record = agent.record(ready["session_id"])
            assert record["heard"] == ["what time is it"]
            assert record["violations"] == []
            assert 0.7 < record["audio_rate"] < 1.5

    asyncio.run(run())


def test_an_interruption(agent: RunningAgent) -> None:
    """Speaking over a long story stops it at once: no audio after reply.done, and the text cut to what was heard."""

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start(input=QUICK)
            await client.send("reply.create", instructions="tell me a long story")
            story = await client.wait("reply.started")
            await client.wait("transcript.agent.delta", where=lambda e: e["start_ms"] > 1500)
            begin = len(client.events)
            await client.talk(spoken("what is your name"))
            done = await client.wait("reply.done", after=begin)
            assert (done["reply_id"], done["status"]) == (story["reply_id"], "interrupted")
            at = client.events.index(done)
            assert [e["type"] for e in client.events[at - 2 : at]] == ["input.speech.started", "transcript.agent"]
            cut = client.events[at - 1]
            assert cut["interrupted"] is True
            told = [e["delta"] for e in client.events[:at] if e["type"] == "transcript.agent.delta"]
            assert 3 < len(cut["text"].split()) <= len(told)
            assert "".join(told).startswith(cut["text"])
            stamps = [client.events[index]["timestamp"] for index in range(at - 2, at + 1)]
            assert stamps[-1] - stamps[0] < 0.5, "told together"

            answer = await client.wait("transcript.agent", after=at)
            assert "agent" in answer["text"]
            late = [e for e in client.events[at:] if e["type"] == "reply.audio" and e["reply_id"] == story["reply_id"]]
            assert late == []
            seconds = len(client.audio(story["reply_id"])) / BYTES_PER_MS / 1000
            assert seconds < 8, "the story is half a minute long"

    asyncio.run(run())


def test_a_tool_call(agent: RunningAgent) -> None:
    """The question becomes a call of the page's tool, the page's answer becomes speech."""

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            ready = await client.start(tools=[WEATHER], input=QUICK)
            assert ready["config"]["tools"][0]["execution_mode"] == "interactive"
            await client.talk(spoken("what is the weather like in london"))
            call = await client.wait("tool.call")
            assert (call["name"], call["arguments"]) == ("get_weather", {"city": "London"})
            done = await client.wait("reply.done")
            preamble = await client.wait("reply.started")
            order = [client.events.index(event) for event in (preamble, call, done)]
            assert order == sorted(order), "the call is inside a reply"
            assert done["status"] == "completed"
            begin = len(client.events)
            result = json.dumps({"temperature": 18, "condition": "sunny"})
            await client.send("tool.result", call_id=call["call_id"], result=result)
            answer = await client.wait("transcript.agent", after=begin)
            assert answer["text"] == "It is 18 degrees and sunny in London."
            assert agent.record(ready["session_id"])["violations"] == []

    asyncio.run(run())


def test_a_result_sent_too_early_is_accepted_and_noted(agent: RunningAgent) -> None:
    """The service says nothing about the ordering rule; a test must be able to see that it was broken."""
    agent.scenario("held_preamble")

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            ready = await client.start(tools=[WEATHER])
            await client.send("reply.create", instructions="what is the weather in paris")
            call = await client.wait("tool.call")
            assert [e for e in client.events if e["type"] == "reply.done"] == []
            await client.send("tool.result", call_id=call["call_id"], result="{}", is_error=True)
            answer = await client.wait("transcript.agent")
            assert answer["text"].startswith("I am sorry")
            assert len(agent.record(ready["session_id"])["violations"]) == 1

    asyncio.run(run())


def test_a_tool_in_hold_mode_is_called_in_silence_and_the_transcripts_wait(agent: RunningAgent) -> None:
    hold = {**WEATHER, "execution_mode": "hold"}

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start(tools=[hold], input=QUICK)
            await client.send("reply.create", instructions="what is the weather in paris")
            call = await client.wait("tool.call")
            assert [e for e in client.events if e["type"] == "reply.started"] == []
            await client.talk(spoken("thank you very much"))
            await client.wait("input.speech.stopped")
            await asyncio.sleep(0.5)
            assert [e for e in client.events if e["type"].startswith("transcript.user")] == []
            await client.send("tool.result", call_id=call["call_id"], result='{"temp": 7}')
            heard = await client.wait("transcript.user")
            assert heard["text"] == "thank you very much"
            answer = await client.wait("transcript.agent")
            assert answer["text"] == "It is 7 degrees in Paris."

    asyncio.run(run())


def test_a_tool_that_never_answers_is_apologised_for(agent: RunningAgent) -> None:
    slow = {**WEATHER, "timeout_seconds": 1}

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start(tools=[slow])
            await client.send("reply.create", instructions="what is the weather in paris")
            answer = await client.wait("transcript.agent")
            assert "no answer in time" in answer["text"]

    asyncio.run(run())


def test_two_sessions_at_once_are_both_heard_and_answered(agent: RunningAgent) -> None:
    """Recognition for one must not hold up the other's sound: both replies overlap in time."""

    async def one(words: str) -> tuple[str, list[float]]:
        async with VendorClient(agent.url) as client:
            await client.start(input=QUICK)
            await client.talk(spoken(words))
            await client.wait("reply.done")
            heard = await client.wait("transcript.user")
            return heard["text"], [e["timestamp"] for e in client.events if e["type"] == "reply.audio"]

    async def run() -> None:
        (first, first_at), (second, second_at) = await asyncio.gather(one("please count to ten"), one("tell me a joke"))
        assert (first, second) == ("please count to ten", "tell me a joke")
        assert first_at[0] < second_at[-1]
        assert second_at[0] < first_at[-1]

    asyncio.run(run())


def test_noise_and_silence_start_no_turn(agent: RunningAgent) -> None:
    """A cough must not become a command, and a quiet room not a conversation."""
    random = np.random.default_rng(5)
    cough = random.normal(0, 5000, 24 * 250) * np.exp(-np.arange(24 * 250) / 1500)
    room = random.normal(0, 40, 24 * 1500)
    room[24 * 500 : 24 * 750] += cough
    pcm = np.clip(room, -32768, 32767).astype("<i2").tobytes()

    async def run() -> None:
        async with VendorClient(agent.url) as client:
            await client.start(input=QUICK)
            await client.talk(pcm)
            await client.send("reply.create", instructions='say "done"')
            await client.wait("transcript.agent", where=lambda e: e["text"] == "done")
            assert [e for e in client.events if e["type"] == "transcript.user"] == []

    asyncio.run(run())


def test_a_lost_session_is_resumed_and_a_foreign_or_late_one_is_not(agent: RunningAgent) -> None:
    async def run() -> None:
        first = VendorClient(agent.url)
        await first.connect(await first.mint())
        ready = await first.start(greeting="Hello there.", tools=[WEATHER])
        session_id = ready["session_id"]
        await first.wait("reply.audio")
        first.socket.transport.abort()
        await first.wait("(closed)")

        stranger = VendorClient(agent.url, api_key="another-key")
        await stranger.connect(await stranger.mint())
        await stranger.send("session.resume", session_id=session_id)
        refused = await stranger.wait("session.error")
        assert refused["code"] == "session_forbidden"
        assert (await stranger.wait("(closed)"))["code"] == 1008

        again = VendorClient(agent.url)
        await again.connect(await again.mint())
        await again.send("session.resume", session_id=session_id)
        resumed = await again.wait("session.ready")
        assert resumed["session_id"] == session_id
        assert resumed["resume_token"] != ready["resume_token"]
        assert resumed["config"] == ready["config"], "what was configured is kept"
        await again.send("reply.create", instructions="count to three")
        text = await again.wait("transcript.agent")
        assert text["text"] == "One, two, three.", "and the greeting is not repeated"
        await again.send("session.end")
        await again.wait("(closed)")

        late = VendorClient(agent.url)
        await late.connect(await late.mint())
        await late.send("session.resume", session_id=session_id)
        assert (await late.wait("session.error"))["code"] == "session_not_found"
        assert (await late.wait("(closed)"))["code"] == 1008

    asyncio.run(run())


def test_a_session_is_forgotten_when_the_window_has_passed(agent: RunningAgent) -> None:
    async def run() -> None:
        first = VendorClient(agent.url)
        await first.connect(await first.mint())
        session_id = (await first.start())["session_id"]
        first.socket.transport.abort()
        await first.wait("(closed)")
        await asyncio.sleep(3.5)
        late = VendorClient(agent.url)
        await late.connect(await late.mint())
        await late.send("session.resume", session_id=session_id)
        assert (await late.wait("session.error"))["code"] == "session_not_found"
        await late.wait("(closed)")

    asyncio.run(run())


def test_the_older_path_works_too(agent: RunningAgent) -> None:
    async def run() -> None:
        client = VendorClient(agent.url)
        await client.connect(await client.mint(), path="/v1/voice")
        assert (await client.start())["config"]["output"]["voice"] == "alba"
        await client.socket.close()

    asyncio.run(run())


@pytest.mark.parametrize("encoding", ["audio/pcmu", "audio/pcma"])
def test_telephone_encodings_are_heard_and_spoken(agent: RunningAgent, encoding: str) -> None:
    """Sent as G.711 and spoken as G.711, 8000 bytes a second."""
    from server.agent.pcm import alaw_encode, resample, to_samples, ulaw_encode

    wide = np.frombuffer(spoken("what time is it"), dtype="<i2")
    narrow = to_samples(resample(wide, 24_000, 8_000))
    data = (ulaw_encode if encoding == "audio/pcmu" else alaw_encode)(narrow)
    silence = (b"\xff" if encoding == "audio/pcmu" else b"\xd5") * 8 * 1200
    form = {"encoding": encoding, "sample_rate": 8000}

    async def run() -> None:
        async with VendorClient(agent.url, query="&scenario=burst") as client:
            await client.start(input={"format": form, **QUICK}, output={"format": form})
            for at in range(0, len(data + silence), 400):
                await client.send("input.audio", audio=base64.b64encode((data + silence)[at : at + 400]).decode())
            done = await client.wait("reply.done")
            assert (await client.wait("transcript.agent"))["text"].startswith("It is ")
            assert 8000 < len(client.audio(done["reply_id"])) < 8000 * 6

    asyncio.run(run())


@pytest.mark.skipif(espeak_command() is None, reason="the espeak-ng program is not installed")
def test_another_voice_than_its_own_is_understood(agent: RunningAgent) -> None:
    """The program's build and voices, at a microphone's 48 kHz, not the agent's own mouth."""

    async def run() -> None:
        async with VendorClient(agent.url, query="&scenario=burst") as client:
            await client.start(input=QUICK)
            await client.talk(spoken_by_command("what day is it today", "en-gb", 145))
            assert (await client.wait("transcript.user"))["text"] == "what day is it today"

    asyncio.run(run())
