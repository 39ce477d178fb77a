"""Turn detection in the client, for a wire that reports no speech events, no verdicts, no ids and no ends of replies.

* **Replies.** Audio that comes after a pause of 600 ms in its arrival is a new reply, and a reply without audio for that
  long is made. What the codec calls it does not matter: it has no clock to know a pause by.
* **Barge-in** (`ClientConfig.barge_in`). `duck`: 60 ms of loud microphone lower the voice, 240 ms silence it. `flush`:
  60 ms silence it. `off`: nothing is done here. After silencing, what comes of that reply is dropped: while the person
  speaks, and then until a pause of 600 ms in its arrival (the answer begins) or for 1500 ms, whichever is first. A server
  that talks on all the same is heard again after that.
* **What is going on.** 240 ms of loud microphone are the person speaking; 500 ms of quiet are the end of that.
"""

from __future__ import annotations

from pyclient.barge_in import BargeIn
from pyclient.call import Call
from pyclient.events import ReplyAudio, ReplyDone, ReplyStarted
from pyclient.turn_taking import TurnTaking
from pyclient.vad import VoiceActivity, VoiceActivityDetector

PAUSE_MS = 600
PAUSE_TIMER = "reply_pause"
DROP_AFTER_MS = 1_500


class ClientTurnDetection:
    """Client-side turn detection of one call after the other, where the codec has no `server_barge_in`."""

    def __init__(self, call: Call, turn_taking: TurnTaking) -> None:
        self._call = call
        self._turn_taking = turn_taking
        self._made = 0
        self.begin()

    def begin(self) -> None:
        """A new call, or the line broke."""
        self._call.out.cancel_timer(PAUSE_TIMER)
        self._vad = VoiceActivityDetector(self._call.codec.wire_rate_hz)
        self._arrived_ms: float | None = None  # the last audio of the agent
        self._reply_id = ""
        self._dropping = False
        self._drop_until_ms = 0.0

    @property
    def used(self) -> bool:
        return not self._call.codec.features.server_barge_in

    # --- the person ----------------------------------------------------------------------------------------------------

    def captured(self, pcm: bytes, now_ms: float) -> None:
        """One frame of a microphone that is not muted."""
        call = self._call
        heard = self._vad.detect(pcm, over_agent=call.ledger.sounding)
        if heard is VoiceActivity.NOTHING:
            return
        call.changed = True
        if heard is VoiceActivity.SIGN:
            if call.config.barge_in == "flush":
                self._silence_agent()
            else:
                call.replies.lower()
        elif heard is VoiceActivity.FALSE_ALARM:
            call.replies.raise_again()
            self._drop_for_a_while(now_ms)
        elif heard is VoiceActivity.SPEECH:
            call.replies.user_speaking = True
            self._silence_agent()
            self._turn_taking.speech_began(now_ms)
        else:
            call.replies.user_stopped()
            self._drop_for_a_while(now_ms)
            self._turn_taking.speech_ended(now_ms)

    def muted(self, now_ms: float) -> None:
        """Frames stop being heard in mid-sentence: that is its end."""
        if self._vad.speaking:
            self._call.replies.user_stopped()
            self._drop_for_a_while(now_ms)
            self._turn_taking.speech_ended(now_ms)
        self._call.replies.raise_again()
        self._vad = VoiceActivityDetector(self._call.codec.wire_rate_hz)

    def _silence_agent(self) -> None:
        replies = self._call.replies
        if self._call.config.barge_in != "off" and replies.interruptible and replies.can_interrupt():
            self._turn_taking.interrupt()
            self._dropping = True
            self._drop_until_ms = float("inf")

    def _drop_for_a_while(self, now_ms: float) -> None:
        if self._dropping:
            self._drop_until_ms = min(self._drop_until_ms, now_ms + DROP_AFTER_MS)

    # --- the agent -----------------------------------------------------------------------------------------------------

    def audio(self, event: ReplyAudio, now_ms: float) -> ReplyAudio | None:
        """The same audio under the id of its reply, or None for audio that nobody is to hear."""
        replies = self._call.replies
        paused = self._arrived_ms is None or now_ms - self._arrived_ms >= PAUSE_MS
        self._arrived_ms = now_ms
        if self._dropping:
            if self._vad.speaking or not (paused or now_ms >= self._drop_until_ms):
                self._call.stats.late_audio_dropped += 1
                return None
            self._dropping = False
            paused = True
        if paused or not self._reply_id:
            self._end_reply(replies)
            self._made += 1
            self._reply_id = f"heard#{self._made}"
            replies.started(ReplyStarted(reply_id=self._reply_id))
            self._turn_taking.stop_awaiting()
            self._call.out.set_timer(PAUSE_TIMER, PAUSE_MS, now_ms)
        return ReplyAudio(reply_id=self._reply_id, pcm=event.pcm)

    def pause_timer(self, now_ms: float) -> None:
        """Has the reply ended? One timer per reply, not one per frame."""
        left_ms = PAUSE_MS - (now_ms - (self._arrived_ms or 0.0))
        if left_ms > 0:
            self._call.out.set_timer(PAUSE_TIMER, left_ms, now_ms)
        else:
            self._end_reply(self._call.replies)
            self._call.changed = True

    def _end_reply(self, replies: BargeIn) -> None:
        if self._reply_id:
            replies.done(ReplyDone(reply_id=self._reply_id, interrupted=False))
            self._reply_id = ""
