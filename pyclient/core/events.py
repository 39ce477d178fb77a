"""Events: what a session can be told. Names are past participles; every value is plain data.

Two sources feed a session:

* the **host** (browser glue, or a test) reports what happened outside: clicks, tokens, sockets,
  microphone, speaker, timers, tools;
* the **codec** turns one vendor's messages into the *normal* events of `server_events`, which carry no wire names.

Times are not in here: the host passes `now_ms` beside the event. Audio is PCM16 little-endian mono at the
wire rate, as `bytes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyclient.core.server_events import (
    AgentJoined,
    Event,
    MessageIgnored,
    MessageRejected,
    ReplyAudio,
    ReplyDone,
    ReplyNeeded,
    ReplyRefused,
    ReplyStarted,
    ReplyTranscribed,
    SessionConfigured,
    SessionEnded,
    SessionFaulted,
    SessionReady,
    ToolCalled,
    TurnPlaced,
    UserSpeechStarted,
    UserSpeechStopped,
    UserTranscribed,
)

__all__ = [
    "AgentJoined",
    "AudioCaptured",
    "CaptureCaughtUp",
    "CaptureDrained",
    "CaptureFailed",
    "CaptureHeld",
    "CaptureRecovered",
    "ConnectRequested",
    "Event",
    "HalfDuplexRequested",
    "HangUpRequested",
    "InterruptRequested",
    "MessageIgnored",
    "MessageReceived",
    "MessageRejected",
    "MuteChanged",
    "NetworkLost",
    "PageAwake",
    "PauseChanged",
    "PlaybackDrained",
    "PlaybackFlushed",
    "PlaybackProgressed",
    "ReplyAudio",
    "ReplyDone",
    "ReplyNeeded",
    "ReplyRefused",
    "ReplyStarted",
    "ReplyTranscribed",
    "SessionConfigured",
    "SessionEnded",
    "SessionFaulted",
    "SessionReady",
    "SettingsChanged",
    "SocketClosed",
    "SocketOpened",
    "StillHere",
    "TalkPressed",
    "TalkReleased",
    "TextSubmitted",
    "TimerFired",
    "TokenGranted",
    "TokenRefused",
    "ToolCalled",
    "ToolFinished",
    "TurnPlaced",
    "UserSpeechStarted",
    "UserSpeechStopped",
    "UserTranscribed",
]


# --- the person -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequested(Event):
    """The person pressed Connect. `None` means: as configured. An empty voice means the provider's default.

    `filled` are texts of the configuration, with values for the variables that they name: those are no
    wish of the person.

    Another provider is another configuration, and another session: see
    `pyclient.host.pyodide_host`, intent `configure`.
    """

    voice: str | None = None
    system_prompt: str | None = None
    greeting: str | None = None
    turn_style: str | None = None
    filled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpRequested(Event):
    """The person (or the page going away) ended the session. `page_gone` leaves no time for a polite wait."""

    page_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAwake(Event):
    """The page is seen again, or woke from a sleep, or the machine has a network again: a line that was lost
    may come back now.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLost(Event):
    """The machine has no network, says the browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillHere(Event):
    """The person answered that they are: see `connection.idle`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfDuplexRequested(Event):
    """From now on the microphone is not sent while the agent is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteChanged(Event):
    """The person muted or unmuted the microphone."""

    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseChanged(Event):
    """The person wants the agent to hold, or to go on: see `turns.pause`."""

    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptRequested(Event):
    """The person pressed "stop talking"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkPressed(Event):
    """Push to talk: the person holds the key down from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkReleased(Event):
    """Push to talk: the person let go. `cancelled`: what was said is not meant to be sent (the page lost its focus)."""

    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSubmitted(Event):
    """The person typed instead of speaking."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged(Event):
    """Settings edited in mid-session.

    Only fields that are not None change; the codec knows which the vendor can change.
    """

    system_prompt: str | None = None
    voice: str | None = None
    greeting: str | None = None
    volume: float | None = None
    turn_detection: dict[str, Any] | None = None


# --- the token route --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGranted(Event):
    """Answer to `RequestToken`. `token` is secret: `repr` hides it."""

    attempt: int
    token: str = field(repr=False)
    ws_url: str
    expires_at: float | None = None
    max_session_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused(Event):
    """`status` is the HTTP status, 0 where no answer came.

    `code` and `message` are the server's `{error:{code,message}}`.
    """

    attempt: int
    status: int
    code: str = ""
    message: str = ""
    retry_after_s: float | None = None


# --- the socket -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOpened(Event):
    """The socket is open; nothing was received yet."""

    socket_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """One WebSocket message: `str` for text, `bytes` for binary. Nothing has been checked yet."""

    socket_id: int
    data: str | bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketClosed(Event):
    """The browser's `close`. 1006 is the browser's own word for "no close frame": it never says why."""

    socket_id: int
    code: int
    reason: str = ""


# --- microphone and speaker -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCaptured(Event):
    """One frame from the capture worklet: PCM16 little-endian mono at the wire rate."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureHeld(Event):
    """Answer to `StartCapture` where the microphone was held from the click on: held frames come next.

    `kept_ms` of it can be heard; `dropped_ms` that could be heard were dropped, the oldest, because it was too much.
    """

    kept_ms: int
    dropped_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureCaughtUp(Event):
    """The last held frame came before this; from now on frames are live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureDrained(Event):
    """Answer to `DrainCapture`: the half-filled frame was sent before this (as a shorter `AudioCaptured`,
    if it held anything).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFailed(Event):
    """The page could not open or keep the microphone or the speaker.

    `kind` is one of: insecure, unsupported, denied, dismissed, not_found, busy, overconstrained, no_worklet,
    context_suspended, ended, silent, unknown. `fatal=False` (silent, for one) is a notice and the session goes on.
    """

    kind: str
    detail: str = ""
    fatal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRecovered(Event):
    """What `CaptureFailed(fatal=False)` complained of is over."""

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackProgressed(Event):
    """The playback worklet's count for one reply item, in wire-rate samples really rendered since it turned to it: it
    counts anew after another item and after a flush.

    `queued_samples` is what waits behind it over all items; `underruns` counts since the context was made.
    """

    item_id: str
    rendered_samples: int
    queued_samples: int
    underruns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackDrained(Event):
    """Everything that was queued has been rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackFlushed(Event):
    """Answer to `FlushPlayback`: what had been rendered of the item that was sounding (item_id "" when none was)."""

    item_id: str
    rendered_samples: int


# --- time and tools ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Event):
    """The time of the timer `name` is over."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished(Event):
    """A tool returned. `result_json` is JSON text, also for an error."""

    call_id: str
    result_json: str
    is_error: bool = False
