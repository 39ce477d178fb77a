"""Speech recognition (ASR) off the event loop: several processes, because a recognizer holds Python's lock while it
works.

Each session has a `Seat`: its `recognize` takes one utterance (16 kHz samples) and gives its words, and what it asked
for ends with it; its `live` gives a line on which one turn is recognised while it is spoken (`asr_live.py`). Whose turn
it is decides `fair_queue.py`. A partial that finds everyone busy is not made at all, so listening never falls behind.
The processes are started at first use or by `prewarm`, end by themselves when this one goes away, and are started again
when one dies. The work itself is in `asr_worker.py`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

from server.agent.asr_live import LiveLine, LiveSpeechRecognizer, SoFar
from server.agent.fair_queue import FairQueue, Job
from server.agent.pcm import Samples
from server.agent.worker_process import WorkerProcess

__all__ = ["NOTHING", "Recognized", "RecognizedKind", "Seat", "SpeechRecognizer"]

_log = logging.getLogger("parley.agent.asr")

RecognizedKind = Literal["skill", "free", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognized:
    """What an utterance was understood as.

    `skill`: a sentence of the grammar, sure enough to act on. `free`: words, to be answered but not obeyed.
    `nothing`: no speech, or nothing like words; `text` is empty. `confidence` is 0 to 1.
    """

    kind: RecognizedKind
    text: str
    confidence: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError("confidence must be 0 to 1")


NOTHING = Recognized(kind="nothing", text="", confidence=0.0)

# An utterance of somebody who has left is broken off where it is longer than this (16 kHz): only then is a new process
# ready sooner than the words of so much sound.
_LONG_BYTES = 15 * 16_000 * 2


class _Process:
    """One recogniser. Raises OSError or ValueError when it is gone."""

    def __init__(self) -> None:
        self._worker = WorkerProcess("server.agent.asr_worker")
        self.broken_off = False

    def ask(self, audio: bytes, *, final: bool) -> Recognized:
        answer = self._worker.ask({"bytes": len(audio), "final": final}, audio)
        return Recognized(kind=answer["kind"], text=answer["text"], confidence=answer["confidence"])

    def break_off(self) -> None:
        """Nobody waits for what it works at: whoever asked gets an error at once. From another thread."""
        self.broken_off = True
        self._worker.kill()

    def close(self) -> None:
        self._worker.close()


class SpeechRecognizer:
    """Recognition for all sessions. `close` when the server stops (an exit hook does it otherwise)."""

    def __init__(self, processes: int = 2) -> None:
        self._count = processes
        self._queue: FairQueue[Recognized] = FairQueue()
        self._threads: list[threading.Thread] = []
        self._in_work: dict[_Process, Job[Recognized]] = {}
        self._seats = itertools.count()
        self._lock = threading.Lock()
        self._closed = False
        self.live = LiveSpeechRecognizer()

    def prewarm(self) -> None:
        """Start the processes if they are not running; returns at once.

        A few tenths of a second until the first answer.
        """
        with self._lock:
            if self._threads or self._closed:
                return
            for index in range(self._count):
                thread = threading.Thread(target=self._serve, name=f"agent-asr-{index}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self.live.prewarm()
        atexit.register(self.close)

    def seat(self) -> Seat:
        """The recognizer of one session."""
        return Seat(self, next(self._seats))

    def idle_for(self, caller: int) -> bool:
        """Whether a process would begin with this caller's utterance at once."""
        free = len(self._in_work) < self._count and self._queue.empty
        return free and not self._queue.works_for(caller)

    async def recognize_for(self, caller: int, samples: Samples, *, final: bool) -> Recognized:
        """See `Seat.recognize`."""
        self.prewarm()
        job = Job(caller=caller, final=final, audio=samples.astype("<i2").tobytes(), answer=Future[Recognized]())
        if not self._queue.put(job):
            _log.warning("an utterance was not recognised: its caller has a minute of speech waiting")
            return NOTHING
        return await asyncio.wrap_future(job.answer)

    def leave(self, caller: int) -> None:
        """See `Seat.close`."""
        self._queue.leave(caller)
        with self._lock:
            for process, job in self._in_work.items():
                if job.caller == caller and len(job.audio) > _LONG_BYTES:
                    process.break_off()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for process in self._in_work:
                process.break_off()
        self.live.close()
        self._queue.close()
        for thread in self._threads:
            thread.join(timeout=5)
        atexit.unregister(self.close)

    def _serve(self) -> None:
        process: _Process | None = None
        try:
            with contextlib.suppress(OSError):
                process = _Process()
            while (job := self._queue.take()) is not None:
                try:
                    if job.answer.set_running_or_notify_cancel():
                        # One that was broken off was followed by another at once, to be ready by now.
                        process = self._answer(process or _Process(), job)
                except Exception as error:
                    # No process could be started; the next utterance tries again.
                    _log.error("no recognising process: %s", type(error).__name__)
                    job.answer.set_result(NOTHING)
                finally:
                    self._queue.done(job)
        finally:
            if process is not None:
                process.close()

    def _answer(self, process: _Process, job: Job[Recognized]) -> _Process | None:
        """The process to go on with: None when this one is of no use any more."""
        with self._lock:
            self._in_work[process] = job
        heard, kept = NOTHING, None
        try:
            heard, kept = process.ask(job.audio, final=job.final), process
        except Exception as error:
            # Whatever went wrong, one utterance is lost and the next one gets a new process.
            if not process.broken_off:
                _log.error("speech recognition failed: %s", type(error).__name__)
        finally:
            with self._lock:
                del self._in_work[process]
        if kept is None or process.broken_off:
            process.close()
            kept = _Process() if process.broken_off and not self._closed else None
        job.answer.set_result(heard)
        return kept


class Seat:
    """One session's share of the recognizers.

    `close` when the session is over: what it asked for is not worked at any more.
    """

    def __init__(self, recognizer: SpeechRecognizer, number: int) -> None:
        self._recognizer = recognizer
        self._number = number
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether an utterance would be begun with at once; ask before making a partial."""
        return self._recognizer.idle_for(self._number)

    async def recognize(self, samples: Samples, *, final: bool) -> Recognized:
        """The words of an utterance.

        A failing recogniser is logged and answers with NOTHING, as does one with too much to do.
        """
        return NOTHING if self._closed else await self._recognizer.recognize_for(self._number, samples, final=final)

    def live(self, heard: Callable[[SoFar], None]) -> LiveLine | None:
        """A line for one turn; None while another session has it."""
        return None if self._closed else self._recognizer.live.open(heard)

    def close(self) -> None:
        self._closed = True
        self._recognizer.leave(self._number)
