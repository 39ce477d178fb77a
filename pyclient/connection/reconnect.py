"""Reconnect: decides how a session comes back after its connection broke.

LIVE -> DROPPED -> (backoff) -> RESUMING: a fresh token, a new socket, and then

* where the vendor resumes and its window is open: the same session. Nothing is marked, nothing is greeted, calls of
  tools that ran meanwhile are answered now;
* where the vendor takes history: a new session that is told what was said, with a mark in the transcript;
* else a new session, with a mark that says that the context is lost.

A new session is not greeted again unless nothing was said yet. The calls of tools of the old one are cancelled: it does
not know their ids. `close` decides and never `error`; what a new token or some patience cannot mend ends the session at
once, in words. Here it is decided; `connection` does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyclient.call import Call
from pyclient.codecs import CloseReason, Message
from pyclient.connection.backoff import (
    MAX_RETRY_AFTER_MS,
    OFFLINE_MS,
    RESUME_WINDOW_MS,
    STABLE_MS,
    delay_ms,
    line_may_come,
    token_may_come,
)
from pyclient.core import events
from pyclient.core.states import State, Trigger
from pyclient.page import notices
from pyclient.page.notice_texts import Notice
from pyclient.part import End, LineBack

# Faults after which a close is their consequence and not the network's.
_FINAL_FAULTS = frozenset({"auth", "forbidden", "expired"})

Jitter = Callable[[], float]

# No answer came, and none will: a sign-in that expired, and the page's own policy.
_FINAL_REFUSALS = frozenset({"redirected", "policy", "no_bearer"})


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt, after so long."""

    wait_ms: float


Verdict = Retry | End


class Reconnect:
    """The way back of one call after the other. `jitter` is the host's source of randomness, from 0 to 1."""

    def __init__(self, call: Call, jitter: Jitter) -> None:
        self._call = call
        self._jitter = jitter
        self.begin()

    def begin(self) -> None:
        """A new call: nothing of the one before counts."""
        self._attempts = 0  # since the line was last good
        self.offline = False  # the machine has no network: attempts do not count
        self._since_ms = 0.0
        self._back_ms = 0.0
        self._resume_id = ""  # "" when there is nothing to resume any more
        self._resuming = False  # this attempt asked for the old session
        self._one_more_token = True

    # --- the line breaks ----------------------------------------------------------------------------------------------

    def closed(self, reason: CloseReason, code: int, why: Notice, fault_kind: str, now_ms: float) -> Verdict:
        """The socket of a live session, or of an attempt to come back, closed.

        `fault_kind`: of a fault just before that, or "".
        """
        live = self._call.state is State.LIVE
        if reason.kind == "ended":
            return End(Trigger.FINISH, notices.closed(reason, code))
        if live:
            mends = fault_kind not in _FINAL_FAULTS and line_may_come(reason, code)
            return self.lost(why, now_ms) if mends else End(Trigger.FAULT, why)
        if self._resuming and reason.kind == "policy":
            return self._resume_refused(why, now_ms)
        if line_may_come(reason, code) or self._worth_one_more_token(reason.kind, reason.retryable):
            return self.lost(why, now_ms)
        return End(Trigger.FAULT, why)

    def lost(self, why: Notice, now_ms: float, *, at_once: bool = False, retry_after_s: float | None = None) -> Verdict:
        """The line broke, or an attempt to mend it failed: wait and try again, or give up."""
        call = self._call
        if call.state is State.LIVE:
            if now_ms - self._back_ms >= STABLE_MS:
                self._attempts = 0
            self._since_ms = now_ms
            self._resume_id = (call.session_id or "") if call.codec.features.resume else ""
            self._one_more_token = True
        if not self.offline or not self._attempts:
            self._attempts += 1
        wait_ms = delay_ms(self._attempts, self._jitter())
        if self.offline and wait_ms is not None:
            wait_ms = max(wait_ms, OFFLINE_MS)
        patience_ms = (retry_after_s or 0) * 1000
        if wait_ms is None or patience_ms > MAX_RETRY_AFTER_MS:
            return End(Trigger.FAULT, notices.gave_up(why))
        return Retry(0 if at_once else max(wait_ms, patience_ms))

    def _worth_one_more_token(self, kind: str, retryable: bool) -> bool:
        """A refused token may have been stale when it arrived; a second fresh one that is refused was not."""
        worth, self._one_more_token = self._one_more_token and kind == "auth" and retryable, False
        return worth

    def _resume_refused(self, why: Notice, now_ms: float) -> Verdict:
        self._resume_id = ""
        return self.lost(why, now_ms, at_once=True)

    def awake(self) -> None:
        """The page woke up, or the network is back: as if the line had just broken."""
        self.offline = False
        self._attempts = 0

    # --- the way back -------------------------------------------------------------------------------------------------

    def attempt_begins(self) -> None:
        self._resuming = False

    def token_refused(self, event: events.TokenRefused, now_ms: float) -> Verdict:
        why = notices.token_refused(event)
        if token_may_come(event.status) and event.code not in _FINAL_REFUSALS:
            return self.lost(why, now_ms, retry_after_s=event.retry_after_s)
        return End(Trigger.FAULT, why)

    def resume(self, now_ms: float) -> list[Message] | None:
        """The new socket is open: what asks for the old session, or None where it cannot be had any more."""
        self._resuming = bool(self._resume_id) and now_ms - self._since_ms < RESUME_WINDOW_MS
        return self._call.codec.resume(self._resume_id) if self._resuming else None

    def faulted(self, event: events.SessionFaulted, limit_reached: bool, now_ms: float) -> Verdict | None:
        """The server refused this attempt. None: it may yet be ready, but not much later."""
        why = notices.fault(event, True)
        if self._resuming and event.kind in ("not_resumable", "expired"):
            return End(Trigger.FINISH, notices.TIME_LIMIT) if limit_reached else self._resume_refused(why, now_ms)
        if not event.closes:
            self._resume_id = ""  # not understood; should "ready" not follow, the next attempt asks for a new session
            return None
        mends = event.retryable and event.kind in ("server", "capacity")
        if mends or self._worth_one_more_token(event.kind, event.retryable):
            return self.lost(why, now_ms)
        return End(Trigger.FAULT, why)

    def ready(self, event: events.SessionReady, now_ms: float) -> LineBack:
        """The server takes audio again: which session it is, and what the agent is told."""
        call = self._call
        self._back_ms = now_ms
        # After a refusal that was not understood, only the old id says that it is the old session.
        if self._resuming and event.session_id in (call.session_id, *(("",) if self._resume_id else ())):
            return LineBack(same=True)
        history = call.codec.history(call.transcript.spoken()) if call.codec.features.history else []
        return LineBack(same=False, history=tuple(history))
