"""Functions as tools: schema, documentation, checks, results."""

from __future__ import annotations

import inspect
import json
import types
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest

from pyclient.core.errors import ToolArgumentError, ToolDefinitionError, UnknownToolError
from pyclient.tools.registry import MAX_RESULT_CHARS, Tool, ToolRegistry, error_json, result_json, tool


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@tool(name="lamp", timeout_ms=2_000, execution_mode="hold")
async def set_lamp(
    room: Annotated[str, "Where the lamp is"],
    colour: Colour,
    level: int = 100,
    fade: float | None = None,
    mode: Literal["soft", "hard"] = "soft",
    tags: list[str] | None = None,
    extra: Optional[dict[str, int]] = None,  # noqa: UP045 -- the older spelling must work too
    on: bool = True,
    anything: Any = None,
) -> dict[str, Any]:
    """Switch a lamp
    in a room.

    More for programmers, which the agent does not need.

    Args:
        colour: What colour
            it gets.
        level (int): Percent.
        room: Loses against the annotation.

    Returns:
        mode: not an argument.
    """
    return {"room": room, "colour": colour, "level": level}


def test_a_signature_becomes_a_schema() -> None:
    (schema,) = ToolRegistry([set_lamp]).schemas()
    assert schema == {
        "name": "lamp",
        "description": "Switch a lamp in a room.",
        "execution_mode": "hold",
        "timeout_ms": 2_000,
        "parameters": {
            "type": "object",
            "properties": {
                "room": {"type": "string", "description": "Where the lamp is"},
                "colour": {"type": "string", "enum": ["red", "blue"], "description": "What colour it gets."},
                "level": {"type": "integer", "description": "Percent."},
                "fade": {"type": "number"},
                "mode": {"type": "string", "enum": ["soft", "hard"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "extra": {"type": "object", "additionalProperties": {"type": "integer"}},
                "on": {"type": "boolean"},
                "anything": {},
            },
            "required": ["room", "colour"],
        },
    }
    json.dumps(schema)


def test_a_tool_without_words_or_parameters_is_a_tool() -> None:
    def now() -> str:
        return "noon"

    registry = ToolRegistry([now])
    (schema,) = registry.schemas(default_timeout_ms=7_000)
    assert schema["description"] == "" and schema["timeout_ms"] == 7_000
    assert schema["parameters"] == {"type": "object", "properties": {}, "required": []}
    assert registry.invoke("now", {}) == "noon"


def test_a_marked_function_stays_an_ordinary_function() -> None:
    @tool
    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    assert double(4) == 8
    registry = ToolRegistry([double])
    assert registry.invoke("double", {"number": 4}) == 8
    assert "double" in registry and "treble" not in registry and len(registry) == 1
    assert registry.lookup("double").description == "Double a number."


def test_an_async_tool_gives_an_awaitable_and_converted_arguments() -> None:
    """Running it is the host's; nothing here waits."""
    pending = ToolRegistry([set_lamp]).invoke("lamp", {"room": "hall", "colour": "red", "level": 3.0})
    assert inspect.isawaitable(pending)
    with pytest.raises(StopIteration) as done:
        pending.send(None)  # type: ignore[attr-defined]
    assert done.value.value == {"room": "hall", "colour": Colour.RED, "level": 3}


def test_arguments_are_converted_to_what_the_function_wants() -> None:
    bound = ToolRegistry([set_lamp]).bind(
        "lamp",
        {"room": "hall", "colour": "blue", "fade": 2, "tags": ["a"], "extra": {"x": 1}, "anything": [1, {"y": None}]},
    )
    assert bound["colour"] is Colour.BLUE
    assert isinstance(bound["fade"], float)
    assert (bound["tags"], bound["extra"], bound["anything"]) == (["a"], {"x": 1}, [1, {"y": None}])
    assert ToolRegistry([set_lamp]).bind("lamp", {"room": "a", "colour": "red", "fade": None})["fade"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "lamp needs the argument room"),
        ({"room": "hall"}, "lamp needs the argument colour"),
        ({"room": "hall", "colour": "red", "size": 1}, "no argument 'size'; it takes: room, colour, level"),
        ({"room": 7, "colour": "red"}, "room must be text, not 7"),
        ({"room": None, "colour": "red"}, "room must be text, not None"),
        ({"room": "hall", "colour": "green"}, "colour must be one of: red, blue, not 'green'"),
        ({"room": "hall", "colour": ["red"]}, "colour must be one of"),
        ({"room": "hall", "colour": "red", "level": 1.5}, "level must be a whole number, not 1.5"),
        ({"room": "hall", "colour": "red", "level": True}, "level must be a whole number, not True"),
        ({"room": "hall", "colour": "red", "fade": "slow"}, "fade must be a number"),
        ({"room": "hall", "colour": "red", "fade": True}, "fade must be a number"),
        ({"room": "hall", "colour": "red", "on": 1}, "on must be true or false"),
        ({"room": "hall", "colour": "red", "tags": "a"}, "tags must be a list"),
        ({"room": "hall", "colour": "red", "tags": ["a", 2]}, r"tags\[1\] must be text"),
        ({"room": "hall", "colour": "red", "extra": []}, "extra must be an object"),
        ({"room": "hall", "colour": "red", "extra": {"x": "y"}}, r"extra\.x must be a whole number"),
        ({"room": "x" * 1_000, "colour": "red", "level": "y" * 1_000}, "level must be a whole number, not 'yyy"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolArgumentError, match=words) as caught:
        ToolRegistry([set_lamp]).bind("lamp", arguments)
    assert len(str(caught.value)) < 200


def no_hint(city):  # type: ignore[no-untyped-def]
    """No type hint."""


def starred(*cities: str) -> None: ...


def double_starred(**cities: str) -> None: ...


def positional(city: str, /) -> None: ...


def too_rich(city: set[str]) -> None: ...


def union(city: int | str) -> None: ...


def mixed_choices(city: Literal["a", 1]) -> None: ...


def odd_keys(city: dict[int, str]) -> None: ...


def optional_without_default(city: str | None) -> None: ...


def optional_in_disguise(city: Annotated[str | None, "x"]) -> None: ...


def unknown_name(city: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    "function",
    [no_hint, starred, double_starred, positional, too_rich, union, mixed_choices, odd_keys, optional_without_default, optional_in_disguise, unknown_name],
)  # fmt: skip
def test_a_signature_that_cannot_be_described_is_refused_when_it_is_defined(function: Any) -> None:
    """Not in a call, in front of a person."""
    with pytest.raises(ToolDefinitionError, match=function.__name__):
        tool(function)


@pytest.mark.parametrize(
    "options",
    [{"name": "my tool"}, {"name": "x" * 65}, {"timeout_ms": 99}, {"timeout_ms": 300_001}, {"execution_mode": "soon"}],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ToolDefinitionError):

        @tool(**options)
        def good() -> None: ...


def test_plain_lists_and_dicts_take_anything() -> None:
    @tool
    def store(items: list, table: dict, choice: Literal[1, 2] = 1) -> None:  # type: ignore[type-arg]
        """Store."""

    made = ToolRegistry([store]).lookup("store")
    assert made.parameters["properties"] == {
        "items": {"type": "array", "items": {}},
        "table": {"type": "object"},
        "choice": {"type": "integer", "enum": [1, 2]},
    }
    assert made.bind({"items": [1, "a"], "table": {"x": []}, "choice": 2})["choice"] == 2
    with pytest.raises(ToolArgumentError):
        made.bind({"items": [], "table": {}, "choice": True})


def test_two_tools_of_one_name_are_refused() -> None:
    registry = ToolRegistry([set_lamp])
    with pytest.raises(ToolDefinitionError, match="two tools"):
        registry.register(set_lamp)


def test_a_function_without_a_name_is_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="name"):
        ToolRegistry([lambda: None])


def test_an_unknown_tool_is_named_and_so_are_the_known_ones() -> None:
    with pytest.raises(UnknownToolError, match="no tool 'x'; there are: lamp"):
        ToolRegistry([set_lamp]).invoke("x", {})
    with pytest.raises(UnknownToolError, match="there are: none"):
        ToolRegistry().bind("x", {})


def test_a_module_gives_its_marked_functions_and_no_others() -> None:
    module = types.ModuleType("agent_tools")
    module.helper = len  # type: ignore[attr-defined]
    module.lamp = set_lamp  # type: ignore[attr-defined]
    module.alias = set_lamp  # type: ignore[attr-defined]
    registry = ToolRegistry()
    assert [made.name for made in registry.register_module(module)] == ["lamp"]


def test_a_tool_may_be_registered_ready_made() -> None:
    made = ToolRegistry([set_lamp]).lookup("lamp")
    assert isinstance(made, Tool)
    assert ToolRegistry([made]).timeout_ms("lamp", 9_000) == 2_000


def test_results_are_json_text() -> None:
    assert result_json({"a": [1, None, "ü"]}) == '{"a": [1, null, "ü"]}'
    assert json.loads(error_json("x" * 1_000)) == {"error": "x" * 500}


@pytest.mark.parametrize("value", [object(), b"x", float("nan"), b"x", "x" * MAX_RESULT_CHARS])
def test_results_that_cannot_be_sent_are_refused_in_words(value: Any) -> None:
    with pytest.raises(ToolArgumentError, match="result"):
        result_json(value)


def test_a_result_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ToolArgumentError):
        result_json(loop)
