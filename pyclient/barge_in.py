"""Barge-in: which audio may play, and what happens when the person speaks over it.

Barge-in, by policy (`ClientConfig.barge_in`):

* **duck**: the first sign of speech only lowers the voice, because the sign may be an "uh-huh" that the server means to
  talk over. The server's verdict (the reply is reported interrupted) flushes what is queued; speech that ends with the
  reply going on, or a verdict that does not come in time, brings the voice back. Where the server has already finished
  making everything that is queued, no verdict can come any more, and speech flushes at once.
* **flush**: the first sign of speech flushes. Audio of the same reply that arrives while the person still speaks is
  dropped; if they stop and the reply was not interrupted, the rest of it plays.
* **off**: nothing happens here. The same holds where turn detection was told not to interrupt.

An interrupted reply never sounds again: its late audio and late words are dropped by reply id, in whichever order the
server reported things. Item ids of the speaker are reply ids; after a lost session they get a suffix, because the next
one may count from the beginning.

Whatever silenced a reply, the server is told how much of it was heard, once: when the speaker has answered the flush, for
only its count is true, or at once where nothing waited to be heard. That holds also for a reply that the server had made
long before, because audio comes in a burst.

One voice at a time: where a server makes two replies at once and sends their sound in turns, what comes of the second one
waits until the first is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyclient.command_queue import CommandQueue
from pyclient.commands import FlushPlayback, PlayAudio, SetPlaybackGain
from pyclient.events import ReplyAudio, ReplyDone, ReplyStarted, ReplyTranscribed
from pyclient.playout_ledger import PlayoutLedger
from pyclient.transcript import Transcript
from pyclient.view import Stats

DUCK_GAIN = 0.2
DUCK_RAMP_MS = 15
RESTORE_RAMP_MS = 120
VERDICT_TIMER = "verdict"
# Speech is reported for noises too, and then no reply ever comes: see `floor`.
THINKING_TIMER = "thinking"

# How many replies are remembered, so that late audio of an interrupted one is known for what it is.
MAX_REPLIES = 128
# Sound of a reply that waits for the end of another one: nearly three minutes at 24 kHz.
MAX_HELD_BYTES = 8 << 20

# Takes the vendor's reply id and the milliseconds of it that were heard.
ReportHeard = Callable[[str, int], None]


@dataclass(slots=True)
class Reply:
    """What is known of one reply."""

    id: str  # ours: the vendor's, with a suffix after a lost session
    wire_id: str
    order: int
    announced: bool = False  # the server said that it begins
    done: bool = False  # the server made all of it, or stopped making it, or began another one meanwhile
    ended: bool = False  # and it said so: no sound of it is on its way
    interrupted: bool = False  # the server said so
    cut: bool = False  # we stopped it ourselves; the server may not know
    held: bool = False  # the flush policy waits for the person to finish
    reported: bool = False  # how much of it was heard was told, or is about to be
    stale: bool = False  # of a session that is lost
    worded: bool = False  # the server itself said which words were heard

    @property
    def silenced(self) -> bool:
        return self.interrupted or self.cut


class BargeIn:
    """The replies of one session."""

    def __init__(
        self,
        *,
        policy: str,
        verdict_timeout_ms: int,
        ledger: PlayoutLedger,
        transcript: Transcript,
        out: CommandQueue,
        stats: Stats,
        report: ReportHeard,
    ) -> None:
        self._policy = policy
        self._verdict_timeout_ms = verdict_timeout_ms
        self._ledger = ledger
        self._transcript = transcript
        self._out = out
        self._stats = stats
        self._report_heard = report
        self._suffix = ""
        self._lost_sessions = 0
        self._owed: list[list[Reply]] = []  # for each flush that the speaker has not answered: what to report then
        self._cancelling: Reply | None = None
        self._replies: dict[str, Reply] = {}
        self._made = 0
        self._last: Reply | None = None
        self._ducked = False
        self._voice: Reply | None = None  # whose sound was handed to the speaker last
        self._held: list[tuple[Reply, bytes]] = []  # sound that waits for the end of another reply
        self._held_bytes = 0
        self.current: Reply | None = None  # the one that the server is making
        self.interruptible = True  # turn detection may interrupt
        self.user_speaking = False
        self.awaited = False  # somebody spoke, and the server has not begun to answer

    # --- the person ------------------------------------------------------------------------------------------------

    def user_started(self, now_ms: float) -> None:
        self.user_speaking = True
        if self._policy == "off" or not self.interruptible or self._ducked:
            return
        sounding = self._sounding()
        if not sounding:
            return
        unfinished = [reply for reply in sounding if not reply.done]
        if self._policy == "duck" and unfinished:
            self._duck()
            self._out.set_timer(VERDICT_TIMER, self._verdict_timeout_ms, now_ms)
            return
        self._stats.interruptions += 1
        for reply in unfinished:
            reply.held = True
        self._flush()

    def user_stopped(self) -> None:
        self.user_speaking = False
        for reply in self._replies.values():
            reply.held = False
        self._restore(RESTORE_RAMP_MS)

    def verdict_overdue(self) -> None:
        """The verdict timer fired: the server lets the reply go on."""
        self._restore(RESTORE_RAMP_MS)

    def interrupt(self) -> list[str]:
        """The person wants quiet. Returns the vendor's ids of the replies that the server may still be making, the newest first."""
        making = [reply for reply in self._replies.values() if reply.announced and not (reply.ended or reply.stale)]
        if self.current is not None and self.current not in making:
            making.append(self.current)
        making = [reply for reply in reversed(making) if not reply.silenced]
        if not making and not self._waiting():
            return []
        self._stats.interruptions += 1
        for reply in making:
            self._cut(reply)
        self._flush()
        for reply in making:
            self._owe(reply)
        return [reply.wire_id for reply in making]

    def lower(self) -> None:
        """A first sign of speech by client-side voice activity detection, which also reports what became of it."""
        if self._policy == "duck" and self.interruptible and not self._ducked and self._sounding():
            self._duck()

    def raise_again(self) -> None:
        """It was no speech."""
        self._restore(RESTORE_RAMP_MS)

    def cancel_sent(self) -> None:
        """The server was asked to stop making the current reply, and will say that it did."""
        self._cancelling = self.current

    @property
    def unsettled(self) -> bool:
        """Is the last interruption still on its way? A new reply must not be asked for before it is complete."""
        return bool(self._owed) or self._cancelling is not None

    def settle(self) -> None:
        """No longer worth waiting for: report what is known."""
        self._cancelling = None
        owed, self._owed = self._owed, []
        for batch in owed:
            self._report(batch)

    def flushed(self, item_id: str, rendered: int) -> None:
        """The speaker's answer to a flush. It answers them in order."""
        self._ledger.flushed(item_id, rendered)
        if self._owed:
            self._report(self._owed.pop(0))

    def can_interrupt(self) -> bool:
        return self._ledger.pending() > 0 or self._making is not None

    # --- the server ------------------------------------------------------------------------------------------------

    def id_of(self, reply_id: str) -> str:
        """Our id for the vendor's. Older documents leave it out: it is the reply being made, or else the last one."""
        if reply_id:
            return reply_id + self._suffix
        reply = self.current or self._last
        return reply.id if reply else ""

    def wire_id_of(self, own_id: str) -> str:
        """The vendor's id for ours."""
        reply = self._replies.get(own_id)
        return own_id if reply is None else reply.wire_id

    def started(self, event: ReplyStarted) -> Reply:
        reply = self._replies.get(event.reply_id + self._suffix)
        if reply is None:
            reply = self._record(event.reply_id)
        elif reply.announced or reply.ended or reply is self.current:
            reply.announced = True
            return reply  # said twice: no new reply
        reply.announced = True
        return self._begin(reply)

    def _begin(self, reply: Reply) -> Reply:
        if self.current is not None:
            self.current.done = True  # a server makes one reply at a time: its "done" got lost
        self.current = self._last = reply
        self._stats.replies += 1
        # A voice that was lowered for the reply before must not stay low for this one.
        self._restore(DUCK_RAMP_MS)
        return reply

    def audio(self, event: ReplyAudio) -> None:
        reply = self._find(event.reply_id)
        if reply.silenced or (reply.held and self.user_speaking):
            self._stats.late_audio_dropped += 1
            return
        if not event.pcm:
            return
        if self._may_speak(reply):
            self._voice = reply
            self._ledger.queued(reply.id, event.pcm)
            self._out.add(PlayAudio(item_id=reply.id, pcm=event.pcm))
        elif self._held_bytes + len(event.pcm) <= MAX_HELD_BYTES:
            self._ledger.queued(reply.id, event.pcm)
            self._held.append((reply, event.pcm))
            self._held_bytes += len(event.pcm)
        else:
            self._stats.late_audio_dropped += 1

    def has_the_voice(self, reply: Reply) -> bool:
        """Would its sound go to the speaker as it comes?"""
        return self._voice is reply

    def speaker_empty(self) -> None:
        """The speaker ran dry: whoever waited for their turn gets it."""
        self._voice = None
        self._let_speak()

    def sounding(self, own_id: str) -> bool:
        """Is it not known yet how much of this reply is heard in the end?"""
        reply = self._replies.get(own_id)
        if reply is None:
            return False
        owed = any(reply in batch for batch in self._owed)
        return owed or self._ledger.waits(own_id) or not (reply.done or reply.silenced)

    def _may_speak(self, reply: Reply) -> bool:
        """A newer reply follows one that seems to be over; an older one waits until the newer one is."""
        voice = self._voice
        if voice is None or voice is reply or voice.ended or voice.silenced:
            return True
        return voice.done and reply.order > voice.order

    def _let_speak(self) -> None:
        """Hand over what was held, one reply after the other, as long as none is in the way."""
        while self._held and self._may_speak(self._held[0][0]):
            self._voice = self._held[0][0]
            for reply, pcm in self._held:
                if reply is self._voice:
                    self._held_bytes -= len(pcm)
                    self._out.add(PlayAudio(item_id=reply.id, pcm=pcm))
            self._held = [one for one in self._held if one[0] is not self._voice]

    def known(self, wire_id: str) -> Reply | None:
        """A reply that the vendor names and that has begun."""
        return self._replies.get(wire_id + self._suffix) if wire_id else None

    def transcribed(self, event: ReplyTranscribed) -> None:
        reply = self._find(event.reply_id)
        if event.delta:
            if not reply.silenced:
                self._transcript.agent_delta(reply.id, event.text)
                if reply.done:
                    self._transcript.agent_stopped(reply.id, False)
            return
        if event.interrupted:
            reply.worded = True
            self._interrupted(reply)
        if reply.cut and not event.interrupted and self._transcript.agent_text(reply.id):
            return  # the server thinks all of it was heard; we know better
        self._transcript.agent_said(reply.id, event.text, event.interrupted or reply.silenced)

    def done(self, event: ReplyDone) -> Reply:
        # The end of a reply that nobody announced must not pass for the beginning of one.
        reply = self._replies.get(self.id_of(event.reply_id)) or self._record(event.reply_id)
        reply.done = reply.ended = True
        if self._cancelling is reply:
            self._cancelling = None
        if event.interrupted:
            self._interrupted(reply)
        self._transcript.agent_stopped(reply.id, reply.silenced)
        if self.current is reply:
            self.current = None
        self._let_speak()
        if self._ducked and all(sounding.done for sounding in self._sounding()):
            # Nothing is left that a verdict could be about, and the person is still speaking.
            if self._waiting():
                self._stats.interruptions += 1
            self._flush()
        return reply

    def ended(self) -> None:
        """The server made its last reply. What is queued may still be heard, at full level."""
        self.current = None
        self.awaited = False
        self._voice = None
        for reply, _ in self._held:
            reply.done = reply.ended = True
        self._let_speak()
        self.user_stopped()

    def line_lost(self) -> None:
        """What the server was making ends as it stands; what is queued plays on, at full level."""
        if self.current is not None:
            self.current.done = True
            self._transcript.agent_cut_off(self.current.id)
        self._cancelling = None
        self.ended()

    def new_session(self) -> None:
        """The session is lost and another one began: its ids are not those of before."""
        for reply in self._replies.values():
            reply.done = reply.stale = True
        self._last = None
        self._lost_sessions += 1
        self._suffix = f"~{self._lost_sessions}"

    def abandon(self) -> None:
        """The session is over: nothing more is to sound."""
        self._flush()
        self.ended()

    # --- inside ----------------------------------------------------------------------------------------------------

    def _find(self, reply_id: str) -> Reply:
        """A reply by its id. One that nobody announced begins here: the announcement may be missing in older servers.

        While one that was announced is being made, it is what is left of an old one: its end is not coming, and nobody is to wait
        for that.
        """
        reply = self._replies.get(self.id_of(reply_id))
        if reply is None:
            reply = self._record(reply_id)
            if self.current is None or not self.current.announced:
                self._begin(reply)
        return reply

    def _record(self, reply_id: str) -> Reply:
        self._made += 1
        own_id = reply_id + self._suffix if reply_id else f"reply#{self._made}"
        reply = Reply(id=own_id, wire_id=reply_id, order=self._made)
        self._replies[reply.id] = reply
        if len(self._replies) > MAX_REPLIES:
            del self._replies[next(iter(self._replies))]
        return reply

    @property
    def _making(self) -> Reply | None:
        """The reply that the server is making, unless it is not to be heard any more."""
        return None if self.current is None or self.current.silenced else self.current

    def _waiting(self) -> list[Reply]:
        found = (self._replies.get(item_id) for item_id in self._ledger.waiting_items())
        return [reply for reply in found if reply is not None]

    def _sounding(self) -> list[Reply]:
        """What waits to be heard, and a reply whose next sound is late: it is not over because the network stutters."""
        replies, making = self._waiting(), self._making
        if making is not None and making not in replies and self._ledger.heard_ms(making.id):
            replies.append(making)
        return replies

    def _interrupted(self, reply: Reply) -> None:
        """The server's verdict. It may come twice (words, then done) and must act once."""
        if reply.interrupted:
            return
        reply.interrupted = True
        self._transcript.agent_stopped(reply.id, True)
        if not reply.cut:
            self._stats.interruptions += 1
        # A verdict on an old reply says nothing about a newer one that is already queued.
        if all(waiting.order <= reply.order for waiting in self._waiting()):
            self._flush()
        self._owe(reply)

    def _cut(self, reply: Reply) -> None:
        reply.cut = True
        self._transcript.agent_stopped(reply.id, True)

    def _flush(self) -> None:
        waiting = self._waiting()
        for reply in waiting:
            if not reply.held and not reply.interrupted:
                self._cut(reply)
        self._held.clear()
        self._held_bytes = 0
        if waiting:
            self._ledger.flush()
            self._out.add(FlushPlayback())
            self._owed.append([])
        for reply in waiting:
            if reply.silenced:
                self._owe(reply)
        self._restore(0)

    def _owe(self, reply: Reply) -> None:
        """The server is to know how much of a silenced reply was heard: with the answer to the last flush, or now."""
        if reply.reported or reply.stale:
            return
        reply.reported = True
        if self._owed:
            self._owed[-1].append(reply)
        else:
            self._report([reply])

    def _report(self, replies: list[Reply]) -> None:
        for reply in replies:
            heard_ms = self._ledger.heard_ms(reply.id)
            if heard_ms is not None and not reply.stale:  # None: nothing of it had come
                if not reply.worded:
                    self._transcript.agent_heard(reply.id, self._ledger.share_heard(reply.id))
                self._report_heard(reply.wire_id, heard_ms)

    def _duck(self) -> None:
        self._ducked = True
        self._stats.ducks += 1
        self._out.add(SetPlaybackGain(gain=DUCK_GAIN, ramp_ms=DUCK_RAMP_MS))

    def _restore(self, ramp_ms: int) -> None:
        if self._ducked:
            self._ducked = False
            self._out.cancel_timer(VERDICT_TIMER)
            self._out.add(SetPlaybackGain(gain=1.0, ramp_ms=ramp_ms))
