"""What did the user say, as far as the server's recogniser has got?

Protocol file section 10: deltas append, `completed` replaces, and a recognition that failed leaves a placeholder.
A second recogniser does this beside the model, so all of it may come late, even in the middle of a reply.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyclient.codecs.fields import Fields, optional_text, remember, required_id, text
from pyclient.core.events import Event, UserTranscribed

MAX_ITEMS = 64
MAX_CHARS = 20_000

# Something was said, and nobody knows what. An empty text would mean that nothing was said.
NOT_UNDERSTOOD = "…"


@dataclass(slots=True)
class _Heard:
    text: str = ""
    by_segments: bool = False
    settled: bool = False


class Hearing:
    """The utterances of one session, by item id."""

    def __init__(self) -> None:
        self._items: dict[str, _Heard] = {}

    def __len__(self) -> int:
        """How many items are remembered."""
        return len(self._items)

    def delta(self, fields: Fields) -> list[Event]:
        item_id, delta = required_id(fields, "item_id"), optional_text(fields, "delta", MAX_CHARS)
        heard = self._item(item_id)
        if heard.by_segments:
            heard.text, heard.by_segments = "", False  # both are told: the finer one counts
        return self._grow(item_id, heard, delta)

    def segment(self, fields: Fields) -> list[Event]:
        """The diarizing recogniser tells whole pieces. Who spoke them has no place in our transcript."""
        item_id, piece = required_id(fields, "item_id"), text(fields, "text").strip()[:MAX_CHARS]
        heard = self._item(item_id)
        if heard.text and not heard.by_segments:
            return []
        heard.by_segments = True
        return self._grow(item_id, heard, f" {piece}" if heard.text and piece else piece)

    def completed(self, fields: Fields) -> list[Event]:
        item_id, whole = required_id(fields, "item_id"), text(fields, "transcript")[:MAX_CHARS]
        return self._settle(item_id, whole)

    def failed(self, fields: Fields) -> list[Event]:
        """The model heard the sound itself, so the reply does not suffer: no fault, only a gap in the transcript."""
        item_id = required_id(fields, "item_id")
        heard = self._item(item_id)
        return [] if heard.settled else self._settle(item_id, heard.text.strip() or NOT_UNDERSTOOD)

    def _item(self, item_id: str) -> _Heard:
        heard = self._items.get(item_id)
        if heard is None:
            heard = _Heard()
            remember(self._items, item_id, heard, MAX_ITEMS)
        return heard

    def _grow(self, item_id: str, heard: _Heard, more: str) -> list[Event]:
        if heard.settled or not more or len(heard.text) >= MAX_CHARS:
            return []
        heard.text += more
        return [UserTranscribed(item_id=item_id, text=heard.text, final=False)]

    def _settle(self, item_id: str, whole: str) -> list[Event]:
        heard = self._item(item_id)
        heard.text, heard.settled = whole, True
        return [UserTranscribed(item_id=item_id, text=whole, final=True)]
