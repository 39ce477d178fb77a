"""Live speech recognition off the event loop: one process that hears one turn at a time, while it is spoken.

Who begins to speak while nobody else does gets the line; all others are recognised when they have finished, by
`asr.py`. Results come to the event loop as `SoFar`. Sound that waits is taken in one piece, so a slow machine is late
and never far behind. The process is started at first use or by `prewarm`, ends by itself when this one goes away, and
is started again when it dies. The work itself is in `live_worker.py`.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from server.agent.pcm import Samples
from server.agent.worker_process import WorkerProcess

__all__ = ["LiveLine", "LiveSpeechRecognizer", "SoFar", "Stage"]

_log = logging.getLogger("parley.agent.asr")

Stage = Literal["complete", "open", "incomplete", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """What a turn is after its sound until `until_ms`, as its listener counts.

    `complete`: a sentence of the grammar. `open`: one that often goes on. `incomplete`: the beginning of one.
    `unknown`: none of these.
    """

    until_ms: int
    text: str
    stage: Stage
    confidence: float


class LiveLine:
    """One turn. `feed` its sound; `close` when it is over, and nothing more comes."""

    def __init__(self, recognizer: LiveSpeechRecognizer, heard: Callable[[SoFar], None]) -> None:
        self._recognizer = recognizer
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self.waiting: list[Samples] = []
        self.until_ms = 0
        self.begun = False

    def feed(self, samples: Samples, until_ms: int) -> None:
        self._recognizer.feed(self, samples, until_ms)

    def close(self) -> None:
        self._recognizer.leave(self)

    def deliver(self, so_far: SoFar) -> None:
        """From the recognizer's thread."""
        try:
            self._loop.call_soon_threadsafe(self._take, so_far)
        except RuntimeError:  # the loop has ended, and with it whoever listened
            self.close()

    def _take(self, so_far: SoFar) -> None:
        if self._recognizer.serves(self):
            self._heard(so_far)


class LiveSpeechRecognizer:
    """The line for all sessions. `close` when the server stops (an exit hook does it otherwise)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: LiveLine | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def prewarm(self) -> None:
        """Start the process if it is not running; returns at once."""
        with self._changed:
            if self._thread is not None or self._closed:
                return
            self._thread = threading.Thread(target=self._serve, name="agent-asr-live", daemon=True)
            self._thread.start()
        atexit.register(self.close)

    def open(self, heard: Callable[[SoFar], None]) -> LiveLine | None:
        """A line for one turn; None while another turn has it."""
        self.prewarm()
        with self._changed:
            if self._closed or self._line is not None:
                return None
            self._line = LiveLine(self, heard)
            return self._line

    def serves(self, line: LiveLine) -> bool:
        return self._line is line

    def feed(self, line: LiveLine, samples: Samples, until_ms: int) -> None:
        """See `LiveLine.feed`."""
        with self._changed:
            if self._line is line:
                line.waiting.append(samples)
                line.until_ms = until_ms
                self._changed.notify()

    def leave(self, line: LiveLine) -> None:
        """See `LiveLine.close`."""
        with self._changed:
            if self._line is line:
                self._line = None

    def close(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed, self._line = True, None
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=5)
            atexit.unregister(self.close)

    def _serve(self) -> None:
        process: WorkerProcess | None = None
        try:
            while not self._closed:
                try:
                    process = process or WorkerProcess("server.agent.live_worker")
                    self._next(process)
                except Exception as error:
                    _log.error("live speech recognition failed: %s", type(error).__name__)
                    if process is not None:
                        process.close()
                    process = None
                    # The turn in progress is recognised at its end; the next one gets a new process.
                    self._drop()
        finally:
            if process is not None:
                process.close()

    def _drop(self) -> None:
        with self._changed:
            self._line = None
            # Not in a circle where no process can be started.
            self._changed.wait_for(lambda: self._closed or self._line is not None)

    def _next(self, process: WorkerProcess) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._line is not None and bool(self._line.waiting)))
            line = self._line
            if self._closed or line is None:
                return
            parts, line.waiting = line.waiting, []
            until_ms, begin, line.begun = line.until_ms, not line.begun, True
        audio = np.concatenate(parts).astype("<i2").tobytes()
        answer = process.ask({"begin": begin, "bytes": len(audio)}, audio)
        line.deliver(SoFar(until_ms=until_ms, **answer))
