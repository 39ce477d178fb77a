"""Tools of the page, as the agent sees them: what was declared, what it asks for, and how a result sounds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ROOM_KEYS", "ToolRequest", "ToolSpec", "error_words", "light_words", "parsed", "plain", "weather_words"]

# How the argument of a light's tool may be called that says which light.
ROOM_KEYS = ("room", "where", "location", "place", "area")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool that the page declared. `hold`: stay silent until its result comes."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hold: bool = False
    timeout_ms: int = 120_000

    @property
    def properties(self) -> Mapping[str, Any]:
        found = self.parameters.get("properties")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """Ask the page to run a tool. `skill` and `arguments` come back to `answer_tool` with the result."""

    tool: ToolSpec
    arguments: Mapping[str, Any]
    skill: str


def parsed(result: str) -> Any:
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        return result


def weather_words(request: ToolRequest, value: Any) -> str:
    place = next((str(word) for word in request.arguments.values()), "there")
    if not isinstance(value, Mapping):
        return f"The weather in {place}: {plain(value)}."
    degrees = next(
        (value[key] for key in value if re.search(r"temp|degree|celsius|fahrenheit", str(key).lower())), None
    )
    sky = next(
        (value[key] for key in value if re.search(r"sky|condition|weather|summary|description", str(key).lower())), None
    )
    if degrees is None and sky is None:
        return f"The weather in {place}: {plain(value)}."
    parts = [f"{plain(degrees)} degrees"] if degrees is not None else []
    parts += [plain(sky)] if sky is not None else []
    return f"It is {' and '.join(parts)} in {place}."


def light_words(request: ToolRequest, value: Any) -> str:
    """The room is named only if the person did."""
    room = next((argument for key, argument in request.arguments.items() if key in ROOM_KEYS), "")
    wanted = next((argument for key, argument in request.arguments.items() if key not in ROOM_KEYS), True)
    state = (
        next((value[key] for key in ("on", "state", "power") if key in value), wanted)
        if isinstance(value, Mapping)
        else wanted
    )
    where = f" in the {room}" if room else ""
    return f"The light{where} is {'on' if state in (True, 'on', 'true') else 'off'} now."


def error_words(result: str) -> str:
    value = parsed(result)
    told = (
        next((value[key] for key in ("error", "message", "detail") if key in value), None)
        if isinstance(value, Mapping)
        else value
    )
    text = plain(told) if told not in (None, True, "") else ""
    return f"The page said: {text}." if text else "Please try again later."


def plain(value: Any) -> str:
    """A JSON value in words; short, because somebody has to listen to it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {plain(item)}" for key, item in list(value.items())[:5])
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value[:5])
    return " ".join(str(value).split())[:200].rstrip(".")
