"""Whose turn is it, and what waits for that?

The part of a session that deals with taking turns: stopping the agent, waiting for its answer, asking for one, and the
two waiting times that are measured. What asks for a reply is held back until the interruption before it is complete: the
server has said that it stopped, and knows how much was heard. Else it would refuse, or answer with words in mind that
nobody heard.
"""

from __future__ import annotations

from pyclient import notices
from pyclient.codecs import Message
from pyclient.lifeline import Lifeline
from pyclient.replies import THINKING_TIMER
from pyclient.states import State

# Speech is reported for noises too, and then no reply ever comes: after this the page says "listening" again.
THINKING_TIMEOUT_MS = 12_000

# An interruption that is not complete by then will not be.
SETTLE_TIMEOUT_MS = 1_500
SETTLE_TIMER = "settle"


class Floor:
    """Turn taking in one call after the other."""

    def __init__(self, life: Lifeline) -> None:
        self._life = life
        self._asking: list[tuple[str, list[Message], bool]] = []
        self.begin()

    def begin(self) -> None:
        """A new call: nobody waits for anything."""
        self._asking.clear()
        self._speech_end_ms: float | None = None  # by our own ears
        self._commit_ms: float | None = None  # by the server's word, or the released key
        self.last_loud_ms: float | None = None

    def line_lost(self) -> None:
        """What was held back is not sent any more, and the person hears of it, unless it will be asked again."""
        if not all(again for _, _, again in self._asking):
            self._life.tell(notices.NOT_SENT_LINE_LOST)
        self._life.out.cancel_timer(SETTLE_TIMER)
        self.begin()

    # --- the agent is stopped ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """The person wants quiet: by the button, by typing, by the talk key, or by speech that only we can hear."""
        life = self._life
        making = life.replies.interrupt()
        if making is not None and life.state is State.LIVE and life.codec.features.reply_cancel:
            life.send("reply cancel", life.codec.reply_cancel(making))
            life.replies.cancel_sent()
        life.check_drained()
        life.changed = True

    def ask(self, what: str, messages: list[Message], now_ms: float, *, again: bool = False) -> None:
        """Send what leads to a reply, as soon as the interruption before it is complete.

        `again`: whoever asks will ask again should the line break before that.
        """
        self._asking.append((what, messages, again))
        if self._life.replies.unsettled:
            self._life.out.set_timer(SETTLE_TIMER, SETTLE_TIMEOUT_MS, now_ms)
        else:
            self.settled()

    def settled(self, force: bool = False) -> None:
        """Something that was waited for came; with `force` it is no longer waited for."""
        life = self._life
        if force:
            life.replies.settle()
        if not self._asking or life.replies.unsettled:
            return
        life.out.cancel_timer(SETTLE_TIMER)
        asking, self._asking = self._asking, []
        if life.state is State.LIVE:
            for what, messages, _ in asking:
                life.send(what, messages)

    # --- the person ----------------------------------------------------------------------------------------------------

    def speech_began(self) -> None:
        """Results of tools wait from now on, and no answer is waited for."""
        self._life.desk.speech_started()
        self._speech_end_ms = self._commit_ms = None
        self.stop_awaiting()

    def speech_ended(self, now_ms: float) -> None:
        self._commit_ms = now_ms
        self._speech_end_ms = self.last_loud_ms
        self.await_reply(now_ms)

    def await_reply(self, now_ms: float) -> None:
        self._life.replies.awaited = True
        self._life.out.set_timer(THINKING_TIMER, THINKING_TIMEOUT_MS, now_ms)

    def stop_awaiting(self) -> None:
        self._life.replies.awaited = False
        self._life.out.cancel_timer(THINKING_TIMER)

    def first_sound(self, at_ms: float) -> None:
        """The first audible sample of a reply left the speaker: the end of both waiting times."""
        stats = self._life.stats
        if self._commit_ms is not None:
            stats.commit_to_first_sound_ms = max(0, round(at_ms - self._commit_ms))
        if self._speech_end_ms is not None:
            stats.speech_end_to_first_sound_ms = max(0, round(at_ms - self._speech_end_ms))
        self._commit_ms = self._speech_end_ms = None
        self.stop_awaiting()
