"""A recording that can be listened to while it runs.

`Tape` holds the waiting; `pulse.Pulse.record` and `injected.InjectedSound.record` yield their own kinds of it.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .speech import write_wav

Samples = NDArray[np.float64]
T = TypeVar("T")

AUDIBLE_DBFS = -50.0


class Tape(abc.ABC):
    """Mono sound from `started_at` (a `time.monotonic()`) until now.

    Times on the tape are milliseconds from its start.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    @abc.abstractmethod
    def rate_hz(self) -> int: ...

    @property
    @abc.abstractmethod
    def started_at(self) -> float: ...

    @abc.abstractmethod
    def samples(self, since: int = 0) -> Samples:
        """Everything so far from sample number `since` on, between -1 and 1."""

    @abc.abstractmethod
    def stop(self) -> Path:
        """End the recording and write it to `path`; harmless when called again."""

    def pause(self) -> None:
        """Wait a moment between two looks."""
        time.sleep(0.03)

    def sounds_at(self, at_ms: float, *, above_dbfs: float = AUDIBLE_DBFS) -> bool:
        """Whether something sounds within 100 ms of `at_ms`."""
        first = max(0, round((at_ms - 100.0) * self.rate_hz / 1000.0))
        around = np.abs(self.samples(first)[: self.rate_hz // 5])
        return bool(around.max(initial=0.0) > 10 ** (above_dbfs / 20.0))

    @property
    def duration_ms(self) -> float:
        return self.samples().size * 1000.0 / self.rate_hz

    @property
    def now_ms(self) -> float:
        """Where on the tape this moment will be."""
        return (time.monotonic() - self.started_at) * 1000.0

    def wait_sound(self, *, timeout_s: float, since_ms: float = 0.0, above_dbfs: float = AUDIBLE_DBFS) -> float:
        """Wait until something sounds later than `since_ms`; return where, in ms. Raises TimeoutError."""
        seen = max(0, round(since_ms * self.rate_hz / 1000.0))  # only what is new is looked at: tapes get long

        def first() -> float | None:
            nonlocal seen
            fresh = np.abs(self.samples(seen))
            loud = np.flatnonzero(fresh > 10 ** (above_dbfs / 20.0))
            if loud.size:
                return (seen + float(loud[0])) * 1000.0 / self.rate_hz
            seen += fresh.size
            return None

        found = poll(first, timeout_s, self.pause)
        if found is None:
            raise TimeoutError(f"nothing sounded on {self.path.name} within {timeout_s:g} s")
        return found

    def wait_silence(
        self, *, for_ms: float, timeout_s: float, since_ms: float = 0.0, below_dbfs: float = AUDIBLE_DBFS
    ) -> float:
        """Wait for the first `for_ms` of silence later than `since_ms`; return where it began, in ms.

        Raises TimeoutError.

        It may be long over when this is asked: a busy machine is late to look.
        """
        seen = quiet_from = max(0, round(since_ms * self.rate_hz / 1000.0))
        enough = for_ms * self.rate_hz / 1000.0

        def quiet() -> float | None:
            nonlocal seen, quiet_from
            fresh = np.abs(self.samples(seen))
            loud = seen + np.flatnonzero(fresh > 10 ** (below_dbfs / 20.0))
            seen += fresh.size
            begins = np.concatenate(([quiet_from], loud + 1))
            long = np.flatnonzero(np.append(loud, seen) - begins >= enough)
            quiet_from = int(begins[-1])
            return None if not long.size else float(begins[long[0]]) * 1000.0 / self.rate_hz

        found = poll(quiet, timeout_s, self.pause)
        if found is None:
            raise TimeoutError(f"{self.path.name} had no {for_ms:g} ms of silence within {timeout_s:g} s")
        return found

    def _write(self) -> Path:
        return write_wav(self.path, self.samples(), self.rate_hz)


def poll(
    ask: Callable[[], T | None], timeout_s: float, pause: Callable[[], None] = lambda: time.sleep(0.03)
) -> T | None:
    """Ask until the answer is neither None nor False (an empty text is one), or the time is over (then None)."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            return None
        pause()
