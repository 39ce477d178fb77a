"""Notices: what people are told when something goes wrong, and what they can do about it.

Every notice has a title that says what happened and a hint that says what to do. The longer tables stand in `notice_texts`.
"""

from __future__ import annotations

from pyclient.codecs import CloseReason
from pyclient.core.events import CaptureFailed, SessionFaulted, TokenRefused
from pyclient.page.notice_texts import CAPTURE, FAULT, PASSING, TOKEN, TOKEN_CODES, Notice, error

# How the reason of a socket begins that the page's policy forbids; the rest is its origin.
BLOCKED = "blocked by policy: "


def token_refused(event: TokenRefused) -> Notice:
    """Words for an answer of the token route that holds no token."""
    if event.code in TOKEN_CODES:
        return TOKEN_CODES[event.code]
    known = TOKEN.get(event.status) or error(
        f"token_{event.status}",
        f"The server answered the request for a token with {event.status}",
        "Press Connect to try again.",
    )
    hint = known.hint
    if event.status == 429 and event.retry_after_s is not None and 0 < event.retry_after_s < 86_400:
        hint = f"Wait {max(1, round(event.retry_after_s))} seconds, then press Connect."
    if event.message:
        hint = f"{hint} The server says: {event.message[:200]}"
    return error(known.code, known.title, hint, retry=known.retry)


def capture_failed(event: CaptureFailed) -> Notice:
    """Words for a microphone or speaker that cannot be used."""
    known = event.kind in CAPTURE and event.kind != "unknown"
    title, hint, retry = CAPTURE[event.kind if known else "unknown"]
    if not known and event.detail:
        hint = f"{hint} The browser says: {event.detail[:200]}"
    tone = "error" if event.fatal else "warn"
    until = "" if event.fatal else "call"
    return Notice(tone=tone, code=f"mic_{event.kind[:40]}", title=title, hint=hint, retry=retry, until=until)


def fault(event: SessionFaulted, fatal: bool) -> Notice:
    """Words for an error that the server reported."""
    title, hint = FAULT.get(event.kind, ("The voice service reported an error", "Press Connect if the call stops."))
    if event.kind == "invalid_setting" and event.choices:
        title, hint = "This voice is not available", "Choose one of the voices in the list, then press Connect."
    elif not fatal and event.kind in ("invalid_setting", "server", "auth", "capacity"):
        hint = "The call goes on."
    named = f" ({event.param})" if event.param else ""
    detail = f" The service says: {event.message[:200]}" if event.message and not event.choices else ""
    return Notice(
        tone="error" if fatal else "warn",
        code=f"fault_{event.kind}",
        title=title + named,
        hint=hint + detail,
        retry=event.retryable or event.kind in ("invalid_setting", "expired"),
        until="" if fatal else "reply" if event.kind in PASSING else "call",
    )


def closed(reason: CloseReason, code: int) -> Notice:
    """Words for a socket that closed."""
    tone = "info" if reason.kind == "ended" else "error"
    return Notice(tone=tone, code=f"closed_{code}", title=reason.title, hint=reason.hint, retry=reason.retryable)


OPEN_TIMEOUT = error(
    "open_timeout",
    "The voice service does not answer",
    "A firewall may block WebSockets, or the service is down. Press Connect to try again.",
)


def socket_blocked(reason: str) -> Notice:
    """Words for a socket that the page's own policy does not let out; see `blocked` in network.js."""
    return error(
        "socket_policy",
        "This page may not connect to the voice service",
        f"Its security policy does not list {reason.removeprefix(BLOCKED)[:100]}. The site's owner adds that to connect in agent.toml.",
        retry=False,
    )


READY_TIMEOUT = error("ready_timeout", "The voice service did not get ready in time", "Press Connect to try again.")
TEXT_TOO_LONG = Notice(
    tone="warn",
    code="text_too_long",
    title="This message is too long",
    hint="Shorten it and send it again.",
    until="reply",
)


def preconnect_audio_dropped(dropped_ms: int, limit_ms: int) -> Notice:
    """More was said before the call was live than is kept."""
    return Notice(
        tone="warn",
        code="preconnect_audio_dropped",
        title=f"The first {max(1, round(dropped_ms / 1000))} s of what you said were lost",
        hint=f"Before a call only the last {limit_ms / 1000:g} s are kept. Say it again.",
        until="call",
    )


LINE_LOST = Notice(
    tone="warn",
    code="line_lost",
    title="The connection was lost",
    hint="Reconnecting. A few seconds of what you say meanwhile are kept.",
    until="call",
)
LINE_SILENT = error("line_silent", "The voice service went silent", "Check that you are online, then press Connect.")
CONTEXT_LOST = Notice(
    tone="warn",
    code="context_lost",
    title="Connected again, in a new conversation",
    hint="The agent does not know what was said before.",
    until="call",
)
# Lines in the transcript between the sessions of one call.
MARK_CONTEXT_LOST = "Context lost: the connection broke, and the agent does not know what was said before."
MARK_HISTORY = "The connection broke. In the new conversation the agent was told what was said."

AGENT_LATE = Notice(
    tone="warn",
    code="agent_late",
    title="The agent has not joined yet",
    hint="You are connected, and the call goes on as soon as it does.",
    until="call",
)
NOT_SENT_LINE_LOST = Notice(
    tone="warn",
    code="not_sent_line_lost",
    title="Your message was not sent",
    hint="The connection is being restored. Send it again in a moment.",
    until="reply",
)
REPLY_REFUSED = Notice(
    tone="warn",
    code="reply_refused",
    title="The agent could not answer",
    hint="The voice service is busy with another reply. Say it again.",
    until="reply",
)
TOOL_CIRCLE = Notice(
    tone="warn",
    code="tool_circle",
    title="The agent was stopped",
    hint="It called its tools again and again without saying anything. Say what you want it to do.",
    until="call",
)
TOOL_CIRCLE_ENDED = error(
    "tool_circle", "The agent called its tools without end", "The call was ended. Press Connect to start a new one."
)
AUDIO_UNREADABLE = Notice(
    tone="warn",
    code="audio_unreadable",
    title="Some of the agent's voice could not be played",
    hint="The voice service sent sound that cannot be read. What was said can be read in the conversation.",
    until="call",
)
TALK_TOO_SHORT = Notice(
    tone="info",
    code="talk_too_short",
    title="Too short to be sent",
    hint="Hold the button for as long as you speak.",
    until="reply",
)
TALK_NO_SOUND = Notice(
    tone="warn",
    code="talk_no_sound",
    title="Nothing was sent",
    hint="No sound came from the microphone.",
    until="reply",
)
TALK_CANCELLED = Notice(
    tone="info",
    code="talk_cancelled",
    title="What you said was not sent",
    hint="Hold the button and say it again.",
    until="reply",
)
TALK_PARTLY_SENT = Notice(
    tone="info",
    code="talk_partly_sent",
    title="What you said was not finished",
    hint="The agent heard a part of it and may answer. Hold the button and say it again.",
    until="reply",
)
IDLE_CODE = "idle"
IDLE_END = Notice(
    tone="info",
    code="idle_end",
    title="The call ended because nobody spoke",
    hint="Press Connect to call again.",
    retry=True,
)


def idle(seconds: int) -> Notice:
    """Nobody has spoken for long."""
    return Notice(
        tone="warn",
        code=IDLE_CODE,
        title="Are you still there?",
        hint=f"Nobody has spoken for a while. The call ends in {seconds} seconds.",
        until="call",
    )


HEARS_ITSELF = Notice(
    tone="warn",
    code="hears_itself",
    title="The agent hears itself",
    hint="Use headphones, or have the microphone off while the agent speaks.",
    until="call",
)
TALK_MUTED = Notice(
    tone="warn",
    code="talk_muted",
    title="Your microphone is muted",
    hint="Unmute it, then hold the button and speak.",
    until="call",
)


def gave_up(cause: Notice) -> Notice:
    """Words for an outage that lasted too long. The last attempt's reason is named."""
    return error("reconnect_failed", "The connection could not be restored", f"{cause.title}. {cause.hint}")


def bad_setting(problem: str) -> Notice:
    return Notice(tone="warn", code="bad_setting", title="This setting cannot be used", hint=problem)


def bad_grant(problem: str) -> Notice:
    return error("token_unusable", "The server's answer cannot be used", problem)


def next_call(names: tuple[str, ...]) -> Notice:
    """Wishes that must wait."""
    spoken = " and ".join(name.replace("_", " ") for name in names)
    return Notice(
        tone="info",
        code="takes_effect_next_call",
        title=f"The new {spoken} takes effect next call",
        hint="It cannot be changed while a call is running.",
    )


def wrap_up(seconds: int) -> Notice:
    return Notice(
        tone="warn",
        code="wrap_up",
        title=f"This call ends in {seconds} seconds",
        hint="Its time limit is nearly reached.",
        retry=False,
        until="call",
    )


TIME_LIMIT = Notice(
    tone="info",
    code="time_limit",
    title="The call reached its time limit",
    hint="Press Connect to start a new one.",
    retry=True,
)

SERVER_ENDED = Notice(tone="info", code="server_ended", title="The agent ended the call", retry=True)
