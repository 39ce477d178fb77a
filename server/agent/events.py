"""Events of a conversation, in no vendor's names: each wire translates these into its own messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from server.agent.pcm import Samples

__all__ = [
    "Event",
    "HungUp",
    "IdKind",
    "ReplyAudio",
    "ReplyDone",
    "ReplyStarted",
    "ReplyText",
    "ReplyWord",
    "SpeechBegan",
    "SpeechEnded",
    "ToolCalled",
    "UserFinal",
    "UserPartial",
    "UserUnclear",
]

# What a wire makes names for.
IdKind = Literal["reply", "item", "call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechBegan:
    """The user began to speak, `at_ms` into the audio received. `item_id` names the turn where it is known by now."""

    at_ms: int
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """The user's turn is over, `at_ms` into the audio received. No `item_id`: the sound came to nothing."""

    at_ms: int
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPartial:
    """The whole text of the user's turn so far."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFinal:
    """The settled text of the user's turn. `sure`: a sentence that may be acted on, not just dictation."""

    item_id: str
    text: str
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUnclear:
    """Nothing was understood of the user's turn, and nothing will follow."""

    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStarted:
    """The agent begins a reply."""

    reply_id: str
    item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAudio:
    """Sound of a reply at the wire's output rate."""

    reply_id: str
    samples: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWord:
    """One word of a reply, spaced as it is to be shown; times count from the reply's first sample."""

    reply_id: str
    item_id: str
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyText:
    """The whole text of a reply, or, if interrupted, the words that were spoken."""

    reply_id: str
    item_id: str
    text: str
    interrupted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyDone:
    """A reply is over."""

    reply_id: str
    status: Literal["completed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """The page is asked to run a tool and to send its result under `call_id`.

    `skill` is what `answer_tool` wants back.
    """

    call_id: str
    name: str
    arguments: Mapping[str, Any]
    reply_id: str = ""
    skill: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp:
    """The agent ends the conversation by itself."""


Event = (
    SpeechBegan
    | SpeechEnded
    | UserPartial
    | UserFinal
    | UserUnclear
    | ReplyStarted
    | ReplyAudio
    | ReplyWord
    | ReplyText
    | ReplyDone
    | ToolCalled
    | HungUp
)
