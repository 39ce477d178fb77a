"""Notice texts: the shape of a notice, and the tables of what people are told about tokens, microphones and faults.

Codes are stable: tests, style sheets and support use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyclient.page.view import NoticeView

MAX_TEXT_CHARS = 400


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


def error(code: str, title: str, hint: str, *, retry: bool = True) -> Notice:
    return Notice(tone="error", code=code, title=title, hint=hint, retry=retry)


TOKEN: Mapping[int, Notice] = MappingProxyType(
    {
        0: error(
            "token_unreachable",
            "The server cannot be reached",
            "Check that it is running and that you are online, then press Connect.",
        ),
        401: error("token_401", "You are not signed in", "Sign in, then press Connect."),
        403: error(
            "token_403",
            "The server does not allow calls from this page",
            "Something in front of the token server, or a rule of its own, refuses it. Tell the site's owner.",
            retry=False,
        ),
        404: error(
            "token_404",
            "The server has no token route for this provider",
            "Check the provider and the token address in the settings.",
            retry=False,
        ),
        422: error(
            "token_422",
            "The server refused the call's settings",
            "Check the time limits in the settings.",
            retry=False,
        ),
        429: error("token_429", "Too many calls in a short time", "Wait a little, then press Connect."),
        500: error("token_500", "The server is not set up for calls", "Look at its log, or at the name given here."),
        502: error(
            "token_502",
            "The voice service refused the server",
            "Check the server's API key and whether the service is up, then press Connect.",
        ),
        503: error("token_503", "The server is too busy", "Wait a few seconds, then press Connect."),
        504: error("token_504", "The voice service did not answer the server in time", "Press Connect to try again."),
    }
)


# What is known better than by a status: by the code of our own refusal, or by what `browser.token_event` made of the answer.
TOKEN_CODES: Mapping[str, Notice] = MappingProxyType(
    {
        "forbidden_origin": error(
            "token_forbidden_origin",
            "The server does not allow calls from this page",
            "This page's address is not in ALLOWED_ORIGINS of the token server. Tell the site's owner.",
            retry=False,
        ),
        "forbidden_host": error(
            "token_forbidden_host",
            "The server does not answer to this name",
            "The token server's own name is not in its ALLOWED_HOSTS. Tell the site's owner.",
            retry=False,
        ),
        "redirected": error(
            "token_redirected", "You need to sign in", "Load this page again and sign in, then press Connect."
        ),
        "absent": error(
            "token_absent",
            "There is no token server at this address",
            "Something else answers there. If your network asks you to sign in, do that; else tell the site's owner.",
        ),
        "offline": error("token_offline", "You are offline", "Check your connection, then press Connect."),
        "policy": error(
            "token_policy",
            "This page may not ask for a token",
            "The site's own security policy forbids it. Tell the site's owner.",
            retry=False,
        ),
    }
)


# The build reads this table too (builder/start_texts.py): a page whose Python is not there yet says the same. So it is literal.
CAPTURE: Mapping[str, tuple[str, str, bool]] = MappingProxyType(
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
        "paused": ("The sound is paused", "The call goes on. Tap or click anywhere in the page to continue.", False),
        "ended": ("The microphone went away", "Plug it in again or choose another one, then press Connect.", True),
        "silent": (
            "No sound comes from the microphone",
            "Check that it is not switched off at the device or in the system's settings.",
            True,
        ),
        "unknown": ("The microphone or the speaker cannot be used", "Press Connect to try again.", True),
    }
)

FAULT: Mapping[str, tuple[str, str]] = MappingProxyType(
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

# Faults that say nothing of the rest of the call: a complete reply shows that it went on well.
PASSING = frozenset({"capacity", "invalid_message", "invalid_audio", "rate", "server", "reply", "unknown"})
