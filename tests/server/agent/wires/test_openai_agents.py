"""The vendor's two agent packages hold whole conversations with the local agent: PyPI
`openai-agents`, npm `@openai/agents-realtime`.

Each runs in a process of its own over its own WebSocket, with its own session.update, its own way of running a
tool and its own way of interrupting. Every event is judged by the types of PyPI `openai` as it comes, and all
of them together by `check_order`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from builder import node
from server.agent.options import AgentOptions
from tests.server.support import client_installs
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.client_installs import NODE_CLIENTS, ROOT, own_environment
from tests.server.support.event_order import check_order
from tests.server.support.inbox import BYTES_PER_MS, Event
from tests.server.support.process_client import ProcessClient

Open = Callable[..., ProcessClient]
# The first run compiles some hundred modules; a machine that does much else takes half a minute for it.
START_S = 120
WORDS = "response.output_audio_transcript.delta"

# Installing once takes up to a minute with a slow network.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


def _python_client() -> tuple[list[str], Mapping[str, str]]:
    """`-S`: the client sees its own packages and none of the test environment's."""
    script = ROOT / "tests" / "server" / "support" / "python_clients" / "openai_agents.py"
    return [sys.executable, "-S", str(script)], own_environment(PYTHONPATH=str(client_installs.python_packages()))


def _node_client() -> tuple[list[str], Mapping[str, str]]:
    script = NODE_CLIENTS / "openai_agents.cjs"
    return [node.node(ROOT), str(script), str(client_installs.node_packages())], own_environment()


@pytest.fixture(scope="module", params=[_python_client, _node_client], ids=["openai-agents", "agents-realtime"])
def opened(request: pytest.FixtureRequest, agent: RunningAgent) -> Open:
    """Opens a session of the client, in a scenario if wanted."""
    command, environ = request.param()
    base = f"{agent.url.replace('http', 'ws', 1)}/v1/realtime?model=gpt-realtime-2.1"

    def opened(scenario: str = "") -> ProcessClient:
        return ProcessClient([*command, f"{base}&scenario={scenario}" if scenario else base], environ)

    return opened


async def configured(client: ProcessClient) -> Event:
    """Wait until the client has told the agent what it wants, and return the session."""
    updated = await client.wait("session.updated", timeout_s=START_S)
    return dict(updated["session"])


def texts_of(client: ProcessClient, role: str) -> list[Any]:
    """What the package itself believes to have been said."""
    (history,) = client.own("history")
    contents = [item["content"] for item in history["items"] if item.get("role") == role]
    return [content[0].get("transcript") or content[0].get("text") for content in contents]


def test_a_voice_turn(opened: Open, agent: RunningAgent) -> None:
    """Heard, answered by voice, and understood by the package: its history and its sound are those of the wire."""

    async def run() -> None:
        async with opened() as client:
            session = await configured(client)
            await client.talk(spoken("what time is it"))
            done = await client.wait("response.done")
            await client.wait("rate_limits.updated")
        assert check_order(client.events[:-1]) == {"turns": 1, "answers": 1}
        (item,) = done["response"]["output"]
        said = item["content"][0]["transcript"]
        assert said.startswith("It is ")
        assert "".join(event["delta"] for event in client.of(WORDS)) == said
        assert texts_of(client, "user") == ["what time is it"]
        assert texts_of(client, "assistant") == [said]
        sound_ms = sum(line["bytes"] for line in client.own("audio")) / BYTES_PER_MS
        assert 500 < sound_ms == client.sound_ms(item["id"]) < 8000
        assert len(client.own("agent_start")) == len(client.own("agent_end")) == 1
        assert client.own("audio_interrupted") == []
        record = agent.record(session["id"])
        assert (record["heard"], record["violations"]) == (["what time is it"], [])

    asyncio.run(run())


def test_a_tool_call(opened: Open, agent: RunningAgent) -> None:
    """The package offers its tool, runs it once, answers with its result, and asks for the spoken answer by itself."""

    async def run() -> None:
        async with opened() as client:
            session = await configured(client)
            assert [tool["name"] for tool in session["tools"]] == ["get_weather"]
            await client.talk(spoken("what is the weather like in london"))
            call = await client.wait("response.done")
            begin = client.events.index(call) + 1
            answer = await client.wait("response.done", after=begin)
            await client.wait("rate_limits.updated", after=client.events.index(answer))
        assert check_order(client.events[:-1]) == {"turns": 1, "calls": 1, "items": 1, "answers": 1}
        assert [line["arguments"] for line in client.own("tool")] == [{"city": "London"}]
        (asked,) = call["response"]["output"]
        outputs = [event["item"] for event in client.of("conversation.item.added", after=begin)
                   if event["item"]["type"] == "function_call_output"]  # fmt: skip
        assert [one["call_id"] for one in outputs] == [asked["call_id"]]
        assert texts_of(client, "assistant") == ["It is 18 degrees and sunny in London."]
        assert agent.record(session["id"])["violations"] == []

    asyncio.run(run())


def test_an_interruption(opened: Open, agent: RunningAgent) -> None:
    """Speech over a reply: the agent ends the reply, the package stops its sound and cuts
    the item to what it played.
    """

    async def run() -> None:
        async with opened(scenario="real_time") as client:
            session = await configured(client)
            await client.tell(text="tell me a long story")
            await client.wait(WORDS, where=lambda _event: len(client.of(WORDS)) > 8)
            await client.talk(spoken("what is your name"))
            cut = await client.wait("response.done")
            begin = client.events.index(cut) + 1
            await client.wait("response.done", after=begin)
            await client.wait("rate_limits.updated", after=begin + 1)
        assert check_order(client.events[:-1]) == {"items": 1, "turns": 1, "answers": 2}
        assert cut["response"]["status"] == "cancelled"
        assert cut["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        (story,) = cut["response"]["output"]
        assert len(client.own("audio_interrupted")) == 1
        (truncated,) = client.of("conversation.item.truncated")
        assert truncated["item_id"] == story["id"]
        assert 0 < truncated["audio_end_ms"] <= client.sound_ms(story["id"]) + 1
        late = [event for event in client.of("response.output_audio.delta", after=begin)
                if event["item_id"] == story["id"]]  # fmt: skip
        assert late == []
        assert texts_of(client, "user") == ["tell me a long story", "what is your name"]
        assert "agent" in texts_of(client, "assistant")[-1]
        assert agent.record(session["id"])["violations"] == []

    asyncio.run(run())
