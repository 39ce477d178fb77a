"""Events: what a session can be told. Names are past participles; every value is plain data.

Two sources feed a session:

* the **host** (browser glue, or a test) reports what happened outside: clicks, tokens, sockets, microphone, speaker, timers, tools;
* the **codec** turns one vendor's messages into the *normal* events at the foot of this file, which carry no wire names.

Times are not in here: the host passes `now_ms` beside the event. Audio is PCM16 little-endian mono at the wire rate, as `bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of everything that `Session.handle` takes."""


# --- the person -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequested(Event):
    """The person pressed Connect. `None` means: as configured. An empty voice means the provider's default.

    Another provider is another configuration, and another session: see `pyclient.browser`, intent `configure`.
    """

    voice: str | None = None
    system_prompt: str | None = None
    greeting: str | None = None
    turn_style: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpRequested(Event):
    """The person (or the page going away) ended the session. `page_gone` leaves no time for a polite wait."""

    page_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteChanged(Event):
    muted: bool


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
    """Settings edited in mid-session. Only fields that are not None change; the codec knows which the vendor can change."""

    system_prompt: str | None = None
    voice: str | None = None
    greeting: str | None = None
    volume: float | None = None
    turn_detection: dict[str, Any] | None = None


# --- the token route ---------------------------------------------------------------------------------------------------


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
    """`status` is the HTTP status, 0 where no answer came. `code` and `message` are the server's `{error:{code,message}}`."""

    attempt: int
    status: int
    code: str = ""
    message: str = ""
    retry_after_s: float | None = None


# --- the socket --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOpened(Event):
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


# --- microphone and speaker ----------------------------------------------------------------------------------------------


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
    """Answer to `DrainCapture`: the half-filled frame was sent before this (as a shorter `AudioCaptured`, if it held anything)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFailed(Event):
    """The page could not open or keep the microphone or the speaker.

    `kind` is one of: insecure, unsupported, denied, dismissed, not_found, busy, overconstrained, no_worklet, context_suspended,
    ended, silent, unknown. `fatal=False` (silent, for one) is a notice and the session goes on.
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
    """The playback worklet's count for one reply item, in wire-rate samples really rendered since it turned to it: it counts anew
    after another item and after a flush.

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


# --- time and tools --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Event):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished(Event):
    """A tool returned. `result_json` is JSON text, also for an error."""

    call_id: str
    result_json: str
    is_error: bool = False


# --- normal events: what codecs decode to -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfigured(Event):
    """The server accepted settings. `config` is its own view of them, for diagnostics only."""

    config: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReady(Event):
    """Audio may be sent from now on."""

    session_id: str
    resumed: bool = False
    resume_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentJoined(Event):
    """The agent itself is there and hears. Only where `Features.agent_joins`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The server's own last word; never resume after it."""

    reason: str = ""
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFaulted(Event):
    """The server reported an error. The codec classifies, the session decides.

    `kind`: auth, forbidden, capacity, expired, not_resumable, invalid_setting, immutable_setting, invalid_message, invalid_audio,
    rate, server, reply, unknown.
    `closes` says that the vendor closes the socket after it. `choices` holds a live list (voices), where the server gave one.
    """

    kind: str
    code: str
    message: str
    param: str | None = None
    retryable: bool = False
    closes: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSpeechStarted(Event):
    """`item_id` names the user's turn that begins here, where the server already says it."""

    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSpeechStopped(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTranscribed(Event):
    """`text` is the whole utterance so far: a partial replaces the one before, a final settles it."""

    item_id: str
    text: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPlaced(Event):
    """Where a turn stands in the conversation: right behind the turn `after_id` ("" for the first place).

    Servers settle transcripts late, so order of arrival is not order of speech. `turn_id` is the `item_id` of a user's turn
    and the `reply_id` of the agent's. A turn that is placed before its first word keeps its place and is not shown yet.
    """

    turn_id: str
    after_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStarted(Event):
    reply_id: str
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudio(Event):
    """`pcm` has an even number of bytes."""

    reply_id: str
    pcm: bytes = field(repr=False)
    item_id: str = ""

    def __post_init__(self) -> None:
        if len(self.pcm) % 2:
            raise ValueError("pcm must hold whole samples")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTranscribed(Event):
    """`delta=True`: text to append (the spacing rule is the conversation's); else the whole text."""

    reply_id: str
    text: str
    delta: bool
    item_id: str = ""
    interrupted: bool = False
    start_ms: int | None = None
    end_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDone(Event):
    """The server made the whole reply (it may still be playing here), or stopped making it.

    `failed`: it stopped because of a fault, which a `SessionFaulted` before this named.
    """

    reply_id: str
    interrupted: bool
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRefused(Event):
    """The server did not take a request for a reply, because it is making another one. It can be asked again after that.

    `instructions` are those of the refused request, "" for one without.
    """

    instructions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyNeeded(Event):
    """The user's turn is over, and by its settings the server makes no reply until it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """The agent wants a tool. `informational=True`: the vendor runs it by itself and must get no answer from us."""

    call_id: str
    name: str
    arguments: dict[str, Any]
    reply_id: str = ""
    informational: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageIgnored(Event):
    """A message that is well-formed but of a type this codec does not know; logged, never an error."""

    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRejected(Event):
    """A message that could not be taken: too large, too deep, not JSON, wrong fields. Named and counted; the session goes on.

    `audio`: it held sound of a reply, so something is missing from what the person hears.
    """

    reason: str
    type: str = ""
    audio: bool = False
