"""Which audio may play, and what happens when the person speaks over it?

Barge-in, by policy (`ClientConfig.barge_in`):

* **duck**: the first sign of speech only lowers the voice, because the sign may be an "uh-huh" that the server means to
  talk over. The server's verdict (the reply is reported interrupted) flushes what is queued; speech that ends with the
  reply going on, or a verdict that does not come in time, brings the voice back. Where the server has already finished
  making everything that is queued, no verdict can come any more, and speech flushes at once.
* **flush**: the first sign of speech flushes. Audio of the same reply that arrives while the person still speaks is
  dropped; if they stop and the reply was not interrupted, the rest of it plays.
* **off**: nothing happens here. The same holds where turn detection was told not to interrupt.

An interrupted reply never sounds again: its late audio and late words are dropped by reply id, in whichever order the
server reported things. Item ids of the speaker are reply ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyclient.commands import FlushPlayback, PlayAudio, SetPlaybackGain
from pyclient.conversation import Conversation
from pyclient.events import ReplyAudio, ReplyDone, ReplyStarted, ReplyTranscribed
from pyclient.outbox import Outbox
from pyclient.playback import Ledger
from pyclient.view import Stats

DUCK_GAIN = 0.2
DUCK_RAMP_MS = 15
RESTORE_RAMP_MS = 120
VERDICT_TIMER = "verdict"

# How many replies are remembered, so that late audio of an interrupted one is known for what it is.
MAX_REPLIES = 128


@dataclass(slots=True)
class Reply:
    """What is known of one reply."""

    id: str
    order: int
    done: bool = False  # the server made all of it, or stopped making it
    interrupted: bool = False  # the server said so
    cut: bool = False  # we stopped it ourselves; the server may not know
    held: bool = False  # the flush policy waits for the person to finish

    @property
    def silenced(self) -> bool:
        return self.interrupted or self.cut


class Replies:
    """The replies of one session."""

    def __init__(
        self,
        *,
        policy: str,
        verdict_timeout_ms: int,
        ledger: Ledger,
        conversation: Conversation,
        out: Outbox,
        stats: Stats,
    ) -> None:
        self._policy = policy
        self._verdict_timeout_ms = verdict_timeout_ms
        self._ledger = ledger
        self._conversation = conversation
        self._out = out
        self._stats = stats
        self._replies: dict[str, Reply] = {}
        self._made = 0
        self._last: Reply | None = None
        self._ducked = False
        self.current: Reply | None = None  # the one that the server is making
        self.interruptible = True  # turn detection may interrupt
        self.user_speaking = False
        self.awaited = False  # somebody spoke, and the server has not begun to answer

    # --- the person ------------------------------------------------------------------------------------------------

    def user_started(self, now_ms: float) -> None:
        self.user_speaking = True
        if self._policy == "off" or not self.interruptible or self._ducked:
            return
        waiting = self._waiting()
        if not waiting:
            return
        unfinished = [reply for reply in waiting if not reply.done]
        if self._policy == "duck" and unfinished:
            self._ducked = True
            self._stats.ducks += 1
            self._out.add(SetPlaybackGain(gain=DUCK_GAIN, ramp_ms=DUCK_RAMP_MS))
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
        """The person pressed "stop talking", or typed. Returns the ids of replies that the server is still making."""
        waiting = self._waiting()
        making = self.current if self.current is not None and not self.current.silenced else None
        if not waiting and making is None:
            return []
        self._stats.interruptions += 1
        if making is not None:
            self._cut(making)
        self._flush()
        return [making.id] if making is not None else []

    def can_interrupt(self) -> bool:
        return self._ledger.pending() > 0 or (self.current is not None and not self.current.silenced)

    # --- the server ------------------------------------------------------------------------------------------------

    def id_of(self, reply_id: str) -> str:
        """Older documents leave the id out: it is the reply being made, or else the last one."""
        if reply_id:
            return reply_id
        reply = self.current or self._last
        return reply.id if reply else ""

    def started(self, event: ReplyStarted) -> Reply:
        known = self._replies.get(event.reply_id)
        if known is not None:
            return known  # said twice: no new reply
        reply = self._record(event.reply_id)
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
        if event.pcm:
            self._ledger.queued(reply.id, event.pcm)
            self._out.add(PlayAudio(item_id=reply.id, pcm=event.pcm))

    def transcribed(self, event: ReplyTranscribed) -> None:
        reply = self._find(event.reply_id)
        if event.delta:
            if not reply.silenced:
                self._conversation.agent_delta(reply.id, event.text)
            return
        if event.interrupted:
            self._interrupted(reply)
        if reply.cut and not event.interrupted and self._conversation.agent_text(reply.id):
            return  # the server thinks all of it was heard; we know better
        self._conversation.agent_said(reply.id, event.text, event.interrupted or reply.silenced)

    def done(self, event: ReplyDone) -> Reply:
        # The end of a reply that nobody announced must not pass for the beginning of one.
        reply = self._replies.get(self.id_of(event.reply_id)) or self._record(event.reply_id)
        reply.done = True
        if event.interrupted:
            self._interrupted(reply)
        self._conversation.agent_stopped(reply.id, reply.silenced)
        if self.current is reply:
            self.current = None
        if self._ducked and all(waiting.done for waiting in self._waiting()):
            # Nothing is left that a verdict could be about, and the person is still speaking.
            self._stats.interruptions += 1
            self._flush()
        return reply

    def ended(self) -> None:
        """The server made its last reply. What is queued may still be heard, at full level."""
        self.current = None
        self.awaited = False
        self.user_stopped()

    def abandon(self) -> None:
        """The session is over: nothing more is to sound."""
        self._flush()
        self.ended()

    # --- inside ----------------------------------------------------------------------------------------------------

    def _find(self, reply_id: str) -> Reply:
        """A reply by its id. One that nobody announced begins here: the announcement may be missing in older servers."""
        known = self._replies.get(self.id_of(reply_id))
        return known if known is not None else self.started(ReplyStarted(reply_id=reply_id))

    def _record(self, reply_id: str) -> Reply:
        self._made += 1
        reply = Reply(id=reply_id or f"reply#{self._made}", order=self._made)
        self._replies[reply.id] = reply
        if len(self._replies) > MAX_REPLIES:
            del self._replies[next(iter(self._replies))]
        return reply

    def _waiting(self) -> list[Reply]:
        found = (self._replies.get(item_id) for item_id in self._ledger.waiting_items())
        return [reply for reply in found if reply is not None]

    def _interrupted(self, reply: Reply) -> None:
        """The server's verdict. It may come twice (words, then done) and must act once."""
        if reply.interrupted:
            return
        reply.interrupted = True
        self._conversation.agent_stopped(reply.id, True)
        if not reply.cut:
            self._stats.interruptions += 1
        # A verdict on an old reply says nothing about a newer one that is already queued.
        if all(waiting.order <= reply.order for waiting in self._waiting()):
            self._flush()

    def _cut(self, reply: Reply) -> None:
        reply.cut = True
        self._conversation.agent_stopped(reply.id, True)

    def _flush(self) -> None:
        waiting = self._waiting()
        for reply in waiting:
            if not reply.held and not reply.interrupted:
                self._cut(reply)
        if waiting:
            self._ledger.flush()
            self._out.add(FlushPlayback())
        self._restore(0)

    def _restore(self, ramp_ms: int) -> None:
        if self._ducked:
            self._ducked = False
            self._out.cancel_timer(VERDICT_TIMER)
            self._out.add(SetPlaybackGain(gain=1.0, ramp_ms=ramp_ms))
