"""Echo guard: keeps the agent's own voice, which the microphone picks up, out of what is sent.

* **Half duplex** (`turn_style` half_duplex). While the agent is heard, by the samples that were rendered, and 300 ms
  after that, frames go out as silence. The person interrupts by the button, a key or by typing.
* **Greeting.** Echo cancellation learns from the first second of the agent's voice, and lets it through meanwhile.
  Where the microphone gets loud within the first 400 ms of the first reply, frames go out as silence from then on until
  1.2 s of it were heard. Whoever is loud at that moment is a person, and everything that was held back goes out; else
  it was the echo. What is quiet goes out as it is (headphones, or a cancellation that knows the room), and after 400 ms
  of it the guard is over.

Silence and not nothing: servers find the ends of turns by counting samples.
"""

from __future__ import annotations

from dataclasses import replace

from pyclient.audio.pcm import sample_count
from pyclient.audio.vad import is_loud
from pyclient.call import Call
from pyclient.core import events
from pyclient.page import notices
from pyclient.part import Part

TAIL_MS = 300  # what the room still returns, and what the speaker still holds
LEARNING_MS = 1_200
QUIET_MS = 400
SPEAKING_MS = 160


class EchoGuard(Part):
    """What goes out of the microphone of one call after the other."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._reset()
        self.handlers = {
            events.HalfDuplexRequested: lambda event, now_ms: self._half_duplex(),
            events.UserSpeechStarted: lambda event, now_ms: self._disarm(),
            events.PlaybackProgressed: lambda event, now_ms: self._heard(now_ms),
        }

    def _reset(self) -> None:
        self._armed = True  # no reply was heard yet, and nobody has spoken
        self._learning_since_ms: float | None = None
        self._held: list[bytes] = []
        self._was_loud = False
        self._loud_ms = 0.0
        self._heard_until_ms = 0.0

    def begin(self, now_ms: float) -> None:
        self._reset()

    @property
    def watches(self) -> bool:
        """Must it see every frame now?"""
        return self._learning_since_ms is not None or self.call.config.turn_style == "half_duplex"

    def frames(self, pcm: bytes, now_ms: float) -> list[bytes]:
        """A frame was captured: what goes out in its place."""
        if self.call.config.turn_style == "half_duplex":
            if self.call.ledger.sounding:
                self._heard_until_ms = now_ms + TAIL_MS
            return [bytes(len(pcm)) if now_ms < self._heard_until_ms else pcm]
        if self._learning_since_ms is None:
            return [pcm]
        return self._learning(pcm, now_ms - self._learning_since_ms)

    def _learning(self, pcm: bytes, heard_ms: float) -> list[bytes]:
        """Echo cancellation has heard the agent for so long."""
        loud = is_loud(pcm)
        self._loud_ms = self._loud_ms + sample_count(pcm) * 1000 / self.call.codec.wire_rate_hz if loud else 0.0
        self._was_loud |= loud
        if not self._was_loud:
            if heard_ms >= QUIET_MS:
                self._learning_since_ms = None
            return [pcm]
        self._held.append(pcm)
        if heard_ms < LEARNING_MS:
            return [bytes(len(pcm))]
        held, self._held = self._held, []
        self._learning_since_ms = None
        return held if self._loud_ms >= SPEAKING_MS else [pcm]

    def _heard(self, now_ms: float) -> None:
        """The first sound of the first reply.

        What a service says by itself, without a greeting of ours, is not guarded.
        """
        if self._armed and self.call.ledger.sounding:
            self._armed = False
            if self.call.config.turn_style == "vad" and self.call.config.greeting:
                self._learning_since_ms = now_ms

    def _disarm(self) -> None:
        """The person spoke first: cutting off what they say would be worse than an echo."""
        self._armed = False

    def _half_duplex(self) -> None:
        """The person wants it, in mid-call."""
        call = self.call
        if call.config.turn_style == "vad":
            call.config = replace(call.config, turn_style="half_duplex")
            call.changed = True
        call.clear_notice(notices.HEARS_ITSELF.code)
