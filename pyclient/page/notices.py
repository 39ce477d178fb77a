"""Notices: what people are told when something goes wrong, and what they can do about it.

Every notice has a title that says what happened and a hint that says what to do. The longer
tables stand in `notice_texts`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from pyclient.codecs import CloseReason
from pyclient.core.events import CaptureFailed, SessionFaulted, TokenRefused
from pyclient.page.notice_texts import CAPTURE, FAULTS, PASSING, TOKEN, TOKEN_CODES, Notice, error, text
from pyclient.page.view import Text

# How the reason of a socket begins that the page's policy forbids; the rest is its origin.
BLOCKED = "blocked by policy: "
# The longest wait that is told; whoever is told a longer one should not wait.
DAY_S = 86_400


def token_refused(event: TokenRefused) -> Notice:
    """Words for an answer of the token route that holds no token."""
    known = TOKEN_CODES.get(event.code)
    if known is None:  # by the status alone; what the server says may say more
        more = (text("server_says", detail=event.message[:200]),) if event.message else ()
        known = TOKEN.get(event.status) or Notice(
            tone="error",
            code=f"token_{event.status}",
            name="token_other",
            values={"status": event.status},
            retry=True,
        )
        known = replace(known, more=more)
    after_s = event.retry_after_s
    if event.status in (429, 503) and after_s is not None and 0 < after_s <= DAY_S:
        return replace(known, hint=(wait(after_s),))
    return known


def wait(seconds: float) -> Text:
    """For how long, in a unit that a person would use; never one of it, so that each language needs one form."""
    if seconds < 100:
        return text("wait_seconds", seconds=max(2, round(seconds)))
    if seconds < 100 * 60:
        return text("wait_minutes", minutes=math.ceil(seconds / 60))
    return text("wait_hours", hours=math.ceil(seconds / 3600))


def capture_failed(event: CaptureFailed) -> Notice:
    """Words for a microphone or speaker that cannot be used."""
    kind = event.kind if event.kind in CAPTURE else "unknown"
    more = (text("browser_says", detail=event.detail[:200]),) if kind == "unknown" and event.detail else ()
    return Notice(
        tone="error" if event.fatal else "warn",
        code=f"mic_{event.kind[:40]}",
        name=f"mic_{kind}",
        more=more,
        retry=CAPTURE[kind],
        until="" if event.fatal else "call",
    )


def fault(event: SessionFaulted, fatal: bool) -> Notice:
    """Words for an error that the server reported."""
    name = f"fault_{event.kind if event.kind in FAULTS else 'unknown'}"
    hint: tuple[Text, ...] = ()
    if event.kind == "invalid_setting" and event.choices:
        name = "fault_voice"
    elif not fatal and event.kind in ("invalid_setting", "server", "auth", "capacity"):
        hint = (text("goes_on"),)
    says = event.message and not event.choices
    return Notice(
        tone="error" if fatal else "warn",
        code=f"fault_{event.kind}",
        name=name,
        hint=hint,
        more=(text("service_says", detail=event.message[:200]),) if says else (),
        setting=event.param or "",
        retry=event.retryable or event.kind in ("invalid_setting", "expired"),
        until="" if fatal else "reply" if event.kind in PASSING else "call",
    )


def closed(reason: CloseReason, code: int) -> Notice:
    """Words for a socket that closed."""
    return Notice(
        tone="info" if reason.kind == "ended" else "error",
        code=f"closed_{code}",
        name=f"closed_{reason.name}",
        values={"code": code} if reason.name == "unknown" else {},
        more=(text("detail", detail=reason.detail),) if reason.detail else (),
        retry=reason.retryable,
    )


OPEN_TIMEOUT = error("open_timeout")


def socket_blocked(reason: str) -> Notice:
    """Words for a socket that the page's own policy does not let out; see `blocked` in network.js."""
    origin = reason.removeprefix(BLOCKED)[:100]
    return Notice(tone="error", code="socket_policy", values={"origin": origin})


READY_TIMEOUT = error("ready_timeout")
TEXT_TOO_LONG = Notice(
    tone="warn",
    code="text_too_long",
    until="reply",
)


def preconnect_audio_dropped(dropped_ms: int, limit_ms: int) -> Notice:
    """More was said before the call was live than is kept."""
    values = {"seconds": max(1, round(dropped_ms / 1000)), "limit": f"{limit_ms / 1000:g}"}
    return Notice(tone="warn", code="preconnect_audio_dropped", values=values, until="call")


LINE_LOST = Notice(
    tone="warn",
    code="line_lost",
    until="call",
)
LINE_SILENT = error("line_silent")
CONTEXT_LOST = Notice(
    tone="warn",
    code="context_lost",
    until="call",
)
# Lines in the transcript between the sessions of one call, by the names of their texts (`line.`).
MARK_CONTEXT_LOST = "context_lost"
MARK_HISTORY = "history"

AGENT_LATE = Notice(
    tone="warn",
    code="agent_late",
    until="call",
)
NOT_SENT_LINE_LOST = Notice(
    tone="warn",
    code="not_sent_line_lost",
    until="reply",
)
REPLY_REFUSED = Notice(
    tone="warn",
    code="reply_refused",
    until="reply",
)
TOOL_CIRCLE = Notice(
    tone="warn",
    code="tool_circle",
    until="call",
)
TOOL_CIRCLE_ENDED = Notice(tone="error", code="tool_circle", name="tool_circle_ended", retry=True)
AUDIO_UNREADABLE = Notice(
    tone="warn",
    code="audio_unreadable",
    until="call",
)
TALK_TOO_SHORT = Notice(
    tone="info",
    code="talk_too_short",
    until="reply",
)
TALK_NO_SOUND = Notice(
    tone="warn",
    code="talk_no_sound",
    until="reply",
)
TALK_CANCELLED = Notice(
    tone="info",
    code="talk_cancelled",
    until="reply",
)
TALK_PARTLY_SENT = Notice(
    tone="info",
    code="talk_partly_sent",
    until="reply",
)
IDLE_CODE = "idle"
IDLE_END = Notice(
    tone="info",
    code="idle_end",
    retry=True,
)


def idle(seconds: int) -> Notice:
    """Nobody has spoken for long."""
    return Notice(
        tone="warn",
        code=IDLE_CODE,
        values={"seconds": seconds},
        until="call",
    )


HEARS_ITSELF = Notice(
    tone="warn",
    code="hears_itself",
    until="call",
)
TALK_MUTED = Notice(
    tone="warn",
    code="talk_muted",
    until="call",
)
TALK_PAUSED = Notice(
    tone="warn",
    code="talk_paused",
    until="call",
)


def gave_up(cause: Notice) -> Notice:
    """Words for an outage that lasted too long. The last attempt's reason is named."""
    values = {"cause": cause.title}
    return Notice(tone="error", code="reconnect_failed", values=values, more=tuple(cause.hints), retry=True)


def bad_setting(problem: str) -> Notice:
    return Notice(tone="warn", code="bad_setting", values={"detail": problem})


def bad_grant(problem: str) -> Notice:
    return Notice(tone="error", code="token_unusable", values={"detail": problem}, retry=True)


def next_call(names: tuple[str, ...]) -> Notice:
    """Wishes that must wait."""
    spoken = [text(f"name.{name}") for name in names]
    return Notice(tone="info", code="takes_effect_next_call", values={"names": spoken})


def wrap_up(seconds: int) -> Notice:
    return Notice(tone="warn", code="wrap_up", values={"seconds": seconds}, until="call")


TIME_LIMIT = Notice(
    tone="info",
    code="time_limit",
    retry=True,
)

SERVER_ENDED = Notice(tone="info", code="server_ended", retry=True)
