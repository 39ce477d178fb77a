"""Switches and scripted faults: how one session of the local agent is to differ from a well-behaved one.

A scenario is data. The wire and the session look at the switches; `faults` are acted out by the wire, which counts
what it sends. Every switch that protocol file section 16 names is here, and section 14's disagreements are switches too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

__all__ = ["NAMED", "Fault", "Scenario", "scenario_from_text"]

FaultAction = Literal["close", "drop", "send", "send_binary", "error", "stall", "sleep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Do something once, after the `nth` message of type `after` went out.

    `after` is a server message's type, or `open` (the socket was accepted), or `< type` for a client message that came in.
    `do`: `close` with `code` and `reason`; `drop` the connection with no close frame (clients see 1006); `send` `text` as it
    stands (times `repeat`); `send_binary` the text's bytes; `error` a session.error with `code_name`, `text`, `param`;
    `stall` (send nothing any more, keep the socket); `sleep` for `ms` before the next message.
    """

    after: str
    do: FaultAction
    nth: int = 1
    code: int = 1011
    reason: str = ""
    text: str = ""
    repeat: int = 1
    code_name: str = "server_error"
    param: str | None = None
    ms: int = 0

    def __post_init__(self) -> None:
        if self.do not in get_args(FaultAction):
            raise ValueError(f"a fault cannot do {self.do!r}; it can {', '.join(get_args(FaultAction))}")
        if self.nth < 1 or self.repeat < 1 or self.ms < 0:
            raise ValueError("nth and repeat start at 1, ms at 0")
        if not self.after:
            raise ValueError("a fault needs a message type in 'after'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The switches of one session. Defaults are a well-behaved service.

    Tokens: `token_reuse` as seen live; `long_token` 2.5 kB; `auth` how a bad token is told: `live` (session.error
    unauthorized, 1008), `upper` (UNAUTHORIZED, 1008), `close_1008` (no event), `drop` (1006, no event); `refuse` treats
    every token as bad; `capacity` refuses with `at_capacity`, `server_error` or `concurrency_exceeded`.
    Opening: `ready_before_updated`, `omit_updated`, `slow_ready_ms` (between session.updated and session.ready),
    `never_ready`, `ready_twice`.
    Speech in: `barge_in_ms` voiced speech that interrupts a reply (live: 1100); `speech_started` `decision` or `early`
    (told at onset; the interruption follows when decided); `partials` off; `hear` off makes the agent deaf.
    Speech out: `pace` real-time or burst; `chunk_ms`; `lead_ms` how far real-time sending runs ahead; `leading_silence_ms`;
    `deltas` paced with the sound, burst per sentence, or none; `delta_spacing` live (greeting words bare, others with a space
    behind), leading, trailing, or none; `odd_bytes` sends audio of odd length; `omit_reply_id` in reply.audio;
    `tone_hz` says each sentence as a tone of `tone_ms` instead of words;
    `bare_reply_done` without fields; `late_audio_chunks` sent after an interruption was told; `interruption_order`
    `speech_first` (speech.started, transcript.agent, reply.done) or `done_first` (reply.done, transcript.agent, speech.started).
    Tools: `preamble` `silent`, `spoken`, or `held_open` (silent, until the result or 2.3 s); `tool_reply_prefix` gives answers
    the documented ids `fc-<call_id>`.
    Limits: `cap` enforced (session_expired, 1008), ended (session.ended, 1000), or ignored; `cap_s` overrides the token's;
    `audio_rate` enforced or ignored; `immutable_identical` whether re-sending an unchanged immutable field is an `error`.
    Shape: `timestamps` epoch, iso or none; `error_event` `session.error` or the other name `error`; `unprompted_close_code`.
    """

    name: str = "default"
    token_reuse: bool = False
    long_token: bool = False
    auth: Literal["live", "upper", "close_1008", "drop"] = "live"
    refuse: bool = False
    capacity: Literal["", "at_capacity", "server_error", "concurrency_exceeded"] = ""
    ready_before_updated: bool = False
    omit_updated: bool = False
    slow_ready_ms: int = 0
    never_ready: bool = False
    ready_twice: bool = False
    barge_in_ms: int = 240
    speech_started: Literal["decision", "early"] = "decision"
    partials: bool = True
    hear: bool = True
    pace: Literal["real-time", "burst"] = "real-time"
    chunk_ms: int = 10
    lead_ms: int = 120
    leading_silence_ms: int = 0
    deltas: Literal["paced", "burst", "none"] = "paced"
    delta_spacing: Literal["live", "leading", "trailing", "none"] = "live"
    odd_bytes: bool = False
    tone_hz: float = 0.0
    tone_ms: int = 1000
    omit_reply_id: bool = False
    bare_reply_done: bool = False
    late_audio_chunks: int = 0
    interruption_order: Literal["speech_first", "done_first"] = "speech_first"
    preamble: Literal["silent", "spoken", "held_open"] = "silent"
    tool_reply_prefix: bool = False
    cap: Literal["enforced", "ended", "ignored"] = "enforced"
    cap_s: float | None = None
    audio_rate: Literal["ignored", "enforced"] = "ignored"
    immutable_identical: Literal["accept", "error"] = "accept"
    timestamps: Literal["epoch", "iso", "none"] = "epoch"
    error_event: Literal["session.error", "error"] = "session.error"
    hang_up_after_goodbye: bool = False
    faults: tuple[Fault, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(repr(value) for value in allowed)}")
        for name in ("slow_ready_ms", "lead_ms", "leading_silence_ms", "late_audio_chunks"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if not 0 <= self.tone_hz <= 10_000 or not 1 <= self.tone_ms <= 120_000:
            raise ValueError("tone_hz must be 0 (off) to 10000, tone_ms 1 to 120000")
        if not 40 <= self.barge_in_ms <= 5000:
            raise ValueError("barge_in_ms must be 40 to 5000")
        if not 1 <= self.chunk_ms <= 60_000:
            raise ValueError("chunk_ms must be 1 to 60000")
        if self.cap_s is not None and self.cap_s <= 0:
            raise ValueError("cap_s must be positive")


_CHOICES: dict[str, tuple[str, ...]] = {
    "auth": ("live", "upper", "close_1008", "drop"),
    "capacity": ("", "at_capacity", "server_error", "concurrency_exceeded"),
    "speech_started": ("decision", "early"),
    "pace": ("real-time", "burst"),
    "deltas": ("paced", "burst", "none"),
    "delta_spacing": ("live", "leading", "trailing", "none"),
    "interruption_order": ("speech_first", "done_first"),
    "preamble": ("silent", "spoken", "held_open"),
    "cap": ("enforced", "ended", "ignored"),
    "audio_rate": ("ignored", "enforced"),
    "immutable_identical": ("accept", "error"),
    "timestamps": ("epoch", "iso", "none"),
    "error_event": ("session.error", "error"),
}


def _faulty(name: str, *faults: Fault) -> Scenario:
    return Scenario(name=name, faults=faults)


# A page that keeps counting brackets while it reads is what these two are for.
_DEEP = "[" * 6000 + "]" * 6000
_HUGE = json.dumps({"type": "no.such.event", "padding": "x" * (2 << 20)})

_ALL: tuple[Scenario, ...] = (
    Scenario(),
    # As the service was seen in September 2026 (sections 2, 5, 7 and 14).
    Scenario(
        name="live",
        token_reuse=True,
        long_token=True,
        barge_in_ms=1100,
        leading_silence_ms=600,
        deltas="burst",
        preamble="held_open",
        cap="ignored",
    ),
    # As the documents promise it.
    Scenario(
        name="documented",
        auth="upper",
        pace="burst",
        speech_started="early",
        timestamps="iso",
        tool_reply_prefix=True,
        cap="ended",
        audio_rate="enforced",
    ),
    Scenario(name="burst", pace="burst", chunk_ms=50),
    Scenario(name="one_big_chunk", pace="burst", chunk_ms=60_000),
    Scenario(name="leading_silence", leading_silence_ms=1500),
    Scenario(name="delta_burst", deltas="burst"),
    Scenario(name="no_deltas", deltas="none"),
    Scenario(name="token_reuse", token_reuse=True),
    Scenario(name="long_token", long_token=True),
    Scenario(name="unauthorized", refuse=True),
    Scenario(name="unauthorized_upper", refuse=True, auth="upper"),
    Scenario(name="unauthorized_1008", refuse=True, auth="close_1008"),
    Scenario(name="unauthorized_1006", refuse=True, auth="drop"),
    Scenario(name="at_capacity", capacity="at_capacity"),
    Scenario(name="server_error", capacity="server_error"),
    Scenario(name="concurrency_exceeded", capacity="concurrency_exceeded"),
    Scenario(name="ready_before_updated", ready_before_updated=True),
    Scenario(name="ready_without_updated", omit_updated=True),
    Scenario(name="slow_ready", slow_ready_ms=3000),
    Scenario(name="never_ready", never_ready=True),
    Scenario(name="ready_twice", ready_twice=True),
    Scenario(name="slow_barge_in", barge_in_ms=1100),
    Scenario(name="early_speech_started", speech_started="early", barge_in_ms=600),
    Scenario(name="late_audio", late_audio_chunks=20),
    Scenario(name="done_first", interruption_order="done_first", late_audio_chunks=5),
    Scenario(name="bare_reply_done", bare_reply_done=True, omit_reply_id=True),
    Scenario(name="odd_bytes", odd_bytes=True),
    Scenario(name="spoken_preamble", preamble="spoken"),
    Scenario(name="held_preamble", preamble="held_open"),
    Scenario(name="tool_reply_ids", tool_reply_prefix=True),
    Scenario(name="short_cap", cap_s=3.0),
    Scenario(name="short_cap_ended", cap_s=3.0, cap="ended"),
    Scenario(name="audio_rate", audio_rate="enforced"),
    Scenario(name="strict_immutable", immutable_identical="error"),
    Scenario(name="iso_timestamps", timestamps="iso"),
    Scenario(name="no_timestamps", timestamps="none"),
    Scenario(name="error_event", error_event="error"),
    Scenario(name="hang_up", hang_up_after_goodbye=True),
    Scenario(name="deaf", hear=False),
    Scenario(name="tone", tone_hz=440.0),
    _faulty("close_1000", Fault(after="reply.audio", nth=20, do="close", code=1000)),
    _faulty("close_1008", Fault(after="reply.audio", nth=20, do="close", code=1008, reason="policy")),
    _faulty("close_1011", Fault(after="reply.audio", nth=20, do="close", code=1011, reason="internal")),
    _faulty("close_1012", Fault(after="reply.audio", nth=20, do="close", code=1012)),
    _faulty("close_4001", Fault(after="reply.audio", nth=20, do="close", code=4001)),
    _faulty("drop_mid_reply", Fault(after="reply.audio", nth=20, do="drop")),
    _faulty("drop_before_ready", Fault(after="session.updated", do="drop")),
    _faulty("drop_at_open", Fault(after="open", do="drop")),
    _faulty("crash_at_setup", Fault(after="< session.update", do="error", code_name="INTERNAL_ERROR", code=1011)),
    _faulty("forbidden", Fault(after="< session.update", do="error", code_name="FORBIDDEN", code=1008)),
    _faulty(
        "expired_mid_reply", Fault(after="reply.audio", nth=20, do="error", code_name="session_expired", code=1008)
    ),
    _faulty("stall_before_ready", Fault(after="session.updated", do="stall")),
    _faulty("stall_mid_reply", Fault(after="reply.audio", nth=20, do="stall")),
    _faulty("jitter", *(Fault(after="reply.audio", nth=n, do="sleep", ms=400) for n in (30, 90, 150))),
    _faulty("truncated_json", Fault(after="session.ready", do="send", text='{"type":"reply.audio","data":"AAA')),
    _faulty("not_an_object", Fault(after="session.ready", do="send", text='["reply.audio"]')),
    _faulty("unknown_event", Fault(after="session.ready", do="send", text='{"type":"no.such.event","x":{"y":[1]}}')),
    _faulty("missing_field", Fault(after="session.ready", do="send", text='{"type":"transcript.user"}')),
    _faulty(
        "wrong_type", Fault(after="session.ready", do="send", text='{"type":"reply.audio","reply_id":7,"data":{}}')
    ),
    _faulty("bad_base64", Fault(after="reply.started", do="send", text='{"type":"reply.audio","data":"%%%"}')),
    _faulty("infinite_number", Fault(after="session.ready", do="send", text='{"type":"reply.done","timestamp":1e999}')),
    _faulty("deep_message", Fault(after="session.ready", do="send", text=_DEEP)),
    _faulty("huge_message", Fault(after="session.ready", do="send", text=_HUGE)),
    _faulty("binary_frame", Fault(after="session.ready", do="send_binary", text="\x00\x01\x02\x03")),
    _faulty("flood", Fault(after="session.ready", do="send", text='{"type":"no.such.event"}', repeat=2000)),
)

NAMED: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}


def scenario_from_text(text: str, base: Scenario | None = None) -> Scenario:
    """A scenario by name, or from a JSON object of switches (`{"base": "live", "cap_s": 5, "faults": [{...}]}`).

    `base` is what a JSON object without its own `base` starts from. Raises ValueError saying what is not understood.
    """
    text = text.strip()
    if not text.startswith("{"):
        if text not in NAMED:
            raise ValueError(f"there is no scenario {text!r}")
        return NAMED[text]
    try:
        given: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a scenario is a name or a JSON object: {error}") from error
    start = base or Scenario()
    if "base" in given:
        start = scenario_from_text(str(given.pop("base")))
    known = {item.name: item for item in fields(Scenario)}
    for key in given:
        if key not in known:
            raise ValueError(f"there is no switch {key!r}")
    for key, value in given.items():
        default = getattr(_DEFAULTS, key)
        if key == "faults":
            try:
                given[key] = tuple(Fault(**fault) for fault in value)
            except TypeError as error:
                raise ValueError(f"faults: {error}") from error
        elif key == "cap_s":
            if value is not None and not isinstance(value, int | float):
                raise ValueError("cap_s is a number of seconds or null")
        elif isinstance(default, float) and type(value) is int:
            given[key] = float(value)
        elif type(value) is not type(default):
            raise ValueError(f"{key} is a {type(default).__name__}")
    return replace(start, **{"name": "custom", **given})


_DEFAULTS = Scenario()
