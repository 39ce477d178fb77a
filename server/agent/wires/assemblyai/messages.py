"""The messages of the AssemblyAI protocol: what a client may send, and how events are told.

Pure: no socket, no state. Section numbers are the protocol file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.agent.events import (
    Event,
    HungUp,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    ReplyWord,
    SpeechBegan,
    SpeechEnded,
    ToolCalled,
    UserFinal,
    UserPartial,
    UserUnclear,
)
from server.agent.pcm import Samples
from server.agent.scenarios import Scenario
from server.agent.wires.assemblyai.config import Refused, wrong_format

__all__ = ["check_message", "count_settings", "translate"]

_Types = type | tuple[type, ...]
_NONE = type(None)
# Section 4: the fields of each client message, whether they must be there, and what they must be.
_FIELDS: Mapping[str, Mapping[str, tuple[bool, _Types]]] = {
    "session.update": {"session": (False, (dict, _NONE))},
    "session.resume": {"session_id": (True, str)},
    "session.end": {},
    "input.audio": {"audio": (True, str)},
    "tool.result": {"call_id": (True, str), "result": (True, str), "is_error": (False, (bool, _NONE))},
    "reply.create": {"instructions": (False, (str, _NONE))},
    "reply.cancel": {"reply_id": (True, str)},
    "conversation.message": {"role": (True, str), "content": (True, str)},
}


def check_message(message: Mapping[str, Any]) -> str:
    """The type of a well-formed client message. Raises Refused for an unknown type or a missing or wrong field.

    Keys that no document mentions are let pass, as none forbids them outside `session`.
    """
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        shown = kind if isinstance(kind, str) else "None"
        raise Refused("invalid_format", f"Unknown message type: {shown[:100]}")
    for name, (required, types) in _FIELDS[kind].items():
        if name not in message:
            if required:
                raise wrong_format(kind)
        elif not isinstance(message[name], types):
            raise wrong_format(kind)
    if kind == "conversation.message" and message["role"] not in ("user", "system"):
        raise wrong_format(kind)
    return kind


def count_settings(session: Any) -> int:
    """How many settings an update holds, counting those of `input` and `output` one by one."""
    if not isinstance(session, dict):
        return 0
    return sum(len(value) if key in ("input", "output") else 1 for key, value in session.items())


def translate(event: Event, scenario: Scenario, encode: Callable[[Samples], str]) -> tuple[str, dict[str, Any]] | None:
    """The type and the fields of an event (section 5).

    None for HungUp, which is a matter of the socket, and for UserUnclear: the service says nothing then.

    `encode` makes base64 text of samples in the session's output format.
    """
    match event:
        case SpeechBegan():
            return "input.speech.started", {}
        case SpeechEnded():
            return "input.speech.stopped", {}
        case UserPartial(item_id=item_id, text=text):
            return "transcript.user.delta", {"item_id": item_id, "text": text}
        case UserFinal(item_id=item_id, text=text):
            return "transcript.user", {"item_id": item_id, "text": text}
        case ReplyStarted(reply_id=reply_id, item_id=item_id):
            return "reply.started", {"reply_id": reply_id, "item_id": item_id}
        case ReplyAudio(reply_id=reply_id, samples=samples):
            ids = {} if scenario.omit_reply_id else {"reply_id": reply_id}
            return "reply.audio", {**ids, "data": encode(samples)}
        case ReplyWord(reply_id=reply_id, item_id=item_id, text=text, start_ms=start_ms, end_ms=end_ms):
            ids = {"reply_id": reply_id, "item_id": item_id}
            return "transcript.agent.delta", {**ids, "delta": text, "start_ms": start_ms, "end_ms": end_ms}
        case ReplyText(reply_id=reply_id, item_id=item_id, text=text, interrupted=interrupted):
            ids = {"reply_id": reply_id, "item_id": item_id}
            return "transcript.agent", {**ids, "text": text, "interrupted": interrupted}
        case ReplyDone(reply_id=reply_id, status=status):
            return "reply.done", {} if scenario.bare_reply_done else {"reply_id": reply_id, "status": status}
        case ToolCalled(call_id=call_id, name=name, arguments=arguments):
            return "tool.call", {"call_id": call_id, "name": name, "arguments": dict(arguments)}
        case HungUp() | UserUnclear():
            return None
