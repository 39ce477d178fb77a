"""Ducking: lowers the agent's voice at a first sign of speech, and raises it again where it was
none, or no interruption.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core.commands import SetPlaybackGain
from pyclient.part import Timer

DUCK_GAIN = 0.2
DUCK_RAMP_MS = 15
RESTORE_RAMP_MS = 120


class Ducking:
    """Is the voice lowered?

    `verdict` is the timer that waits for what the server makes of it; it ends with the ducking.
    """

    def __init__(self, call: Call, verdict: Timer) -> None:
        self._call = call
        self._verdict = verdict
        self.lowered = False

    def lower(self) -> None:
        self.lowered = True
        self._call.stats.ducks += 1
        self._call.commands.add(SetPlaybackGain(gain=DUCK_GAIN, ramp_ms=DUCK_RAMP_MS))

    def restore(self, ramp_ms: int) -> None:
        if self.lowered:
            self.lowered = False
            self._verdict.cancel()
            self._call.commands.add(SetPlaybackGain(gain=1.0, ramp_ms=ramp_ms))
