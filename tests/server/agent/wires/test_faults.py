"""The same faults on all three wires, what survives a drop, and calls that do not disturb each other."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import websockets

from server.agent.options import AgentOptions
from server.agent.scenario_names import NAMED
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.inbox import Event
from tests.server.support.openai_client import OpenAIClient
from tests.server.support.openai_socket import KEY_PROTOCOL
from tests.server.support.sdk_client import SdkClient, record_of, said, spoken16
from tests.server.support.vendor_client import VendorClient

pytestmark = pytest.mark.slow

WIRES = ("assemblyai", "openai", "sdk_voice")
QUICK = {"turn_detection": {"min_silence": 400}}


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


async def frames(agent: RunningAgent, wire: str, scenario: str, *, until: int | None = None) -> tuple[list[Any], int]:
    """All messages (text parsed where it is JSON, else as it is) of a session that asks for a long
    story; the close code.

    With `until` the client leaves after so many messages.
    """
    base = agent.url.replace("http", "ws", 1)
    protocols: list[str] | None = None
    if wire == "assemblyai":
        url = f"{base}/v1/ws?token={await VendorClient(agent.url).mint()}&scenario={scenario}"
        opening = [
            {"type": "session.update", "session": {}},
            {"type": "reply.create", "instructions": "tell me a long story"},
        ]
    elif wire == "openai":
        url, protocols = f"{base}/v1/realtime?model=m&scenario={scenario}", ["realtime", KEY_PROTOCOL + "k"]
        opening = [
            {"type": "session.update", "session": {"type": "realtime"}},
            {"type": "response.create", "response": {"instructions": "tell me a long story"}},
        ]
    else:
        minted = SdkClient(agent, scenario).minted
        url, opening = minted["ws_url"], [{"token": minted["token"]}]
    got: list[Any] = []
    async with websockets.connect(url, subprotocols=protocols, max_size=None, max_queue=None, proxy=None) as socket:  # type: ignore[arg-type]
        for message in opening:
            # It may be gone by now; what it said before is still to be read.
            with contextlib.suppress(websockets.ConnectionClosed):
                await socket.send(json.dumps(message))
        with contextlib.suppress(websockets.ConnectionClosed):
            while until is None or len(got) < until:
                data = await asyncio.wait_for(socket.recv(), 20)
                try:
                    got.append(json.loads(data) if isinstance(data, str) else data)
                except (ValueError, RecursionError):
                    got.append(data)
        await socket.close()
        return got, socket.close_code or 1006


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("drop_at_open", 1006),
        ("drop_before_ready", 1006),
        ("drop_at_ready", 1006),
        ("drop_mid_reply", 1006),
        ("drop_after_1", 1006),
        ("drop_after_7", 1006),
        ("close_1000", 1000),
        ("close_1001", 1001),
        ("close_1011", 1011),
        ("close_4001", 4001),
    ],
)
def test_a_socket_ends_where_the_scenario_says(agent: RunningAgent, wire: str, scenario: str, code: int) -> None:
    got, closed = asyncio.run(frames(agent, wire, scenario))
    assert closed == code
    if scenario.startswith("drop_after_"):
        assert len(got) == int(scenario.rsplit("_", 1)[1])


@pytest.mark.parametrize("wire", ["assemblyai", "openai"])
def test_a_socket_drops_in_the_middle_of_the_agents_text(agent: RunningAgent, wire: str) -> None:
    got, closed = asyncio.run(frames(agent, wire, "drop_mid_transcript"))
    words = [one for one in got if one["type"] in ("transcript.agent.delta", "response.output_audio_transcript.delta")]
    assert (len(words), closed) == (3, 1006)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "scenario", ["truncated_json", "unknown_event", "not_an_object", "deep_message", "huge_message", "binary_frame"]
)
def test_nonsense_comes_as_it_stands_and_the_session_goes_on(agent: RunningAgent, wire: str, scenario: str) -> None:
    fault = NAMED[scenario].faults[0]
    nonsense: Any = fault.text
    if fault.do == "send_binary":
        nonsense = fault.text.encode("latin-1")
    with contextlib.suppress(ValueError, RecursionError):
        nonsense = json.loads(nonsense)
    got, _ = asyncio.run(frames(agent, wire, scenario, until=8))
    assert nonsense in got
    assert got.index(nonsense) < len(got) - 1


@pytest.mark.parametrize("wire", WIRES)
def test_a_flood_is_a_flood_on_every_wire(agent: RunningAgent, wire: str) -> None:
    got, _ = asyncio.run(frames(agent, wire, "flood", until=2010))
    assert sum(one == {"type": "no.such.event"} for one in got if not isinstance(one, bytes)) == 2000


@pytest.mark.parametrize(("wire", "kind"), [("assemblyai", "session.ready"), ("openai", "session.updated")])
def test_the_session_is_never_confirmed(agent: RunningAgent, wire: str, kind: str) -> None:
    got, _ = asyncio.run(frames(agent, wire, "never_ready", until=1))
    assert got[0]["type"] != kind


@pytest.mark.parametrize("point", ["input.speech.stopped", "transcript.user", "reply.started", "reply.audio"])
def test_a_drop_at_any_point_of_a_turn_loses_no_final_transcript(agent: RunningAgent, point: str) -> None:
    """What was settled before comes before; what could not leave, or was understood without a socket, after the resume.

    A drop while the user still speaks is a matter of the conversation alone, see
    tests/server/agent/test_asked_replies.py.
    """
    agent.scenario({"faults": [{"after": point, "do": "drop"}]})

    async def run() -> list[Event]:
        first = VendorClient(agent.url)
        await first.connect(await first.mint())
        ready = await first.start(input=QUICK)
        with contextlib.suppress(websockets.ConnectionClosed):
            await first.talk(spoken("count to three"))
        await first.wait("(closed)")
        again = VendorClient(agent.url)
        await again.connect(await again.mint())
        await again.send("session.resume", session_id=ready["session_id"])
        resumed = await again.wait("session.ready")
        assert resumed["session_id"] == ready["session_id"]
        assert again.events[0] is resumed, "nothing is told before the session is there again"
        await again.send("reply.create", instructions='say "done"')
        await again.wait("transcript.agent", where=lambda event: event["text"] == "done")
        await again.socket.close()
        return first.events + again.events

    finals = [event["text"] for event in asyncio.run(run()) if event["type"] == "transcript.user"]
    assert finals == ["count to three"], "not lost, and not told twice"


def test_a_transcript_that_never_left_is_sent_after_the_resume(agent: RunningAgent) -> None:
    """The agent sends nothing from speech.stopped on; the client gives up and comes back."""
    agent.scenario({"faults": [{"after": "input.speech.stopped", "do": "stall"}]})

    async def run() -> None:
        first = VendorClient(agent.url)
        await first.connect(await first.mint())
        ready = await first.start(input=QUICK)
        await first.talk(spoken("count to three"))
        async with asyncio.timeout(20):
            while not agent.record(ready["session_id"])["said"]:  # noqa: ASYNC110 - the record has no event
                await asyncio.sleep(0.05)
        first.socket.transport.abort()
        again = VendorClient(agent.url)
        await again.connect(await again.mint())
        await again.send("session.resume", session_id=ready["session_id"])
        await again.wait("reply.done")
        told = [event["type"] for event in again.events]
        assert told == ["session.ready", "transcript.user", "transcript.agent", "reply.done"]
        assert again.events[1]["text"] == "count to three"
        assert [event for event in first.events if event["type"] == "transcript.user"] == []
        await again.socket.close()

    asyncio.run(run())


def test_a_second_socket_takes_the_session_over(agent: RunningAgent) -> None:
    async def run() -> None:
        async with VendorClient(agent.url) as first, VendorClient(agent.url) as second:
            ready = await first.start()
            await second.send("session.resume", session_id=ready["session_id"])
            await second.wait("session.ready")
            assert (await first.wait("(closed)"))["code"] == 1008

    asyncio.run(run())


def test_a_session_is_not_resumed_past_its_end(agent: RunningAgent) -> None:
    async def lost(cap_s: float) -> str:
        """The session of a socket that broke; its time has passed since, or passed before the agent knew."""
        agent.scenario({"cap_s": cap_s})
        first = VendorClient(agent.url)
        await first.connect(await first.mint())
        session_id = str((await first.start())["session_id"])
        first.socket.transport.abort()
        await first.wait("(closed)")
        await asyncio.sleep(cap_s + 0.1)
        return session_id

    async def run() -> None:
        # On a busy machine the time may pass first: such a session the agent has ended by itself, and forgotten.
        for cap_s in (0.5, 2.0, 8.0):
            session_id = await lost(cap_s)
            if "session.error" not in agent.record(session_id)["sent"]:
                break
        async with VendorClient(agent.url) as late:
            await late.send("session.resume", session_id=session_id)
            assert (await late.wait("session.error"))["code"] == "session_expired"
            assert (await late.wait("(closed)"))["code"] == 1008

    asyncio.run(run())


def words(text: str) -> set[str]:
    return set(text.lower().replace(".", " ").replace(",", " ").split())


def test_calls_on_different_wires_do_not_hold_each_other_up(agent: RunningAgent) -> None:
    """All three are asked and answered at the same time; while one is being sent a long story the others' turns end.

    Each hears most of its own sentence and not a word of another's: the sentences have no word in common. A busy
    machine may spoil a word of what is heard; it must not lead one call's sound into another.
    """
    sentences = ["please count to ten", "what time is it", "thank you very much"]
    assert sum(len(words(one)) for one in sentences) == len(set().union(*map(words, sentences)))

    async def assemblyai(sentence: str) -> tuple[str, str]:
        async with VendorClient(agent.url) as client:
            await client.start(input=QUICK)
            await client.talk(spoken(sentence))
            heard = await client.wait("transcript.user")
            return heard["text"], (await client.wait("transcript.agent"))["text"]

    async def openai(sentence: str) -> tuple[str, str]:
        transcription = "conversation.item.input_audio_transcription.completed"
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio={"input": {"transcription": {"model": "whisper-1"}}})
            await client.ask("tell me a long story")
            await client.wait("response.done")
            await client.talk(spoken(sentence))
            heard = await client.wait(transcription)
            story = client.events.index(client.of("response.done")[0])
            done = await client.wait("response.done", after=story + 1)
            return heard["transcript"], done["response"]["output"][0]["content"][0]["transcript"]

    async def sdk(sentence: str) -> tuple[str, str]:
        async with SdkClient(agent, "no_greeting") as client:
            await client.wait("connected")
            await client.talk(spoken16(sentence))
            (reply,) = await said(agent, 1)
            (heard,) = record_of(agent)["heard"]
            return heard, reply

    async def run() -> list[tuple[str, str]]:
        calls = (assemblyai, openai, sdk)
        return list(await asyncio.gather(*(call(one) for call, one in zip(calls, sentences, strict=True))))

    told = asyncio.run(run())
    for number, (heard, _) in enumerate(told):
        own, others = (
            words(sentences[number]),
            set().union(*(words(one) for one in sentences if one != sentences[number])),
        )
        assert len(words(heard) & own) * 2 > len(own), (sentences[number], told)
        assert not words(heard) & others, (sentences[number], told)
    counted, time, thanked = (reply for _, reply in told)
    assert counted.startswith("One, two, three") and time.startswith("It is") and "welcome" in thanked
