"""Push to talk: when the microphone counts, and when what was said is sent.

Press: the agent is silenced if it is still heard or being made, and the server's buffer is cleared. Hold: frames go
out. Release: the half-filled frame is asked for, and when it is out (or does not come) the turn is committed. A press
that was too short, or brought no sound, is told and cleared, never committed. To mute while holding takes the press
back. While the key is held nothing of the agent sounds: what comes meanwhile is heard after the release.

Where no message of the wire ends a turn (`Features.push_to_talk`), the server finds the end by itself, as it does where
nobody holds a key, and needs silence for that: after the release the microphone's frames go out as zeros until the
agent answers, for at most 4 s. There nothing can be cleared either: the first 300 ms (`min_talk_ms`) wait here, so that
a mere tap is never sent, and words that were taken back later than that may be answered all the same.

While the line is down the key can be held: what is said goes into the outage buffer. A press that ends during the
outage is told as not sent.
"""

from __future__ import annotations

from pyclient.audio.pcm import duration_ms, sample_count
from pyclient.call import Call
from pyclient.core import events
from pyclient.core.commands import DrainCapture, SendMessage
from pyclient.core.states import IN_CALL, State
from pyclient.page import notices
from pyclient.page.notice_texts import Notice
from pyclient.part import LineBack, Part
from pyclient.tools.calls import ToolCalls
from pyclient.turns.turn_taking import TurnTaking

DRAIN_TIMEOUT_MS = 300
TALK_DRAIN_TIMER = "talk_drain"

# Servers refuse to commit less (OpenAI's protocol file, section 9).
MIN_COMMIT_MS = 100

# Longer than any usual `max_silence`: servers find the end of a turn by hearing silence.
TRAILING_SILENCE_MS = 4_000


class PushToTalk(Part):
    """The talk key of one call after the other."""

    def __init__(self, call: Call, turn_taking: TurnTaking, tool_calls: ToolCalls) -> None:
        super().__init__(call)
        self._turn_taking = turn_taking
        self._tool_calls = tool_calls
        self._drain = self.timer(TALK_DRAIN_TIMER, self._drained)
        self._reset()
        self.handlers = {
            events.TalkPressed: lambda event, now_ms: self._pressed(now_ms),
            events.TalkReleased: lambda event, now_ms: self._released(now_ms, event.cancelled),
            events.CaptureDrained: lambda event, now_ms: self._drained(now_ms),
            events.ReplyStarted: lambda event, now_ms: self._answered(event.reply_id),
            events.ReplyAudio: lambda event, now_ms: self._answered(event.reply_id),
        }

    def _reset(self) -> None:
        self.held = False
        self._draining = False
        self._since_ms = 0.0
        self._sent_samples = 0
        self._kept: list[bytes] = []  # the beginning of a press that may still prove too short
        self._silent_until_ms = 0.0  # silence goes out until then

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_lost(self, now_ms: float) -> None:
        """What was sent of this press is lost with the session, or waits on the server's side of a resumed one."""
        if self._draining:
            self._draining = False
            self._drain.cancel()
            self.call.notify(notices.NOT_SENT_LINE_LOST)
        for pcm in self._kept:
            self.call.outage_audio.add(pcm)
        self._kept.clear()
        if self.trailing(now_ms):
            self._silent_until_ms = float("inf")
            self.call.notify(notices.NOT_SENT_LINE_LOST)

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """Still held: the new buffer begins with what the outage buffer kept."""
        if self._silent_until_ms and back.same:
            self._trail(now_ms)
        else:
            self._silent_until_ms = 0.0
        if self.held:
            self._sent_samples = 0
            self.call.user_speaking = self.call.key_held = True
            self._tool_calls.speech_started()
            self._clear()

    # --- the key -----------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> bool:
        """Is this a call with a talk key?"""
        return self.call.config.turn_style == "push_to_talk"

    @property
    def open(self) -> bool:
        """Do frames of the microphone count now?"""
        return self.held or self._draining

    @property
    def _by_silence(self) -> bool:
        """Is there no message that ends a turn?"""
        return not self.call.codec.features.push_to_talk

    def trailing(self, now_ms: float) -> bool:
        """Does silence go out, so that the server finds the end of what was said?"""
        return now_ms < self._silent_until_ms

    def due(self, pcm: bytes, now_ms: float) -> list[bytes]:
        """A frame was captured while the key is held: what of this press goes out now."""
        if self._by_silence and now_ms - self._since_ms < self.call.config.min_talk_ms:
            self._kept.append(pcm)
            return []
        frames, self._kept = [*self._kept, pcm], []
        for frame in frames:
            self.frame_sent(frame)
        return frames

    def _pressed(self, now_ms: float) -> None:
        call = self.call
        if not self.chosen or self.held or call.state not in IN_CALL:
            return
        if call.muted:
            call.notify(notices.TALK_MUTED)
            return
        if call.paused:
            call.notify(notices.TALK_PAUSED)
            return
        if self._draining:
            self._drained(now_ms)
        self._turn_taking.settled(force=True)  # the turn before must be committed before its buffer is cleared
        self.held = True
        self._since_ms = now_ms
        self._sent_samples = 0
        self._silent_until_ms = 0.0
        if call.replies.can_interrupt():
            self._turn_taking.interrupt()
        self._turn_taking.speech_began(now_ms)
        call.user_speaking = call.key_held = True
        if call.state is State.LIVE:
            self._clear()
        call.changed = True

    def _released(self, now_ms: float, cancelled: bool = False) -> None:
        call = self.call
        if not self.held:
            return
        if cancelled:
            self._take_back(notices.TALK_CANCELLED, now_ms)
        elif now_ms - self._since_ms < call.config.min_talk_ms:
            self._take_back(notices.TALK_TOO_SHORT, now_ms)
        elif call.state is not State.LIVE:
            call.outage_audio.clear()
            self._take_back(notices.NOT_SENT_LINE_LOST, now_ms)
        else:
            self._let_go()
            self._draining = True
            self.add(DrainCapture())
            self._drain.set(DRAIN_TIMEOUT_MS, now_ms)

    def frame_sent(self, pcm: bytes) -> None:
        self._sent_samples += sample_count(pcm)

    def _drained(self, now_ms: float) -> None:
        """The last frame is out, or is not coming: commit."""
        call = self.call
        if not self._draining:
            return
        self._draining = False
        self._drain.cancel()
        self._send_kept()
        if duration_ms(self._sent_samples, call.codec.wire_rate_hz) < MIN_COMMIT_MS:
            self._take_back(notices.TALK_NO_SOUND, now_ms)
            return
        self._turn_taking.speech_ended(now_ms)
        if self._by_silence:
            self._trail(now_ms)
        else:
            self._turn_taking.ask("talk end", call.codec.talk_end(), now_ms)

    def muted(self, now_ms: float) -> None:
        if self.held:
            self._take_back(notices.TALK_CANCELLED, now_ms)

    def _send_kept(self) -> None:
        """The press ended before the next frame came."""
        for pcm in self._kept:
            self.frame_sent(pcm)
            if data := self.call.codec.encode_audio(pcm):
                self.add(SendMessage(socket_id=self.call.socket_id, data=data))
        self._kept.clear()

    def _trail(self, now_ms: float) -> None:
        self._silent_until_ms = now_ms + TRAILING_SILENCE_MS

    def _answered(self, reply_id: str) -> None:
        """The agent speaks: it found the end. What is late of a reply that the press cut off is no answer."""
        reply = self.call.replies.find(reply_id)
        if reply is None or not reply.silenced:
            self._silent_until_ms = 0.0

    def _take_back(self, why: Notice, now_ms: float) -> None:
        self._let_go()
        self._kept.clear()
        if self.call.state is State.LIVE:
            self._clear()
            if self._by_silence and self._sent_samples:
                self._trail(now_ms)
                why = notices.TALK_PARTLY_SENT
        self.call.notify(why)
        self._turn_taking.speech_taken_back(now_ms)

    def _let_go(self) -> None:
        self.held = False
        self._turn_taking.key_let_go()

    def _clear(self) -> None:
        self.call.send("talk begin", self.call.codec.talk_begin())
