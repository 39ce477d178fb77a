"""The configuration of an AssemblyAI session: what session.update may hold, who may change it, how it is echoed.

Protocol file sections 4.1, 5, 6, 8 and 11. `Config.first` and `Config.later` either give a new configuration or raise
`Refused`, which carries the session.error to send and whether the socket closes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.agent.conversation_settings import ConversationSettings
from server.agent.speaker import SpeakerSettings
from server.agent.tools import ToolSpec
from server.agent.turns import TurnSettings
from server.agent.voice import DEFAULT_VOICE, VOICES
from server.agent.wires.checks import Check, flag, is_int, one_of, or_null, text, texts, whole, within

__all__ = ["Config", "Refused", "wrong_format"]

_RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
_INLINE = frozenset({"system_prompt", "greeting", "tools", "input", "output", "llm", "pre_connect_requests", "webhook"})
_IMMUTABLE = ("greeting", "input.type", "input.format", "output.type", "output.voice", "output.format")
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


_text, _texts = text(_MAX_TEXT), texts(1000, lambda value: isinstance(value, str))
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
_INPUT: dict[str, Check] = {
    "type": one_of("audio", "text"),
    "keyterms": or_null(texts(100, lambda value: isinstance(value, str))),
    "transcription_mode": or_null(one_of("min_latency", "balanced", "max_accuracy")),
    "transcription_prompt": or_null(text(1750)),
    "language_codes": or_null(_texts),
    "voice_focus": or_null(one_of("near-field", "far-field")),
    "voice_focus_threshold": or_null(within(0, 1)),
    "continuous_partials": or_null(flag),
}
_OUTPUT: dict[str, Check] = {"type": one_of("audio", "text"), "volume": or_null(within(0, 100))}
_TOOL: dict[str, Check] = {
    "type": one_of("function"),
    "name": lambda value: text(200)(value) and bool(value),
    "description": _text,
    "execution_mode": one_of("interactive", "hold"),
    "timeout_seconds": within(1, 300),
    "http": lambda value: value is None,
    "response_instructions": or_null(_text),
}
# Keys of a tool's echo that a client may send back unchanged, as null.
_TOOL_NULLS = ("http", "response_instructions", "deployment_id", "session_update", "image_tag")


def _fill(into: dict[str, Any], given: Any, checks: Mapping[str, Check], path: str, known: frozenset[str]) -> None:
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


def _format(given: Any, path: str) -> dict[str, Any]:
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


def _tool(given: Any, path: str) -> dict[str, Any]:
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
        if key not in _TOOL:
            raise _bad()
        if not _TOOL[key](value):
            raise Refused("invalid_value", f"'{path}.{key}' has a value that is not allowed", f"{path}.{key}")
        tool[key] = value
    if not _TOOL["name"](tool["name"]):
        raise bad(f"{path}.name", "a string")
    return tool


def _tools(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > _MAX_TOOLS:
        raise Refused("invalid_value", "'tools' must be a list of tools", "tools")
    return [_tool(tool, f"tools[{index}]") for index, tool in enumerate(given)]


def _turn_detection(before: Mapping[str, Any] | None, given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    detection = dict(before or dict.fromkeys(_TURN) | {"uninterruptible_turns": []})
    _fill(detection, given, _TURN, "input.turn_detection.", frozenset())
    low, high = detection.get("min_silence"), detection.get("max_silence")
    if low is not None and high is not None and high < low:
        message = "'input.turn_detection.max_silence' must not be less than min_silence"
        raise Refused("invalid_config", message, "input.turn_detection.max_silence")
    return detection


class Config:
    """The configuration of one session. `echo` is what session.updated and session.ready carry."""

    def __init__(self, session_id: str) -> None:
        pcm = {"encoding": "audio/pcm", "sample_rate": 24_000}
        nulls = ("turn_detection", "keyterms", "transcription_mode", "continuous_partials", "transcription_prompt")
        more_nulls = ("language_codes", "voice_focus", "voice_focus_threshold")
        self._values: dict[str, Any] = {
            "id": session_id,
            "system_prompt": "",
            "greeting": None,
            "input": {"type": "audio", "format": dict(pcm), **dict.fromkeys(nulls + more_nulls)},
            "output": {"type": "audio", "voice": DEFAULT_VOICE, "format": dict(pcm), "volume": None},
            "tools": [],
            "llm": [],
            "pre_connect_requests": [],
        }

    def echo(self) -> dict[str, Any]:
        """A copy to send: what was not set is null, not its default (protocol file section 5)."""
        return copy.deepcopy(self._values)

    def first(self, session: Any) -> None:
        """Apply the first session.update. Raises Refused; nothing is applied then."""
        if session is None:
            session = {}
        if not isinstance(session, dict) or not set(session) <= _INLINE | {"agent_id"}:
            raise _bad()
        if "agent_id" in session:
            if set(session) & _INLINE:
                message = "agent_id is mutually exclusive with other session fields"
                raise Refused("invalid_value", message, "agent_id", closes=True)
            # The local agent stores none.
            raise Refused("agent_not_found", "Agent not found", "agent_id", closes=True)
        self._refuse_llm(session)
        if "greeting" in session and not text(5000)(session["greeting"]):
            raise _bad()
        values = self.echo()
        self._apply(values, session)
        if "greeting" in session:
            values["greeting"] = session["greeting"]
        given_output = session.get("output", {})
        for side in ("input", "output"):
            if "format" in session.get(side, {}):
                values[side]["format"] = _format(session[side]["format"], f"{side}.format")
        if "voice" in given_output:
            voice = given_output["voice"]
            if not isinstance(voice, str):
                raise _bad()
            if voice not in VOICES:
                message = f"Invalid voice '{voice[:100]}'. Must be one of: {', '.join(VOICES)}"
                raise Refused("invalid_value", message, "output.voice", closes=True)
            values["output"]["voice"] = voice
        self._values = values

    def later(self, session: Any, *, identical_is_error: bool = False) -> list[Refused]:
        """Apply a later session.update: mutable keys change, immutable ones are dropped and told in the list returned.

        `identical_is_error` also tells re-sent immutable values that are no change. Raises Refused; nothing is applied then.
        """
        if session is None:
            session = {}
        if not isinstance(session, dict) or not set(session) <= _INLINE | {"agent_id"}:
            raise _bad()
        if "agent_id" in session:
            message = "agent_id can only be set on the first session.update"
            raise Refused("agent_id_not_first", message, "agent_id")
        self._refuse_llm(session)
        values = self.echo()
        self._apply(values, session)
        refused: list[Refused] = []
        for path in _IMMUTABLE:
            side, _, key = path.partition(".")
            holder = session.get(side) if key else session
            name = key or side
            if not isinstance(holder, dict) or name not in holder:
                continue
            present = self._values[side][key] if key else self._values[side]
            if identical_is_error or holder[name] != present:
                message = f"'{path}' cannot be changed after the first session.update"
                refused.append(Refused("immutable_field", message, path))
            if key:
                values[side][key] = present
        self._values = values
        return refused

    def _refuse_llm(self, session: Mapping[str, Any]) -> None:
        if session.get("llm"):
            message = "BYO LLM config is not allowed on session.update; define it on a stored agent via POST /v1/agents"
            raise Refused("invalid_value", message, "llm", closes=True)

    def _apply(self, values: dict[str, Any], session: Mapping[str, Any]) -> None:
        """Everything but the immutable keys, into `values`."""
        if "system_prompt" in session:
            if not _text(session["system_prompt"]):
                raise _bad()
            values["system_prompt"] = session["system_prompt"]
        if "tools" in session:
            values["tools"] = _tools(session["tools"])
        if "pre_connect_requests" in session and session["pre_connect_requests"] != []:
            raise Refused("invalid_config", "'pre_connect_requests' is for telephony only", "pre_connect_requests")
        if "webhook" in session:
            _check_webhook(session["webhook"])
        if "input" in session:
            given = session["input"]
            _fill(values["input"], given, _INPUT, "input.", frozenset({"format", "turn_detection"}))
            if "turn_detection" in given:
                values["input"]["turn_detection"] = _turn_detection(
                    values["input"]["turn_detection"], given["turn_detection"]
                )
        if "output" in session:
            _fill(values["output"], session["output"], _OUTPUT, "output.", frozenset({"format", "voice"}))

    # What the conversation needs ------------------------------------------------------------------------------------

    @property
    def input_encoding(self) -> str:
        return str(self._values["input"]["format"]["encoding"])

    @property
    def output_encoding(self) -> str:
        return str(self._values["output"]["format"]["encoding"])

    def settings(self) -> ConversationSettings:
        """The same configuration in the conversation's own terms."""
        detection = self._values["input"]["turn_detection"] or {}
        defaults = TurnSettings()
        low, high = detection.get("min_silence"), detection.get("max_silence")
        if low is None:
            low = defaults.min_silence_ms if high is None else min(defaults.min_silence_ms, high)
        high = max(defaults.max_silence_ms, low) if high is None else high
        threshold, interrupt = detection.get("vad_threshold"), detection.get("interrupt_response")
        turns = TurnSettings(
            vad_threshold=defaults.vad_threshold if threshold is None else float(threshold),
            min_silence_ms=low,
            max_silence_ms=high,
            interrupt_response=True if interrupt is None else interrupt,
            interruption_delay_ms=detection.get("interruption_delay") or 0,
        )
        output = self._values["output"]
        return ConversationSettings(
            turns=turns,
            speaker=SpeakerSettings(
                voice=output["voice"], rate_hz=output["format"]["sample_rate"], volume=output["volume"]
            ),
            input_rate_hz=self._values["input"]["format"]["sample_rate"],
            greeting=self._values["greeting"] or None,
            tools=tuple(_spec(tool) for tool in self._values["tools"]),
            uninterruptible_greeting="greeting" in (detection.get("uninterruptible_turns") or ()),
        )


def _spec(tool: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name=tool["name"],
        description=tool["description"],
        parameters=tool["parameters"],
        hold=tool["execution_mode"] == "hold",
        timeout_ms=int(tool["timeout_seconds"] * 1000),
    )


def _check_webhook(given: Any) -> None:
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
