"""The values of an AssemblyAI session: what each may be, and how a wrong one is refused.

Protocol file sections 4.1, 6, 8 and 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.agent.wires.checks import Check, flag, is_int, one_of, or_null, text, texts, whole, within

__all__ = [
    "IMMUTABLE",
    "INLINE",
    "INPUT",
    "LONG_TEXT",
    "OUTPUT",
    "Refused",
    "check_webhook",
    "fill",
    "format_of",
    "tools_of",
    "turn_detection_of",
    "wrong_format",
]

_RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
INLINE = frozenset({"system_prompt", "greeting", "tools", "input", "output", "llm", "pre_connect_requests", "webhook"})
IMMUTABLE = ("greeting", "input.type", "input.format", "output.type", "output.voice", "output.format")
# Sanity limits of ours: the vendor publishes none.
_SILENCE_MS = (20, 30_000)
_MAX_TEXT = 100_000
_MAX_TOOLS = 128


@dataclass(slots=True)
class Refused(Exception):
    """A session.error to send. `param` names the key; None for protocol-level errors, which carry no param at all."""

    code: str
    message: str
    param: str | None = None
    closes: bool = False


def wrong_format(kind: str) -> Refused:
    """The answer to a message whose fields are wrong."""
    return Refused("invalid_format", f"Invalid message format for type '{kind}'")


def _bad() -> Refused:
    return wrong_format("session.update")


LONG_TEXT, _texts = text(_MAX_TEXT), texts(1000, lambda value: isinstance(value, str))
_FORMAT: dict[str, Check] = {"encoding": one_of(*_RATES), "sample_rate": is_int}
_TURN: dict[str, Check] = {
    "vad_threshold": or_null(within(0, 1)),
    "min_silence": or_null(whole(*_SILENCE_MS)),
    "max_silence": or_null(whole(*_SILENCE_MS)),
    "interrupt_response": or_null(flag),
    "interruption_delay": or_null(whole(0, 1000)),
    "type": or_null(one_of("server_vad", "semantic_vad")),
    "uninterruptible_turns": or_null(_texts),
}
INPUT: dict[str, Check] = {
    "type": one_of("audio", "text"),
    "keyterms": or_null(texts(100, lambda value: isinstance(value, str))),
    "transcription_mode": or_null(one_of("min_latency", "balanced", "max_accuracy")),
    "transcription_prompt": or_null(text(1750)),
    "language_codes": or_null(_texts),
    "voice_focus": or_null(one_of("near-field", "far-field")),
    "voice_focus_threshold": or_null(within(0, 1)),
    "continuous_partials": or_null(flag),
}
OUTPUT: dict[str, Check] = {"type": one_of("audio", "text"), "volume": or_null(within(0, 100))}
_TOOL: dict[str, Check] = {
    "type": one_of("function"),
    "name": lambda value: text(200)(value) and bool(value),
    "description": LONG_TEXT,
    "execution_mode": one_of("interactive", "hold"),
    "timeout_seconds": within(1, 300),
    "http": lambda value: value is None,
    "response_instructions": or_null(LONG_TEXT),
}


def _is_http(given: Any) -> bool:
    """Section 8: where the service would send a call. This one sends none."""
    headers = given.get("headers") or [] if isinstance(given, dict) else None
    return (
        isinstance(headers, list)
        and isinstance(given.get("url"), str)
        and given["url"].startswith("https://")
        and len(given["url"]) <= 2048
        and isinstance(given.get("http_method", "POST"), str)
        and all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in headers)
    )


_STORED_TOOL: dict[str, Check] = {
    "http": _is_http,
    "dtmf_collected_arguments": lambda value: isinstance(value, list) and len(value) <= 100,
}
# Keys of a tool's echo that a client may send back unchanged, as null.
_TOOL_NULLS = ("http", "response_instructions", "deployment_id", "session_update", "image_tag")


def fill(into: dict[str, Any], given: Any, checks: Mapping[str, Check], path: str, known: frozenset[str]) -> None:
    """Check and copy the plain keys; the keys in `known` are somebody else's business."""
    if not isinstance(given, dict):
        raise _bad()
    for key, value in given.items():
        if key in known:
            continue
        if key not in checks:
            raise _bad()
        if not checks[key](value):
            raise Refused("invalid_config", f"'{path}{key}' has a value that is not allowed", f"{path}{key}")
        into[key] = value


def format_of(given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, dict) or not set(given) <= set(_FORMAT):
        raise _bad()
    encoding = given.get("encoding", "audio/pcm")
    if not _FORMAT["encoding"](encoding):
        raise Refused("invalid_config", f"'{path}.encoding' must be one of: {', '.join(_RATES)}", f"{path}.encoding")
    rate = given.get("sample_rate", _RATES[encoding])
    if rate is None:
        rate = _RATES[encoding]
    if not is_int(rate) or rate != _RATES[encoding]:
        message = f"'{path}.sample_rate' must be {_RATES[encoding]} for {encoding}"
        raise Refused("invalid_config", message, f"{path}.sample_rate")
    return {"encoding": encoding, "sample_rate": rate}


def _tool(given: Any, path: str, stored: bool) -> dict[str, Any]:
    def bad(where: str, must: str) -> Refused:
        return Refused("invalid_value", f"'{where}' must be {must}", where)

    if not isinstance(given, dict):
        raise bad(path, "an object")
    parameters = given.get("parameters", {"type": "object", "properties": {}})
    if not isinstance(parameters, dict):
        raise bad(f"{path}.parameters", "an object")
    if not isinstance(parameters.get("properties", {}), dict):
        raise bad(f"{path}.parameters.properties", "an object")
    if not _texts(parameters.get("required", [])):
        raise bad(f"{path}.parameters.required", "a list of strings")
    tool: dict[str, Any] = {
        "type": "function",
        "name": given.get("name"),
        "description": "",
        "parameters": parameters,
        "timeout_seconds": 120,
        "execution_mode": "interactive",
        **dict.fromkeys(_TOOL_NULLS),
    }
    for key, value in given.items():
        if key == "parameters" or (key in _TOOL_NULLS and value is None):
            continue
        if stored and key in _STORED_TOOL:
            if not _STORED_TOOL[key](value):
                raise bad(f"{path}.{key}", "as documented")
            tool[key] = value
            continue
        if key not in _TOOL:
            raise _bad()
        if not _TOOL[key](value):
            raise Refused("invalid_value", f"'{path}.{key}' has a value that is not allowed", f"{path}.{key}")
        tool[key] = value
    if not _TOOL["name"](tool["name"]):
        raise bad(f"{path}.name", "a string")
    return tool


def tools_of(given: Any, *, stored: bool = False) -> list[dict[str, Any]]:
    """Tools with their defaults. `stored`: of a stored agent, whose tools the service itself may call.

    Raises Refused.
    """
    if not isinstance(given, list) or len(given) > _MAX_TOOLS:
        raise Refused("invalid_value", "'tools' must be a list of tools", "tools")
    return [_tool(tool, f"tools[{index}]", stored) for index, tool in enumerate(given)]


def turn_detection_of(before: Mapping[str, Any] | None, given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    detection = dict(before or dict.fromkeys(_TURN) | {"uninterruptible_turns": []})
    fill(detection, given, _TURN, "input.turn_detection.", frozenset())
    low, high = detection.get("min_silence"), detection.get("max_silence")
    if low is not None and high is not None and high < low:
        message = "'input.turn_detection.max_silence' must not be less than min_silence"
        raise Refused("invalid_config", message, "input.turn_detection.max_silence")
    return detection


def check_webhook(given: Any) -> None:
    ok = (
        isinstance(given, dict)
        and set(given) <= {"url", "events", "secret"}
        and isinstance(given.get("url"), str)
        and given["url"].startswith("https://")
        and _texts(given.get("events"))
        and isinstance(given.get("secret", ""), str)
    )
    if not ok:
        raise Refused("invalid_webhook", "Invalid webhook", "webhook")
