"""What does an error or a close code of AssemblyAI mean, for the session and for a person?

Protocol file section 6. Codes are compared in lower case: the documents spell some in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyclient.codecs.base import CloseReason
from pyclient.codecs.closecodes import standard, words
from pyclient.codecs.fields import MAX_TEXT_CHARS
from pyclient.core.events import SessionFaulted

MAX_CHOICES = 200

_CHOICES = re.compile(r"Must be one of:\s*(.+)", re.IGNORECASE | re.DOTALL)
_CHOICE_SPLIT = re.compile(r"[,\s'\"\[\]]+")

# The keys of a first update whose refusal closes the socket; refused later, or for another key, it stays open.
_CLOSING_PARAMS = frozenset({"output.voice", "agent_id", "llm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    kind: str
    retryable: bool = False
    closes: bool = False
    closes_before_ready: bool = False


_UNKNOWN = _Meaning(kind="unknown")

MEANINGS: Mapping[str, _Meaning] = MappingProxyType(
    {
        "unauthorized": _Meaning(kind="auth", retryable=True, closes=True),  # a fresh token may do
        "forbidden": _Meaning(kind="forbidden", closes=True),
        "at_capacity": _Meaning(kind="capacity", retryable=True, closes=True),
        "concurrency_exceeded": _Meaning(kind="capacity", retryable=True, closes=True),
        "server_error": _Meaning(kind="server", retryable=True, closes=True),
        "internal_error": _Meaning(kind="server", retryable=True, closes_before_ready=True),
        "agent_init_failed": _Meaning(kind="server", retryable=True, closes=True),
        "agent_timeout": _Meaning(kind="server", retryable=True, closes=True),
        "session_not_found": _Meaning(kind="not_resumable", retryable=True, closes=True),
        "session_forbidden": _Meaning(kind="not_resumable", closes=True),
        "session_expired": _Meaning(kind="expired", retryable=True, closes=True),
        "agent_not_found": _Meaning(kind="invalid_setting", closes=True),
        "agent_id_not_first": _Meaning(kind="immutable_setting"),
        "immutable_field": _Meaning(kind="immutable_setting"),
        "invalid_value": _Meaning(kind="invalid_setting", closes_before_ready=True),
        "invalid_config": _Meaning(kind="invalid_setting"),
        "invalid_webhook": _Meaning(kind="invalid_setting"),
        "invalid_format": _Meaning(kind="invalid_message"),
        "invalid_audio": _Meaning(kind="invalid_audio"),
        "audio_rate_violation": _Meaning(kind="rate"),
    }
)


def fault(code: str, message: str, param: str | None, was_ready: bool) -> SessionFaulted:
    """Classify one `session.error`. `was_ready`: the server had taken audio before."""
    meaning = MEANINGS.get(code.lower(), _UNKNOWN)
    closes = meaning.closes
    if meaning.closes_before_ready and not was_ready:
        # A bad tool schema is an `invalid_value` too, and leaves the socket open.
        closes = meaning.kind != "invalid_setting" or param in _CLOSING_PARAMS
    return SessionFaulted(
        kind=meaning.kind,
        code=code[:100],
        message=message[:MAX_TEXT_CHARS],
        param=param[:100] if param is not None else None,
        retryable=meaning.retryable,
        closes=closes,
        choices=choices(message) if meaning.kind == "invalid_setting" else (),
    )


def choices(message: str) -> tuple[str, ...]:
    """The live list in "... Must be one of: a, b, c", or nothing. Bounded, because it ends up in a menu."""
    match = _CHOICES.search(message[:20_000])
    if match is None:
        return ()
    words = (word.rstrip(".") for word in _CHOICE_SPLIT.split(match.group(1)))
    return tuple(dict.fromkeys(word for word in words if 0 < len(word) <= 60))[:MAX_CHOICES]


def close_reason(code: int, reason: str, was_ready: bool) -> CloseReason:
    """Close codes in words."""
    return words(code, reason, was_ready, known=_CLOSES, not_let_in=_NOT_LET_IN)


# Sections 2.1 and 15: in browsers a refused or used token looks like this.
_NOT_LET_IN = CloseReason(name="not_let_in", kind="auth", retryable=True)
_CLOSES: Mapping[int, CloseReason] = MappingProxyType(standard(1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013))
