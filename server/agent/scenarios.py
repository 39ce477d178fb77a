"""Switches and scripted faults: how one session of the local agent is to differ from a well-behaved one.

A scenario is data. The wire and the session look at the switches; `faults` are acted out by the wire, which counts
what it sends. Every switch that the protocol files' simulator sections name is here, and what their sources disagree
on. The names that can be asked for are in `scenario_names.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

__all__ = ["POINTS", "Fault", "Scenario"]

FaultAction = Literal["close", "drop", "send", "send_binary", "error", "stall", "sleep"]


# Moments that every wire has, whatever its messages are called. `opening` is the first message that tells of success,
# `ready` the one after which a conversation can begin, `reply` begins a reply, `sound` is 10 ms of it, `word` a piece
# of its text, `heard` the user's words while they are spoken and `understood` when settled, `any` every message, `<
# configure` the client's first.
POINTS = ("open", "opening", "ready", "reply", "sound", "word", "heard", "understood", "any", "< configure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Do something once, after the `nth` message of type `after` went out.

    `after` is a server message's type, or `open` (the socket was accepted), or `< type` for a client message that
    came in, or one of POINTS, which each wire maps to messages of its own. `do`: `close` with `code` and `reason`;
    `drop` the connection with no close frame (clients see 1006); `send` `text` as it stands (times `repeat`);
    `send_binary` the text's bytes; `error` a session.error with `code_name`, `text`, `param`; `stall` (send nothing
    any more, keep the socket); `sleep` for `ms` before the next message. `in_ms`: it happens so long after that
    moment, whatever is sent meanwhile.
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
    in_ms: int = 0

    def __post_init__(self) -> None:
        if self.do not in get_args(FaultAction):
            raise ValueError(f"a fault cannot do {self.do!r}; it can {', '.join(get_args(FaultAction))}")
        if self.nth < 1 or self.repeat < 1 or self.ms < 0 or self.in_ms < 0:
            raise ValueError("nth and repeat start at 1, ms and in_ms at 0")
        if not self.after:
            raise ValueError("a fault needs a message type in 'after'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The switches of one session. Defaults are a well-behaved service.

    Tokens: `token_reuse` as seen live; `long_token` 2.5 kB; `auth` how a bad token is told: `live` (session.error
    unauthorized, 1008), `upper` (UNAUTHORIZED, 1008), `close_1008` (no event), `drop` (1006, no event); `refuse` treats
    every token as bad; `capacity` refuses with `at_capacity`, `server_error` or `concurrency_exceeded`.
    `token_status` is what the token route answers instead of minting (0: mints); one such answer uses the scenario up.
    `auth_timeout_ms`: how long the SDK wire waits for a token.
    Opening: `ready_before_updated`, `omit_updated`, `slow_ready_ms` (between session.updated and session.ready),
    `never_ready`, `ready_twice`.
    Speech in: `barge_in_ms` voiced speech that interrupts a reply (live: 1100); `speech_started` `decision` or `early`
    (told at onset; the interruption follows when decided); `partials` off; `hear` off makes the agent deaf.
    `transcription_fails`: the OpenAI wire tells that it could not make the user's text.
    Speech out: `pace` real-time or burst, `usual` is the wire's own; `chunk_ms` (0: the wire's own); `lead_ms` how far
    real-time sending runs ahead; `leading_silence_ms`; `deltas` paced with the sound, burst per sentence, or none;
    `delta_spacing` live (greeting words bare, others with a space behind), leading, trailing, or none; `odd_bytes`
    sends audio of odd length; `omit_reply_id` in reply.audio; `tone_hz` says each sentence as a tone of `tone_ms`
    instead of words; `reply_delay_ms` passes between a reply's beginning and its first sound; `reply_fails` is the code
    of a response that failed; `frame_bytes` the size of the SDK wire's frames; `greeting` what the SDK wire says first
    ("": nothing); `bare_reply_done` without fields; `late_audio_chunks` sent after an interruption was told;
    `interruption_order` `speech_first` (speech.started, transcript.agent, reply.done) or `done_first` (reply.done,
    transcript.agent, speech.started). Tools: `preamble` `silent`, `spoken`, or `held_open` (silent, until the result or
    2.3 s); `tool_reply_prefix` gives answers the documented ids `fc-<call_id>`. Limits: `cap` enforced
    (session_expired, 1008), ended (session.ended, 1000), or ignored; `cap_s` overrides the token's; `audio_rate`
    enforced or ignored; `immutable_identical` whether re-sending an unchanged immutable field is an `error`.
    `end_reason`: what the SDK wire's session_ended tells, at the cap and after goodbye. `dialect` `independent`: the
    OpenAI wire as an independent server speaks it (its protocol file, section 12). Shape: `timestamps` epoch, iso or
    none; `error_event` `session.error` or the other name `error`; `unprompted_close_code`.
    """

    name: str = "default"
    token_reuse: bool = False
    token_status: int = 0
    auth_timeout_ms: int = 10_000
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
    transcription_fails: bool = False
    pace: Literal["usual", "real-time", "burst"] = "usual"
    chunk_ms: int = 0
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
    reply_delay_ms: int = 0
    reply_fails: Literal["", "rate_limit_exceeded", "insufficient_quota"] = ""
    frame_bytes: int = 640
    greeting: str = "Hello, what can I do for you?"
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
    end_reason: Literal["session_closed", "room_closed", "agent_disconnected", "server_shutdown"] = "session_closed"
    dialect: Literal["", "independent"] = ""
    faults: tuple[Fault, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(repr(value) for value in allowed)}")
        for name in ("slow_ready_ms", "lead_ms", "leading_silence_ms", "late_audio_chunks", "reply_delay_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if not 0 <= self.tone_hz <= 10_000 or not 1 <= self.tone_ms <= 120_000:
            raise ValueError("tone_hz must be 0 (off) to 10000, tone_ms 1 to 120000")
        if not 40 <= self.barge_in_ms <= 5000:
            raise ValueError("barge_in_ms must be 40 to 5000")
        if not 0 <= self.chunk_ms <= 60_000:
            raise ValueError("chunk_ms must be 0 (the wire's own) to 60000")
        if self.token_status not in (0, *range(400, 600)):
            raise ValueError("token_status must be 0 or an HTTP error's number")
        if self.auth_timeout_ms < 1:
            raise ValueError("auth_timeout_ms must be at least 1")
        if not 1 <= self.frame_bytes <= 1 << 20:
            raise ValueError("frame_bytes must be 1 to 1048576")
        if self.cap_s is not None and self.cap_s <= 0:
            raise ValueError("cap_s must be positive")


_CHOICES: dict[str, tuple[str, ...]] = {
    "auth": ("live", "upper", "close_1008", "drop"),
    "capacity": ("", "at_capacity", "server_error", "concurrency_exceeded"),
    "speech_started": ("decision", "early"),
    "pace": ("usual", "real-time", "burst"),
    "reply_fails": ("", "rate_limit_exceeded", "insufficient_quota"),
    "end_reason": ("session_closed", "room_closed", "agent_disconnected", "server_shutdown"),
    "dialect": ("", "independent"),
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
