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
from pyclient.codecs.closecodes import TOKEN_REFUSED, standard, words
from pyclient.codecs.fields import MAX_TEXT_CHARS, Fields, optional_text
from pyclient.core.events import SessionFaulted

MAX_CODE_CHARS = 100

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


def fault(fields: Fields) -> SessionFaulted:
    """Classify one `error`. Each of them stands before a close."""
    named = optional_text(fields, "code", MAX_CODE_CHARS) or "unknown"
    meaning = _MEANINGS.get(named.upper(), _UNKNOWN)
    return SessionFaulted(
        kind=meaning.kind,
        code=named,
        message=optional_text(fields, "message", MAX_TEXT_CHARS),
        retryable=meaning.retryable,
        closes=True,
    )


def close_reason(code: int, reason: str, was_ready: bool) -> CloseReason:
    """Close codes in words. 1006 says nothing of a refused token here: that one is told with a code of its own."""
    return words(code, reason, was_ready, known=_CLOSES, not_let_in=_NOT_REACHED)


_NOT_REACHED = CloseReason(name="not_reached", kind="network", retryable=True)
_CLOSES: Mapping[int, CloseReason] = MappingProxyType(
    {
        **standard(1001, 1005, 1006, 1011),
        1000: CloseReason(name="agent_left", kind="ended", retryable=True),
        4001: CloseReason(name="token_late", kind="auth", retryable=False),
        4002: CloseReason(name="token_message", kind="auth", retryable=False),
        4003: TOKEN_REFUSED,
        4500: CloseReason(name="no_setup", kind="server", retryable=True),
    }
)
