"""The client events of the OpenAI Realtime protocol, and the transcription events.

Protocol file sections 6, 7 and 9.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.response import Events

__all__ = ["check_event", "decode_audio", "transcription_events"]

_NONE = type(None)
_Types = type | tuple[type, ...]
# The fields of each client event, whether they must be there, and what they must be.
_FIELDS: Mapping[str, Mapping[str, tuple[bool, _Types]]] = {
    "session.update": {"session": (True, dict)},
    "input_audio_buffer.append": {"audio": (True, str)},
    "input_audio_buffer.commit": {},
    "input_audio_buffer.clear": {},
    "conversation.item.create": {"item": (True, dict), "previous_item_id": (False, (str, _NONE))},
    "conversation.item.retrieve": {"item_id": (True, str)},
    "conversation.item.delete": {"item_id": (True, str)},
    "conversation.item.truncate": {"item_id": (True, str), "content_index": (True, int), "audio_end_ms": (True, int)},
    "response.create": {"response": (False, (dict, _NONE))},
    "response.cancel": {"response_id": (False, (str, _NONE))},
}
_MAX_EVENT_ID = 512
_MAX_AUDIO = 15 << 20


def check_event(event: Mapping[str, Any]) -> str:
    """The type of a well-formed client event. Raises Refused."""
    kind = event.get("type")
    if kind is None:
        raise Refused("invalid_event", "The 'type' field is missing.", "type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        supported = ", ".join(f"'{name}'" for name in _FIELDS)
        raise Refused(
            "invalid_value", f"Invalid value: '{str(kind)[:100]}'. Supported values are: {supported}.", "type"
        )
    event_id = event.get("event_id")
    if event_id is not None and not (isinstance(event_id, str) and len(event_id) <= _MAX_EVENT_ID):
        message = f"Invalid value for 'event_id': expected at most {_MAX_EVENT_ID} characters."
        raise Refused("invalid_value", message, "event_id")
    for name, (required, types) in _FIELDS[kind].items():
        if name not in event:
            if required:
                raise Refused("missing_required_parameter", f"Missing required parameter: '{name}'.", name)
        elif not isinstance(event[name], types) or isinstance(event[name], bool):
            raise Refused("invalid_value", f"Invalid type for '{name}'.", name)
    return kind


def decode_audio(text: str) -> bytes:
    """The bytes of an append. Raises Refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid_value", "Invalid 'audio': expected base64-encoded bytes.", "audio") from error
    if len(data) > _MAX_AUDIO:
        raise Refused("invalid_value", "Invalid 'audio': expected at most 15 MiB.", "audio")
    return data


def transcription_events(item_id: str, text: str, model: Any, seconds: float, *, failed: bool) -> Events:
    """Section 10: deltas that add up, then the whole; whisper-1 tells everything in one delta."""
    prefix = "conversation.item.input_audio_transcription."
    ids = {"item_id": item_id, "content_index": 0}
    if failed:
        message = "Input transcription failed for this item."
        error = {"type": "transcription_error", "code": "audio_unintelligible", "message": message, "param": None}
        return [(prefix + "failed", {**ids, "error": error})]
    parts = [text] if model == "whisper-1" else re.findall(r"\s*\S+", text)
    events: Events = [(prefix + "delta", {**ids, "delta": part}) for part in parts if part]
    usage = {"type": "duration", "seconds": seconds}
    return [*events, (prefix + "completed", {**ids, "transcript": text, "usage": usage})]
