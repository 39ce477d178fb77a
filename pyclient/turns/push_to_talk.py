"""Push to talk: when the microphone counts, and when what was said is sent.

Press: the agent is silenced if it is still heard or being made, and the server's buffer is cleared. Hold: frames go out.
Release: the half-filled frame is asked for, and when it is out (or does not come) the turn is committed. A press that was
too short, or brought no sound, is told and cleared, never committed. To mute while holding takes the press back.

While the line is down the key can be held: what is said goes into the outage buffer. A press that ends during the outage is
told as not sent.
"""

from __future__ import annotations

from pyclient.audio.pcm import duration_ms, sample_count
from pyclient.call import Call
from pyclient.core import events
from pyclient.core.commands import DrainCapture
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
        }

    def _reset(self) -> None:
        self.held = False
        self._draining = False
        self._since_ms = 0.0
        self._sent_samples = 0

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_lost(self, now_ms: float) -> None:
        """What was sent of this press is lost with the session, or waits on the server's side of a resumed one."""
        if self._draining:
            self._draining = False
            self._drain.cancel()
            self.call.notify(notices.NOT_SENT_LINE_LOST)

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """Still held: the new buffer begins with what the outage buffer kept."""
        if self.held:
            self._sent_samples = 0
            self.call.user_speaking = True
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

    def _pressed(self, now_ms: float) -> None:
        call = self.call
        if not self.chosen or self.held or call.state not in IN_CALL:
            return
        if call.muted:
            call.notify(notices.TALK_MUTED)
            return
        if self._draining:
            self._drained(now_ms)
        self._turn_taking.settled(force=True)  # the turn before must be committed before its buffer is cleared
        self.held = True
        self._since_ms = now_ms
        self._sent_samples = 0
        if call.replies.can_interrupt():
            self._turn_taking.interrupt()
        self._turn_taking.speech_began(now_ms)
        call.user_speaking = True
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
        if duration_ms(self._sent_samples, call.codec.wire_rate_hz) < MIN_COMMIT_MS:
            self._take_back(notices.TALK_NO_SOUND, now_ms)
            return
        self._turn_taking.speech_ended(now_ms)
        self._turn_taking.ask("talk end", call.codec.talk_end(), now_ms)

    def muted(self, now_ms: float) -> None:
        if self.held:
            self._take_back(notices.TALK_CANCELLED, now_ms)

    def _take_back(self, why: Notice, now_ms: float) -> None:
        self._let_go()
        if self.call.state is State.LIVE:
            self._clear()
        self.call.notify(why)
        self._turn_taking.speech_taken_back(now_ms)

    def _let_go(self) -> None:
        self.held = False
        self.call.user_speaking = False
        self.call.changed = True

    def _clear(self) -> None:
        self.call.send("talk begin", self.call.codec.talk_begin())
