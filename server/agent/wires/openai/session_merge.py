"""Session merge: how a partial `session.audio` changes the one before. Protocol file section 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.agent.wires.checks import Check, anything, flag, one_of, or_null, whole, within
from server.agent.wires.openai.errors import Refused, fields, text, texts, wrong
from server.agent.wires.openai.values import voice_of

__all__ = ["EAGERNESS_MS", "RATES", "SERVER_VAD", "merge_input", "merge_output"]

RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
# Section 5: how long semantic_vad waits at most for the end of a sentence that sounds unfinished.
EAGERNESS_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
SERVER_VAD: dict[str, Any] = {
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

_FORMAT: dict[str, Check] = {"type": one_of(*RATES), "rate": or_null(whole(1, 1_000_000))}
_NOISE: dict[str, Check] = {"type": one_of("near_field", "far_field"), "strength": or_null(within(0, 1))}
_TRANSCRIPTION: dict[str, Check] = {
    "model": text,
    "language": or_null(text),
    "prompt": or_null(text),
    "languages": or_null(texts),
    "keywords": or_null(texts),
    "delay": or_null(one_of("minimal", "low", "medium", "high", "xhigh")),
}
_TURNS: dict[str, dict[str, Check]] = {
    "server_vad": {
        "type": text,
        "threshold": or_null(within(0, 1)),
        "prefix_padding_ms": or_null(whole(0, 5000)),
        "silence_duration_ms": or_null(whole(20, 30_000)),
        "idle_timeout_ms": or_null(whole(1, 600_000)),
        "create_response": or_null(flag),
        "interrupt_response": or_null(flag),
    },
    "semantic_vad": {
        "type": text,
        "eagerness": or_null(one_of(*EAGERNESS_MS)),
        "create_response": or_null(flag),
        "interrupt_response": or_null(flag),
    },
}


def _format(given: Any, path: str) -> dict[str, Any]:
    form = fields(given, _FORMAT, path)
    kind = form.get("type", "audio/pcm")
    if kind != "audio/pcm":
        return {"type": kind}
    rate = form.get("rate")
    if rate not in (None, 24_000):
        raise wrong(f"{path}.rate", "24000")
    return {"type": kind, "rate": 24_000}


def merge_input(values: dict[str, Any], given: Any) -> None:
    path = "session.audio.input"
    for key, value in fields(given, dict.fromkeys(values, anything), path).items():
        if key == "format":
            values[key] = _format(value, f"{path}.format")
        elif value is None:
            values[key] = None
        elif key == "turn_detection":
            values[key] = _turn_detection(values[key], value, f"{path}.{key}")
        else:
            checks = _NOISE if key == "noise_reduction" else _TRANSCRIPTION
            values[key] = {**(values[key] or {}), **fields(value, checks, f"{path}.{key}")}


def _turn_detection(before: Mapping[str, Any] | None, given: Any, path: str) -> dict[str, Any]:
    kind = given.get("type", before["type"] if before else None) if isinstance(given, dict) else None
    if kind is None:
        raise Refused("missing_required_parameter", f"Missing required parameter: '{path}.type'.", f"{path}.type")
    if kind not in _TURNS:
        raise wrong(f"{path}.type", "'server_vad' or 'semantic_vad'")
    defaults = SERVER_VAD if kind == "server_vad" else _SEMANTIC_VAD
    start = before if before and before["type"] == kind else defaults
    merged = {**start, **fields(given, _TURNS[kind], path)}
    # A null is the default, but for the one key whose default is null.
    return {key: defaults[key] if value is None else value for key, value in merged.items()}


def merge_output(values: dict[str, Any], given: Any, voice_locked: bool) -> None:
    path = "session.audio.output"
    for key, value in fields(given, dict.fromkeys(values, anything), path).items():
        if key == "format":
            values[key] = _format(value, f"{path}.format")
        elif key == "speed":
            if not within(0.25, 1.5)(value):
                raise wrong(f"{path}.speed", "0.25 to 1.5")
            values[key] = value
        elif voice_of(value, f"{path}.voice") != values[key]:
            if voice_locked:
                message = "Cannot update a conversation's voice if assistant audio is present."
                raise Refused("cannot_update_voice", message, f"{path}.voice")
            values[key] = value
