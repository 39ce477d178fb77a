"""The configuration of an OpenAI Realtime session: what session.update may hold, how it is merged, how it is echoed.

Protocol file sections 5 and 9. `Config.update` either applies a partial session or raises
`Refused` and applies nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from server.agent.conversation_settings import ConversationSettings
from server.agent.playout import PlayoutSettings
from server.agent.turns import TurnSettings
from server.agent.wires.checks import Check, an_object, anything, flag, or_null
from server.agent.wires.openai.errors import Refused, fields, text, texts, wrong
from server.agent.wires.openai.session_merge import EAGERNESS_MS, RATES, SERVER_VAD, merge_input, merge_output
from server.agent.wires.openai.values import check_choice, check_modalities, check_tokens, check_tools, speaking_voice

__all__ = ["DEFAULT_MODEL", "Config"]

DEFAULT_MODEL = "gpt-realtime-2.1"
_DEFAULT_INSTRUCTIONS = "You are the local agent: a small program that stands in for a language model."


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
                    "turn_detection": dict(SERVER_VAD),
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
        fields(given, dict.fromkeys((*_PLAIN, "type", "audio"), anything), "session")
        if given.get("type") != "realtime":
            if "type" not in given:
                raise Refused(
                    "missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type"
                )
            raise wrong("session.type", "'realtime'")
        values = self.echo()
        for key, value in given.items():
            # Section 2: clients do send another model than the address named; it cannot change and is no error.
            if key in _PLAIN and key != "model":
                values[key] = _PLAIN[key](value, f"session.{key}")
        audio = fields(given.get("audio", {}), {"input": an_object, "output": an_object}, "session.audio")
        merge_input(values["audio"]["input"], audio.get("input", {}))
        merge_output(values["audio"]["output"], audio.get("output", {}), voice_locked)
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
        return RATES[self.output["format"]["type"]]

    def settings(self) -> ConversationSettings:
        """The same configuration in the conversation's own terms; replies are asked for one by one."""
        return ConversationSettings(
            turns=_turn_settings(self.turn_detection),
            playout=PlayoutSettings(voice=speaking_voice(self.output["voice"]), rate_hz=self.output_rate_hz),
            input_rate_hz=RATES[self.input["format"]["type"]],
            manual_turns=self.turn_detection is None,
            answers_turns=False,
            hides_speech=False,
        )


def _plain(check: Check, must: str) -> Callable[[Any, str], Any]:
    def checked(value: Any, path: str) -> Any:
        if not check(value):
            raise wrong(path, must)
        return value

    return checked


_PLAIN: dict[str, Callable[[Any, str], Any]] = {
    "model": _plain(text, "a string"),
    "output_modalities": check_modalities,
    "instructions": _plain(text, "a string"),
    "max_output_tokens": check_tokens,
    "tools": check_tools,
    "tool_choice": check_choice,
    "parallel_tool_calls": _plain(or_null(flag), "true or false"),
    "reasoning": _plain(or_null(an_object), "an object"),
    "prompt": _plain(or_null(an_object), "an object"),
    "tracing": _plain(lambda value: value in (None, "auto") or isinstance(value, dict), "null, 'auto' or an object"),
    "truncation": _plain(
        lambda value: value in ("auto", "disabled") or isinstance(value, dict), "'auto' or 'disabled'"
    ),
    "include": _plain(or_null(texts), "a list of strings"),
}


def _turn_settings(detection: Mapping[str, Any] | None) -> TurnSettings:
    if detection is None:
        return TurnSettings(interrupt_response=False)
    if detection["type"] == "semantic_vad":
        longest = EAGERNESS_MS[detection["eagerness"]]
        return TurnSettings(max_silence_ms=longest, adaptive=True, interrupt_response=detection["interrupt_response"])
    silence = detection["silence_duration_ms"]
    return TurnSettings(
        vad_threshold=float(detection["threshold"]),
        min_silence_ms=silence,
        max_silence_ms=silence,
        interrupt_response=detection["interrupt_response"],
        pre_roll_ms=max(100, detection["prefix_padding_ms"]),
    )
