"""What did the person say before the call was live?

The capture side holds it from the click on (`worklets/hold.js`), bounded by `ClientConfig.early_words_ms`, and hands it out
first when `StartCapture` tells it to. So the order is kept by one queue, and nothing is doubled where the held part ends. Here
is only what a session must know of it: whether anything is held at all, that these frames must not be dropped where the
network does not keep up, and what to tell when there was too much.
"""

from __future__ import annotations

from pyclient import events, notices
from pyclient.config import ClientConfig
from pyclient.lifeline import Lifeline
from pyclient.states import IN_CALL


def keeps_early_words(config: ClientConfig) -> bool:
    """Is what is said before the call is live kept for it? With a talk key nothing is: nobody can hold the key yet."""
    return config.early_words_ms > 0 and config.turn_style == "vad"


class EarlyWords:
    """The held words of one call after the other."""

    def __init__(self, life: Lifeline) -> None:
        self._life = life
        self.begin()

    def begin(self) -> None:
        """A new call."""
        self.catching_up = False

    def held(self, event: events.CaptureHeld) -> None:
        """The frames that follow are held ones, until `caught_up`."""
        if self._life.state not in IN_CALL:
            return
        stats = self._life.stats
        stats.early_words_ms = event.kept_ms
        stats.early_words_dropped_ms = event.dropped_ms
        self.catching_up = True
        if event.dropped_ms:
            self._life.tell(notices.early_words_dropped(event.dropped_ms, self._life.config.early_words_ms))
        if event.kept_ms or event.dropped_ms:
            self._life.out.log("=", f"{event.kept_ms} ms of early words are held, {event.dropped_ms} ms were dropped")

    def caught_up(self) -> None:
        """From the next frame on the microphone is live."""
        self.catching_up = False
