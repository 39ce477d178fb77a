"""How much of each reply was heard?

The ledger counts samples per playback item: those handed to the speaker and those that the playback worklet says it
rendered. Arrival of audio says nothing about hearing it; only the worklet's count does.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyclient.audio import duration_ms, first_audible_sample, sample_count

# Replies are long gone from the screen before this many others were spoken.
MAX_ITEMS = 256


@dataclass(slots=True)
class Item:
    """Counts of one reply, in wire-rate samples."""

    received: int = 0
    rendered: int = 0
    settled: int = 0  # nothing before this position is waiting any more
    first_audible: int | None = None  # where the leading silence ends, once known
    flushed: bool = False
    recounted: bool = False  # the worklet began to count it anew: after a flush, or after another item

    @property
    def pending(self) -> int:
        return self.received - max(self.rendered, self.settled)


class Ledger:
    """Samples queued and rendered per item. Item ids are the session's reply ids."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._items: dict[str, Item] = {}
        self._waiting: dict[str, Item] = {}  # those of which something may be pending: seldom more than two
        self._newest = ""  # the item that was queued last
        self.sounding = False  # something audible is coming out of the speaker
        self.underruns = 0

    def queued(self, item_id: str, pcm: bytes) -> None:
        """`pcm` goes to the speaker under `item_id`."""
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = Item()
            if len(self._items) > MAX_ITEMS:
                oldest = next(iter(self._items))
                del self._items[oldest]
                self._waiting.pop(oldest, None)
        elif item.flushed or item_id != self._newest:
            item.recounted = True
        self._newest = item_id
        item.flushed = False  # a reply that goes on after a flush is heard again
        if item.first_audible is None:
            offset = first_audible_sample(pcm)
            if offset is not None:
                item.first_audible = item.received + offset
        item.received += sample_count(pcm)
        self._waiting[item_id] = item

    def continues(self, item_id: str) -> bool:
        """May audio of this item be counted by number alone? Not where its samples have to be looked at, or nothing waits. Next: `add`."""
        item = self._waiting.get(item_id)
        return item is not None and item.first_audible is not None and item.pending > 0

    def add(self, item_id: str, samples: int) -> None:
        """As `queued`, by number alone."""
        item = self._waiting[item_id]
        item.recounted |= item_id != self._newest
        self._newest = item_id
        item.received += samples

    def progressed(self, item_id: str, rendered: int, underruns: int) -> float | None:
        """The worklet's count for one item. Returns the age in ms of its first audible sample when that was just heard."""
        self.underruns = max(self.underruns, underruns)
        item = self._items.get(item_id)
        if item is None:
            return None
        before = item.rendered
        # Clamped: nobody heard more than we sent, and a count that runs backwards is an old one.
        item.rendered = max(before, min(rendered, item.received))
        if item.flushed or item.first_audible is None or item.rendered <= item.first_audible:
            return None
        self.sounding = True
        if before > item.first_audible:
            return None
        return (item.rendered - item.first_audible) * 1000 / self._rate_hz

    def drained(self) -> None:
        """The worklet's queue ran empty.

        Just before this it told the last count of what played, so what is beyond that count was queued while this word was
        on its way, and still waits. Only of an item that it counts anew the counts say nothing: that one is settled.
        """
        self.sounding = False
        for item in self._waiting.values():
            if item.recounted and item.rendered:
                item.settled = item.received
        self._forget_settled()

    def flush(self) -> None:
        """Everything queued is dropped from now on; late counts may still raise `heard_ms` a little."""
        self.sounding = False
        for item in self._waiting.values():
            item.flushed = True
            item.settled = item.received
        self._waiting.clear()

    def flushed(self, item_id: str, rendered: int) -> None:
        """The worklet's answer to a flush: where the sounding item stopped."""
        item = self._items.get(item_id)
        if item is not None:
            item.rendered = max(item.rendered, min(rendered, item.received))

    def pending(self) -> int:
        """Samples that wait to be heard."""
        return sum(item.pending for item in self._waiting.values())

    def waiting_items(self) -> list[str]:
        """Items of which something waits, oldest first."""
        return [item_id for item_id, item in self._waiting.items() if item.pending]

    def heard_ms(self, item_id: str) -> int | None:
        """Milliseconds really rendered, never more than received; None for an item without audio."""
        item = self._items.get(item_id)
        return None if item is None else duration_ms(item.rendered, self._rate_hz)

    def share_heard(self, item_id: str) -> float:
        """Which part of what came of an item was rendered, from 0 to 1."""
        item = self._items.get(item_id)
        return 1.0 if item is None or not item.received else item.rendered / item.received

    def _forget_settled(self) -> None:
        self._waiting = {item_id: item for item_id, item in self._waiting.items() if item.pending}

    @property
    def queued_ms(self) -> int:
        return duration_ms(self.pending(), self._rate_hz)
