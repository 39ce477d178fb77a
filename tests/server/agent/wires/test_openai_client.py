"""The vendor's own package holds whole conversations with the local agent, and understands every event of them.

Real speech, a real server; what each event must look like is decided by the package's types (`openai_client.checked`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from server.agent.options import AgentOptions
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.inbox import BYTES_PER_MS, Event
from tests.server.support.openai_client import WEATHER, OpenAIClient, checked

TRANSCRIBED = {"input": {"transcription": {"model": "gpt-transcribe", "language": "en"}}}
MANUAL = {"input": {**TRANSCRIBED["input"], "turn_detection": None}}
# Section 8.1 of the protocol file.
SPOKEN_RESPONSE = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "(deltas)",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
    "rate_limits.updated",
]


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


def kinds(events: list[Event]) -> list[str]:
    """Types in order; a response's deltas as one, transcription left out, as it may come at any time."""
    found: list[str] = []
    for event in events:
        kind = event["type"]
        if kind in ("response.output_audio.delta", "response.output_audio_transcript.delta"):
            kind = "(deltas)"
        if "input_audio_transcription" not in kind and not (found and found[-1] == kind == "(deltas)"):
            found.append(kind)
    return found


@pytest.mark.slow
def test_a_voice_turn(agent: RunningAgent) -> None:
    """The server hears where the turn ends, commits it, and answers by voice: in the documented order."""

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            created = await client.wait("session.created")
            assert client.events[0] is created, "the first event, unprompted"
            updated = await client.configure(audio=TRANSCRIBED)
            begin = len(client.events)
            await client.talk(spoken("what time is it"))
            done = await client.wait("response.done", after=begin)
            heard = await client.wait("conversation.item.input_audio_transcription.completed", after=begin)
            await client.wait("rate_limits.updated", after=begin)
            assert heard["transcript"] == "what time is it"
            deltas = client.of("conversation.item.input_audio_transcription.delta")
            assert "".join(e["delta"] for e in deltas) == heard["transcript"]
            turn = ["speech_started", "speech_stopped", "committed"]
            wanted = [f"input_audio_buffer.{name}" for name in turn]
            wanted += ["conversation.item.added", "conversation.item.done", *SPOKEN_RESPONSE]
            assert kinds(client.events[begin:]) == wanted
            started, stopped, committed = (client.of(kind)[0] for kind in wanted[:3])
            assert started["item_id"] == stopped["item_id"] == committed["item_id"] == heard["item_id"]
            assert 0 <= started["audio_start_ms"] < stopped["audio_end_ms"]

            (item,) = done["response"]["output"]
            assert done["response"]["status"] == "completed"
            assert done["response"]["usage"]["output_tokens"] > 0
            text = item["content"][0]["transcript"]
            assert text.startswith("It is ")
            words = client.of("response.output_audio_transcript.delta")
            assert "".join(e["delta"] for e in words) == text
            sound = client.audio(item["id"])
            assert 500 < len(sound) / BYTES_PER_MS < 8000
            added = [e for e in client.of("conversation.item.added") if e["item"]["id"] == item["id"]]
            assert added[0]["previous_item_id"] == heard["item_id"]
            record = agent.record(updated["session"]["id"])
            assert (record["wire"], record["heard"], record["violations"]) == ("openai", ["what time is it"], [])

    asyncio.run(run())


def test_a_text_turn(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(output_modalities=["text"])
            begin = len(client.events)
            await client.ask("count to three")
            done = await client.wait("response.done", after=begin)
            (item,) = done["response"]["output"]
            assert item["content"] == [{"type": "output_text", "text": "One, two, three."}]
            assert "".join(e["delta"] for e in client.of("response.output_text.delta")) == "One, two, three."
            assert client.of("response.output_text.done")[0]["text"] == "One, two, three."
            assert client.of("response.content_part.done")[0]["part"] == {"type": "text", "text": "One, two, three."}
            assert client.of("response.output_audio.delta", "response.output_audio.done") == []

    asyncio.run(run())


@pytest.mark.slow
def test_a_tool_turn(agent: RunningAgent) -> None:
    """The call is a response of its own; its output and one response.create make the spoken answer."""

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(tools=[WEATHER])
            begin = len(client.events)
            await client.talk(spoken("what is the weather like in london"))
            done = await client.wait("response.done", after=begin)
            (call,) = done["response"]["output"]
            assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
            assert json.loads(call["arguments"]) == {"city": "London"}
            await client.wait("rate_limits.updated", after=begin)
            told = kinds(client.events[begin:])
            assert told[told.index("response.created") :] == [
                "response.created",
                "response.output_item.added",
                "conversation.item.added",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "response.output_item.done",
                "conversation.item.done",
                "response.done",
                "rate_limits.updated",
            ]
            assert client.of("response.function_call_arguments.done")[0]["call_id"] == call["call_id"]
            begin = len(client.events)
            output = json.dumps({"temperature": 18, "condition": "sunny"})
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            await client.send("conversation.item.create", item=item)
            await client.connection.response.create()
            done = await client.wait("response.done", after=begin)
            text = done["response"]["output"][0]["content"][0]["transcript"]
            assert text == "It is 18 degrees and sunny in London."

    asyncio.run(run())


@pytest.mark.slow
def test_an_interruption(agent: RunningAgent) -> None:
    """A reply that is still being sent (here: in real time) is cancelled by speech, then cut to what was heard."""

    async def run() -> None:
        async with OpenAIClient(agent.url, scenario="real_time") as client:
            await client.configure(audio=TRANSCRIBED)
            await client.ask("tell me a long story")
            words = "response.output_audio_transcript.delta"
            await client.wait(words, where=lambda _event: len(client.of(words)) > 8)
            begin = len(client.events)
            await client.talk(spoken("what is your name"))
            done = await client.wait("response.done", after=begin)
            response = done["response"]
            assert response["status"] == "cancelled"
            assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
            started = await client.wait("input_audio_buffer.speech_started", after=begin)
            assert client.events.index(started) < client.events.index(done)
            closing = kinds(client.events[client.events.index(started) : client.events.index(done) + 1])
            assert closing == ["input_audio_buffer.speech_started", *SPOKEN_RESPONSE[5:11]]
            story = response["output"][0]
            assert story["status"] == "incomplete"
            late = [e for e in client.of("response.output_audio.delta", after=client.events.index(done))
                    if e["item_id"] == story["id"]]  # fmt: skip
            assert late == []

            received_ms = len(client.audio(story["id"])) / BYTES_PER_MS
            truncate = {"item_id": story["id"], "content_index": 0}
            await client.connection.conversation.item.truncate(**truncate, audio_end_ms=int(received_ms) + 1000)
            refused = await client.wait("error")
            assert (refused["error"]["code"], refused["error"]["param"]) == ("invalid_value", "audio_end_ms")
            await client.connection.conversation.item.truncate(**truncate, audio_end_ms=int(received_ms / 2))
            truncated = await client.wait("conversation.item.truncated")
            assert truncated["audio_end_ms"] == int(received_ms / 2)
            await client.connection.conversation.item.retrieve(item_id=story["id"])
            kept = (await client.wait("conversation.item.retrieved"))["item"]
            assert kept["content"][0]["transcript"] is None, "the text of a cut item is forgotten"
            answer = await client.wait("response.done", after=client.events.index(done) + 1)
            assert "agent" in answer["response"]["output"][0]["content"][0]["transcript"]

    asyncio.run(run())


@pytest.mark.slow
def test_an_interruption_of_a_reply_that_was_sent_in_a_burst(agent: RunningAgent) -> None:
    """Sound comes faster than real time, so the response is over when the user speaks; truncation is all
    there is to do.
    """

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio=TRANSCRIBED)
            await client.ask("tell me a long story")
            done = await client.wait("response.done")
            story = done["response"]["output"][0]
            length_ms = len(client.audio(story["id"])) / BYTES_PER_MS
            assert length_ms > 20_000
            sizes = [len(e["delta"]) * 3 // 4 / BYTES_PER_MS for e in client.of("response.output_audio.delta")]
            assert max(sizes) <= 201
            begin = len(client.events)
            await client.talk(spoken("what is your name"), silence_ms=800)
            await client.wait("input_audio_buffer.speech_started", after=begin)
            truncate = {"item_id": story["id"], "content_index": 0, "audio_end_ms": 1500}
            await client.connection.conversation.item.truncate(**truncate)
            await client.wait("conversation.item.truncated")
            answer = await client.wait("response.done", after=begin)
            assert answer["response"]["status"] == "completed"
            assert client.of("error") == []

    asyncio.run(run())


@pytest.mark.slow
def test_push_to_talk(agent: RunningAgent) -> None:
    """The seed's way: no turn detection, clear, append, commit, and only then the wish for an answer."""

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            updated = await client.configure(audio=MANUAL)
            assert updated["session"]["audio"]["input"]["turn_detection"] is None
            await client.connection.input_audio_buffer.commit()
            empty = await client.wait("error")
            assert empty["error"]["code"] == "input_audio_buffer_commit_empty"
            await client.append(spoken("tell me a joke"))
            await client.connection.input_audio_buffer.clear()
            await client.wait("input_audio_buffer.cleared")
            begin = len(client.events)
            await client.append(spoken("count to three"))
            await client.connection.input_audio_buffer.commit()
            heard = await client.wait("conversation.item.input_audio_transcription.completed", after=begin)
            assert heard["transcript"] == "count to three", "what was cleared is not in it"
            assert client.of("response.created") == [], "a commit asks for nothing"
            await client.connection.response.create()
            done = await client.wait("response.done", after=begin)
            assert done["response"]["output"][0]["content"][0]["transcript"] == "One, two, three."
            assert kinds(client.events[begin:])[:3] == [
                "input_audio_buffer.committed",
                "conversation.item.added",
                "conversation.item.done",
            ]
            assert client.of("input_audio_buffer.speech_started") == []

    asyncio.run(run())


@pytest.mark.slow
def test_an_answer_may_be_asked_for_before_the_words_are_known(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio=MANUAL)
            await client.append(spoken("count to three"))
            await client.connection.input_audio_buffer.commit()
            await client.connection.response.create()
            done = await client.wait("response.done")
            assert done["response"]["output"][0]["content"][0]["transcript"] == "One, two, three."

    asyncio.run(run())


def test_ephemeral_keys_come_from_the_packages_own_call(agent: RunningAgent) -> None:
    """Minted for a configured session, good for several sockets, and not good for minting more."""
    import openai  # a second of a processor, which every process of a run would pay for

    async def run() -> None:
        session: Any = {"type": "realtime", "model": "gpt-realtime-2", "audio": {"output": {"voice": "cedar"}}}
        async with OpenAIClient(agent.url, api_key="real-key").package as package:
            secret = await package.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 60}, session=session
            )
            with pytest.raises(openai.BadRequestError):
                await package.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 5})
        assert secret.value.startswith("ek_")
        assert secret.session.type == "realtime"
        for _ in range(2):
            async with OpenAIClient(agent.url, api_key=secret.value, model="") as client:
                created = await client.wait("session.created")
                assert created["session"]["audio"]["output"]["voice"] == "cedar"
                assert created["session"]["model"] == "gpt-realtime-2"
        async with OpenAIClient(agent.url, api_key=secret.value).package as package:
            with pytest.raises(openai.AuthenticationError):
                await package.realtime.client_secrets.create()

    asyncio.run(run())


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.no_such_event", "event_id": "e"},
        {"type": "response.output_audio.delta", "event_id": "e", "delta": "AA=="},
        {"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "i", "previous_item": None},
        {"type": "input_audio_buffer.speech_started", "event_id": "e", "item_id": "i", "audio_start_ms": "5"},
        {"type": "response.done", "event_id": "e", "response": {"id": "r", "state": "completed"}},
    ],
)
def test_the_judge_refuses_what_the_package_would_not_understand(event: Event) -> None:
    with pytest.raises((AssertionError, ValueError)):
        checked(event)
