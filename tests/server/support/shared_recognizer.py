"""One speech recogniser for all servers of a test process.

Its two programs take four seconds of a processor to load, and there is a server in nearly every module of the agent's
tests. They are loaded when the first test is about to speak (`get_ready`), or at the first sound to be recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from server.agent import hub
from server.agent.asr import Seat, SpeechRecognizer


@cache
def _only_one() -> SpeechRecognizer:
    return SpeechRecognizer(1)


def get_ready() -> None:
    """Load it in the background: somebody is about to speak."""
    _only_one().prewarm()


class _Share:
    """What a `Hub` has in place of a recogniser of its own. The server's end is not the recogniser's."""

    def __init__(self, processes: int) -> None:
        del processes
        self.live = _only_one().live

    def seat(self) -> Seat:
        return _only_one().seat()

    def prewarm(self) -> None:
        """Not for every session: most of the tests say nothing."""

    def close(self) -> None:
        pass


@contextmanager
def shared_recognizer() -> Iterator[Any]:
    """Servers that are made inside share it."""
    with patch.object(hub, "SpeechRecognizer", _Share):
        yield
