"""Resume: what a session keeps when its socket is lost, and what the next socket gets of it.

Section 10 says nothing of messages that a drop has caught on their way. What is settled is sent after the
resume: a client can do without a delta or without sound, but not without a final text, the end of a reply, or a
call it must answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.agent.events import Event
from server.agent.hub import ResumableSession
from server.agent.wires.assemblyai.config import Config
from server.agent.wires.assemblyai.outbound import Outbound

__all__ = ["Kept", "Owner", "hand_over", "tell_settled"]

_SETTLED = frozenset({"transcript.user", "transcript.agent", "reply.done", "tool.call"})
_MAX_SETTLED = 200


class Owner(Protocol):
    """The socket that a session has."""

    def evict(self, session: ResumableSession) -> None:
        """Another socket takes the session over."""


@dataclass(slots=True)
class Kept:
    """What a session keeps across sockets, besides the conversation. `settled` waits to be sent to the next socket."""

    config: Config
    owner: Owner | None
    settled: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)


def hand_over(session: ResumableSession, outbound: Outbound) -> None:
    """What is settled and did not leave, and what will be settled without a socket, waits for the next one."""
    kept: Kept = session.wire_state
    settled = kept.settled

    def keep(event: Event) -> None:
        told = outbound.translated(event)
        if told is not None and told[0] in _SETTLED and len(settled) < _MAX_SETTLED:
            outbound.note(event)
            settled.append(told)

    settled += [one for one in outbound.outbox.unsent() if one[0] in _SETTLED]
    session.conversation.emit = keep


def tell_settled(kept: Kept, outbound: Outbound) -> None:
    """Send what waited."""
    settled, kept.settled = kept.settled, []
    for kind, fields in settled:
        outbound.put(kind, {key: value for key, value in fields.items() if key not in ("type", "timestamp")})
