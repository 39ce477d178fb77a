"""How do our settings become a Realtime `session` object, and which of them would be refused?

Protocol file section 5. Unknown keys are answered with `unknown_parameter` and leave a session without its prompt, so
keys are checked here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pyclient.codecs.base import SessionSettings
from pyclient.core.errors import ConfigError

AUDIO_FORMAT: Mapping[str, Any] = MappingProxyType({"type": "audio/pcm", "rate": 24_000})  # section 4: the only rate

# Without one there are no user transcripts at all (section 5). The gpt-4o ones go away in February 2027.
DEFAULT_TRANSCRIPTION: Mapping[str, Any] = MappingProxyType({"model": "gpt-live-transcribe"})
DEFAULT_DETECTION = "server_vad"

MAX_OUTPUT_TOKENS = 4_096
MIN_SPEED, MAX_SPEED = 0.25, 1.5

Check = Callable[[Any], str]  # what is wrong with a value, or ""


def check(settings: SessionSettings) -> None:
    """Raise `ConfigError` for what the server is known to refuse."""
    _check_keys("input", settings.input, _INPUT)
    for key, allowed in (("transcription", _TRANSCRIPTION), ("noise_reduction", _NOISE_REDUCTION)):
        value = settings.input.get(key)
        if value is not None:
            _check_keys(f"input.{key}", value, allowed)
    if settings.turn_style not in ("vad", "half_duplex", "push_to_talk", "text"):
        raise ConfigError("turn_style", "must be one of: vad, half_duplex, push_to_talk, text")
    kind = settings.turn_detection.get("type", DEFAULT_DETECTION)
    if not isinstance(kind, str) or kind not in _DETECTION:
        raise ConfigError("turn_detection.type", f"must be one of: {', '.join(_DETECTION)}")
    _check_keys("turn_detection", settings.turn_detection, _DETECTION[kind], f" with {kind}")
    if settings.volume is not None:
        raise ConfigError("volume", "this provider has no such setting; leave it out")


def session_object(settings: SessionSettings) -> dict[str, Any]:
    """The `session` object of the first update. `model` never: it is the address's, and cannot be changed."""
    given = settings.input
    session: dict[str, Any] = {"type": "realtime", "output_modalities": given.get("output_modalities") or ["audio"]}
    if settings.system_prompt:
        session["instructions"] = settings.system_prompt
    if settings.tools:
        session["tools"] = tools(settings.tools)
    for key in ("tool_choice", "max_output_tokens"):
        if given.get(key) is not None:
            session[key] = given[key]
    inbound: dict[str, Any] = {
        "format": dict(AUDIO_FORMAT),
        "transcription": _or_null(given.get("transcription", DEFAULT_TRANSCRIPTION)),
        "turn_detection": turn_detection(settings),
    }
    if "noise_reduction" in given:
        inbound["noise_reduction"] = _or_null(given["noise_reduction"])
    outbound: dict[str, Any] = {"format": dict(AUDIO_FORMAT)}
    if settings.voice:
        outbound["voice"] = settings.voice
    if given.get("speed") is not None:
        outbound["speed"] = given["speed"]
    session["audio"] = {"input": inbound, "output": outbound}
    return session


def turn_detection(settings: SessionSettings) -> dict[str, Any] | None:
    """Sections 5 and 8.1: null is push to talk. Said outright, because a token may bring other settings along."""
    if settings.turn_style == "push_to_talk":
        return None
    return {"type": DEFAULT_DETECTION, **settings.turn_detection}


def tools(definitions: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Flat, not nested under `function`. How long a tool may take is nobody's business but ours."""
    return [
        {
            "type": "function",
            "name": tool["name"],
            "description": tool["description"],
            "parameters": tool["parameters"],
        }
        for tool in definitions
    ]


def _or_null(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)


def _check_keys(name: str, value: Any, allowed: Mapping[str, Check], where: str = "") -> None:
    if not isinstance(value, Mapping):
        raise ConfigError(name, "must be an object or null")
    for key, item in value.items():
        if key not in allowed:
            raise ConfigError(f"{name}.{key}", f"is not known{where}; use one of: {', '.join(sorted(allowed))}")
        problem = allowed[key](item)
        if problem:
            raise ConfigError(f"{name}.{key}", problem)


def _one_of(*choices: str) -> Check:
    return lambda value: "" if value in choices else f"must be one of: {', '.join(choices)}"


def _between(low: float, high: float) -> Check:
    def problem(value: Any) -> str:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"must be a number from {low} to {high}"

    return problem


def _milliseconds(low: int = 0) -> Check:
    def problem(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= 60_000
        return "" if fits else f"must be a whole number of milliseconds from {low} to 60000"

    return problem


def _truth(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _word(value: Any) -> str:
    return "" if isinstance(value, str) and value else "must be text"


def _words(value: Any) -> str:
    fits = isinstance(value, list) and all(isinstance(word, str) and word for word in value)
    return "" if fits else "must be a list of texts"


def _amount(value: Any) -> str:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return "" if fits else "must be a number and not negative"


def _or_none(check_value: Check) -> Check:
    return lambda value: "" if value is None else check_value(value)


def _anything(value: Any) -> str:
    return ""


def _modalities(value: Any) -> str:
    """Section 5: never both; sound always brings its words along."""
    return "" if value in (["audio"], ["text"]) else 'must be ["audio"] or ["text"]'


def _tool_choice(value: Any) -> str:
    if value in ("none", "auto", "required"):
        return ""
    if isinstance(value, Mapping) and set(value) == {"type", "name"} and value["type"] == "function":
        return _word(value["name"])
    return 'must be none, auto, required or {"type": "function", "name": ...}'


def _tokens(value: Any) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_OUTPUT_TOKENS
    return "" if fits or value == "inf" else f'must be a whole number from 1 to {MAX_OUTPUT_TOKENS}, or "inf"'


_INPUT: Mapping[str, Check] = MappingProxyType(
    {
        "transcription": _anything,  # these two have keys of their own
        "noise_reduction": _anything,
        "output_modalities": _or_none(_modalities),
        "speed": _or_none(_between(MIN_SPEED, MAX_SPEED)),
        "tool_choice": _or_none(_tool_choice),
        "max_output_tokens": _or_none(_tokens),
    }
)
_TRANSCRIPTION: Mapping[str, Check] = MappingProxyType(
    {
        "model": _word,
        "language": _word,
        "prompt": _word,
        "languages": _words,
        "keywords": _words,
        "delay": _one_of("minimal", "low", "medium", "high", "xhigh"),
    }
)
_NOISE_REDUCTION: Mapping[str, Check] = MappingProxyType(
    {"type": _one_of("near_field", "far_field"), "strength": _amount}
)
_DETECTION: Mapping[str, Mapping[str, Check]] = MappingProxyType(
    {
        "server_vad": {
            "type": _anything,
            "threshold": _between(0, 1),
            "prefix_padding_ms": _milliseconds(),
            "silence_duration_ms": _milliseconds(),
            "create_response": _truth,
            "interrupt_response": _truth,
            "idle_timeout_ms": _or_none(_milliseconds(1)),
        },
        "semantic_vad": {
            "type": _anything,
            "eagerness": _one_of("low", "medium", "high", "auto"),
            "create_response": _truth,
            "interrupt_response": _truth,
        },
    }
)
