"""Log throttling: of lines that repeat, the first few are written, then how many there were.

With no descriptor left, Python's event loop logs a traceback for each connection that it cannot
take, megabytes a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["FloodFilter"]

_MAX_KINDS = 1000


class FloodFilter(logging.Filter):
    """Lets `most` warnings or worse of one kind pass in `span_s` seconds.

    A kind: the same place in the code and first words.
    """

    def __init__(self, *, most: int = 20, span_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._span_s = span_s
        self._clock = clock
        # Of each kind: since when it is counted, and how many there were.
        self._kinds: OrderedDict[tuple[str, int, str], tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        kind = (record.pathname, record.lineno, str(record.msg)[:40])
        now_s = self._clock()
        with self._lock:
            since_s, count = self._kinds.pop(kind, (now_s, 0))
            if now_s - since_s >= self._span_s:
                held_back = max(0, count - self._most)
                since_s, count = now_s, 0
                if held_back:
                    record.msg = f"{record.msg} (and {held_back} more like this before)"
            self._kinds[kind] = (since_s, count + 1)
            if len(self._kinds) > _MAX_KINDS:
                self._kinds.popitem(last=False)
        return count < self._most
