"""The end of a call: goodbye, the server's last word, a fault; and the agent's last words, which are still heard.

Comes last among the parts, so that what the others still have to say leaves before the socket is closed.
"""

from __future__ import annotations

from pyclient.call import DRAIN_TIMER, Call
from pyclient.connection.session_limit import SessionLimit
from pyclient.core import events
from pyclient.core.states import State, Trigger
from pyclient.page import notices
from pyclient.page.notice_texts import Notice
from pyclient.part import End, Part, Step

# What is still queued when the server ends a session is the goodbye: it is heard, but not for ever.
DRAIN_TIMEOUT_MS = 10_000


class CallEnd(Part):
    """How one call after the other ends."""

    def __init__(self, call: Call, limit: SessionLimit) -> None:
        super().__init__(call)
        self._limit = limit
        self._end = self.timer("end", lambda now_ms: End(Trigger.FINISH))
        self._drain = self.timer(DRAIN_TIMER, lambda now_ms: self.call.stop_draining())
        self.handlers = {
            events.HangUpRequested: self._hang_up,
            events.SessionEnded: self._server_ended,
            events.InterruptRequested: lambda event, now_ms: self._check_drained(),
            events.PlaybackDrained: lambda event, now_ms: self._check_drained(),
        }

    def _hang_up(self, event: events.HangUpRequested, now_ms: float) -> Step | None:
        """Politely where a session exists; at once where none does or nobody is left to wait."""
        self.call.stop_draining()
        if self.call.state is not State.ENDING:
            return End(Trigger.HANG_UP, patient=not event.page_gone)
        return End(Trigger.FINISH) if event.page_gone else None

    def _server_ended(self, event: events.SessionEnded, now_ms: float) -> Step:
        """The server's last word. What it said before is still played."""
        if self.call.state is State.ENDING:
            return End(Trigger.FINISH)
        return End(Trigger.FINISH, notices.TIME_LIMIT if self._limit.reached(now_ms) else notices.SERVER_ENDED)

    def _check_drained(self) -> None:
        """A call that is over and waits for its last words may have nothing left to wait for."""
        if self.call.draining and self.call.ledger.pending() == 0:
            self.call.stop_draining()

    def end(self, now_ms: float, end: End) -> None:
        call = self.call
        if end.trigger is Trigger.FINISH:
            self._finish(end.notice, now_ms)
            return
        call.stop_draining()
        call.commands.cancel_all_timers()
        polite = end.goodbye or end.trigger is Trigger.HANG_UP
        goodbye = call.codec.end() if polite and call.socket_up else []
        if goodbye:
            call.send("end", goodbye)
        if end.trigger is Trigger.FAULT:
            call.close_socket()
        call.move(end.trigger)
        if call.state is not State.ENDING:
            call.close_socket()
            call.transcript.finish()
            call.cause_over("call")
        elif goodbye and end.patient:
            self._end.set(call.config.end_timeout_ms, now_ms)
        else:  # no line, a vendor for whom closing it is the goodbye, or nobody who could wait
            self._finish(None, now_ms)
        if end.notice is not None:
            call.notify(end.notice)

    def _finish(self, notice: Notice | None, now_ms: float) -> None:
        call = self.call
        call.commands.cancel_all_timers()
        call.close_socket()
        call.move(Trigger.FINISH)
        call.transcript.finish()
        call.cause_over("call")
        if call.ledger.pending():
            call.draining = True
            self._drain.set(DRAIN_TIMEOUT_MS, now_ms)
        if notice is not None:
            call.notify(notice)
