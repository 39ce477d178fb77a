"""Turn detection in the client, for a wire that reports no speech events, no verdicts, no ids and no ends of replies.

* **Replies.** Audio that comes after a pause of 600 ms in its arrival is a new reply, and a reply without audio for
  that long is made. What the codec calls it does not matter: it has no clock to know a pause by.
* **Barge-in** (`ClientConfig.barge_in`). `duck`: 60 ms of loud microphone lower the voice, 240 ms silence it. `flush`:
  60 ms silence it. `off`: nothing is done here. After silencing, what comes of that reply is dropped: while the person
  speaks, and then until a pause of 600 ms in its arrival (the answer begins) or for 1500 ms, whichever is first. A
  server that talks on all the same is heard again after that.
* **What is going on.** 240 ms of loud microphone are the person speaking; 500 ms of quiet are the end of that. A server
  may know sooner: no answer is waited for where one has begun by then.
"""

from __future__ import annotations

from pyclient.audio.vad import VoiceActivity, VoiceActivityDetector
from pyclient.call import Call
from pyclient.core.events import Event, ReplyAudio, ReplyStarted
from pyclient.part import Part
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.turn_taking import TurnTaking

PAUSE_MS = 600
PAUSE_TIMER = "reply_pause"
DROP_AFTER_MS = 1_500


class ClientTurnDetection(Part):
    """Client-side turn detection of one call after the other, where the codec has no `server_barge_in`."""

    def __init__(self, call: Call, barge_in: BargeIn, turn_taking: TurnTaking) -> None:
        super().__init__(call)
        self._barge_in = barge_in
        self._turn_taking = turn_taking
        self._pause = self.timer(PAUSE_TIMER, self._paused)
        self._made = 0
        self._reset()

    def _reset(self) -> None:
        self._pause.cancel()
        self._vad = VoiceActivityDetector(self.call.codec.wire_rate_hz)
        self._arrived_ms: float | None = None  # the last audio of the agent
        self._reply_id = ""
        self._dropping = False
        self._drop_until_ms = 0.0
        self._answered = False  # a reply has begun since the person began to speak

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_lost(self, now_ms: float) -> None:
        self._reset()

    @property
    def used(self) -> bool:
        return not self.call.codec.features.server_barge_in

    # --- the person ---------------------------------------------------------------------------------------------------

    def captured(self, pcm: bytes, now_ms: float) -> None:
        """One frame of a microphone that is not muted."""
        call = self.call
        heard = self._vad.detect(pcm, over_agent=call.ledger.sounding)
        if heard is VoiceActivity.NOTHING:
            return
        call.changed = True
        if heard is VoiceActivity.SIGN:
            if call.config.barge_in == "flush":
                self._silence_agent()
            else:
                self._barge_in.lower()
        elif heard is VoiceActivity.FALSE_ALARM:
            self._barge_in.raise_again()
            self._drop_for_a_while(now_ms)
        elif heard is VoiceActivity.SPEECH:
            call.user_speaking = True
            self._answered = False
            self._silence_agent()
            self._turn_taking.speech_began(now_ms)
        else:
            self._speech_ended(now_ms)

    def _speech_ended(self, now_ms: float) -> None:
        self._barge_in.user_stopped()
        self._drop_for_a_while(now_ms)
        if self._answered:
            self._turn_taking.speech_taken_back(now_ms)
        else:
            self._turn_taking.speech_ended(now_ms)

    def muted(self, now_ms: float) -> None:
        """Frames stop being heard in mid-sentence: that is its end."""
        if self._vad.speaking:
            self._speech_ended(now_ms)
        self._barge_in.raise_again()
        self._vad = VoiceActivityDetector(self.call.codec.wire_rate_hz)

    def _silence_agent(self) -> None:
        call = self.call
        if call.config.barge_in != "off" and call.interruptible and call.replies.can_interrupt():
            self._turn_taking.interrupt()
            self._dropping = True
            self._drop_until_ms = float("inf")

    def _drop_for_a_while(self, now_ms: float) -> None:
        if self._dropping:
            self._drop_until_ms = min(self._drop_until_ms, now_ms + DROP_AFTER_MS)

    # --- the agent ----------------------------------------------------------------------------------------------------

    def translate(self, event: Event, now_ms: float) -> Event | None:
        """What an event of the server's means for the other parts. Such a wire knows no replies: they are made here."""
        if not self.used:
            return event
        if isinstance(event, ReplyAudio):
            return self._audio(event, now_ms)
        return None if isinstance(event, ReplyStarted) else event

    def _audio(self, event: ReplyAudio, now_ms: float) -> ReplyAudio | None:
        """The same audio under the id of its reply, or None for audio that nobody is to hear."""
        paused = self._arrived_ms is None or now_ms - self._arrived_ms >= PAUSE_MS
        self._arrived_ms = now_ms
        if self._dropping:
            if self._vad.speaking or not (paused or now_ms >= self._drop_until_ms):
                self.call.stats.late_audio_dropped += 1
                return None
            self._dropping = False
            paused = True
        if paused or not self._reply_id:
            self._end_reply()
            self._made += 1
            self._answered = True
            self._reply_id = f"heard#{self._made}"
            self._barge_in.started(self._reply_id)
            self._turn_taking.stop_awaiting()
            self._pause.set(PAUSE_MS, now_ms)
        return ReplyAudio(reply_id=self._reply_id, pcm=event.pcm)

    def _paused(self, now_ms: float) -> None:
        """Has the reply ended? One timer per reply, not one per frame."""
        left_ms = PAUSE_MS - (now_ms - (self._arrived_ms or 0.0))
        if left_ms > 0:
            self._pause.set(left_ms, now_ms)
        else:
            self._end_reply()
            self.call.changed = True

    def _end_reply(self) -> None:
        if self._reply_id:
            self._barge_in.done(self._reply_id)
            self._reply_id = ""
