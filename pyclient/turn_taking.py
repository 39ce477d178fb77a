"""Turn taking: interrupts the agent; delays requests for a reply until the interruption is acknowledged.

The part of a session that deals with taking turns: stopping the agent, waiting for its answer, asking for one, and the
two waiting times that are measured. What asks for a reply is held back until the interruption before it is complete: the
server has said that it stopped, and knows how much was heard. Else it would refuse, or answer with words in mind that
nobody heard.

A reply is asked for only while nobody speaks and none is being made (`want`). A request that the server refused all the same
is repeated after the reply that was in its way; several of them become one.
"""

from __future__ import annotations

from pyclient import notices
from pyclient.barge_in import THINKING_TIMER
from pyclient.call import Call
from pyclient.codecs import Message
from pyclient.states import State

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

# Speech that lasts longer than this, while the microphone has been quiet for `STALE_QUIET_MS`, is a lost "stopped".
STALE_SPEECH_MS = 30_000
STALE_QUIET_MS = 4_000

# What a reply is wanted for: ("results", our reply id) or ("reply", instructions).
Wanted = tuple[str, str]


class TurnTaking:
    """Turn taking in one call after the other."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._asking: list[tuple[str, list[Message], bool]] = []
        self.begin()

    def begin(self) -> None:
        """A new call: nobody waits for anything."""
        self._asking.clear()
        self._wanted: list[Wanted] = []
        self._asked = False  # a request is out, and no reply has begun since
        self._server_answers = False  # speech ended: the server is about to begin a reply by itself
        self._refusals = 0
        self._ask_again = False  # the line broke over a refused request
        self._speech_began_ms = 0.0
        self._speech_end_ms: float | None = None  # by client-side voice activity detection
        self._commit_ms: float | None = None  # by the server's word, or the released key
        self.last_loud_ms: float | None = None

    def line_lost(self) -> None:
        """What was held back is not sent any more, and the person hears of it, unless it will be asked again."""
        if not all(again for _, _, again in self._asking):
            self._call.tell(notices.NOT_SENT_LINE_LOST)
        self._call.out.cancel_timer(SETTLE_TIMER)
        self._call.out.cancel_timer(ASK_TIMER)
        ask_again = self._ask_again or any(what == "reply" for what, _ in self._wanted)
        self.begin()
        self._ask_again = ask_again

    def line_back(self, now_ms: float) -> None:
        """A refused request is repeated where the agent still knows, or was told, what it was about."""
        again, self._ask_again = self._ask_again, False
        if not again:
            return
        if self._call.reconnect.same or self._call.reconnect.told:
            self.want(("reply", ""), now_ms)
        else:
            self._call.tell(notices.NOT_SENT_LINE_LOST)

    # --- the agent is stopped ------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """The person wants quiet: by the button, by typing, by the talk key, or by speech that only we can hear."""
        call = self._call
        making = call.replies.interrupt()
        if making and call.state is State.LIVE and call.codec.features.reply_cancel:
            # Where a request does not name its reply, one is enough.
            messages = dict.fromkeys(message for wire_id in making for message in call.codec.reply_cancel(wire_id))
            call.send("reply cancel", list(messages))
            call.replies.cancel_sent()
        call.check_drained()
        call.changed = True

    def ask(self, what: str, messages: list[Message], now_ms: float, *, again: bool = False) -> None:
        """Send what leads to a reply, as soon as the interruption before it is complete.

        `again`: whoever asks will ask again should the line break before that.
        """
        self._asking.append((what, messages, again))
        if self._call.replies.unsettled:
            self._call.out.set_timer(SETTLE_TIMER, SETTLE_TIMEOUT_MS, now_ms)
        else:
            self.settled()

    def settled(self, force: bool = False) -> None:
        """Something that was waited for came; with `force` it is no longer waited for."""
        call = self._call
        if force:
            call.replies.settle()
        if call.replies.unsettled or not (self._asking or self._wanted):
            return
        call.out.cancel_timer(SETTLE_TIMER)
        asking, self._asking = self._asking, []
        if asking and call.state is State.LIVE:
            for what, messages, _ in asking:
                call.send(what, messages)
            self._asked = True
            self._wanted = [wanted for wanted in self._wanted if not _plain(wanted)]  # the same reply answers both

    def interruption_over(self, now_ms: float, *, force: bool = False) -> None:
        """What waited for an interruption goes out; then, if it is the moment, what is wanted is asked for."""
        self.settled(force)
        self.ask_wanted(now_ms)

    # --- a reply is wanted ---------------------------------------------------------------------------------------------

    def want(self, wanted: Wanted, now_ms: float) -> None:
        """A reply is to be asked for as soon as nobody speaks and none is being made. One answers all plain requests."""
        if wanted not in self._wanted and not (_plain(wanted) and any(map(_plain, self._wanted))):
            self._wanted.append(wanted)
        self.ask_wanted(now_ms)

    def ask_wanted(self, now_ms: float) -> None:
        """Ask now, if it is the moment. Whatever is in the way calls this again when it is over."""
        call, replies = self._call, self._call.replies
        if not self._wanted or call.state is not State.LIVE:
            return
        if replies.unsettled:
            if not call.out.running(SETTLE_TIMER):
                call.out.set_timer(SETTLE_TIMER, SETTLE_TIMEOUT_MS, now_ms)
        elif replies.user_speaking or replies.current is not None or self._asked or self._asking:
            pass
        elif self._server_answers:
            if not call.out.running(ASK_TIMER):
                call.out.set_timer(ASK_TIMER, ASK_GRACE_MS, now_ms)
        else:
            self._ask_next(now_ms)

    def _ask_next(self, now_ms: float) -> None:
        call = self._call
        what, about = self._wanted.pop(0)
        if what == "results":
            call.send("tool results sent", call.codec.tool_results_sent(call.replies.wire_id_of(about)))
        else:
            call.send("reply request", call.codec.reply_create(about))
        self._asked = True
        self.await_reply(now_ms)

    def refused(self, instructions: str, now_ms: float) -> None:
        """The server is making another reply: ask again after it. What it refuses without end is told."""
        self._asked = False
        if self._call.replies.current is None:
            self._refusals += 1
        if self._refusals > MAX_REFUSALS:
            self._wanted.clear()
            self.stop_awaiting()
            self._call.tell(notices.REPLY_REFUSED)
            return
        # Where no reply is known to be in the way, some patience is needed all the same.
        self._server_answers = self._call.replies.current is None
        self.want(("reply", instructions), now_ms)

    def reply_needed(self, now_ms: float) -> None:
        """The person's turn is over, and the server waits to be asked."""
        self._server_answers = False
        self.want(("reply", ""), now_ms)

    def reply_started(self) -> None:
        """The server began a reply. One that it began by itself knows all that was sent before."""
        if not self._asked:
            self._wanted = [wanted for wanted in self._wanted if not _plain(wanted)]
        self._asked = self._server_answers = False
        self._call.out.cancel_timer(ASK_TIMER)
        self.stop_awaiting()

    def reply_done(self, now_ms: float) -> None:
        self._refusals = 0
        self.settled()
        self.ask_wanted(now_ms)

    def overdue(self, now_ms: float) -> None:
        """No reply began in time: nobody waits for one any more, and what is wanted is asked for."""
        self._asked = self._server_answers = False
        self.ask_wanted(now_ms)

    # --- the person ----------------------------------------------------------------------------------------------------

    def speech_began(self, now_ms: float) -> None:
        """Results of tools wait from now on, and no answer is waited for."""
        self._call.tool_calls.speech_started()
        self._call.untell(notices.TOOL_CIRCLE.code)
        self._call.out.cancel_timer(ASK_TIMER)
        self._server_answers = False
        self._speech_began_ms = now_ms
        self._speech_end_ms = self._commit_ms = None
        self.stop_awaiting()

    def speech_ended(self, now_ms: float) -> None:
        self._commit_ms = now_ms
        self._speech_end_ms = self.last_loud_ms
        self._server_answers = True
        self._call.tool_calls.speech_stopped(now_ms)
        self.ask_wanted(now_ms)
        self.await_reply(now_ms)

    def speech_taken_back(self, now_ms: float) -> None:
        """What was said is not meant for the agent: no answer to it is coming."""
        self._call.tool_calls.speech_stopped(now_ms)
        self.ask_wanted(now_ms)

    def speech_is_stale(self, now_ms: float) -> bool:
        """Does the server still owe us a "stopped" that is not coming? The microphone has been quiet for long."""
        quiet_since_ms = max(self._speech_began_ms, self.last_loud_ms or 0.0)
        return now_ms - self._speech_began_ms >= STALE_SPEECH_MS and now_ms - quiet_since_ms >= STALE_QUIET_MS

    def await_reply(self, now_ms: float) -> None:
        self._call.replies.awaited = True
        self._call.out.set_timer(THINKING_TIMER, THINKING_TIMEOUT_MS, now_ms)

    def stop_awaiting(self) -> None:
        self._call.replies.awaited = False
        self._call.out.cancel_timer(THINKING_TIMER)

    def first_sound(self, at_ms: float) -> None:
        """The first audible sample of a reply left the speaker: the end of both waiting times."""
        stats = self._call.stats
        if self._commit_ms is not None:
            stats.commit_to_first_sound_ms = max(0, round(at_ms - self._commit_ms))
        if self._speech_end_ms is not None:
            stats.speech_end_to_first_sound_ms = max(0, round(at_ms - self._speech_end_ms))
        self._commit_ms = self._speech_end_ms = None
        self.stop_awaiting()


def _plain(wanted: Wanted) -> bool:
    """Any reply answers it: nothing of its own is asked for."""
    what, about = wanted
    return what == "results" or not about
