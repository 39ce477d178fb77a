"""Python functions of the page that the agent calls, and what becomes of their results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pyclient.tools import ToolRegistry
from tests.contract.book import SPOKEN, Scenario, scenario
from tests.contract.call import Call

QUESTION = "what is the weather in paris"
NO_TOOLS = "there are no tools on this wire; the vendor's agent has its own (section 3)"


def registry(run: Callable[[str], Any]) -> ToolRegistry:
    async def get_weather(city: str) -> dict[str, object]:
        """Get the weather of a city right now."""
        answer: dict[str, object] = await run(city)
        return answer

    return ToolRegistry([get_weather])


async def sunny(city: str) -> dict[str, object]:
    return {"city": city, "temperature_celsius": 21, "sky": "sunny"}


async def broken(city: str) -> dict[str, object]:
    raise OSError("no barometer")


async def endless(city: str) -> dict[str, object]:
    await asyncio.sleep(3_600)
    return {}


async def no_tools(call: Call) -> None:
    """The agent is asked for what a tool could do; none is offered and none is called."""
    await call.open(tools=registry(sunny), greeting="I cannot do that here.")
    await call.heard_all(1)
    assert not call.view["features"]["tools"] and call.view["stats"]["tool_calls"] == 0
    assert not any("get_weather" in data for data in call.host.sent if isinstance(data, str))


def not_for_sdk_voice(made: Scenario) -> Scenario:
    made.cannot("sdk_voice", NO_TOOLS)(no_tools)
    return made


@not_for_sdk_voice
@scenario(
    "tool",
    "The agent calls a tool of the page with its arguments and speaks the result; the transcript shows the call.",
)
async def tool(call: Call) -> None:
    await call.open(tools=registry(sunny))
    await call.ask(QUESTION)
    record = await call.recorded(lambda record: any("21" in text for text in record["said"]), "the answer")
    (result,) = record["tool_results"]
    assert "sunny" in str(result), result
    await call.until(lambda view: any(t["role"] == "agent" and t["final"] for t in view["turns"]), "its words")
    assert call.texts("tool") == ['get_weather(city="Paris")']
    assert "sunny" in call.texts("agent")[-1]
    assert (call.view["stats"]["tool_calls"], call.view["stats"]["faults"], record["errors"]) == (1, 0, [])


@not_for_sdk_voice
@scenario("tool that fails", "A tool that raises is told to the agent as an error, in words, and the agent says so.")
async def failing_tool(call: Call) -> None:
    await call.open(tools=registry(broken))
    await call.ask(QUESTION)
    record = await call.recorded(lambda record: any("did not work" in text for text in record["said"]), "the apology")
    (result,) = record["tool_results"]
    assert "no barometer" in str(result), result
    assert call.texts("tool") == ['get_weather(city="Paris") failed']


@not_for_sdk_voice
@scenario(
    "tool that takes too long",
    "After the time allowed the agent is told that the tool took too long; the tool is stopped.",
)
async def slow_tool(call: Call) -> None:
    await call.open(tools=registry(endless), tool_timeout_ms=300)
    await call.ask(QUESTION)
    record = await call.recorded(lambda record: any("did not work" in text for text in record["said"]), "the apology")
    (result,) = record["tool_results"]
    assert "took too long" in str(result), result
    assert not call.host.client.running


@scenario(
    "tool cut by interruption",
    "Who interrupts the reply that called a tool stops the tool; its result is never sent.",
    spoken=SPOKEN,
)
async def cut_tool(call: Call) -> None:
    await call.open(tools=registry(endless), agent={"preamble": "held_open"}, speed=1)
    await call.ask(QUESTION)
    await call.until(lambda view: view["activity"] == "tool_pending", "the tool runs")
    await call.say("hello hello I want to say something", end=False)
    await call.until(
        lambda view: any(t["role"] == "tool" and t["interrupted"] for t in view["turns"]), "the cancelled call"
    )
    await call.happens(lambda: not call.host.client.running, "the tool is stopped")
    assert (await call.record())["tool_results"] == []


@cut_tool.cannot(
    "openai_realtime", "calls are told when their reply is over, and those of a cancelled one not at all (section 8)"
)
async def _(call: Call) -> None:
    done = asyncio.Event()

    async def waiting(city: str) -> dict[str, object]:
        await done.wait()
        return await sunny(city)

    await call.open(tools=registry(waiting))
    await call.ask(QUESTION)
    await call.until(lambda view: view["activity"] == "tool_pending", "the tool runs")
    call.intend("interrupt")
    done.set()
    record = await call.recorded(lambda record: record["tool_results"] != [], "the result, all the same")
    assert record["errors"] == []


cut_tool.cannot("sdk_voice", NO_TOOLS)(no_tools)


@not_for_sdk_voice
@scenario(
    "tools are told at the start", "The server knows names and schemas of the page's tools before the first turn."
)
async def schemas(call: Call) -> None:
    await call.open(tools=registry(sunny))
    (update, *_) = call.adapter.told(call.host.sent, "session.update")
    (told,) = update["session"]["tools"]
    assert (told["name"], list(told["parameters"]["properties"])) == ("get_weather", ["city"])
    assert (call.view["stats"]["faults"], call.notice) == (0, "")
