"""A live call with two tools, and short ways to call them and to answer."""

from __future__ import annotations

from typing import Any, Literal

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.tools import ToolRegistry, tool
from tests.support.playbook import FakeHost


@tool(timeout_ms=5_000)
def weather(city: str) -> dict[str, Any]:
    """Tell the weather of a city."""
    return {"city": city}


@tool(execution_mode="hold")
def light(state: Literal["on", "off"]) -> str:
    """Switch the light."""
    return state


def live(**config: Any) -> FakeHost:
    return FakeHost(ToolRegistry([weather, light]), **config).go_live()


def call(host: FakeHost, call_id: str = "c1", name: str = "weather", **arguments: Any) -> list[cmd.Command]:
    return host.hear("tool.call", call_id=call_id, name=name, arguments=arguments or {"city": "Oslo"})


def finish(host: FakeHost, call_id: str = "c1", result: str = '{"sky":"clear"}', **fields: Any) -> list[cmd.Command]:
    return host.tell(ev.ToolFinished(call_id=call_id, result_json=result, **fields))


def results(host: FakeHost) -> list[dict[str, Any]]:
    return [message for message in host.sent if message["type"] == "tool.result"]
