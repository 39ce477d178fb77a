"""Base of all codecs: what a session asks of one, and the neutral values that pass between a session and a codec.

A codec turns one vendor's messages into the normal events of `pyclient.core.events`, and the session's wishes into that
vendor's messages. It knows no command, no state and no other codec. It may remember what the server said of itself
(which tools it runs on its own, whether it is ready) until `opening` or `resume` begins the next session.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pyclient.core.audio_json import AudioJson
from pyclient.core.events import Event, TokenGranted
from pyclient.core.safejson import Limits

Message = str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """What one session starts with, in no vendor's words.

    `turn_style` is "vad" or "half_duplex" (the server finds the ends of turns), "push_to_talk" (the person holds a key)
    or "text" (no audio is sent). An empty `voice` or `greeting` means: leave it to the provider. `input` goes through
    as it is. `tools` are flat definitions `{name, description, parameters, execution_mode, timeout_ms}`. `volume` is 0
    to 100. `agent_id` names an agent that is stored at the vendor: everything else is then left to it.
    """

    agent_id: str = ""
    voice: str = ""
    system_prompt: str = ""
    greeting: str = ""
    input: Mapping[str, Any] = field(default_factory=dict)
    turn_detection: Mapping[str, Any] = field(default_factory=dict)
    volume: float | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    turn_style: str = "vad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a vendor's wire can do. The session offers no more, and the page hides the rest or says so.

    `server_barge_in`: the server notices speech over a reply and says so. `resume`: a session goes on over a new
    socket. `history`: a new session can be told what was said before. `agent_joins`: after `SessionReady` the agent may
    still be on its way, and `AgentJoined` tells when it came. `frame_ms`: the only frame length that the wire takes.
    `results_need_asking`: the server answers the results of tools only when `tool_results_sent` asks it.
    `reply_cancel`: the session should send `reply_cancel` when it cuts a reply by itself. `catch_up`: how many times
    faster than it was spoken the wire takes what was said before the call was live. `audio_json`: audio is base64 in
    JSON, and this is where. `push_to_talk`: messages clear what was said and end a turn; elsewhere silence ends it.
    `stored_agents`: a session can be one of an agent that is stored at the vendor.
    """

    user_transcripts: bool = True
    agent_transcripts: bool = True
    typed_text: bool = True
    tools: bool = True
    greeting: bool = True
    system_prompt: bool = True
    voices: bool = True
    server_barge_in: bool = True
    push_to_talk: bool = False
    resume: bool = False
    history: bool = False
    agent_joins: bool = False
    frame_ms: int | None = None
    catch_up: int = 2
    reply_cancel: bool = False
    results_need_asking: bool = False
    stored_agents: bool = False
    audio_json: AudioJson | None = None

    def yes_and_no(self) -> dict[str, bool]:
        """Those that are nothing but yes or no."""
        return {name: getattr(self, name) for name in _YES_AND_NO}


_YES_AND_NO = tuple(it.name for it in fields(Features) if isinstance(it.default, bool))


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsUpdate:
    """What a codec makes of a change in mid-session: what to send, and which wishes must wait for the next session.

    `applied` and `immutable` hold names of `SettingsChanged`.
    """

    messages: tuple[Message, ...] = field(default=(), repr=False)
    applied: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseReason:
    """What a close code means for a person.

    `name` is that of its text in the catalogues, behind `closed_`; `detail`: the server's own words.

    `kind` is one of: ended, auth, network, policy, too_large, server, unknown. `ended` is the only one that is no
    failure. `retryable` says whether pressing Connect again can help.
    """

    name: str
    kind: str
    retryable: bool
    detail: str = ""


class BaseCodec(ABC):
    """One vendor's wire, seen from the client.

    Each vendor says the first part for itself. What stands under "where the wire has it" does nothing here: a vendor's
    class has a method of these only for what its wire can do.
    """

    name: str  # the provider's name, as in the configuration and in the token route
    wire_rate_hz: int  # rate of PCM16 mono in both directions
    features: Features  # what this wire can do, the same for every session

    @abstractmethod
    def check(self, settings: SessionSettings) -> None:
        """Raise `ConfigError` for settings that the vendor is known to refuse."""

    @abstractmethod
    def connect(self, grant: TokenGranted) -> tuple[str, tuple[str, ...]]:
        """URL and sub-protocols for the socket. Both may hold the token. Raises `RemoteProtocolError`."""

    @abstractmethod
    def opening(self, settings: SessionSettings) -> list[Message]:
        """What to send first, as soon as the socket is open. Forgets what the session before had taught the codec."""

    @abstractmethod
    def decode(self, data: Message, limits: Limits) -> list[Event]:
        """Normal events of one message. Never raises: what cannot be taken becomes `MessageRejected`."""

    @abstractmethod
    def encode_audio(self, pcm: bytes) -> Message:
        """One captured frame. Nothing where the wire has to wait for the rest of one."""

    @abstractmethod
    def close_reason(self, code: int, reason: str, was_ready: bool) -> CloseReason:
        """Why the socket closed, for a person. `was_ready`: the server had taken audio on this socket."""

    # --- where the wire has it -------------------------------------------------------------------------------------

    def resume(self, session_id: str) -> list[Message]:
        """What to send first, instead of `opening`, to go on with a session on a new socket. See `Features.resume`."""
        return []

    def history(self, turns: Sequence[tuple[str, str]]) -> list[Message]:
        """What was said before, as (role, text) with role "user" or "agent", for a new session after a lost one.

        After `SessionReady`.
        """
        return []

    def update(
        self,
        *,
        system_prompt: str | None = None,
        voice: str | None = None,
        greeting: str | None = None,
        volume: float | None = None,
        turn_detection: Mapping[str, Any] | None = None,
        tools: tuple[Mapping[str, Any], ...] | None = None,
    ) -> SettingsUpdate:
        """Change what can be changed now. `None` means: leave it."""
        return SettingsUpdate()

    def tool_result(self, call_id: str, result_json: str, is_error: bool) -> list[Message]:
        """The answer to a `ToolCalled`. When to send it is the session's policy."""
        return []

    def tool_results_sent(self, reply_id: str) -> list[Message]:
        """All results of one reply's tool calls were sent: ask for the reply to them,
        where that has to be asked for.
        """
        return []

    def reply_create(self, instructions: str) -> list[Message]:
        """Ask for a reply now; empty instructions mean: as the conversation stands."""
        return []

    def reply_cancel(self, reply_id: str) -> list[Message]:
        """Ask the server to stop making a reply. See `Features.reply_cancel`."""
        return []

    def reply_heard(self, reply_id: str, heard_ms: int) -> list[Message]:
        """Tell the server that only the first `heard_ms` of a reply were heard, so that it remembers no more than that.

        Nothing where the vendor knows it by itself, or nothing of the reply had come.
        """
        return []

    def talk_begin(self) -> list[Message]:
        """Push to talk: the key was pressed, microphone frames follow."""
        return []

    def talk_end(self) -> list[Message]:
        """Push to talk: the key was released and the last frame was sent."""
        return []

    def probe(self) -> list[Message]:
        """Something harmless that the server answers, to find out whether it is still there."""
        return []

    def user_text(self, text: str) -> list[Message]:
        """A typed message that wants an answer."""
        return []

    def answer_text(self, text: str) -> list[Message]:
        """Ask for the answer to a typed message that the service may know already."""
        return []

    def context(self, role: str, text: str) -> list[Message]:
        """Something for the agent to know, without an answer. `role` is "user" or "system"."""
        return []

    def end(self) -> list[Message]:
        """End the session politely; the server answers with `SessionEnded`.

        Nothing: closing the socket is the goodbye.
        """
        return []
