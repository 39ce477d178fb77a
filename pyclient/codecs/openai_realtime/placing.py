"""Behind which turn does a turn stand?

Protocol file sections 8.1 and 13: a user's words often arrive after the answer to them, so place is told by
`previous_item_id` and never by arrival. Items are the server's unit, turns are ours: a user's item is a turn of its
own, all items of one response are one turn with the response's id.

Items that we sent (typed text, tool results, history) are no turns here: the session shows them, or does not, where it
sent them. A turn behind one of them is placed behind that item's id, which nobody else knows: at the end, as of now.
"""

from __future__ import annotations

from pyclient.codecs.fields import Fields, identifier, objects, remember, required_id
from pyclient.core.events import Event, TurnPlaced

MAX_ITEMS = 1_024


class Placing:
    """The items of one session."""

    def __init__(self) -> None:
        self._turns: dict[str, str] = {}  # item id -> turn id
        self._waiting: dict[str, str | None] = {}  # agent's items whose response is not known yet -> previous item
        self._placed: dict[str, None] = {}
        self._last = ""  # the newest item

    def __len__(self) -> int:
        """How many items are remembered."""
        return len(self._turns)

    def committed(self, fields: Fields) -> list[Event]:
        """`input_audio_buffer.committed`: a user's item exists, its words come later."""
        item_id = required_id(fields, "item_id")
        return self._place(item_id, item_id, self._previous(fields, item_id), "user")

    def worded(self, fields: Fields) -> None:
        """Words of a user's item.

        A server that announces items in no other way has it placed by them: answers stand behind it.
        """
        item_id = identifier(fields, "item_id")
        if item_id and item_id not in self._turns and item_id not in self._waiting:
            remember(self._turns, item_id, item_id, MAX_ITEMS)
            self._last = item_id

    def added(self, fields: Fields, item: Fields) -> list[Event]:
        """`conversation.item.added`, `.done`, or the `.created` of a deviating server: whichever comes first counts."""
        item_id = required_id(item, "id")
        previous = self._previous(fields, item_id)
        if item_id in self._turns:
            return self._place(item_id, self._turns[item_id], previous, "agent")  # a user's has its place already
        if item.get("role") == "user" and _spoken(item):
            return self._place(item_id, item_id, previous, "user")
        remember(self._waiting, item_id, previous, MAX_ITEMS)  # the agent's, or one that we sent
        self._last = item_id
        return []

    def of_response(self, item_id: str, reply_id: str) -> list[Event]:
        """`response.output_item.added`: the only message that ties an agent's item to its response."""
        if item_id in self._waiting:
            return self._place(item_id, reply_id, self._waiting.pop(item_id), "agent")
        remember(self._turns, item_id, reply_id, MAX_ITEMS)
        return []

    def _previous(self, fields: Fields, item_id: str) -> str | None:
        """`None`: this is the first item. Some servers say null of every item: then the newest one is meant."""
        previous = identifier(fields, "previous_item_id") or self._last
        return previous if previous and previous != item_id else None

    def _place(self, item_id: str, turn_id: str, previous: str | None, role: str) -> list[Event]:
        remember(self._turns, item_id, turn_id, MAX_ITEMS)
        self._last = item_id
        after_id = "" if previous is None else self._turns.get(previous, previous)
        if turn_id in self._placed or after_id == turn_id:
            return []
        remember(self._placed, turn_id, None, MAX_ITEMS)
        return [TurnPlaced(turn_id=turn_id, after_id=after_id, role=role)]


def _spoken(item: Fields) -> bool:
    """Does a user's item hold speech?

    The exact content of a new one is not documented, so nothing counts as speech too.
    """
    kinds = [part.get("type") for part in objects(item, "content")]
    return not kinds or "input_audio" in kinds
