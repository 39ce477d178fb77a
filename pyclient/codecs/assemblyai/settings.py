"""How do our settings become AssemblyAI's `session` object, and which of them would it refuse?

The object forbids unknown keys (protocol file section 4.1), and a first update that is refused may leave the socket
open and silent, so keys are checked here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyclient.codecs.base import SessionSettings
from pyclient.core.errors import ConfigError

# Section 4.1.1, without `turn_detection` (a setting of its own) and `format` (fixed: the codec speaks 24 kHz PCM).
INPUT_KEYS = frozenset(
    {
        "keyterms",
        "transcription_mode",
        "transcription_prompt",
        "language_codes",
        "voice_focus",
        "voice_focus_threshold",
        "continuous_partials",
    }
)
# Section 4.1.2.
TURN_DETECTION_KEYS = frozenset(
    {
        "vad_threshold",
        "min_silence",
        "max_silence",
        "interrupt_response",
        "interruption_delay",
        "type",
        "uninterruptible_turns",
    }
)
TRANSCRIPTION_MODES = ("min_latency", "balanced", "max_accuracy")
VOICE_FOCUS = ("near-field", "far-field")
MAX_KEYTERMS = 100
MAX_TRANSCRIPTION_PROMPT_CHARS = 1750
MAX_TOOL_TIMEOUT_S = 300  # section 8


def check(settings: SessionSettings) -> None:
    """Raise `ConfigError` for what the server is known to refuse. Values whose range is not published pass."""
    _known("input", settings.input, INPUT_KEYS)
    _known("turn_detection", settings.turn_detection, TURN_DETECTION_KEYS)
    _texts("input.keyterms", settings.input.get("keyterms"), MAX_KEYTERMS)
    _texts("input.language_codes", settings.input.get("language_codes"), MAX_KEYTERMS)
    _one_of("input.transcription_mode", settings.input.get("transcription_mode"), TRANSCRIPTION_MODES)
    _one_of("input.voice_focus", settings.input.get("voice_focus"), VOICE_FOCUS)
    _number("input.voice_focus_threshold", settings.input.get("voice_focus_threshold"), 0, 1)
    _truth("input.continuous_partials", settings.input.get("continuous_partials"))
    prompt = settings.input.get("transcription_prompt")
    if prompt is not None and not (isinstance(prompt, str) and len(prompt) <= MAX_TRANSCRIPTION_PROMPT_CHARS):
        raise ConfigError(
            "input.transcription_prompt", f"must be text of at most {MAX_TRANSCRIPTION_PROMPT_CHARS} characters"
        )
    detection = settings.turn_detection
    _number("turn_detection.vad_threshold", detection.get("vad_threshold"), 0, 1)
    _number("turn_detection.interruption_delay", detection.get("interruption_delay"), 0, 1000)
    _number("turn_detection.min_silence", detection.get("min_silence"), 0, 60_000)
    _number("turn_detection.max_silence", detection.get("max_silence"), 0, 60_000)
    shortest, longest = detection.get("min_silence"), detection.get("max_silence")
    if shortest is not None and longest is not None and shortest > longest:
        raise ConfigError("turn_detection.min_silence", f"must be at most max_silence, which is {longest}")
    _truth("turn_detection.interrupt_response", detection.get("interrupt_response"))
    _texts("turn_detection.uninterruptible_turns", detection.get("uninterruptible_turns"), MAX_KEYTERMS)
    if not isinstance(detection.get("type", ""), str):
        raise ConfigError("turn_detection.type", "must be text")
    _number("volume", settings.volume, 0, 100)


def session_object(settings: SessionSettings) -> dict[str, Any]:
    """The `session` object. What is empty is left out: `null` for a greeting is refused, and absent means the default.

    A stored agent's id excludes every other key (section 4.1), also `tools`: it names those that it calls itself.
    """
    if settings.agent_id:
        return {"agent_id": settings.agent_id}
    session: dict[str, Any] = {"system_prompt": settings.system_prompt}
    if settings.greeting:
        session["greeting"] = settings.greeting
    inbound = {key: value for key, value in settings.input.items() if value is not None}
    if settings.turn_detection:
        inbound["turn_detection"] = dict(settings.turn_detection)
    if inbound:
        session["input"] = inbound
    outbound: dict[str, Any] = {}
    if settings.voice:
        outbound["voice"] = settings.voice
    if settings.volume is not None:
        outbound["volume"] = settings.volume
    if outbound:
        session["output"] = outbound
    if settings.tools:
        session["tools"] = [_tool(tool) for tool in settings.tools]
    return session


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Section 8: flat, not nested under `function`."""
    seconds = -(-int(tool["timeout_ms"]) // 1000)
    return {
        "type": "function",
        "name": tool["name"],
        "description": tool["description"],
        "parameters": tool["parameters"],
        "execution_mode": tool["execution_mode"],
        "timeout_seconds": min(max(seconds, 1), MAX_TOOL_TIMEOUT_S),
    }


def _known(name: str, value: Mapping[str, Any], allowed: frozenset[str]) -> None:
    for key in value:
        if key not in allowed:
            raise ConfigError(f"{name}.{key}", f"is not known; use one of: {', '.join(sorted(allowed))}")


def _number(name: str, value: Any, low: float, high: float) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(name, f"must be a number from {low} to {high}")


def _truth(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, bool):
        raise ConfigError(name, "must be true or false")


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ConfigError(name, f"must be one of: {', '.join(allowed)}")


def _texts(name: str, value: Any, most: int) -> None:
    fits = isinstance(value, list) and len(value) <= most and all(isinstance(it, str) and it.strip() for it in value)
    if value is not None and not fits:
        raise ConfigError(name, f"must be a list of at most {most} strings, none of them empty")
