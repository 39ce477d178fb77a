"""Reconnect: how a session comes back after its connection broke.

LIVE -> DROPPED -> (back-off) -> RESUMING: a fresh token, a new socket, and then

* where the vendor resumes and its window is open: the same session. Nothing is marked, nothing is greeted, calls of tools
  that ran meanwhile are answered now;
* where the vendor takes history: a new session that is told what was said, with a mark in the transcript;
* else a new session, with a mark that says that the context is lost.

A new session is not greeted again unless nothing was said yet. The calls of tools of the old one are cancelled: it does not
know their ids.
`close` decides and never `error`; what a new token or some patience cannot mend ends the session at once, in words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyclient import events, notices
from pyclient.backoff import (
    MAX_RETRY_AFTER_MS,
    RESUME_WINDOW_MS,
    STABLE_MS,
    delay_ms,
    line_may_come,
    token_may_come,
)
from pyclient.codecs import CloseReason
from pyclient.notices import Notice
from pyclient.outage_buffer import OutageBuffer
from pyclient.states import State, Trigger

if TYPE_CHECKING:
    from pyclient.call import Call

RETRY_TIMER = "retry"

# Faults after which a close is their consequence and not the network's.
_FINAL_FAULTS = frozenset({"auth", "forbidden", "expired"})

Jitter = Callable[[], float]

# No answer came, and none will: a sign-in that expired, and the page's own policy.
_FINAL_REFUSALS = frozenset({"redirected", "policy"})


class Reconnect:
    """The way back of one session after the other. `jitter` is the host's source of randomness, from 0 to 1."""

    def __init__(self, call: Call, jitter: Jitter) -> None:
        self._call = call
        self._jitter = jitter
        self.begin()

    def begin(self) -> None:
        """A new call: nothing of the one before counts."""
        self.outage = OutageBuffer(self._call.config.outage_audio_ms, self._call.codec.wire_rate_hz)
        self.attempts = 0  # since the line was last good
        self.same = False  # the line is back, and the session is the old one
        self.told = False  # the session is a new one, and was told what was said before
        self._since_ms = 0.0
        self._back_ms = 0.0
        self._resume_id = ""  # "" when there is nothing to resume any more
        self._resuming = False  # this attempt asked for the old session
        self._one_more_token = True
        self._cause: Notice | None = None

    # --- the line breaks -----------------------------------------------------------------------------------------------

    def closed(self, reason: CloseReason, code: int, now_ms: float) -> None:
        """The socket of a live session, or of an attempt to come back, closed."""
        call = self._call
        why = call.cause(now_ms) or notices.closed(reason, code)
        if reason.kind == "ended":
            call.finish(notices.closed(reason, code), now_ms)
        elif call.state is State.LIVE:
            if call.last_fault_kind(now_ms) not in _FINAL_FAULTS and line_may_come(reason, code):
                self.lost(why, now_ms)
            else:
                call.fail(why, now_ms)
        elif self._resuming and reason.kind == "policy":
            self._resume_refused(why, now_ms)
        elif line_may_come(reason, code) or self._worth_one_more_token(reason.kind, reason.retryable):
            self.lost(why, now_ms)
        else:
            call.fail(why, now_ms)

    def silent(self, now_ms: float) -> None:
        """The heartbeat found nobody there. The socket is forgotten: its close may take a minute to be reported."""
        self._call.close_socket()
        self.lost(notices.LINE_SILENT, now_ms)

    def lost(self, why: Notice, now_ms: float, *, at_once: bool = False, retry_after_s: float | None = None) -> None:
        """The line broke, or an attempt to mend it failed: wait and try again, or give up."""
        call = self._call
        was_live = call.state is State.LIVE
        if was_live:
            if now_ms - self._back_ms >= STABLE_MS:
                self.attempts = 0
            self._since_ms = now_ms
            self._resume_id = (call.session_id or "") if call.codec.features.resume else ""
            self._one_more_token = True
        self._cause = why
        self.attempts += 1
        wait_ms = delay_ms(self.attempts, self._jitter())
        patience_ms = (retry_after_s or 0) * 1000
        if wait_ms is None or patience_ms > MAX_RETRY_AFTER_MS:
            call.fail(notices.gave_up(why), now_ms)
            return
        call.line_down()
        call.move(Trigger.DROP)
        call.tell(notices.LINE_LOST)
        if was_live:
            call.line_lost()
        call.out.set_timer(RETRY_TIMER, 0 if at_once else max(wait_ms, patience_ms), now_ms)

    def _worth_one_more_token(self, kind: str, retryable: bool) -> bool:
        """A refused token may have been stale when it arrived; a second fresh one that is refused was not."""
        worth, self._one_more_token = self._one_more_token and kind == "auth" and retryable, False
        return worth

    def _resume_refused(self, why: Notice, now_ms: float) -> None:
        self._resume_id = ""
        self.lost(why, now_ms, at_once=True)

    # --- the way back --------------------------------------------------------------------------------------------------

    def retry(self, now_ms: float) -> None:
        call = self._call
        call.move(Trigger.RETRY)
        self._resuming = False
        call.request_token(now_ms)

    def token_refused(self, event: events.TokenRefused, now_ms: float) -> None:
        why = notices.token_refused(event)
        if token_may_come(event.status) and event.code not in _FINAL_REFUSALS:
            self.lost(why, now_ms, retry_after_s=event.retry_after_s)
        else:
            self._call.fail(why, now_ms)

    def opened(self, now_ms: float) -> None:
        """The new socket is open: the old session if it can still be had, else a new one, without a second greeting."""
        call = self._call
        self._resuming = bool(self._resume_id) and now_ms - self._since_ms < RESUME_WINDOW_MS
        if self._resuming:
            call.send("resume", call.codec.resume(self._resume_id))
        else:
            call.open_session(greeting="" if call.transcript.spoken() else call.config.greeting)

    def faulted(self, event: events.SessionFaulted, now_ms: float) -> None:
        """The server refused this attempt."""
        call, why = self._call, notices.fault(event, True)
        if self._resuming and event.kind in ("not_resumable", "expired"):
            if call.limit.reached(now_ms):
                call.finish(notices.TIME_LIMIT, now_ms)
            else:
                self._resume_refused(why, now_ms)
        elif not event.closes:
            self._resume_id = ""  # not understood; should "ready" not follow, the next attempt asks for a new session
            call.hurry(now_ms)
        elif (event.retryable and event.kind in ("server", "capacity")) or self._worth_one_more_token(
            event.kind, event.retryable
        ):
            self.lost(why, now_ms)
        else:
            call.fail(why, now_ms)

    def ready(self, event: events.SessionReady, now_ms: float) -> None:
        """The server takes audio again; the session is live."""
        call = self._call
        # After a refusal that was not understood, only the old id says that it is the old session.
        self.same = self._resuming and event.session_id in (call.session_id, *(("",) if self._resume_id else ()))
        self._back_ms = now_ms
        call.untell(notices.LINE_LOST.code)
        if self.same:
            call.tool_calls.line_back(now_ms)
            return
        call.session_id = event.session_id or None
        call.tool_calls.cancel_all()
        call.replies.new_session()
        history = call.codec.history(call.transcript.spoken()) if call.codec.features.history else []
        call.transcript.new_session(notices.MARK_HISTORY if history else notices.MARK_CONTEXT_LOST)
        self.told = bool(history)
        if history:
            call.send("history", history)
        else:
            call.tell(notices.CONTEXT_LOST)
