"""Barge-in: which audio may play, and what happens when the person speaks over it.

What happens depends on `ClientConfig.barge_in`:

* **duck**: the first sign of speech only lowers the voice, because the sign may be an "uh-huh" that the server means to
  talk over. The server's verdict (the reply is reported interrupted) flushes what is queued; speech that ends with the
  reply going on, or a verdict that does not come in time, brings the voice back. Where the server has already finished
  making everything that is queued, no verdict can come any more, and speech flushes at once.
* **flush**: the first sign of speech flushes. Audio of the same reply that arrives while the person still speaks is
  dropped; if they stop and the reply was not interrupted, the rest of it plays.
* **off**: nothing happens here. The same holds where turn detection was told not to interrupt.

An interrupted reply never sounds again: its late audio and late words are dropped by reply id, in whichever order the
server reported things. What is known of each reply stands in `reply_log`.

Whatever silenced a reply, the server is told how much of it was heard, once: when the speaker has answered the flush,
for only its count is true, or at once where nothing waited to be heard. That holds also for a reply that the server had
made long before, because audio comes in a burst.
"""

from __future__ import annotations

from pyclient.audio.reply_log import Reply
from pyclient.call import Call
from pyclient.core import events
from pyclient.core.commands import FlushPlayback
from pyclient.core.states import OVER, State
from pyclient.part import End, LineBack, Part
from pyclient.turns.ducking import DUCK_RAMP_MS, RESTORE_RAMP_MS, Ducking
from pyclient.turns.playback_order import PlaybackOrder

VERDICT_TIMER = "verdict"


class BargeIn(Part):
    """Which reply may sound, and what silences it."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._verdict = self.timer(VERDICT_TIMER, self._verdict_overdue)
        self.order = PlaybackOrder(call)
        self._ducking = Ducking(call, self._verdict)
        self.handlers = {
            events.UserSpeechStarted: lambda event, now_ms: self.user_started(now_ms),
            events.UserSpeechStopped: lambda event, now_ms: self.user_stopped(),
            events.ReplyStarted: lambda event, now_ms: self.started(event.reply_id),
            events.ReplyAudio: lambda event, now_ms: self.audio(event),
            events.ReplyTranscribed: lambda event, now_ms: self._transcribed(event),
            events.ReplyDone: lambda event, now_ms: self._reply_done(event),
            events.PlaybackDrained: lambda event, now_ms: self._drained(),
            events.PlaybackFlushed: lambda event, now_ms: self._flushed(event),
        }

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._ducking.lowered = False
        self.order.reset()

    def line_lost(self, now_ms: float) -> None:
        """What the server was making ends as it stands; what is queued plays on, at full level."""
        replies = self.call.replies
        if replies.current is not None:
            replies.current.done = True
            self.call.transcript.agent_cut_off(replies.current.id)
        replies.cancelling = None
        self._ended()

    def line_back(self, now_ms: float, back: LineBack) -> None:
        if not back.same:
            self.call.replies.new_session()

    def end(self, now_ms: float, end: End) -> None:
        """What is queued may still be heard, at full level, unless nothing more is to sound."""
        if end.silent and self.call.state not in OVER:
            self._flush()
        self._ended()

    # --- the person ------------------------------------------------------------------------------------------------

    def user_started(self, now_ms: float) -> None:
        call = self.call
        policy = call.config.barge_in
        call.user_speaking = True
        if policy == "off" or not call.interruptible or self._ducking.lowered:
            return
        sounding = call.replies.sounding()
        if not sounding:
            return
        unfinished = [reply for reply in sounding if not reply.done]
        if policy == "duck" and unfinished:
            self._ducking.lower()
            self._verdict.set(call.config.verdict_timeout_ms, now_ms)
            return
        call.stats.interruptions += 1
        for reply in unfinished:
            reply.held = True
        self._flush()

    def user_stopped(self) -> None:
        self.call.user_speaking = self.call.key_held
        self.call.replies.release()
        self._ducking.restore(RESTORE_RAMP_MS)

    def _verdict_overdue(self, now_ms: float) -> None:
        """The server lets the reply go on."""
        self._ducking.restore(RESTORE_RAMP_MS)

    def interrupt(self) -> None:
        """The person wants quiet. A server that is still making replies is asked to stop, where it can be asked."""
        call = self.call
        making = call.replies.all_making()
        if not making and not call.replies.waiting():
            return
        call.stats.interruptions += 1
        for reply in making:
            self._cut(reply)
        self._flush()
        for reply in making:
            self._owe(reply)
        if making and call.state is State.LIVE and call.codec.features.reply_cancel:
            # Where a request does not name its reply, one is enough.
            call.send(
                "reply cancel",
                dict.fromkeys(message for reply in making for message in call.codec.reply_cancel(reply.wire_id)),
            )
            call.replies.cancelling = call.replies.current

    def silence(self) -> None:
        """Nothing of what waits to be heard is heard any more."""
        self._flush()

    def lower(self) -> None:
        """A first sign of speech by client-side voice activity detection, which also reports what became of it."""
        call = self.call
        if (
            call.config.barge_in == "duck"
            and call.interruptible
            and not self._ducking.lowered
            and call.replies.sounding()
        ):
            self._ducking.lower()

    def raise_again(self) -> None:
        """It was no speech."""
        self._ducking.restore(RESTORE_RAMP_MS)

    # --- the speaker -------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Answers that are not worth waiting for any longer: report what is known."""
        replies = self.call.replies
        replies.cancelling = None
        owed, replies.owed = replies.owed, []
        for batch in owed:
            self._report(batch)

    def _flushed(self, event: events.PlaybackFlushed) -> None:
        """The speaker's answer to a flush. It answers them in order."""
        call = self.call
        call.ledger.flushed(event.item_id, int(event.rendered_samples))
        if call.replies.owed:
            self._report(call.replies.owed.pop(0))
        call.changed = True

    def _drained(self) -> None:
        """The speaker ran dry: whoever waited for their turn gets it, and what was heard of the last one is known."""
        self.call.ledger.drained()
        self.order.speaker_empty()
        self.call.changed = True

    # --- the server ------------------------------------------------------------------------------------------------

    def started(self, reply_id: str) -> None:
        """The server says that a reply begins."""
        reply = self.call.replies.announced(reply_id)
        if reply is not None:
            self._begin(reply)

    def _begin(self, reply: Reply) -> None:
        self.call.replies.begin(reply)
        self.call.stats.replies += 1
        # A voice that was lowered for the reply before must not stay low for this one.
        self._ducking.restore(DUCK_RAMP_MS)

    def audio(self, event: events.ReplyAudio) -> None:
        call, reply = self.call, self._find(event.reply_id)
        if reply.silenced or (reply.held and call.user_speaking):
            call.stats.late_audio_dropped += 1
            return
        if not event.pcm:
            return
        if not self.order.play(reply, event.pcm):
            call.stats.late_audio_dropped += 1

    def _transcribed(self, event: events.ReplyTranscribed) -> None:
        transcript, reply = self.call.transcript, self._find(event.reply_id)
        self.call.changed = True
        if event.delta:
            if not reply.silenced:
                transcript.agent_delta(reply.id, event.text, event.start_ms)
                if reply.done:
                    transcript.agent_stopped(reply.id, False)
            return
        if event.interrupted:
            reply.worded = True
            self._interrupted(reply)
        if reply.cut and not event.interrupted and transcript.agent_text(reply.id):
            return  # the server thinks all of it was heard; we know better
        transcript.agent_said(reply.id, event.text, event.interrupted or reply.silenced)

    def _reply_done(self, event: events.ReplyDone) -> None:
        reply = self.done(event.reply_id, event.interrupted)
        if not (event.failed or reply.silenced):
            self.call.cause_over("reply")
        self.call.changed = True

    def done(self, reply_id: str, interrupted: bool = False) -> Reply:
        """The server made all of a reply, or stopped making it."""
        replies = self.call.replies
        # The end of a reply that nobody announced must not pass for the beginning of one.
        reply = replies.find(reply_id) or replies.add(reply_id)
        reply.done = reply.ended = True
        replies.last_done = reply
        if replies.cancelling is reply:
            replies.cancelling = None
        if interrupted:
            self._interrupted(reply)
        self.call.transcript.agent_stopped(reply.id, reply.silenced)
        if replies.current is reply:
            replies.current = None
        self.order.go_on()
        if self._ducking.lowered and all(sounding.done for sounding in replies.sounding()):
            # Nothing is left that a verdict could be about, and the person is still speaking.
            if replies.waiting():
                self.call.stats.interruptions += 1
            self._flush()
        return reply

    # --- inside ----------------------------------------------------------------------------------------------------

    def _ended(self) -> None:
        """The server made its last reply."""
        self.call.replies.current = None
        self.call.reply_awaited = False
        self.order.ended()
        self.user_stopped()

    def _find(self, reply_id: str) -> Reply:
        """A reply by its id. One that nobody announced begins here: the announcement may be missing in older servers.

        While one that was announced is being made, it is what is left of an old one: its end is not coming, and nobody
        is to wait for that.
        """
        replies = self.call.replies
        reply = replies.find(reply_id)
        if reply is None:
            reply = replies.add(reply_id)
            if replies.current is None or not replies.current.announced:
                self._begin(reply)
        return reply

    def _interrupted(self, reply: Reply) -> None:
        """The server's verdict. It may come twice (words, then done) and must act once."""
        if reply.interrupted:
            return
        reply.interrupted = True
        self.call.transcript.agent_stopped(reply.id, True)
        if not reply.cut:
            self.call.stats.interruptions += 1
        # A verdict on an old reply says nothing about a newer one that is already queued.
        if all(waiting.order <= reply.order for waiting in self.call.replies.waiting()):
            self._flush()
        self._owe(reply)

    def _cut(self, reply: Reply) -> None:
        reply.cut = True
        self.call.transcript.agent_stopped(reply.id, True)

    def _flush(self) -> None:
        waiting = self.call.replies.waiting()
        for reply in waiting:
            if not reply.held and not reply.interrupted:
                self._cut(reply)
        self.order.clear()
        if waiting:
            self.call.ledger.flush()
            self.add(FlushPlayback())
            self.call.replies.owed.append([])
        for reply in waiting:
            if reply.silenced:
                self._owe(reply)
        self._ducking.restore(0)

    def _owe(self, reply: Reply) -> None:
        """The server is to know how much of a silenced reply was heard: with the answer to the last flush, or now."""
        if reply.reported or reply.stale:
            return
        reply.reported = True
        if self.call.replies.owed:
            self.call.replies.owed[-1].append(reply)
        else:
            self._report([reply])

    def _report(self, replies: list[Reply]) -> None:
        call = self.call
        for reply in replies:
            heard_ms = call.ledger.heard_ms(reply.id)
            if heard_ms is None or reply.stale:  # None: nothing of it had come
                continue
            if not reply.worded:
                call.transcript.agent_heard(reply.id, heard_ms, call.ledger.share_heard(reply.id))
            messages = call.codec.reply_heard(reply.wire_id, heard_ms) if call.state is State.LIVE else []
            if messages:
                call.send("heard position", messages)
