"""Every call of a tool is answered exactly once, whatever way the tool ends; and results
are written as people expect.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

import pytest

from pyclient.codecs.assemblyai import AssemblyAICodec
from pyclient.codecs.openai_realtime import OpenAIRealtimeCodec
from pyclient.config import ClientConfig
from pyclient.core import commands, events
from pyclient.core.errors import ToolArgumentError
from pyclient.core.safejson import Limits
from pyclient.host import pyodide_host as browser
from pyclient.host import token_answer
from pyclient.tools.registry import ToolRegistry, result_json, tool
from tests.support.fake_browser import FakeHost
from tests.support.openai_host import OpenAIHost


class BadWords(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


async def exits() -> None:
    """Leave."""
    sys.exit(3)


def exits_at_once() -> None:
    """Leave."""
    sys.exit()


async def interrupts() -> None:
    """Interrupt."""
    raise KeyboardInterrupt


async def cancels_itself() -> None:
    """Cancel."""
    raise asyncio.CancelledError


async def awaits_what_it_cancelled() -> None:
    """Await."""
    task = asyncio.ensure_future(asyncio.sleep(9))
    task.cancel()
    await task


async def cancels_its_own_task() -> None:
    """Cancel."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def has_no_words() -> None:
    """Break."""
    raise BadWords


async def stops_a_generator() -> None:
    """Stop."""
    raise GeneratorExit


async def will_not_be_cancelled() -> None:
    """Sleep on."""
    for _ in range(3):
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            continue


def returns_half_a_pair() -> str:
    """Say."""
    return "\ud83d"


def returns_a_generator() -> Any:
    """Say."""
    return (number for number in range(3))


ENDINGS: list[Callable[..., Any]] = [
    exits,
    exits_at_once,
    interrupts,
    cancels_itself,
    awaits_what_it_cancelled,
    cancels_its_own_task,
    has_no_words,
    stops_a_generator,
    will_not_be_cancelled,
    returns_half_a_pair,
    returns_a_generator,
]


@pytest.mark.parametrize("function", ENDINGS, ids=lambda one: one.__name__)
def test_every_call_is_answered_once_whatever_way_the_tool_ends(function: Callable[..., Any]) -> None:
    async def run() -> list[events.Event]:
        host = FakeHost()
        client = browser.Client(host, ClientConfig.from_dict({}), ToolRegistry([function]))
        heard: list[events.Event] = []
        client.handle = heard.append  # type: ignore[method-assign, assignment]
        client.run_command[commands.RunTool](
            commands.RunTool(call_id="c", name=function.__name__, arguments={}, timeout_ms=100)
        )
        await asyncio.sleep(0.25)
        for _ in range(200):  # a busy machine takes its time
            if client.running:
                await asyncio.sleep(0.05)
        assert not client.running
        for _, text in host.said("log"):
            text.encode()
        return heard

    (answer,) = asyncio.run(run())
    assert isinstance(answer, events.ToolFinished)
    answer.result_json.encode()
    assert answer.is_error is (function is not returns_half_a_pair)
    assert answer.is_error is ("error" in answer.result_json)


def test_only_our_own_cancelling_is_silent() -> None:
    async def run() -> list[events.Event]:
        client = browser.Client(FakeHost(), ClientConfig.from_dict({}), ToolRegistry([will_not_be_cancelled]))
        heard: list[events.Event] = []
        client.handle = heard.append  # type: ignore[method-assign, assignment]
        client.run_command[commands.RunTool](
            commands.RunTool(call_id="c", name="will_not_be_cancelled", arguments={}, timeout_ms=30_000)
        )
        await asyncio.sleep(0.01)
        client.run_command[commands.CancelTool](commands.CancelTool(call_id="c"))
        await asyncio.sleep(0.05)
        return heard

    assert asyncio.run(run()) == []


def test_row_34_a_plain_function_runs_to_its_end_whatever_its_time_limit() -> None:
    """Nothing can take Python's only thread away from it; what it found is told, and not that it took too long."""

    def counts() -> str:
        """Count."""
        time.sleep(0.15)
        return "done"

    async def run() -> list[events.Event]:
        client = browser.Client(FakeHost(), ClientConfig.from_dict({}), ToolRegistry([counts]))
        heard: list[events.Event] = []
        client.handle = heard.append  # type: ignore[method-assign, assignment]
        client.run_command[commands.RunTool](commands.RunTool(call_id="c", name="counts", arguments={}, timeout_ms=20))
        await asyncio.sleep(0.25)
        return heard

    (answer,) = asyncio.run(run())
    assert isinstance(answer, events.ToolFinished)
    assert (answer.is_error, json.loads(answer.result_json)) == (False, "done")


# --- arguments --------------------------------------------------------------------------------------------------------


@tool
def forecast(city: str, days: int = 1, unit: str | None = "C") -> str:
    """Tell the weather."""
    return f"{city} {days} {unit}"


def test_null_for_a_parameter_with_a_default_means_not_given() -> None:
    registry = ToolRegistry([forecast])
    assert registry.invoke("forecast", {"city": "Oslo", "days": None}) == "Oslo 1 C"
    assert registry.invoke("forecast", {"city": "Oslo", "unit": None}) == "Oslo 1 None", "None is a value here"
    with pytest.raises(ToolArgumentError, match="city"):
        registry.invoke("forecast", {"city": None})


ARGUMENTS = [
    ('{"city":"Oslo"}', {"city": "Oslo"}),
    (json.dumps('{"city":"Oslo"}'), {"city": "Oslo"}),
    ("null", {}),
    ('"null"', {}),
    ("", {}),
    ('""', {}),
    (" ", {}),
    ("[1]", None),
    ('"[1]"', None),
    ("Oslo", None),
]


@pytest.mark.parametrize(("given", "wanted"), ARGUMENTS)
def test_arguments_are_unwrapped_and_what_is_none_is_answered_with_an_error(given: str, wanted: Any) -> None:
    realtime, limits = OpenAIRealtimeCodec(), Limits()
    call = {"type": "function_call", "call_id": "c", "name": "forecast", "arguments": given}
    done = {"type": "response.done", "response": {"id": "r", "status": "completed", "output": [call]}}
    told: list[events.Event] = [
        event for event in realtime.decode(json.dumps(done), limits) if isinstance(event, events.ToolCalled)
    ]
    message = {"type": "tool.call", "call_id": "c", "name": "forecast", "arguments": given}
    told += list(AssemblyAICodec().decode(json.dumps(message), limits))
    assert len(told) == 2
    for event in told:
        assert isinstance(event, events.ToolCalled)
        if wanted is None:
            assert list(event.arguments) == ["(arguments that are not a JSON object)"]
        else:
            assert event.arguments == wanted


def test_the_transcript_shows_a_call_as_it_was_meant() -> None:
    host = OpenAIHost(ToolRegistry([forecast])).live()
    host.calls("r1", "c1", name="forecast", arguments=json.dumps({"city": "München 🇩🇪"}))
    assert host.turns("tool")[0][1] == 'forecast(city="München 🇩🇪")'
    host.calls("r2", "c2", name="forecast", arguments=json.dumps({"city": "ü" * 134 + "👨‍👩‍👧‍👦" * 9}))
    shown = host.turns("tool")[1][1]
    assert 150 < len(shown) <= 160 and shown.endswith("…")
    assert shown.count("👨") == shown.count("👦"), "no family is torn apart"


# --- what stands in a docstring ---------------------------------------------------------------------------------------


def google(city: str, days: int = 1) -> None:
    """Tell the weather of a city.
    Args:
        city (str): Name of
            the city.
        days: How many.
    Returns:
        nothing: at all
    """


def sphinx(city: str, days: int = 1) -> None:
    """Tell the weather
    of a city.
    :param str city: Name of
        the city.
    :param days: How many.
    :returns: nothing
    """


def numpy_style(city: str, days: int = 1) -> None:
    """Tell the weather of a city.

    Parameters
    ----------
    city : str
        Name of
        the city.
    days : int, optional
        How many.

    Returns
    -------
    None
        city : not this
    """


@pytest.mark.parametrize("function", [google, sphinx, numpy_style], ids=lambda one: one.__name__)
def test_all_three_styles_of_docstring_are_read(function: Callable[..., Any]) -> None:
    (schema,) = ToolRegistry([function]).schemas()
    assert schema["description"] == "Tell the weather of a city."
    properties = schema["parameters"]["properties"]
    assert properties["city"]["description"] == "Name of the city."
    assert properties["days"]["description"] == "How many."


def test_what_was_registered_is_called() -> None:
    def shout(function: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(function)
        def wrapped(**arguments: Any) -> str:
            return function(**arguments).upper()

        return wrapped

    @shout
    @tool
    def greet(name: str) -> str:
        """Greet."""
        return f"hello {name}"

    assert ToolRegistry([greet]).invoke("greet", {"name": "you"}) == "HELLO YOU"


# --- results ----------------------------------------------------------------------------------------------------------


class Sky(Enum):
    CLEAR = "clear"


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Weather:
    at: datetime
    sky: Sky
    rain: Decimal


NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
RESULTS = [
    (NOON, "2026-11-28T12:00:00+00:00"),
    (date(2026, 11, 28), "2026-11-28"),
    (timedelta(minutes=2), 120.0),
    (Decimal("12.50"), 12.5),
    (Decimal("12"), 12),
    (Sky.CLEAR, "clear"),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset("a"), ["a"]),
    ((1, 2), [1, 2]),
    (Point(1, 2), {"x": 1, "y": 2}),
    (Weather(NOON, Sky.CLEAR, Decimal("0.1")), {"at": "2026-11-28T12:00:00+00:00", "sky": "clear", "rain": 0.1}),
    ({date(2026, 1, 1): {Sky.CLEAR: 1}, 2: None}, {"2026-01-01": {"clear": 1}, "2": None}),
]


@pytest.mark.parametrize(("value", "wanted"), RESULTS)
def test_results_are_written_as_people_expect(value: Any, wanted: Any) -> None:
    assert json.loads(result_json(value)) == wanted


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"photo": b"x"}, "result.photo is a value of type bytes"),
        ({"list": [1, object()]}, r"result.list\[1\] is a value of type object"),
        ({"rate": float("nan")}, "result.rate is nan"),
        ((number for number in range(3)), "result is a value of type generator"),
        ({("a",): 1}, "key of type tuple"),
        (LOOP, "contains itself"),
    ],
)
def test_a_result_that_cannot_be_written_says_where_and_what(value: Any, words: str) -> None:
    with pytest.raises(ToolArgumentError, match=words):
        result_json(value)


# --- what comes from outside ------------------------------------------------------------------------------------------

TOKEN = {"token": "t", "ws_url": "wss://a.example/"}


@pytest.mark.parametrize(
    ("status", "body", "retry_after"),
    [
        (200, json.dumps({**TOKEN, "expires_at": 0}).replace(": 0", ": " + "9" * 400), ""),
        (200, json.dumps({**TOKEN, "max_session_seconds": 0}).replace(": 0", ": 1e999"), ""),
        (200, json.dumps({**TOKEN, "expires_at": True}), ""),
        (200, json.dumps({**TOKEN, "token": "\ud83d"}), ""),
        (200, json.dumps({**TOKEN, "ws_url": "wss://a.example/\udc00"}), ""),
        (429, "{}", "²"),
        (429, "{}", "٣"),
        (503, json.dumps({"error": {"code": "\ud83d", "message": ["\ud83d"]}}), ""),
    ],
)
def test_numbers_and_texts_that_would_end_python_are_refused(status: int, body: str, retry_after: str) -> None:
    event = token_answer.token_event(1, status, body, retry_after)
    if isinstance(event, events.TokenRefused):
        assert event.retry_after_s is None
        (event.code + event.message).encode()
    else:
        assert isinstance(event, events.TokenGranted)
        assert event.expires_at is None and event.max_session_s is None
        (event.token + event.ws_url).encode()


@pytest.mark.parametrize("provider", ["assemblyai", "openai_realtime", "sdk_voice"])
@pytest.mark.parametrize("field", ["token", "ws_url"])
def test_a_token_or_an_address_with_half_a_pair_ends_the_attempt_in_words(provider: str, field: str) -> None:
    host = OpenAIHost(provider=provider)
    host.click()
    whole = {"token": "t", "ws_url": "wss://a.example/"}
    host.grant(**{**whole, field: whole[field] + "\ud83d"})
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "token_unusable"
