"""Fair queue: whose utterance is recognized next. Every caller in turn, however much one of them sends.

A caller has at most one utterance in work, so that with two recognisers one is always left for the others;
finals go before partials; what waits is bounded per caller, in seconds of sound. Called from the event loop and
from the recognisers' threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["MAX_WAITING_BYTES", "FairQueue", "Job"]

# One minute of 16 kHz sound: twice the longest utterance. More than that waits only for somebody who sends
# faster than people speak.
MAX_WAITING_BYTES = 60 * 16_000 * 2

Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class Job(Generic[Answer]):
    """One utterance of `caller`, and where its words are expected."""

    caller: int
    final: bool
    audio: bytes
    answer: Future[Answer]


class FairQueue(Generic[Answer]):
    """`put`, `take` and `done` for each job; `leave` when a caller has gone; `close` wakes every taker for good."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # In the order of their turn: whoever was served goes to the end.
        self._waiting: OrderedDict[int, deque[Job[Answer]]] = OrderedDict()
        self._in_work: set[int] = set()
        self._closed = False

    @property
    def empty(self) -> bool:
        """Nothing waits."""
        return not self._waiting

    def works_for(self, caller: int) -> bool:
        """An utterance of this caller is being recognised."""
        return caller in self._in_work

    def put(self, job: Job[Answer]) -> bool:
        """False where the caller has too much waiting already, or the queue is closed: the job is not taken."""
        with self._changed:
            line = self._waiting.get(job.caller, deque())
            if self._closed or sum(len(one.audio) for one in line) + len(job.audio) > MAX_WAITING_BYTES:
                return False
            line.append(job)
            self._waiting[job.caller] = line
            self._changed.notify()
        job.answer.add_done_callback(lambda answer: self._withdraw(job) if answer.cancelled() else None)
        return True

    def take(self) -> Job[Answer] | None:
        """The next job, waited for; None when the queue is closed. Call `done` when it is finished."""
        with self._changed:
            while not self._closed:
                job = self._next()
                if job is not None:
                    return job
                self._changed.wait()
            return None

    def done(self, job: Job[Answer]) -> None:
        with self._changed:
            self._in_work.discard(job.caller)
            self._changed.notify()

    def leave(self, caller: int) -> None:
        """The caller has gone: nothing of theirs is wanted any more."""
        with self._changed:
            line = self._waiting.pop(caller, deque())
        for job in line:
            job.answer.cancel()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> Job[Answer] | None:
        free = [caller for caller in self._waiting if caller not in self._in_work]
        for final in (True, False):
            for caller in free:
                line = self._waiting[caller]
                job = next((one for one in line if one.final is final), None)
                if job is not None:
                    self._remove(job)
                    if caller in self._waiting:
                        self._waiting.move_to_end(caller)
                    self._in_work.add(caller)
                    return job
        return None

    def _withdraw(self, job: Job[Answer]) -> None:
        """It was cancelled while it waited: its sound is let go at once."""
        with self._changed:
            if job in self._waiting.get(job.caller, ()):
                self._remove(job)

    def _remove(self, job: Job[Answer]) -> None:
        line = self._waiting[job.caller]
        line.remove(job)
        if not line:
            del self._waiting[job.caller]
