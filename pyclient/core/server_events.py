"""Server events: what a codec makes of one vendor's messages. They carry no wire names.

All events stand in `events`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of everything that `Session.handle` takes."""


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

    `kind`: auth, forbidden, capacity, expired, not_resumable, invalid_setting, immutable_setting, invalid_message,
    invalid_audio, rate, server, reply, unknown. `closes` says that the vendor closes the socket after it. `choices`
    holds a live list (voices), where the server gave one.
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
    """The server heard the end of the person's speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTranscribed(Event):
    """`text` is the whole utterance so far: a partial replaces the one before, a final settles it."""

    item_id: str
    text: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPlaced(Event):
    """Where a turn stands in the conversation: right behind the turn `after_id` ("" for the first place).

    Servers settle transcripts late, so order of arrival is not order of speech. `turn_id` is the `item_id` of a
    user's turn and the `reply_id` of the agent's. A turn that is placed before its first word keeps its place and
    is not shown yet.
    """

    turn_id: str
    after_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStarted(Event):
    """The server begins a reply. `item_id` is "" where the vendor names none."""

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
class Usage:
    """Tokens that a vendor bills for one reply.

    `input_cached`: those of the input that it had seen before, of whichever kind.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("input_text", "input_audio", "input_cached", "output_text", "output_audio")

    input_text: int = 0
    input_audio: int = 0
    input_cached: int = 0
    output_text: int = 0
    output_audio: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDone(Event):
    """The server made the whole reply (it may still be playing here), or stopped making it.

    `failed`: it stopped because of a fault, which a `SessionFaulted` before this named. `usage`: what it is billed at.
    """

    reply_id: str
    interrupted: bool
    failed: bool = False
    usage: Usage | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRefused(Event):
    """The server did not take a request for a reply, because it is making another one.

    It can be asked again after that.

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
    """A message that could not be taken: too large, too deep, not JSON, wrong fields.

    Named and counted; the session goes on.

    `audio`: it held sound of a reply, so something is missing from what the person hears.
    """

    reason: str
    type: str = ""
    audio: bool = False
