"""Echo detector: notices that the agent hears itself, and tells the person what helps.

The sign is that the agent's own words come back as the person's, in speech that began while the agent was heard or just
after it. A word counts that stands in a run of four or more which the agent said in its last replies. People repeat
what they hear too, so most of the utterance must be such words, and it takes two such utterances without another one
over the agent between them, or a long one.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core import events
from pyclient.page import notices
from pyclient.part import Part

JUST_AFTER_MS = 400
REPLIES = 3
RUN = 4
MOST_OF = 0.8
ENOUGH_WORDS = 9
ENOUGH_AT_ONCE = 10
# Scripts from here on are written without spaces: each character is a word.
_NO_SPACES = 0x2E80


class EchoDetector(Part):
    """The agent's own words in one call after the other."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._reset()
        self.handlers = {
            events.UserSpeechStarted: lambda event, now_ms: self._started(now_ms),
            events.UserTranscribed: lambda event, now_ms: self._transcribed(event),
            events.PlaybackDrained: lambda event, now_ms: self._silent(now_ms),
            events.PlaybackFlushed: lambda event, now_ms: self._silent(now_ms),
        }

    def _reset(self) -> None:
        self._silent_since_ms = float("-inf")
        self._over_agent = False
        self._utterances = self._words = 0

    def begin(self, now_ms: float) -> None:
        self._reset()

    def _silent(self, now_ms: float) -> None:
        self._silent_since_ms = now_ms

    def _started(self, now_ms: float) -> None:
        self._over_agent = self.call.ledger.sounding or now_ms - self._silent_since_ms < JUST_AFTER_MS

    def _transcribed(self, event: events.UserTranscribed) -> None:
        if not (event.final and self._over_agent and self.call.config.turn_style == "vad"):
            return
        self._over_agent = False
        said = words_of(event.text)
        agent = [text for role, text in self.call.transcript.spoken() if role == "agent"][-REPLIES:]
        again = repeated(said, words_of(" ".join(agent)))
        if not again or again < MOST_OF * len(said):
            self._utterances = self._words = 0
            return
        self._utterances += 1
        self._words += again
        if again >= ENOUGH_AT_ONCE or (self._utterances >= 2 and self._words >= ENOUGH_WORDS):
            self.call.notify(notices.HEARS_ITSELF)


def words_of(text: str) -> list[str]:
    """Words without case and signs."""
    spaced = "".join(f" {char} " if ord(char) >= _NO_SPACES else char if char.isalnum() else " " for char in text)
    return [word for word in spaced.casefold().split() if any(map(str.isalnum, word))]


def repeated(said: list[str], before: list[str]) -> int:
    """How many words of `said` stand in a run that was said before?"""
    runs = {tuple(before[at : at + RUN]) for at in range(len(before) - RUN + 1)}
    found: set[int] = set()
    for at in range(len(said) - RUN + 1):
        if tuple(said[at : at + RUN]) in runs:
            found.update(range(at, at + RUN))
    return len(found)
