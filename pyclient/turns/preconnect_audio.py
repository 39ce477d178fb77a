"""Pre-connect audio: what the person said before the call was live.

The capture side holds it from the click on (`worklets/preconnect_buffer.js`), bounded by
`ClientConfig.preconnect_audio_ms`, and hands it out first when `StartCapture` tells it to. So the order is kept by
one queue, and nothing is doubled where the held part ends. Here is only what a session must know of it: whether
anything is held at all, that these frames must not be dropped where the network does not keep up, and what to tell
when there was too much.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.config import ClientConfig
from pyclient.core import events
from pyclient.core.states import IN_CALL
from pyclient.page import notices
from pyclient.part import Part


def keeps_preconnect_audio(config: ClientConfig) -> bool:
    """Is what is said before the call is live kept for it? With a talk key nothing is: nobody can hold the key yet."""
    return config.preconnect_audio_ms > 0 and config.turn_style in ("vad", "half_duplex")


class PreconnectAudio(Part):
    """Pre-connect audio of one call after the other."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.catching_up = False
        self.handlers = {
            events.CaptureHeld: lambda event, now_ms: self._held(event),
            events.CaptureCaughtUp: lambda event, now_ms: self._caught_up(),
        }

    def begin(self, now_ms: float) -> None:
        self.catching_up = False

    def _held(self, event: events.CaptureHeld) -> None:
        """The frames that follow are held ones, until `caught_up`."""
        if self.call.state not in IN_CALL:
            return
        stats = self.call.stats
        stats.preconnect_audio_ms = event.kept_ms
        stats.preconnect_dropped_ms = event.dropped_ms
        self.catching_up = True
        if event.dropped_ms:
            self.call.notify(notices.preconnect_audio_dropped(event.dropped_ms, self.call.config.preconnect_audio_ms))
        if event.kept_ms or event.dropped_ms:
            self.call.commands.log(
                "=", f"{event.kept_ms} ms of pre-connect audio are held, {event.dropped_ms} ms were dropped"
            )

    def _caught_up(self) -> None:
        """From the next frame on the microphone is live."""
        self.catching_up = False
