"""The configuration of an OpenAI Realtime session: what session.update may hold, how it is merged, how it is echoed.

Protocol file sections 5 and 9. `Config.update` either applies a partial session or raises `Refused` and applies nothing.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from server.agent.session import ConversationSettings
from server.agent.speaker import SpeakerSettings
from server.agent.tools import ToolSpec
from server.agent.turns import TurnSettings

__all__ = [
    "DEFAULT_MODEL",
    "Config",
    "Refused",
    "check_choice",
    "check_modalities",
    "check_tokens",
    "check_tools",
    "tool_specs",
    "voice_of",
]

DEFAULT_MODEL = "gpt-realtime-2.1"
_RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
# The vendor's ten voices on the local agent's own.
_VOICES = {
    "alloy": "eve",
    "ash": "michael",
    "ballad": "george",
    "coral": "jane",
    "echo": "paul",
    "sage": "anna",
    "shimmer": "iris",
    "verse": "charles",
    "marin": "alba",
    "cedar": "reid",
}
_DEFAULT_INSTRUCTIONS = "You are the local agent: a small program that stands in for a language model."
_MAX_TEXT = 200_000
_MAX_TOOLS = 128
# Section 5: how long semantic_vad waits at most for the end of a sentence that sounds unfinished.
_EAGERNESS_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
_SERVER_VAD: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD: dict[str, Any] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}


@dataclass(slots=True)
class Refused(Exception):
    """An `error` event to send (section 9); `param` is the path of what is wrong. `kind` is the error's type."""

    code: str
    message: str
    param: str | None = None
    kind: str = "invalid_request_error"


Check = Callable[[Any], bool]


def _wrong(param: str, must: str) -> Refused:
    return Refused("invalid_value", f"Invalid value for '{param}': expected {must}.", param)


def _number(low: float, high: float) -> Check:
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and low <= value <= high
    )


def _whole(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def _texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 1000 and all(map(_text, value))


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def _anything(_value: Any) -> bool:
    return True


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _fields(given: Any, checks: Mapping[str, Check], path: str) -> dict[str, Any]:
    """`given` when every key is known and every value allowed. Raises Refused."""
    if not isinstance(given, dict):
        raise _wrong(path, "an object")
    for key, value in given.items():
        where = f"{path}.{key[:100]}"
        if key not in checks:
            raise Refused("unknown_parameter", f"Unknown parameter: '{where}'.", where)
        if not checks[key](value):
            raise _wrong(where, "another type or value")
    return given


_FORMAT: dict[str, Check] = {"type": _one_of(*_RATES), "rate": _or_null(_whole(1, 1_000_000))}
_NOISE: dict[str, Check] = {"type": _one_of("near_field", "far_field"), "strength": _or_null(_number(0, 1))}
_TRANSCRIPTION: dict[str, Check] = {
    "model": _text,
    "language": _or_null(_text),
    "prompt": _or_null(_text),
    "languages": _or_null(_texts),
    "keywords": _or_null(_texts),
    "delay": _or_null(_one_of("minimal", "low", "medium", "high", "xhigh")),
}
_TURNS: dict[str, dict[str, Check]] = {
    "server_vad": {
        "type": _text,
        "threshold": _or_null(_number(0, 1)),
        "prefix_padding_ms": _or_null(_whole(0, 5000)),
        "silence_duration_ms": _or_null(_whole(20, 30_000)),
        "idle_timeout_ms": _or_null(_whole(1, 600_000)),
        "create_response": _or_null(_flag),
        "interrupt_response": _or_null(_flag),
    },
    "semantic_vad": {
        "type": _text,
        "eagerness": _or_null(_one_of(*_EAGERNESS_MS)),
        "create_response": _or_null(_flag),
        "interrupt_response": _or_null(_flag),
    },
}
_TOOL: dict[str, Check] = {
    "type": _one_of("function"),
    "name": lambda value: _text(value) and bool(value),
    "description": _or_null(_text),
    "parameters": _or_null(_object),
}


def check_tools(given: Any, path: str) -> list[dict[str, Any]]:
    """A list of function tools, with their defaults. Raises Refused; remote MCP tools are refused, nothing here runs them."""
    if not isinstance(given, list) or len(given) > _MAX_TOOLS:
        raise _wrong(path, f"a list of at most {_MAX_TOOLS} tools")
    tools: list[dict[str, Any]] = []
    for number, tool in enumerate(given):
        where = f"{path}[{number}]"
        _fields(tool, _TOOL, where)
        if "name" not in tool:
            raise Refused("missing_required_parameter", f"Missing required parameter: '{where}.name'.", f"{where}.name")
        parameters = tool.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(parameters.get("properties", {}), dict):
            raise _wrong(f"{where}.parameters.properties", "an object")
        tools.append({"type": "function", "description": "", **tool, "parameters": parameters})
    return tools


def check_choice(given: Any, path: str) -> Any:
    """A tool choice. Raises Refused."""
    if given in ("none", "auto", "required") and isinstance(given, str):
        return given
    if isinstance(given, dict) and given.get("type") in ("function", "mcp"):
        return given
    raise _wrong(path, "'none', 'auto', 'required' or a tool")


def check_modalities(given: Any, path: str) -> list[str]:
    """Section 5: audio or text, never both. Raises Refused."""
    if given in (["audio"], ["text"]):
        return list(given)
    raise _wrong(path, '["audio"] or ["text"]')


def check_tokens(given: Any, path: str) -> Any:
    """1 to 4096 or "inf". Raises Refused."""
    if given == "inf" or _whole(1, 4096)(given):
        return given
    raise _wrong(path, "1 to 4096 or 'inf'")


def voice_of(given: Any, path: str) -> Any:
    """A known voice's name, or a custom voice's `{"id"}`, as it is echoed. Raises Refused."""
    if (isinstance(given, str) and given in _VOICES) or (isinstance(given, dict) and isinstance(given.get("id"), str)):
        return given
    raise _wrong(path, f"one of {', '.join(_VOICES)}")


def tool_specs(tools: list[dict[str, Any]], choice: Any) -> tuple[ToolSpec, ...]:
    """The tools that may be called under a tool choice."""
    if choice == "none":
        return ()
    only = choice.get("name") if isinstance(choice, dict) else None
    return tuple(
        ToolSpec(name=tool["name"], description=tool["description"] or "", parameters=tool["parameters"])
        for tool in tools
        if only is None or tool["name"] == only
    )


class Config:
    """The configuration of one session. `echo` is what session.created and session.updated carry."""

    def __init__(self, session_id: str, model: str, expires_at_s: int) -> None:
        pcm = {"type": "audio/pcm", "rate": 24_000}
        self._values: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": _DEFAULT_INSTRUCTIONS,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "prompt": None,
            "truncation": "auto",
            "expires_at": expires_at_s,
            "audio": {
                "input": {
                    "format": dict(pcm),
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": dict(_SERVER_VAD),
                },
                "output": {"format": dict(pcm), "voice": "marin", "speed": 1.0},
            },
            "include": None,
        }

    def echo(self) -> dict[str, Any]:
        """A copy of the whole effective session."""
        return copy.deepcopy(self._values)

    def update(self, given: Any, *, voice_locked: bool = False) -> None:
        """Merge a partial session. Raises Refused."""
        _fields(given, dict.fromkeys((*_PLAIN, "type", "audio"), _anything), "session")
        if given.get("type") != "realtime":
            if "type" not in given:
                raise Refused(
                    "missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type"
                )
            raise _wrong("session.type", "'realtime'")
        values = self.echo()
        for key, value in given.items():
            # Section 2: clients do send another model than the address named; it cannot change and is no error.
            if key in _PLAIN and key != "model":
                values[key] = _PLAIN[key](value, f"session.{key}")
        audio = _fields(given.get("audio", {}), {"input": _object, "output": _object}, "session.audio")
        _merge_input(values["audio"]["input"], audio.get("input", {}))
        _merge_output(values["audio"]["output"], audio.get("output", {}), voice_locked)
        self._values = values

    # What the wire and the conversation need -------------------------------------------------------------------------

    def value(self, key: str) -> Any:
        """One top-level value of the session."""
        return self._values[key]

    @property
    def input(self) -> Mapping[str, Any]:
        """`session.audio.input`."""
        found: Mapping[str, Any] = self._values["audio"]["input"]
        return found

    @property
    def output(self) -> Mapping[str, Any]:
        """`session.audio.output`."""
        found: Mapping[str, Any] = self._values["audio"]["output"]
        return found

    @property
    def turn_detection(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.input["turn_detection"]
        return found

    @property
    def output_rate_hz(self) -> int:
        return _RATES[self.output["format"]["type"]]

    @staticmethod
    def speaking_voice(voice: Any) -> str:
        """The local agent's voice for the vendor's; a custom one sounds like the default."""
        return _VOICES.get(voice, _VOICES["marin"]) if isinstance(voice, str) else _VOICES["marin"]

    def settings(self) -> ConversationSettings:
        """The same configuration in the conversation's own terms; replies are asked for one by one."""
        return ConversationSettings(
            turns=_turn_settings(self.turn_detection),
            speaker=SpeakerSettings(voice=self.speaking_voice(self.output["voice"]), rate_hz=self.output_rate_hz),
            input_rate_hz=_RATES[self.input["format"]["type"]],
            manual_turns=self.turn_detection is None,
            answers_turns=False,
            hides_speech=False,
        )


def _plain(check: Check, must: str) -> Callable[[Any, str], Any]:
    def checked(value: Any, path: str) -> Any:
        if not check(value):
            raise _wrong(path, must)
        return value

    return checked


_PLAIN: dict[str, Callable[[Any, str], Any]] = {
    "model": _plain(_text, "a string"),
    "output_modalities": check_modalities,
    "instructions": _plain(_text, "a string"),
    "max_output_tokens": check_tokens,
    "tools": check_tools,
    "tool_choice": check_choice,
    "parallel_tool_calls": _plain(_or_null(_flag), "true or false"),
    "reasoning": _plain(_or_null(_object), "an object"),
    "prompt": _plain(_or_null(_object), "an object"),
    "tracing": _plain(lambda value: value in (None, "auto") or isinstance(value, dict), "null, 'auto' or an object"),
    "truncation": _plain(
        lambda value: value in ("auto", "disabled") or isinstance(value, dict), "'auto' or 'disabled'"
    ),
    "include": _plain(_or_null(_texts), "a list of strings"),
}


def _format(given: Any, path: str) -> dict[str, Any]:
    form = _fields(given, _FORMAT, path)
    kind = form.get("type", "audio/pcm")
    if kind != "audio/pcm":
        return {"type": kind}
    rate = form.get("rate")
    if rate not in (None, 24_000):
        raise _wrong(f"{path}.rate", "24000")
    return {"type": kind, "rate": 24_000}


def _merge_input(values: dict[str, Any], given: Any) -> None:
    path = "session.audio.input"
    for key, value in _fields(given, dict.fromkeys(values, _anything), path).items():
        if key == "format":
            values[key] = _format(value, f"{path}.format")
        elif value is None:
            values[key] = None
        elif key == "turn_detection":
            values[key] = _turn_detection(values[key], value, f"{path}.{key}")
        else:
            checks = _NOISE if key == "noise_reduction" else _TRANSCRIPTION
            values[key] = {**(values[key] or {}), **_fields(value, checks, f"{path}.{key}")}


def _turn_detection(before: Mapping[str, Any] | None, given: Any, path: str) -> dict[str, Any]:
    kind = given.get("type", before["type"] if before else None) if isinstance(given, dict) else None
    if kind is None:
        raise Refused("missing_required_parameter", f"Missing required parameter: '{path}.type'.", f"{path}.type")
    if kind not in _TURNS:
        raise _wrong(f"{path}.type", "'server_vad' or 'semantic_vad'")
    defaults = _SERVER_VAD if kind == "server_vad" else _SEMANTIC_VAD
    start = before if before and before["type"] == kind else defaults
    merged = {**start, **_fields(given, _TURNS[kind], path)}
    # A null is the default, but for the one key whose default is null.
    return {key: defaults[key] if value is None else value for key, value in merged.items()}


def _merge_output(values: dict[str, Any], given: Any, voice_locked: bool) -> None:
    path = "session.audio.output"
    for key, value in _fields(given, dict.fromkeys(values, _anything), path).items():
        if key == "format":
            values[key] = _format(value, f"{path}.format")
        elif key == "speed":
            if not _number(0.25, 1.5)(value):
                raise _wrong(f"{path}.speed", "0.25 to 1.5")
            values[key] = value
        elif voice_of(value, f"{path}.voice") != values[key]:
            if voice_locked:
                message = "Cannot update a conversation's voice if assistant audio is present."
                raise Refused("cannot_update_voice", message, f"{path}.voice")
            values[key] = value


def _turn_settings(detection: Mapping[str, Any] | None) -> TurnSettings:
    if detection is None:
        return TurnSettings(interrupt_response=False)
    if detection["type"] == "semantic_vad":
        longest = _EAGERNESS_MS[detection["eagerness"]]
        return TurnSettings(max_silence_ms=longest, interrupt_response=detection["interrupt_response"])
    silence = detection["silence_duration_ms"]
    return TurnSettings(
        vad_threshold=float(detection["threshold"]),
        min_silence_ms=silence,
        max_silence_ms=silence,
        interrupt_response=detection["interrupt_response"],
        pre_roll_ms=max(100, detection["prefix_padding_ms"]),
    )
