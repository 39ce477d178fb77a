"""What may a client do to the conversation's items, and what does it hear of that? Protocol file sections 6 and 9."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.agent.records import Record
from server.agent.session import Conversation
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.ids import make_id
from server.agent.wires.openai.items import Item, Items, checked_item
from server.agent.wires.openai.outbound import Outbound

__all__ = ["ItemRequests"]


class ItemRequests:
    """`conversation.item.*` of one socket. Each method takes an event that `check_event` let pass, and raises Refused.

    `end_of` ends the response that is still making an item, if there is one.
    """

    def __init__(
        self, items: Items, outbound: Outbound, record: Record, talk: Conversation, end_of: Callable[[str], None]
    ) -> None:
        self._items = items
        self._outbound = outbound
        self._record = record
        self._talk = talk
        self._end_of = end_of

    def create(self, event: Mapping[str, Any]) -> None:
        item = checked_item(event["item"], make_id("item"))
        self._items.add(item, event.get("previous_item_id"))
        self._record.items[f"{item.role} {item.kind}".strip()] += 1
        if item.kind == "function_call_output":
            self._note_result(item)
        self._outbound.show_item(self._items, item)

    def _note_result(self, item: Item) -> None:
        known = any(
            one.kind == "function_call" and one.shown["call_id"] == item.shown["call_id"] for one in self._items.all()
        )
        self._record.tool_result(item.text, is_error=False, known=known)
        if not known:
            self._record.violated("function_call_output for a call that nobody made")

    def retrieve(self, event: Mapping[str, Any]) -> None:
        item = self._item(event["item_id"], "retrieve")
        self._outbound.put("conversation.item.retrieved", {"item": item.copy_shown()})

    def delete(self, event: Mapping[str, Any]) -> None:
        item = self._item(event["item_id"], "delete")
        self._items.delete(item.item_id)
        self._outbound.put("conversation.item.deleted", {"item_id": item.item_id})

    def truncate(self, event: Mapping[str, Any]) -> None:
        """Section 6: cut to what was heard."""
        item = self._item(event["item_id"], "truncate")
        if item.role != "assistant" or event["content_index"] != 0 or not item.audio_ms:
            raise Refused("invalid_value", "Only the audio of an assistant's message can be truncated.", "item_id")
        end_ms = event["audio_end_ms"]
        if not 0 <= end_ms <= item.audio_ms:
            message = f"Audio content of {item.audio_ms:.0f}ms is already shorter than {end_ms}ms."
            raise Refused("invalid_value", message, "audio_end_ms")
        item.truncate(end_ms)
        self._record.truncations_ms.append(end_ms)
        self._talk.hush()
        fields = {"item_id": item.item_id, "content_index": 0, "audio_end_ms": end_ms}
        self._outbound.put("conversation.item.truncated", fields)
        # It may still be in the making. Of what was not heard nothing more is made, and nothing of it stays.
        self._end_of(item.item_id)

    def _item(self, item_id: str, action: str) -> Item:
        item = self._items.find(item_id)
        if item is None:
            message = f"Error {action[:-1]}ing item: the item with id '{item_id[:100]}' does not exist."
            raise Refused(f"item_{action}_invalid_item_id", message, "item_id")
        return item
