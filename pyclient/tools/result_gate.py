"""Result gate: when the result of a tool may be sent.

The documented rule (protocol file section 9): only while the end of a reply is the most recent of {a reply started, the
user started to speak, a reply ended}. A result sent earlier is taken by the live service, and answered about a second
sooner, but users report agents that then call the same tool again. So the rule is the default and a policy:

* `after_reply_done`: the rule;
* `immediate`: no waiting.

Two cases in which the rule alone would wait for ever:

* a tool in hold mode is called without any reply around it (section 8), so its result never waits for one;
* background noise reports speech that never becomes a turn: after `WATCHDOG_MS` the results go out, unless a reply is
  being made at that moment, whose end will release them.

Under the rule nothing is sent while the person speaks: the agent would answer it in the middle of their sentence.
"""

from __future__ import annotations

from enum import Enum, unique

# Long enough for a person to finish a sentence, short enough not to look dead.
WATCHDOG_MS = 4_000


@unique
class Latest(Enum):
    """The most recent of the three events that matter."""

    NOTHING = "nothing"
    REPLY_STARTED = "reply_started"
    SPEECH_STARTED = "speech_started"
    REPLY_DONE = "reply_done"


class ResultGate:
    """Remembers what happened last; `open_for` answers whether a result may go."""

    def __init__(self, policy: str) -> None:
        self._immediate = policy == "immediate"
        self.latest = Latest.NOTHING
        self.user_speaking = False

    def open_for(self, *, hold_mode: bool) -> bool:
        if self._immediate:
            return True
        if self.user_speaking:
            return False
        if self.latest is Latest.REPLY_DONE:
            return True
        return hold_mode and self.latest is not Latest.REPLY_STARTED

    def opens_when_overdue(self) -> bool:
        """May the watchdog override? Not while a reply is being made, nor while the person speaks: both will end."""
        return self.latest is not Latest.REPLY_STARTED and not self.user_speaking
