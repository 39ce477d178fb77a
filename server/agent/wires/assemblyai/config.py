"""The configuration of an AssemblyAI session: what session.update may hold, who may change it, how it is echoed.

Protocol file sections 4.1, 5, 6, 8 and 11. `Config.first` and `Config.later` either give a new configuration or raise
`Refused`, which carries the session.error to send and whether the socket closes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from server.agent.conversation_settings import ConversationSettings
from server.agent.playout import PlayoutSettings
from server.agent.tools import ToolSpec
from server.agent.tts import DEFAULT_VOICE, VOICES
from server.agent.turns import TurnSettings
from server.agent.wires.assemblyai.stored import session_of
from server.agent.wires.assemblyai.values import (
    IMMUTABLE,
    INLINE,
    INPUT,
    LONG_TEXT,
    OUTPUT,
    Refused,
    check_webhook,
    fill,
    format_of,
    tools_of,
    turn_detection_of,
    wrong_format,
)
from server.agent.wires.checks import text

__all__ = ["Config", "Refused", "wrong_format"]


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

    def first(self, session: Any, find: Callable[[str], Mapping[str, Any] | None] = lambda _agent_id: None) -> None:
        """Apply the first session.update. `find` knows the stored agents. Raises Refused; nothing is applied then."""
        if session is None:
            session = {}
        if not isinstance(session, dict) or not set(session) <= INLINE | {"agent_id"}:
            raise wrong_format("session.update")
        if "agent_id" in session:
            if set(session) & INLINE:
                message = "agent_id is mutually exclusive with other session fields"
                raise Refused("invalid_value", message, "agent_id", closes=True)
            agent = find(str(session["agent_id"]))
            if agent is None:
                raise Refused("agent_not_found", "Agent not found", "agent_id", closes=True)
            self.be(agent)
            return
        self._refuse_llm(session)
        self._begin_with(session, stored=False)

    def be(self, agent: Mapping[str, Any]) -> None:
        """Take the settings of a stored agent, or of one that is to be stored. Raises Refused."""
        self._begin_with(session_of(agent), stored=True)

    def _begin_with(self, session: Mapping[str, Any], *, stored: bool) -> None:
        if "greeting" in session and not text(5000)(session["greeting"]):
            raise wrong_format("session.update")
        values = self.echo()
        self._apply(values, session, stored=stored)
        if "greeting" in session:
            values["greeting"] = session["greeting"]
        given_output = session.get("output", {})
        for side in ("input", "output"):
            if "format" in session.get(side, {}):
                values[side]["format"] = format_of(session[side]["format"], f"{side}.format")
        if "voice" in given_output:
            voice = given_output["voice"]
            if not isinstance(voice, str):
                raise wrong_format("session.update")
            if voice not in VOICES:
                message = f"Invalid voice '{voice[:100]}'. Must be one of: {', '.join(VOICES)}"
                raise Refused("invalid_value", message, "output.voice", closes=True)
            values["output"]["voice"] = voice
        self._values = values

    def later(self, session: Any, *, identical_is_error: bool = False) -> list[Refused]:
        """Apply a later session.update: mutable keys change, immutable ones are dropped and told in the list returned.

        `identical_is_error` also tells re-sent immutable values that are no change. Raises Refused;
        nothing is applied then.
        """
        if session is None:
            session = {}
        if not isinstance(session, dict) or not set(session) <= INLINE | {"agent_id"}:
            raise wrong_format("session.update")
        if "agent_id" in session:
            message = "agent_id can only be set on the first session.update"
            raise Refused("agent_id_not_first", message, "agent_id")
        self._refuse_llm(session)
        values = self.echo()
        self._apply(values, session)
        refused: list[Refused] = []
        for path in IMMUTABLE:
            side, _, key = path.partition(".")
            holder = session.get(side) if key else session
            name = key or side
            if not isinstance(holder, dict) or name not in holder:
                continue
            present = self._values[side][key] if key else self._values[side]
            if identical_is_error or not _is_same(holder[name], present):
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

    def _apply(self, values: dict[str, Any], session: Mapping[str, Any], *, stored: bool = False) -> None:
        """Everything but the immutable keys, into `values`."""
        if "system_prompt" in session:
            if not LONG_TEXT(session["system_prompt"]):
                raise wrong_format("session.update")
            values["system_prompt"] = session["system_prompt"]
        if "tools" in session:
            values["tools"] = tools_of(session["tools"], stored=stored)
        if stored:
            values["llm"] = session["llm"]
        if "pre_connect_requests" in session and session["pre_connect_requests"] != []:
            raise Refused("invalid_config", "'pre_connect_requests' is for telephony only", "pre_connect_requests")
        if "webhook" in session:
            check_webhook(session["webhook"])
        if "input" in session:
            given = session["input"]
            fill(values["input"], given, INPUT, "input.", frozenset({"format", "turn_detection"}))
            if "turn_detection" in given:
                values["input"]["turn_detection"] = turn_detection_of(
                    values["input"]["turn_detection"], given["turn_detection"]
                )
        if "output" in session:
            fill(values["output"], session["output"], OUTPUT, "output.", frozenset({"format", "voice"}))

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
            # Section 4.1.2: whoever sets one of the two silences switches the adaptive pacing off.
            adaptive=detection.get("min_silence") is None and detection.get("max_silence") is None,
            interrupt_response=True if interrupt is None else interrupt,
            interruption_delay_ms=detection.get("interruption_delay") or 0,
        )
        output = self._values["output"]
        return ConversationSettings(
            turns=turns,
            playout=PlayoutSettings(
                voice=output["voice"], rate_hz=output["format"]["sample_rate"], volume=output["volume"]
            ),
            input_rate_hz=self._values["input"]["format"]["sample_rate"],
            greeting=self._values["greeting"] or None,
            # Those with an address the service calls itself. This one calls nobody, so it has no use for them.
            tools=tuple(_spec(tool) for tool in self._values["tools"] if tool["http"] is None),
            uninterruptible_greeting="greeting" in (detection.get("uninterruptible_turns") or ()),
        )


def _is_same(given: Any, present: Any) -> bool:
    """Whether a re-sent value changes nothing.

    Of a format only some keys may be named; no greeting can be null or empty.
    """
    if isinstance(present, dict) and isinstance(given, dict):
        return all(value is None or present.get(key) == value for key, value in given.items() if key in present) and (
            set(given) <= set(present)
        )
    return bool(given == present or (not given and not present and not isinstance(given, bool | int)))


def _spec(tool: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name=tool["name"],
        description=tool["description"],
        parameters=tool["parameters"],
        hold=tool["execution_mode"] == "hold",
        timeout_ms=int(tool["timeout_seconds"] * 1000),
    )
