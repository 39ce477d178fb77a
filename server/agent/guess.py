"""Early recognition: a turn is recognized while the silence that would end it is still being waited out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from server.agent.asr import Recognized
from server.agent.skills import wants_more

__all__ = ["Guess"]


class Guess:
    """At most one at a time. `unfinished`: the words heard so far want more, so the turn may not be over yet."""

    def __init__(self) -> None:
        self.unfinished = False
        self._task: asyncio.Task[Recognized] | None = None
        self._until_ms = -1

    def begin(self, recognition: Coroutine[Any, Any, Recognized], until_ms: int) -> None:
        """`recognition` understands the turn as it is, whose last sound was at `until_ms`."""
        self.drop()
        self._until_ms = until_ms
        self._task = asyncio.ensure_future(recognition)
        self._task.add_done_callback(self._look)

    def drop(self) -> None:
        """Nobody will use it: the turn is over, or was thrown away."""
        task, self._task, self._until_ms = self._task, None, -1
        if task is not None:
            task.cancel()

    def drop_if_more_was_said(self, voiced_until_ms: int) -> None:
        if voiced_until_ms > self._until_ms:
            self.drop()

    def take(self, ended_ms: int) -> asyncio.Task[Recognized] | None:
        """The guess at a turn whose last sound was at `ended_ms`; None where there is none, or more was said since."""
        task = self._task if self._until_ms == ended_ms else None
        if task is None:
            self.drop()
        self._task = None
        return task

    def _look(self, task: asyncio.Task[Recognized]) -> None:
        if task is self._task and not task.cancelled() and task.exception() is None:
            self.unfinished = wants_more(task.result().text)
