"""Pause: the person holds the agent, and the session stays.

While it is on, the voice waits in the middle of its word, whatever else comes waits behind it, and the microphone is
off as if it were muted: silence goes out for a moment, then nothing. Words are shown as they come. Afterwards the voice
goes on where it stood. No service has to know anything of it, so it is the same for all of them. A pause counts as
nobody speaking: a call that is left paused is hung up like any other that is forgotten.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core import events
from pyclient.core.commands import PausePlayback
from pyclient.core.states import IN_CALL
from pyclient.part import End, Part
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.microphone import Microphone


class Pause(Part):
    """Whether one call after the other is paused."""

    def __init__(self, call: Call, barge_in: BargeIn, microphone: Microphone) -> None:
        super().__init__(call)
        self._barge_in = barge_in
        self._microphone = microphone
        self.handlers = {events.PauseChanged: self._changed}

    def _changed(self, event: events.PauseChanged, now_ms: float) -> None:
        call = self.call
        if event.paused == call.paused or call.state not in IN_CALL:
            return
        self._switch(event.paused, now_ms)
        call.changed = True

    def end(self, now_ms: float, end: End) -> None:
        """What waited is not heard after all: nobody is surprised by a voice that they had paused."""
        if self.call.paused:
            self._barge_in.silence()
            self._switch(False, now_ms)

    def _switch(self, paused: bool, now_ms: float) -> None:
        """Voice and microphone together; whoever is muted as well stays muted."""
        was_off = self.call.microphone_off
        self.call.paused = paused
        self.add(PausePlayback(on=paused))
        self._microphone.switch(was_off, now_ms)
