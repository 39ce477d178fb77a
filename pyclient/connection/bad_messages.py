"""Bad messages: those of the server's that cannot be taken are counted, logged, and told where
something is missing for it.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core.events import MessageIgnored, MessageRejected
from pyclient.page import notices
from pyclient.part import Part

# A flood of bad messages must not become a flood of log lines.
_LOGGED = 20


class BadMessages(Part):
    """The bad messages of one call after the other."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._notified = False  # once in a call
        self.handlers = {
            MessageIgnored: lambda event, now_ms: self._ignored(event),
            MessageRejected: lambda event, now_ms: self._rejected(event),
        }

    def begin(self, now_ms: float) -> None:
        self._notified = False

    def _ignored(self, event: MessageIgnored) -> None:
        stats = self.call.stats
        stats.ignored_messages += 1
        if stats.ignored_messages <= _LOGGED:
            self.call.commands.log("<", f"a message of unknown type {event.type!r} was left alone")

    def _rejected(self, event: MessageRejected) -> None:
        stats = self.call.stats
        stats.rejected_messages += 1
        if stats.rejected_messages <= _LOGGED:
            of_type = f" of type {event.type}" if event.type else ""
            self.call.commands.log("!", f"a message{of_type} was refused: {event.reason}")
        if event.audio and not self._notified:
            self._notified = True
            self.call.notify(notices.AUDIO_UNREADABLE)
