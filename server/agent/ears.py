"""Speech recognition off the event loop: several processes, because the recogniser holds Python's lock while it works.

`Ears.hear` takes one utterance (16 kHz samples) and gives its words. Finals go before partials; a partial that finds
everyone busy is not made at all, so listening never falls behind. The processes are started at first use or by `prewarm`,
end by themselves when this one goes away, and are started again when one dies. The work itself is in `hearing.py`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from server.agent.pcm import Samples

__all__ = ["NOTHING", "Ears", "Heard", "HeardKind"]

_log = logging.getLogger("parley.agent.ears")

HeardKind = Literal["skill", "free", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an utterance was understood as.

    `skill`: a sentence of the grammar, sure enough to act on. `free`: words, to be answered but not obeyed.
    `nothing`: no speech, or nothing like words; `text` is empty. `confidence` is 0 to 1.
    """

    kind: HeardKind
    text: str
    confidence: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError("confidence must be 0 to 1")


NOTHING = Heard(kind="nothing", text="", confidence=0.0)


@dataclass(order=True, slots=True)
class _Job:
    priority: int
    number: int
    final: bool = field(compare=False)
    audio: bytes = field(compare=False)
    answer: Future[Heard] = field(compare=False)


class _Process:
    """One recogniser behind a pair of pipes. Raises OSError or ValueError when it is gone."""

    def __init__(self) -> None:
        root = Path(__file__).resolve().parents[2]
        env = dict(os.environ)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), env.get("PYTHONPATH", ""))))
        # One thread each: the processes are the parallelism.
        env.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "server.agent.hearing"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._in: IO[bytes] = self._popen.stdin
        self._out: IO[bytes] = self._popen.stdout

    def ask(self, audio: bytes, *, final: bool) -> Heard:
        head = json.dumps({"bytes": len(audio), "final": final})
        self._in.write(head.encode() + b"\n" + audio)
        self._in.flush()
        line = self._out.readline()
        if not line:
            raise OSError("the recognising process ended")
        answer = json.loads(line)
        return Heard(kind=answer["kind"], text=answer["text"], confidence=answer["confidence"])

    def close(self) -> None:
        """Ended at once, also while it still loads: it keeps nothing that could be lost. Killed where that does not help."""
        self._popen.terminate()
        for stream in (self._in, self._out):
            with contextlib.suppress(OSError):
                stream.close()
        try:
            self._popen.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


class Ears:
    """Recognition for all sessions. `close` when the server stops (an exit hook does it otherwise)."""

    def __init__(self, processes: int = 2) -> None:
        self._count = processes
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._threads: list[threading.Thread] = []
        self._number = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._closed = False

    def prewarm(self) -> None:
        """Start the processes if they are not running; returns at once. A few tenths of a second until the first answer."""
        with self._lock:
            if self._threads or self._closed:
                return
            for index in range(self._count):
                thread = threading.Thread(target=self._serve, name=f"agent-ears-{index}", daemon=True)
                self._threads.append(thread)
                thread.start()
        atexit.register(self.close)

    @property
    def idle(self) -> bool:
        """Whether a process is free right now; ask before making a partial."""
        return self._busy < self._count and self._jobs.empty()

    async def hear(self, samples: Samples, *, final: bool) -> Heard:
        """The words of an utterance. A failing recogniser is logged and answers with NOTHING."""
        self.prewarm()
        future: Future[Heard] = Future()
        with self._lock:
            self._number += 1
            number = self._number
        audio = samples.astype("<i2").tobytes()
        self._jobs.put(_Job(priority=0 if final else 1, number=number, final=final, audio=audio, answer=future))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for index, _ in enumerate(self._threads):
            self._jobs.put(_Job(priority=-1, number=index, final=False, audio=b"", answer=Future()))
        for thread in self._threads:
            thread.join(timeout=5)
        atexit.unregister(self.close)

    def _serve(self) -> None:
        process: _Process | None = None
        try:
            process = _Process()
            while True:
                job = self._jobs.get()
                if job.priority < 0:
                    return
                if not job.answer.set_running_or_notify_cancel():
                    continue
                with self._lock:
                    self._busy += 1
                try:
                    if process is None:
                        process = _Process()
                    job.answer.set_result(process.ask(job.audio, final=job.final))
                except Exception as error:
                    # Whatever went wrong, one utterance is lost and the next one gets a new process.
                    _log.error("speech recognition failed: %s", type(error).__name__)
                    if process is not None:
                        process.close()
                        process = None
                    job.answer.set_result(NOTHING)
                finally:
                    with self._lock:
                        self._busy -= 1
        finally:
            if process is not None:
                process.close()
