"""Live turn: what the turn in progress is so far, by the recognizer that listens along, and how much silence it
therefore takes to end it.
"""

from __future__ import annotations

from collections.abc import Callable

from server.agent.asr import Recognized
from server.agent.asr_live import LiveLine, SoFar, Stage
from server.agent.turns import TurnDetector

__all__ = ["LiveTurn"]

# Words may come out of the last sound when the recognizer already has some of the silence: what it says
# before is no verdict.
_SILENCE_HEARD_MS = 60


class LiveTurn:
    """At most one at a time.

    `open_line` gives a line to the recognizer, or None; `news` is called when the stage may be another.
    """

    def __init__(
        self, open_line: Callable[[Callable[[SoFar], None]], LiveLine | None], news: Callable[[], None]
    ) -> None:
        self._open_line = open_line
        self._news = news
        self._line: LiveLine | None = None
        self._fed = 0
        self._last: SoFar | None = None
        self._steady_since_ms = 0

    def begin(self) -> None:
        self.end()
        self._line = self._open_line(self._hear)

    def end(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self._last, self._fed = None, None, 0

    def follow(self, detector: TurnDetector) -> None:
        """Give the recognizer what is new of the turn."""
        if self._line is not None and detector.turn_frames > self._fed:
            self._line.feed(detector.turn_audio(since=self._fed), detector.now_ms)
            self._fed = detector.turn_frames

    def stage(self, voiced_until_ms: int) -> Stage:
        """What the words are that ended at `voiced_until_ms`; `unknown` as long as the recognizer has not
        heard that they did.
        """
        last = self._last
        if (
            last is None
            or last.until_ms < voiced_until_ms + _SILENCE_HEARD_MS
            or self._steady_since_ms == last.until_ms
        ):
            return "unknown"
        return last.stage

    def words(self, ended_ms: int) -> Recognized | None:
        """The words of a turn that ended at `ended_ms`, where they are a whole sentence; nothing else needs
        to be recognised then.
        """
        if self._last is None or self.stage(ended_ms) not in ("complete", "open"):
            return None
        return Recognized(kind="skill", text=self._last.text, confidence=self._last.confidence)

    def _hear(self, so_far: SoFar) -> None:
        last = self._last
        if last is None or (last.text, last.stage) != (so_far.text, so_far.stage):
            self._steady_since_ms = so_far.until_ms
        self._last = so_far
        self._news()
