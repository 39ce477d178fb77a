"""Configuration: what can be set, what is allowed, and the defaults.

`ClientConfig.from_dict` is the door: it takes what a build or a page hands over, checks every key once, and raises
`ConfigError` with the key and what is allowed. A `ClientConfig` that exists is valid.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pyclient.codecs import PROVIDERS, SessionSettings, create_codec
from pyclient.core.errors import ConfigError
from pyclient.core.events import ConnectRequested, SettingsChanged
from pyclient.core.safejson import Limits

MAX_PROMPT_CHARS = 100_000
MAX_GREETING_CHARS = 4_000
MAX_VOICE_CHARS = 100
MAX_KNOWN_VOICES = 500
MAX_AGENT_ID_CHARS = 200
# What an agent that is stored at the service brings along: beside its id the service takes none of them.
STORED_WITH_AGENT = ("system_prompt", "greeting", "voice", "known_voices", "input", "turn_detection", "volume")

TOOL_RESULT_POLICIES = ("after_reply_done", "immediate")
INTERRUPTED_TOOL_POLICIES = ("drop", "deliver")
BARGE_IN_POLICIES = ("duck", "flush", "off")
# What a visitor can be let to change, in the settings of the page or by the page around it.
LOCKABLE = ("voice", "greeting", "system_prompt", "turn_style")
# half_duplex: as vad, but nothing is sent while the agent is heard; text: the person types, and
# no microphone is opened.
TURN_STYLES = ("vad", "half_duplex", "push_to_talk", "text")

# The texts that name variables, which a page fills anew for each call.
FILLED = ("greeting", "system_prompt")

DEFAULT_WRAP_UP = (
    "The time for this conversation is nearly over. Say so kindly in one short sentence, "
    "sum up anything that is still open, and say goodbye."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One line of the voice picker. Voices come and go at the provider, so they are data."""

    id: str
    label: str

    def __post_init__(self) -> None:
        # Not two calls of `_text` for each of what may be hundreds: a page's start waits for all of them.
        are_texts = isinstance(self.id, str) and isinstance(self.label, str)
        if not (are_texts and 1 <= len(self.id) <= MAX_VOICE_CHARS and len(self.label) <= MAX_VOICE_CHARS):
            raise ValueError(f"id and label must be text of at most {MAX_VOICE_CHARS} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Everything a session can be told beforehand. Times end in `_ms` or `_seconds`."""

    provider: str = "assemblyai"
    token_url: str = "/api/token"
    agent_id: str = ""  # an agent stored at the service, which then has all of STORED_WITH_AGENT
    voice: str = ""  # "" leaves the choice to the provider
    known_voices: tuple[Voice, ...] = ()
    system_prompt: str = ""
    greeting: str = ""  # "" lets the person speak first
    input: Mapping[str, Any] = field(default_factory=dict)  # goes through to the provider
    turn_detection: Mapping[str, Any] = field(default_factory=dict)
    volume: float | None = None  # None is the voice's own level
    expires_in_seconds: int = 120  # time in which the token must be used
    max_session_duration_seconds: int = 1800
    wrap_up_lead_seconds: int = 15  # 0 switches the wrap-up off
    wrap_up_instructions: str = DEFAULT_WRAP_UP
    idle_seconds: int = 300  # nobody speaks: the call ends; 0: never
    cost: Mapping[str, Any] = field(default_factory=dict)  # see _cost
    tool_result_policy: str = "after_reply_done"
    interrupted_tool_policy: str = "drop"
    tool_timeout_ms: int = 30_000
    max_tool_calls_per_reply: int = 16
    max_tool_rounds: int = 16  # replies in a row that may call tools while the person says nothing
    barge_in: str = "duck"
    verdict_timeout_ms: int = 2_500
    turn_style: str = "vad"
    visitor_may_change: tuple[str, ...] = LOCKABLE  # wishes for all else are not heard
    min_talk_ms: int = 300  # a shorter press of the talk key is told, not sent
    frame_ms: int = 40  # where the vendor takes any length
    preconnect_audio_ms: int = 15_000  # what is kept of the microphone from click to live call; 0: nothing
    outage_audio_ms: int = 3_000  # what is kept of the microphone while the line is down
    keepalive_ms: int = 15_000  # without a message for so long the server is asked whether it is still there
    open_timeout_ms: int = 10_000
    ready_timeout_ms: int = 10_000
    end_timeout_ms: int = 3_000
    max_message_bytes: int = 1 << 20
    max_depth: int = 64
    max_turns: int = 200

    def __post_init__(self) -> None:
        for key, check, default in _CHECKS_AND_DEFAULTS:
            if (value := getattr(self, key)) is default:
                continue  # most are, and need not be looked at while a page starts
            try:
                check(value)
            except ValueError as error:
                raise ConfigError(key, str(error)) from None
        if self.wrap_up_lead_seconds > self.max_session_duration_seconds // 2:
            raise ConfigError("wrap_up_lead_seconds", "must be at most half of max_session_duration_seconds")
        codec = create_codec(self.provider)
        if self.turn_style == "text" and not codec.features.typed_text:
            raise ConfigError("turn_style", f"typing is not possible with {self.provider}; use vad")
        if self.agent_id:
            self._check_stored(codec.features.stored_agents)
        codec.check(self.settings())

    def _check_stored(self, possible: bool) -> None:
        if not possible:
            raise ConfigError("agent_id", f"{self.provider} has no stored agents; leave it out")
        for key in STORED_WITH_AGENT:
            if getattr(self, key) not in ("", (), {}, None):
                raise ConfigError(
                    key, "cannot stand beside agent_id, for the stored agent has its own; leave one of them out"
                )

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ClientConfig:
        """Check plain data. Raises `ConfigError` for an unknown key, a wrong type or a value out of range."""
        if not isinstance(raw, Mapping):
            raise ConfigError("config", "must be an object")
        for key in raw:
            if key not in _CHECKS:
                raise ConfigError(str(key), _unknown_key(str(key), sorted(_CHECKS)))
        values = dict(raw)
        if isinstance(values.get("visitor_may_change"), list):
            values["visitor_may_change"] = tuple(values["visitor_may_change"])
        if "known_voices" in values:
            values["known_voices"] = _voices(values["known_voices"])
        return cls(**values)

    @property
    def limits(self) -> Limits:
        """What an inbound message may be."""
        return Limits(max_bytes=self.max_message_bytes, max_depth=self.max_depth)

    def settings(self, tools: tuple[Mapping[str, Any], ...] = ()) -> SessionSettings:
        """What a session starts with when the person changes nothing."""
        return SessionSettings(
            agent_id=self.agent_id,
            voice=self.voice,
            system_prompt=self.system_prompt,
            greeting=self.greeting,
            input=self.input,
            turn_detection=self.turn_detection,
            volume=self.volume,
            tools=tools,
            turn_style=self.turn_style,
        )


def for_call(base: ClientConfig, event: ConnectRequested) -> ClientConfig:
    """The configuration of the call that a click asks for; what is locked stays as it is. Raises `ConfigError`."""
    chosen = {
        "voice": event.voice,
        "system_prompt": event.system_prompt,
        "greeting": event.greeting,
        "turn_style": event.turn_style,
    }
    given: dict[str, Any] = {
        key: value for key, value in chosen.items() if value is not None and key in base.visitor_may_change
    }
    filled = {key: event.filled[key] for key in FILLED if key in event.filled}
    return replace(base, **{**filled, **given})


def changed_settings(config: ClientConfig, event: SettingsChanged) -> dict[str, Any]:
    """The settings that are to change in mid-call, by name, without those that are locked."""
    chosen = {
        "system_prompt": event.system_prompt,
        "voice": event.voice,
        "greeting": event.greeting,
        "volume": event.volume,
        "turn_detection": event.turn_detection,
    }
    locked = [key for key in LOCKABLE if key not in config.visitor_may_change]
    return {key: value for key, value in chosen.items() if value is not None and key not in locked}


Check = Callable[[Any], None]


def _text(low: int, high: int) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, str) or not low <= len(value) <= high:
            raise ValueError(f"must be text of {low} to {high} characters")

    return check


def _integer(low: int, high: int) -> Check:
    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> None:
        if value not in allowed:
            raise ValueError(f"must be one of: {', '.join(allowed)}")

    return check


def _volume(value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError("must be a number from 0 to 100, or null for the voice's own level")


def _json_object(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")
    if not value:
        return
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("must hold only what JSON can hold") from None


# Per million tokens, as the vendor reports them.
COST_RATES = ("per_minute", "input_text", "input_audio", "input_cached", "output_text", "output_audio")


def _cost(value: Any) -> None:
    """Rates by name, and the currency that they are in."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a section")
    for key, rate in value.items():
        if key == "currency":
            if not (isinstance(rate, str) and len(rate) == 3 and rate.isascii() and rate.isupper()):
                raise ConfigError("cost.currency", 'must be three capital letters, such as "USD"')
        elif key not in COST_RATES:
            raise ConfigError(f"cost.{key}", f"is not known; use one of: currency, {', '.join(COST_RATES)}")
        elif isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1_000_000:
            raise ConfigError(f"cost.{key}", "must be a number from 0 to 1000000")
    if value and "currency" not in value:
        raise ConfigError("cost.currency", 'is missing; name one, such as "USD"')


def _idle(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not (value == 0 or 60 <= value <= 10_800):
        raise ValueError("must be a whole number from 60 to 10800, or 0 for never")


def _url(value: Any) -> None:
    same_origin = isinstance(value, str) and value.startswith("/") and not value.startswith("//")
    absolute = isinstance(value, str) and value.startswith(("https://", "http://"))
    if not (same_origin or absolute) or min(value) <= " ":
        raise ValueError("must be a path that starts with one / or an http(s) address")


def _lockable(value: Any) -> None:
    if not isinstance(value, tuple) or any(name not in LOCKABLE for name in value):
        raise ValueError(f"must be a list of: {', '.join(LOCKABLE)}")


def _voice_tuple(value: Any) -> None:
    if not isinstance(value, tuple) or not {Voice}.issuperset(map(type, value)):
        raise ValueError("must be a list of objects with id and label")


_CHECKS: Mapping[str, Check] = {
    "provider": _one_of(*PROVIDERS),
    "token_url": _url,
    "agent_id": _text(0, MAX_AGENT_ID_CHARS),
    "voice": _text(0, MAX_VOICE_CHARS),
    "known_voices": _voice_tuple,
    "system_prompt": _text(0, MAX_PROMPT_CHARS),
    "greeting": _text(0, MAX_GREETING_CHARS),
    "input": _json_object,
    "turn_detection": _json_object,
    "volume": _volume,
    "expires_in_seconds": _integer(1, 600),
    "max_session_duration_seconds": _integer(60, 10_800),
    "wrap_up_lead_seconds": _integer(0, 600),
    "wrap_up_instructions": _text(1, MAX_GREETING_CHARS),
    "idle_seconds": _idle,
    "cost": _cost,
    "tool_result_policy": _one_of(*TOOL_RESULT_POLICIES),
    "interrupted_tool_policy": _one_of(*INTERRUPTED_TOOL_POLICIES),
    "tool_timeout_ms": _integer(100, 300_000),
    "max_tool_calls_per_reply": _integer(1, 100),
    "max_tool_rounds": _integer(1, 100),
    "barge_in": _one_of(*BARGE_IN_POLICIES),
    "verdict_timeout_ms": _integer(100, 30_000),
    "turn_style": _one_of(*TURN_STYLES),
    "visitor_may_change": _lockable,
    "min_talk_ms": _integer(0, 2_000),
    "frame_ms": _integer(20, 50),
    "preconnect_audio_ms": _integer(0, 60_000),
    "outage_audio_ms": _integer(0, 10_000),
    "keepalive_ms": _integer(500, 120_000),
    "open_timeout_ms": _integer(100, 120_000),
    "ready_timeout_ms": _integer(100, 120_000),
    "end_timeout_ms": _integer(100, 60_000),
    "max_message_bytes": _integer(1_024, 64 << 20),
    "max_depth": _integer(8, 200),
    "max_turns": _integer(1, 2_000),
}
_CHECKS_AND_DEFAULTS = tuple((item.name, _CHECKS[item.name], item.default) for item in fields(ClientConfig))


def _voices(value: Any) -> tuple[Voice, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_KNOWN_VOICES:
        raise ConfigError("known_voices", f"must be a list of at most {MAX_KNOWN_VOICES} objects with id and label")
    voices = []
    for index, item in enumerate(value):
        if isinstance(item, Voice):
            voices.append(item)
            continue
        try:
            voices.append(Voice(**item))
        except (TypeError, ValueError):
            raise ConfigError(f"known_voices[{index}]", "must be an object with id and label, both text") from None
    return tuple(voices)


def _unknown_key(key: str, known: list[str]) -> str:
    # Only ever needed on the way to an error: not worth its import time at start.
    from difflib import get_close_matches

    near = get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the keys are: {', '.join(known)}"
    return f"is not a setting; {hint}"
