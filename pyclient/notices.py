"""Notices: what people are told when something goes wrong, and what they can do about it.

Every notice has a title that says what happened and a hint that says what to do. Codes are stable: tests, style sheets
and support use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyclient.codecs import CloseReason
from pyclient.events import CaptureFailed, SessionFaulted, TokenRefused
from pyclient.view import NoticeView

MAX_TEXT_CHARS = 400
# How the reason of a socket begins that the page's policy forbids; the rest is its origin.
BLOCKED = "blocked by policy: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """See `NoticeView`. `until`: what ends its cause. "reply": the next complete reply, or the end of the call; "call": that end."""

    tone: str
    code: str
    title: str
    hint: str = ""
    retry: bool = False
    until: str = ""

    def __post_init__(self) -> None:
        if self.tone not in ("info", "warn", "error"):
            raise ValueError("tone must be info, warn or error")
        if self.until not in ("", "reply", "call"):
            raise ValueError("until must be empty, reply or call")

    def view(self) -> NoticeView:
        return {
            "tone": self.tone,
            "code": self.code,
            "title": self.title[:MAX_TEXT_CHARS],
            "hint": self.hint[:MAX_TEXT_CHARS],
            "retry": self.retry,
        }


def _error(code: str, title: str, hint: str, *, retry: bool = True) -> Notice:
    return Notice(tone="error", code=code, title=title, hint=hint, retry=retry)


_TOKEN: Mapping[int, Notice] = MappingProxyType(
    {
        0: _error(
            "token_unreachable",
            "The server cannot be reached",
            "Check that it is running and that you are online, then press Connect.",
        ),
        401: _error("token_401", "You are not signed in", "Sign in, then press Connect."),
        403: _error(
            "token_403",
            "The server does not allow calls from this page",
            "Something in front of the token server, or a rule of its own, refuses it. Tell the site's owner.",
            retry=False,
        ),
        404: _error(
            "token_404",
            "The server has no token route for this provider",
            "Check the provider and the token address in the settings.",
            retry=False,
        ),
        422: _error(
            "token_422",
            "The server refused the call's settings",
            "Check the time limits in the settings.",
            retry=False,
        ),
        429: _error("token_429", "Too many calls in a short time", "Wait a little, then press Connect."),
        500: _error("token_500", "The server is not set up for calls", "Look at its log, or at the name given here."),
        502: _error(
            "token_502",
            "The voice service refused the server",
            "Check the server's API key and whether the service is up, then press Connect.",
        ),
        503: _error("token_503", "The server is too busy", "Wait a few seconds, then press Connect."),
        504: _error("token_504", "The voice service did not answer the server in time", "Press Connect to try again."),
    }
)


# What is known better than by a status: by the code of our own refusal, or by what `browser.token_event` made of the answer.
_TOKEN_CODES: Mapping[str, Notice] = MappingProxyType(
    {
        "forbidden_origin": _error(
            "token_forbidden_origin",
            "The server does not allow calls from this page",
            "This page's address is not in ALLOWED_ORIGINS of the token server. Tell the site's owner.",
            retry=False,
        ),
        "forbidden_host": _error(
            "token_forbidden_host",
            "The server does not answer to this name",
            "The token server's own name is not in its ALLOWED_HOSTS. Tell the site's owner.",
            retry=False,
        ),
        "redirected": _error(
            "token_redirected", "You need to sign in", "Load this page again and sign in, then press Connect."
        ),
        "absent": _error(
            "token_absent",
            "There is no token server at this address",
            "Something else answers there. If your network asks you to sign in, do that; else tell the site's owner.",
        ),
        "offline": _error("token_offline", "You are offline", "Check your connection, then press Connect."),
        "policy": _error(
            "token_policy",
            "This page may not ask for a token",
            "The site's own security policy forbids it. Tell the site's owner.",
            retry=False,
        ),
    }
)


def token_refused(event: TokenRefused) -> Notice:
    """Words for an answer of the token route that holds no token."""
    if event.code in _TOKEN_CODES:
        return _TOKEN_CODES[event.code]
    known = _TOKEN.get(event.status) or _error(
        f"token_{event.status}",
        f"The server answered the request for a token with {event.status}",
        "Press Connect to try again.",
    )
    hint = known.hint
    if event.status == 429 and event.retry_after_s is not None and 0 < event.retry_after_s < 86_400:
        hint = f"Wait {max(1, round(event.retry_after_s))} seconds, then press Connect."
    if event.message:
        hint = f"{hint} The server says: {event.message[:200]}"
    return _error(known.code, known.title, hint, retry=known.retry)


# The build reads this table too (builder/start_texts.py): a page whose Python is not there yet says the same. So it is literal.
_CAPTURE: Mapping[str, tuple[str, str, bool]] = MappingProxyType(
    {
        "insecure": (
            "The microphone needs a secure page",
            "Open this page over https, or as http://localhost.",
            False,
        ),
        "unsupported": (
            "This browser cannot use the microphone",
            "Use a current Chrome, Edge, Firefox or Safari.",
            False,
        ),
        "denied": (
            "The microphone is blocked",
            "Allow it for this page in the browser's address bar, then press Connect.",
            True,
        ),
        "denied_by_system": (
            "The system keeps the microphone from this browser",
            "Allow it in the system's settings for privacy, then press Connect.",
            True,
        ),
        "forbidden": (
            "This page may not use the microphone",
            "The site's own settings forbid it, so the browser does not ask. Tell the site's owner.",
            False,
        ),
        "framed": (
            "This page may not use the microphone here",
            "The page around it does not pass the microphone on, or it is blocked in the browser. Open this page in a tab of its own.",
            True,
        ),
        "dismissed": ("The question about the microphone was closed", "Press Connect and choose Allow.", True),
        "not_found": ("No microphone was found", "Plug one in or switch it on, then press Connect.", True),
        "busy": ("The microphone is in use", "Close the other program that uses it, then press Connect.", True),
        "overconstrained": ("The chosen microphone is not available", "Choose another one, then press Connect.", True),
        "no_worklet": (
            "This browser cannot process sound in the background",
            "Use a current Chrome, Edge, Firefox or Safari.",
            False,
        ),
        "context_suspended": (
            "The browser keeps the sound switched off",
            "Plug in or switch on a speaker, click into the page and press Connect.",
            True,
        ),
        "ended": ("The microphone went away", "Plug it in again or choose another one, then press Connect.", True),
        "silent": (
            "No sound comes from the microphone",
            "Check that it is not switched off at the device or in the system's settings.",
            True,
        ),
        "unknown": ("The microphone or the speaker cannot be used", "Press Connect to try again.", True),
    }
)


def capture_failed(event: CaptureFailed) -> Notice:
    """Words for a microphone or speaker that cannot be used."""
    known = event.kind in _CAPTURE and event.kind != "unknown"
    title, hint, retry = _CAPTURE[event.kind if known else "unknown"]
    if not known and event.detail:
        hint = f"{hint} The browser says: {event.detail[:200]}"
    tone = "error" if event.fatal else "warn"
    until = "" if event.fatal else "call"
    return Notice(tone=tone, code=f"mic_{event.kind[:40]}", title=title, hint=hint, retry=retry, until=until)


_FAULT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "auth": ("The voice service did not accept the token", "Press Connect again: that fetches a fresh one."),
        "forbidden": ("The voice service does not allow this", "The server's API key lacks the permission for it."),
        "capacity": ("The voice service has no room for another call", "Wait a little, then press Connect."),
        "expired": ("The call reached its time limit", "Press Connect to start a new one."),
        "not_resumable": ("The call cannot be continued", "Press Connect to start a new one."),
        "invalid_setting": ("The voice service refused a setting", "Change it, then press Connect."),
        "immutable_setting": ("A setting cannot be changed during a call", "It takes effect with the next call."),
        "invalid_message": ("The voice service did not understand a message", "The call goes on."),
        "invalid_audio": ("The voice service could not read some audio", "The call goes on."),
        "rate": ("Audio was sent too fast and partly dropped", "The call goes on. Keep this page in the foreground."),
        "server": ("The voice service failed", "Press Connect to try again."),
        "reply": ("The agent could not answer", "Say it again."),
    }
)


def fault(event: SessionFaulted, fatal: bool) -> Notice:
    """Words for an error that the server reported."""
    title, hint = _FAULT.get(event.kind, ("The voice service reported an error", "Press Connect if the call stops."))
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
        until="" if fatal else "reply" if event.kind in _PASSING else "call",
    )


# Faults that say nothing of the rest of the call: a complete reply shows that it went on well.
_PASSING = frozenset({"capacity", "invalid_message", "invalid_audio", "rate", "server", "reply", "unknown"})


def closed(reason: CloseReason, code: int) -> Notice:
    """Words for a socket that closed."""
    tone = "info" if reason.kind == "ended" else "error"
    return Notice(tone=tone, code=f"closed_{code}", title=reason.title, hint=reason.hint, retry=reason.retryable)


OPEN_TIMEOUT = _error(
    "open_timeout",
    "The voice service does not answer",
    "A firewall may block WebSockets, or the service is down. Press Connect to try again.",
)


def socket_blocked(reason: str) -> Notice:
    """Words for a socket that the page's own policy does not let out; see `blocked` in network.js."""
    return _error(
        "socket_policy",
        "This page may not connect to the voice service",
        f"Its security policy does not list {reason.removeprefix(BLOCKED)[:100]}. The site's owner adds that to connect in agent.toml.",
        retry=False,
    )


READY_TIMEOUT = _error("ready_timeout", "The voice service did not get ready in time", "Press Connect to try again.")
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
LINE_SILENT = _error("line_silent", "The voice service went silent", "Check that you are online, then press Connect.")
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
TOOL_CIRCLE_ENDED = _error(
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
TALK_MUTED = Notice(
    tone="warn",
    code="talk_muted",
    title="Your microphone is muted",
    hint="Unmute it, then hold the button and speak.",
    until="call",
)


def gave_up(cause: Notice) -> Notice:
    """Words for an outage that lasted too long. The last attempt's reason is named."""
    return _error("reconnect_failed", "The connection could not be restored", f"{cause.title}. {cause.hint}")


def bad_setting(problem: str) -> Notice:
    return Notice(tone="warn", code="bad_setting", title="This setting cannot be used", hint=problem)


def bad_grant(problem: str) -> Notice:
    return _error("token_unusable", "The server's answer cannot be used", problem)


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
