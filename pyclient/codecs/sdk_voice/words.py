"""What do the errors, reasons and close codes of the raw-sound wire mean, for the session and for a person?

Protocol file sections 3 and 6. The documents pair each error code with a close code; which is which is inferred there,
so both are put into words here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pyclient.codecs.base import CloseReason
from pyclient.events import SessionFaulted

MAX_CODE_CHARS = 100
MAX_TEXT_CHARS = 500

# Section 3: an open set; these four are known.
_ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "agent_disconnected": "The agent left the call.",
        "session_closed": "The call was closed.",
        "room_closed": "The call was closed by the service.",
        "server_shutdown": "The voice service is shutting down.",
    }
)


def end_reason(reason: Any) -> str:
    """Why the service ended the session, in a sentence. A reason that nobody documented is shown as it came."""
    if not isinstance(reason, str):
        return ""
    return _ENDINGS.get(reason, reason[:MAX_CODE_CHARS])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    kind: str
    retryable: bool


# Section 6: the first two are mistakes of ours, the third may be cured by a fresh token, the fourth by waiting.
_MEANINGS: Mapping[str, _Meaning] = MappingProxyType(
    {
        "AUTH_TIMEOUT": _Meaning(kind="auth", retryable=False),
        "INVALID_AUTH": _Meaning(kind="auth", retryable=False),
        "AUTH_FAILED": _Meaning(kind="auth", retryable=True),
        "SESSION_SETUP_FAILED": _Meaning(kind="server", retryable=True),
    }
)
_UNKNOWN = _Meaning(kind="unknown", retryable=True)


def fault(code: Any, message: Any) -> SessionFaulted:
    """Classify one `error`. Each of them stands before a close."""
    named = code[:MAX_CODE_CHARS] if isinstance(code, str) and code else "unknown"
    meaning = _MEANINGS.get(named.upper(), _UNKNOWN)
    return SessionFaulted(
        kind=meaning.kind,
        code=named,
        message=message[:MAX_TEXT_CHARS] if isinstance(message, str) else "",
        retryable=meaning.retryable,
        closes=True,
    )


def close_reason(code: int, reason: str, was_ready: bool) -> CloseReason:
    """Close codes in words. 1006 says nothing of a refused token here: that one is told with a code of its own."""
    if code == 1000 and not was_ready:
        return CloseReason(
            title="The voice service closed before the call began",
            hint="Press Connect to try again.",
            kind="server",
            retryable=True,
        )
    if code == 1006 and not was_ready:
        return CloseReason(
            title="The voice service could not be reached",
            hint="Check that you are online and that no firewall blocks WebSockets, then press Connect.",
            kind="network",
            retryable=True,
        )
    known = _CLOSES.get(code)
    if known is not None:
        return known
    shown = f" ({reason[:120]})" if reason else ""
    return CloseReason(
        title=f"The voice service closed the connection with code {code}",
        hint=f"Press Connect to start again{shown}.",
        kind="unknown",
        retryable=True,
    )


_CLOSES: Mapping[int, CloseReason] = MappingProxyType(
    {
        1000: CloseReason(title="The call is over", hint="The agent left.", kind="ended", retryable=True),
        1001: CloseReason(
            title="The voice service is going away",
            hint="It is being restarted. Press Connect in a moment.",
            kind="server",
            retryable=True,
        ),
        1005: CloseReason(
            title="The voice service hung up without a reason",
            hint="Press Connect to start again.",
            kind="server",
            retryable=True,
        ),
        1006: CloseReason(
            title="The connection was lost",
            hint="The network or the service went away. Check that you are online, then press Connect.",
            kind="network",
            retryable=True,
        ),
        1011: CloseReason(
            title="The voice service failed",
            hint="The fault is on its side. Press Connect to try again.",
            kind="server",
            retryable=True,
        ),
        4001: CloseReason(
            title="The voice service waited in vain for the token",
            hint="This page was too slow or its connection is. Reload it; if it stays so, report it as a bug.",
            kind="auth",
            retryable=False,
        ),
        4002: CloseReason(
            title="The voice service did not understand the token message",
            hint="It may have changed its protocol. This has to be repaired in the page.",
            kind="auth",
            retryable=False,
        ),
        4003: CloseReason(
            title="The voice service did not accept the token",
            hint="Press Connect again: that fetches a fresh one. If it stays so, check the server's API key.",
            kind="auth",
            retryable=True,
        ),
        4500: CloseReason(
            title="The voice service could not set up the call",
            hint="Wait a moment, then press Connect.",
            kind="server",
            retryable=True,
        ),
    }
)
