"""Turn taking: interrupts the agent; delays requests for a reply until the interruption is acknowledged.

The part of a session that deals with taking turns: stopping the agent, waiting for its answer, asking for one, and the
three waiting times: to the first sound, from the end of speech, from its commit and from the sound's arrival. What asks
for a reply is held back until the interruption before it is complete: the server has said that it stopped, and knows
how much was heard. Else it would refuse, or answer with words in mind that nobody heard.

A reply is asked for only while nobody speaks and none is being made (`want`). A request that the server refused all the
same is repeated after the reply that was in its way; several of them become one.
"""

from __future__ import annotations

from pyclient.audio.pcm import first_audible_sample
from pyclient.call import Call
from pyclient.codecs import Message
from pyclient.core import events
from pyclient.core.states import State
from pyclient.page import notices
from pyclient.part import LineBack, Part
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn

THINKING_TIMER = "thinking"
# Speech is reported for noises too, and then no reply ever comes: after this the page says "listening" again.
THINKING_TIMEOUT_MS = 12_000

# An interruption that is not complete by then will not be.
SETTLE_TIMEOUT_MS = 1_500
SETTLE_TIMER = "settle"

# After the end of speech the server begins its own reply. Where it does not, what is still wanted is asked for.
ASK_GRACE_MS = 1_500
ASK_TIMER = "ask"
# Refusals in a row with no reply in the way: then the server means it.
MAX_REFUSALS = 5

# What a reply is wanted for: ("results", our reply id) or ("reply", instructions).
Wanted = tuple[str, str]


class TurnTaking(Part):
    """Turn taking in one call after the other."""

    def __init__(self, call: Call, barge_in: BargeIn, tool_calls: ToolCalls) -> None:
        super().__init__(call)
        self._barge_in = barge_in
        self._tool_calls = tool_calls
        tool_calls.watch(on_answer_due=self.await_reply, on_results_sent=self._results_sent)
        self._thinking = self.timer(THINKING_TIMER, self._thinking_overdue)
        self._settle = self.timer(SETTLE_TIMER, lambda now_ms: self._interruption_over(now_ms, force=True))
        self._ask_timer = self.timer(ASK_TIMER, self._overdue)
        self._reset()
        self.handlers = {
            events.InterruptRequested: lambda event, now_ms: self.interrupt(),
            events.PauseChanged: lambda event, now_ms: self._forget_times(),
            events.UserSpeechStarted: self._user_started,
            events.UserSpeechStopped: lambda event, now_ms: self.speech_ended(now_ms),
            events.UserTranscribed: self._user_transcribed,
            events.TurnPlaced: self._turn_placed,
            events.ReplyStarted: lambda event, now_ms: self._reply_started(),
            events.ReplyAudio: self._audio_came,
            events.ReplyDone: self._reply_done,
            events.ReplyRefused: lambda event, now_ms: self._refused(event.instructions, now_ms),
            events.ReplyNeeded: lambda event, now_ms: self._reply_needed(now_ms),
            events.PlaybackFlushed: lambda event, now_ms: self._interruption_over(now_ms),
            events.PlaybackProgressed: self._progressed,
            events.SessionFaulted: self._faulted,
        }

    def _reset(self) -> None:
        """Nobody waits for anything."""
        self._held_back: list[tuple[str, list[Message], bool]] = []
        self._replies_wanted: list[Wanted] = []
        self._request_out = False  # a request is out, and no reply has begun since
        self._server_answers = False  # speech ended: the server is about to begin a reply by itself
        self._refusals = 0
        self._repeat_after_line = False  # the line broke over a refused request
        self._speech_end_ms: float | None = None  # by client-side voice activity detection
        self._commit_ms: float | None = None  # by the server's word, or the released key
        self._arrival_ms: float | None = None  # of the first audio that can be heard since then

    @property
    def waiting(self) -> int:
        """How many replies are still to be asked for."""
        return len(self._replies_wanted)

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_lost(self, now_ms: float) -> None:
        """What was held back is not sent any more, and the person hears of it, unless it will be asked again."""
        if not all(again for _, _, again in self._held_back):
            self.call.notify(notices.NOT_SENT_LINE_LOST)
        for timer in (self._settle, self._ask_timer, self._thinking):
            timer.cancel()
        ask_again = self._repeat_after_line or any(what == "reply" for what, _ in self._replies_wanted)
        self._reset()
        self.call.speech_began_ms = 0.0
        self.call.last_loud_ms = None
        self._repeat_after_line = ask_again

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """A refused request is repeated where the agent still knows, or was told, what it was about."""
        again, self._repeat_after_line = self._repeat_after_line, False
        if not again:
            return
        if back.remembers:
            self._want(("reply", ""), now_ms)
        else:
            self.call.notify(notices.NOT_SENT_LINE_LOST)

    # --- the agent is stopped -----------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """The person wants quiet: by the button, by typing, by the talk key, or by speech that only we can hear."""
        self._barge_in.interrupt()
        self.call.changed = True

    def ask(self, what: str, messages: list[Message], now_ms: float, *, again: bool = False) -> None:
        """Send what leads to a reply, as soon as the interruption before it is complete.

        `again`: whoever asks will ask again should the line break before that.
        """
        self._held_back.append((what, messages, again))
        if self.call.replies.unsettled:
            self._settle.set(SETTLE_TIMEOUT_MS, now_ms)
        else:
            self.settled()

    def settled(self, force: bool = False) -> None:
        """The server said that it stopped, or how much was heard; with `force` neither is waited for any longer."""
        call = self.call
        if force:
            self._barge_in.settle()
        if call.replies.unsettled or not (self._held_back or self._replies_wanted):
            return
        self._settle.cancel()
        held_back, self._held_back = self._held_back, []
        if held_back and call.state is State.LIVE:
            for what, messages, _ in held_back:
                call.send(what, messages)
            self._request_out = True
            # The same reply answers both.
            self._replies_wanted = [wanted for wanted in self._replies_wanted if not _plain(wanted)]

    def _interruption_over(self, now_ms: float, *, force: bool = False) -> None:
        """What waited for an interruption goes out; then, if it is the moment, what is wanted is asked for."""
        self.settled(force)
        self._ask_if_free(now_ms)

    # --- a reply is wanted --------------------------------------------------------------------------------------------

    def _want(self, wanted: Wanted, now_ms: float) -> None:
        """A reply is to be asked for as soon as nobody speaks and none is being made.

        One answers all plain requests.
        """
        if wanted not in self._replies_wanted and not (_plain(wanted) and any(map(_plain, self._replies_wanted))):
            self._replies_wanted.append(wanted)
        self._ask_if_free(now_ms)

    def _results_sent(self, reply_id: str, now_ms: float) -> None:
        """All results of a reply's tools are out: ask for the answer to them, where that has to be asked for."""
        if self.call.codec.tool_results_sent(self.call.replies.wire_id_of(reply_id)):
            self._want(("results", reply_id), now_ms)

    def _ask_if_free(self, now_ms: float) -> None:
        """Ask now, if it is the moment. Whatever is in the way calls this again when it is over."""
        call, replies = self.call, self.call.replies
        if not self._replies_wanted or call.state is not State.LIVE:
            return
        if replies.unsettled:
            if not self._settle.running:
                self._settle.set(SETTLE_TIMEOUT_MS, now_ms)
        elif call.user_speaking or replies.current is not None or self._request_out or self._held_back:
            pass
        elif self._server_answers:
            if not self._ask_timer.running:
                self._ask_timer.set(ASK_GRACE_MS, now_ms)
        else:
            self._ask_next(now_ms)

    def _ask_next(self, now_ms: float) -> None:
        call = self.call
        what, about = self._replies_wanted.pop(0)
        if what == "results":
            call.send("tool results sent", call.codec.tool_results_sent(call.replies.wire_id_of(about)))
        else:
            call.send("reply request", call.codec.reply_create(about))
        self._request_out = True
        self.await_reply(now_ms)

    def _refused(self, instructions: str, now_ms: float) -> None:
        """The server is making another reply: ask again after it. What it refuses without end is told."""
        self._request_out = False
        if self.call.replies.current is None:
            self._refusals += 1
        if self._refusals > MAX_REFUSALS:
            self._replies_wanted.clear()
            self.stop_awaiting()
            self.call.notify(notices.REPLY_REFUSED)
            return
        # Where no reply is known to be in the way, some patience is needed all the same.
        self._server_answers = self.call.replies.current is None
        self._want(("reply", instructions), now_ms)

    def _reply_needed(self, now_ms: float) -> None:
        """The person's turn is over, and the server waits to be asked."""
        self._server_answers = False
        self._want(("reply", ""), now_ms)

    def _reply_started(self) -> None:
        """The server began a reply. One that it began by itself knows all that was sent before."""
        if not self._request_out:
            self._replies_wanted = [wanted for wanted in self._replies_wanted if not _plain(wanted)]
        self._request_out = self._server_answers = False
        self._ask_timer.cancel()
        self.stop_awaiting()

    def _reply_done(self, event: events.ReplyDone, now_ms: float) -> None:
        self._refusals = 0
        self.settled()
        self._ask_if_free(now_ms)
        reply = self.call.replies.last_done  # `BargeIn` noted it before this
        if reply is not None:
            self._tool_calls.reply_done(reply, now_ms)

    def _faulted(self, event: events.SessionFaulted, now_ms: float) -> None:
        if event.kind == "reply":
            self.stop_awaiting()

    def _thinking_overdue(self, now_ms: float) -> None:
        self.call.reply_awaited = False
        self._overdue(now_ms)

    def _overdue(self, now_ms: float) -> None:
        """No reply began in time: nobody waits for one any more, and what is wanted is asked for."""
        self._request_out = self._server_answers = False
        self._ask_if_free(now_ms)

    # --- the person ---------------------------------------------------------------------------------------------------

    def _user_started(self, event: events.UserSpeechStarted, now_ms: float) -> None:
        self.call.transcript.speech_began(event.item_id)
        self.speech_began(now_ms)

    def _user_transcribed(self, event: events.UserTranscribed, now_ms: float) -> None:
        self.call.transcript.user_said(event.item_id, event.text, event.final)
        self.call.changed = True

    def _turn_placed(self, event: events.TurnPlaced, now_ms: float) -> None:
        if event.role in ("user", "agent") and event.turn_id:
            self.call.transcript.placed(event.turn_id, event.after_id, event.role)
            self.call.changed = True

    def speech_began(self, now_ms: float) -> None:
        """Results of tools wait from now on, and no answer is waited for."""
        self._tool_calls.speech_started()
        self.call.clear_notice(notices.TOOL_CIRCLE.code)
        self._ask_timer.cancel()
        self._server_answers = False
        self.call.speech_began_ms = now_ms
        self._forget_times()
        self.stop_awaiting()

    def _forget_times(self) -> None:
        """What is heard next is no measure of how long somebody waited: a pause is no delay."""
        self._speech_end_ms = self._commit_ms = self._arrival_ms = None

    def speech_ended(self, now_ms: float) -> None:
        self._commit_ms, self._arrival_ms = now_ms, None
        self._speech_end_ms = self.call.last_loud_ms
        self._server_answers = True
        self._tool_calls.speech_stopped(now_ms)
        self._ask_if_free(now_ms)
        self.await_reply(now_ms)

    def speech_taken_back(self, now_ms: float) -> None:
        """No answer to what was said is coming: it is not meant for the agent, or is being answered already."""
        self._tool_calls.speech_stopped(now_ms)
        self._ask_if_free(now_ms)

    def key_let_go(self) -> None:
        """What the agent said meanwhile is heard now."""
        self.call.key_held = self.call.user_speaking = False
        self._barge_in.order.go_on()
        self.call.changed = True

    def await_reply(self, now_ms: float) -> None:
        self.call.reply_awaited = True
        self._thinking.set(THINKING_TIMEOUT_MS, now_ms)

    def stop_awaiting(self) -> None:
        self.call.reply_awaited = False
        self._thinking.cancel()

    def _progressed(self, event: events.PlaybackProgressed, now_ms: float) -> None:
        self.call.changed = True  # the text of a reply follows its sound
        age_ms = self.call.ledger.progressed(event.item_id, int(event.rendered_samples), int(event.underruns))
        if age_ms is not None:
            self._first_sound(now_ms - age_ms)

    def _audio_came(self, event: events.ReplyAudio, now_ms: float) -> None:
        """The service's part of the waiting time ends with audio that can be heard: replies begin with silence."""
        if self._commit_ms is None or self._arrival_ms is not None:
            return
        reply = self.call.replies.find(event.reply_id)
        if reply is not None and not reply.silenced and first_audible_sample(event.pcm) is not None:
            self._arrival_ms = now_ms

    def _first_sound(self, at_ms: float) -> None:
        """The first audible sample of a reply left the speaker: the end of both waiting times."""
        stats = self.call.stats
        if self._commit_ms is not None:
            stats.commit_to_first_sound_ms = max(0, round(at_ms - self._commit_ms))
            arrived_ms = self._arrival_ms
            stats.arrival_to_first_sound_ms = None if arrived_ms is None else max(0, round(at_ms - arrived_ms))
        if self._speech_end_ms is not None:
            stats.speech_end_to_first_sound_ms = max(0, round(at_ms - self._speech_end_ms))
        self._forget_times()
        self.stop_awaiting()


def _plain(wanted: Wanted) -> bool:
    """Any reply answers it: nothing of its own is asked for."""
    what, about = wanted
    return what == "results" or not about
