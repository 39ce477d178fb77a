"""The items of an OpenAI Realtime conversation: their order, what a client may add, and how they are shown.

Protocol file sections 6 and 8. No socket and no time; a user's audio item gets its words later, through `understood`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.agent.wires.openai.errors import Refused

__all__ = ["Item", "Items", "assistant_item", "audio_item", "call_item", "checked_item"]

_MAX_ITEMS = 10_000
# What the service takes (section 6).
_MAX_ID = 32
_CONTENT = {
    "system": {"input_text": "text"},
    "user": {"input_text": "text", "input_audio": "audio", "input_image": "image_url"},
    "assistant": {"output_text": "text", "output_audio": "audio"},
}


@dataclass(slots=True)
class Item:
    """One item. `shown` is what events carry.

    `text` is what it says; of a user's audio it is known when `known` is set. `sure` as in `skills.answer`. `audio_ms`
    is the length of its sound; `skill` and `arguments` belong to a call. `cut`: the client has truncated it, nothing is
    added any more.
    """

    shown: dict[str, Any]
    text: str = ""
    sure: bool = True
    audio_ms: float = 0.0
    cut: bool = False
    skill: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    known: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def item_id(self) -> str:
        return str(self.shown["id"])

    @property
    def role(self) -> str:
        return str(self.shown.get("role", ""))

    @property
    def kind(self) -> str:
        return str(self.shown["type"])

    def understood(self, text: str, *, sure: bool, told: bool) -> None:
        """The words of a user's audio; `told`: the client asked for transcripts, so the item shows them too."""
        self.text, self.sure = text, sure
        if told:
            self.shown["content"][0]["transcript"] = text
        self.known.set()

    def truncate(self, end_ms: int) -> None:
        """Only so much of it was heard. The transcript goes, as nobody knows where it ends."""
        self.audio_ms, self.cut, self.text = end_ms, True, ""
        self.shown["content"] = [{"type": "output_audio", "transcript": None}]

    def copy_shown(self) -> dict[str, Any]:
        """As it is now, to send."""
        return copy.deepcopy(self.shown)


def _message(item_id: str, role: str, content: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
    shown = {"id": item_id, "object": "realtime.item", "type": "message", "status": status}
    return {**shown, "role": role, "content": content}


def audio_item(item_id: str, duration_ms: float) -> Item:
    """A user's turn, spoken; its words are not known yet."""
    shown = _message(item_id, "user", [{"type": "input_audio", "transcript": None}])
    return Item(shown=shown, audio_ms=duration_ms)


def assistant_item(item_id: str) -> Item:
    """What the agent begins to say; it has no content yet."""
    return Item(shown=_message(item_id, "assistant", [], "in_progress"))


def call_item(item_id: str, call_id: str, name: str) -> Item:
    """A call that the agent begins to make."""
    shown = {"id": item_id, "object": "realtime.item", "type": "function_call", "status": "in_progress"}
    return Item(shown={**shown, "call_id": call_id, "name": name, "arguments": ""})


def checked_item(given: Any, item_id: str, path: str = "item") -> Item:
    """An item that a client wants to add; `item_id` is used when it brings none. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused("invalid_value", f"Invalid value for '{path}': expected an object.", path)
    own = given.get("id")
    if own is not None:
        _check_id(own, f"{path}.id")
    item_id = own or item_id
    kind = given.get("type")
    head = {"id": item_id, "object": "realtime.item", "type": kind, "status": "completed"}
    if kind == "message":
        return _checked_message(given, item_id, path)
    if kind == "function_call":
        _need(given, path, "name", "arguments")
        call_id = str(given.get("call_id") or f"call_{item_id}")
        return _known(Item(shown={**head, "call_id": call_id, "name": given["name"], "arguments": given["arguments"]}))
    if kind == "function_call_output":
        _need(given, path, "call_id", "output")
        shown = {**head, "call_id": given["call_id"], "output": given["output"]}
        return _known(Item(shown=shown, text=given["output"]))
    if kind is None:
        raise Refused("missing_required_parameter", f"Missing required parameter: '{path}.type'.", f"{path}.type")
    allowed = "'message', 'function_call' or 'function_call_output'"
    raise Refused("invalid_value", f"Invalid value for '{path}.type': expected {allowed}.", f"{path}.type")


def _check_id(given: Any, where: str) -> None:
    if not isinstance(given, str) or not given:
        raise Refused("invalid_value", f"Invalid value for '{where}': expected a string that is not empty.", where)
    if len(given) > _MAX_ID:
        message = (
            f"Invalid '{where}': string too long. Expected a string with maximum length {_MAX_ID}, "
            f"but got a string with length {len(given)} instead."
        )
        raise Refused("string_above_max_length", message, where)


def _known(item: Item) -> Item:
    item.known.set()
    return item


def _need(given: Mapping[str, Any], path: str, *names: str) -> None:
    for name in names:
        where = f"{path}.{name}"
        if name not in given:
            raise Refused("missing_required_parameter", f"Missing required parameter: '{where}'.", where)
        if not isinstance(given[name], str):
            raise Refused("invalid_value", f"Invalid value for '{where}': expected a string.", where)


def _checked_message(given: Mapping[str, Any], item_id: str, path: str) -> Item:
    role, content = given.get("role"), given.get("content")
    if not isinstance(role, str) or role not in _CONTENT:
        allowed = "'system', 'user' or 'assistant'"
        raise Refused("invalid_value", f"Invalid value for '{path}.role': expected {allowed}.", f"{path}.role")
    if not isinstance(content, list):
        where = f"{path}.content"
        raise Refused("missing_required_parameter", f"Missing required parameter: '{where}'.", where)
    parts: list[dict[str, Any]] = []
    words: list[str] = []
    for number, part in enumerate(content):
        where = f"{path}.content[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or kind not in _CONTENT[role]:
            allowed = ", ".join(f"'{name}'" for name in _CONTENT[role])
            raise Refused("invalid_value", f"Invalid value for '{where}.type': expected {allowed}.", f"{where}.type")
        if kind == "output_audio":
            # Section 3: the sound of the agent cannot be made again.
            raise Refused("invalid_value", "Assistant audio cannot be created, only text.", where)
        _need(part, where, _CONTENT[role][kind])
        if kind == "input_audio":
            _check_base64(part["audio"], where)
            words.append(str(part.get("transcript") or ""))
            part = {"type": kind, "transcript": part.get("transcript")}
        elif kind != "input_image":
            words.append(part["text"])
        parts.append(dict(part))
    return _known(Item(shown=_message(item_id, role, parts), text=" ".join(filter(None, words))))


def _check_base64(text: str, path: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid_value", "Invalid 'audio': expected base64.", f"{path}.audio") from error


class Items:
    """The conversation, in order."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def all(self) -> tuple[Item, ...]:
        return tuple(self._items)

    def find(self, item_id: Any) -> Item | None:
        return next((item for item in self._items if item.item_id == item_id), None)

    def previous(self, item: Item) -> str | None:
        """The id of the item before this one; None for the first, or for one that is not here."""
        for before, one in zip([None, *self._items], self._items, strict=False):
            if one is item:
                return before.item_id if before else None
        return None

    def append(self, item: Item) -> None:
        """One of our own making, at the end."""
        self._items.append(item)

    def add(self, item: Item, after: str | None = None) -> None:
        """At the end, or behind the item `after` (`root`: as the first). Raises Refused."""
        if len(self._items) >= _MAX_ITEMS:
            raise Refused("invalid_value", "The conversation holds too many items.", "item")
        if self.find(item.item_id) is not None:
            message = f"Error adding item: an item with id '{item.item_id}' already exists."
            # The service names no parameter here, and LiveKit's client goes by code and message.
            raise Refused("item_create_duplicate_item_id", message)
        if after is None:
            self._items.append(item)
            return
        places = [number for number, one in enumerate(self._items) if one.item_id == after]
        if after != "root" and not places:
            message = f"Error adding item: the previous item with id '{after[:100]}' does not exist."
            raise Refused("item_create_invalid_previous_item_id", message, "previous_item_id")
        self._items.insert(places[0] + 1 if places else 0, item)

    def delete(self, item_id: str) -> None:
        self._items = [item for item in self._items if item.item_id != item_id]
