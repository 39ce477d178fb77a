"""A model of the playback worklet in plain Python: what it does, told by its messages, and nothing of how.

A queue of samples per item, rendered in quanta of 128 context samples; counts are posted every 50 ms and begin at
nothing whenever an item is turned to; a flush renders one more quantum under a fade, drops the rest and is answered at
once. Messages in both directions keep their order and take their time.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pyclient.core import commands as cmd
from pyclient.core import events as ev

QUANTUM = 128
CONTEXT_HZ = 48_000
QUANTUM_MS = QUANTUM * 1000 / CONTEXT_HZ
REPORT_MS = 50


@dataclass
class Line:
    """One direction of a port: in order, each message after a delay of its own."""

    delay_ms: Callable[[], float]
    queue: deque[tuple[float, object]] = field(default_factory=deque)
    last_ms: float = 0.0

    def post(self, message: object, now_ms: float) -> None:
        self.last_ms = max(self.last_ms, now_ms + self.delay_ms())
        self.queue.append((self.last_ms, message))

    def arrived(self, now_ms: float) -> list[object]:
        found = []
        while self.queue and self.queue[0][0] <= now_ms:
            found.append(self.queue.popleft()[1])
        return found


class Speaker:
    """`truth[item]` is what really left for the speaker, in wire-rate samples."""

    def __init__(self, rate_hz: int, rng: random.Random, slow_ms: float = 60.0) -> None:
        self._per_quantum = QUANTUM * rate_hz // CONTEXT_HZ
        self.inbox = Line(lambda: rng.uniform(0, 20))
        self.outbox = Line(lambda: rng.uniform(0, slow_ms))
        self.truth: dict[str, int] = {}
        self._queue: deque[list[object]] = deque()
        self._item = ""
        self._count = 0
        self._since_report_ms = 0.0
        self._sounding = False
        self._paused = False

    def tell(self, commands: list[cmd.Command], now_ms: float) -> None:
        for command in commands:
            if isinstance(command, cmd.PlayAudio | cmd.FlushPlayback | cmd.PausePlayback):
                self.inbox.post(command, now_ms)

    @property
    def waiting(self) -> bool:
        """Something is there that was not rendered yet."""
        return bool(self._queue)

    @property
    def busy(self) -> bool:
        """That, or a message is on its way to or from it."""
        return self.waiting or bool(self.inbox.queue) or bool(self.outbox.queue)

    def quantum(self, now_ms: float) -> None:
        """One quantum of time."""
        for message in self.inbox.arrived(now_ms):
            if isinstance(message, cmd.PlayAudio):
                self._queue.append([message.item_id, len(message.pcm) // 2])
            elif isinstance(message, cmd.PausePlayback):
                self._paused = message.on
            else:
                self._flush(now_ms)
        if self._paused:
            return
        was_sounding = self._sounding
        self._render(now_ms)
        self._since_report_ms += QUANTUM_MS
        if self._sounding and self._since_report_ms >= REPORT_MS:
            self._report(now_ms)
        if was_sounding and not self._queue:
            self._report(now_ms)
            self.outbox.post(ev.PlaybackDrained(), now_ms)
            self._sounding = False

    def _render(self, now_ms: float) -> None:
        left = self._per_quantum
        while left and self._queue:
            item, waiting = self._queue[0]
            assert isinstance(item, str) and isinstance(waiting, int)
            if item != self._item:
                if self._item and self._sounding:
                    self._report(now_ms)
                self._item, self._count = item, 0
            taken = min(left, waiting)
            self.truth[item] = self.truth.get(item, 0) + taken
            self._count += taken
            self._queue[0][1] = waiting - taken
            if taken == waiting:
                self._queue.popleft()
            left -= taken
            self._sounding = True

    def _flush(self, now_ms: float) -> None:
        if self._sounding:
            self._render(now_ms)
        in_mid_item = (self._sounding or self._queue) and self._item
        item, rendered = (self._item, self._count) if in_mid_item else ("", 0)
        self._queue.clear()
        self._item, self._sounding = "", False
        self.outbox.post(ev.PlaybackFlushed(item_id=item, rendered_samples=rendered), now_ms)

    def _report(self, now_ms: float) -> None:
        self._since_report_ms = 0.0
        waiting = sum(int(str(count)) for _, count in self._queue)
        self.outbox.post(
            ev.PlaybackProgressed(item_id=self._item, rendered_samples=self._count, queued_samples=waiting),
            now_ms,
        )
