"""Playout ledger: how much of each reply was heard.

The ledger counts samples per playback item: those handed to the speaker, those that the playback worklet says it
rendered, and those that a flush dropped. Arrival of audio says nothing about hearing it; only the worklet's count does.

The worklet counts an item from nothing when it turns to it: also once more, after another item or after a flush. Its
messages keep their order, so they tell when: a count of another item than the last one begins anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pyclient.audio.pcm import duration_ms, first_audible_sample, sample_count

# Replies are long gone from the screen before this many others were spoken.
MAX_ITEMS = 256


@dataclass(slots=True)
class Item:
    """Counts of one reply, in wire-rate samples."""

    received: int = 0
    rendered: int = 0
    dropped: int = 0
    flushed_to: int = 0  # nothing before this position waits any more, whatever of it was rendered
    counted_from: int = 0  # what had been rendered when the worklet turned to it
    first_audible: int | None = None  # where the leading silence ends, once known

    @property
    def position(self) -> int:
        """Where in what was received the speaker is."""
        return self.rendered + self.dropped

    @property
    def pending(self) -> int:
        return self.received - max(self.position, self.flushed_to)


class PlayoutLedger:
    """Samples queued and rendered per item. Item ids are the session's reply ids."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._items: dict[str, Item] = {}
        self._waiting: dict[str, Item] = {}  # those of which something may be pending: seldom more than two
        self._counting = ""  # the item that the worklet counted last; none after a flush
        # For each flush that is not answered yet: how far it reached into the items that waited.
        self._flushes: deque[dict[str, int]] = deque()
        self.sounding = False  # something audible is coming out of the speaker
        self.underruns = 0
        self.changed: set[str] = set()  # items whose `heard_ms` may be another one since somebody cleared this

    def queued(self, item_id: str, pcm: bytes) -> None:
        """`pcm` goes to the speaker under `item_id`."""
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = Item()
            if len(self._items) > MAX_ITEMS:
                oldest = next(iter(self._items))
                del self._items[oldest]
                self._waiting.pop(oldest, None)
        if item.first_audible is None:
            offset = first_audible_sample(pcm)
            if offset is not None:
                item.first_audible = item.received + offset
        item.received += sample_count(pcm)
        self.changed.add(item_id)
        self._waiting[item_id] = item

    def continues(self, item_id: str) -> bool:
        """May audio of this item be counted by number alone?

        Not where its samples have to be looked at, or nothing waits. Next: `add`.
        """
        item = self._waiting.get(item_id)
        return item is not None and item.first_audible is not None and item.pending > 0

    def add(self, item_id: str, samples: int) -> None:
        """As `queued`, by number alone."""
        item = self._waiting[item_id]
        item.received += samples

    def progressed(self, item_id: str, rendered: int, underruns: int) -> float | None:
        """The worklet's count for one item.

        Returns the age in ms of its first audible sample when that was just heard.
        """
        self.underruns = max(self.underruns, underruns)
        item = self._items.get(item_id)
        before = 0 if item is None else item.position
        self._count(item_id, rendered)
        # Before the answer to a flush it is a count of what the flush put an end to.
        if item is None or self._flushes or item.first_audible is None or item.position <= item.first_audible:
            return None
        self.sounding = True
        if before > item.first_audible:
            return None
        return (item.position - item.first_audible) * 1000 / self._rate_hz

    def drained(self) -> None:
        """The worklet's queue ran empty.

        Just before this it told the last count of what played, so what is beyond that count was queued while this word
        was on its way, and still waits.
        """
        self.sounding = False
        self._waiting = {item_id: item for item_id, item in self._waiting.items() if item.pending}

    def flush(self) -> None:
        """Everything queued is dropped from now on; counts that were on their way may still
        raise `heard_ms`. Next: `flushed`.
        """
        self.sounding = False
        for item in self._waiting.values():
            item.flushed_to = item.received
        self._flushes.append({item_id: item.received for item_id, item in self._waiting.items()})
        self._waiting.clear()

    def flushed(self, item_id: str, rendered: int) -> None:
        """The worklet's answer to a flush: where the sounding item stopped. It answers them in order."""
        self._count(item_id, rendered)
        self._counting = ""
        for name, reach in (self._flushes.popleft() if self._flushes else {}).items():
            dropped = self._items.get(name)
            if dropped is not None:
                dropped.dropped += max(0, reach - dropped.position)

    def pending(self) -> int:
        """Samples that wait to be heard."""
        return sum(item.pending for item in self._waiting.values())

    def waiting_items(self) -> list[str]:
        """Items of which something waits, oldest first."""
        return [item_id for item_id, item in self._waiting.items() if item.pending]

    def waits(self, item_id: str) -> bool:
        """Does something of this item wait to be heard?"""
        item = self._waiting.get(item_id)
        return item is not None and item.pending > 0

    def heard_ms(self, item_id: str) -> int | None:
        """Milliseconds really rendered, never more than received; None for an item without audio."""
        item = self._items.get(item_id)
        return None if item is None else duration_ms(item.rendered, self._rate_hz)

    def share_heard(self, item_id: str) -> float:
        """Which part of what came of an item was rendered, from 0 to 1."""
        item = self._items.get(item_id)
        return 1.0 if item is None or not item.received else item.rendered / item.received

    def _count(self, item_id: str, rendered: int) -> None:
        anew, self._counting = item_id != self._counting, item_id
        item = self._items.get(item_id)
        if item is None:
            return
        if anew:
            item.counted_from = item.rendered
        self.changed.add(item_id)
        # Nobody heard more than was there to be heard: what came, and while a flush is unanswered what came before it.
        reach = next((flush[item_id] for flush in self._flushes if item_id in flush), item.received)
        item.rendered = max(item.rendered, min(item.counted_from + rendered, reach - item.dropped))

    @property
    def queued_ms(self) -> int:
        return duration_ms(self.pending(), self._rate_hz)
