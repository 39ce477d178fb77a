"""What does an error or a close code of the Realtime API mean, for the session and for a person?

Protocol file sections 3 and 9. Most errors leave the session open, and some of them are no news at all: whoever cancels
a reply races with its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyclient.codecs.base import CloseReason
from pyclient.codecs.closecodes import TOKEN_REFUSED, standard, words
from pyclient.codecs.fields import MAX_TEXT_CHARS, Fields, optional_text
from pyclient.core.events import Event, MessageIgnored, ReplyRefused, SessionFaulted

# Sent along with messages that may come too late to mean anything; an error repeats the id of what it complains of.
CANCEL_EVENT_ID = "parley_cancel"
TRUNCATE_EVENT_ID = "parley_truncate"
_MAY_FAIL = frozenset({CANCEL_EVENT_ID, TRUNCATE_EVENT_ID})
# Of a request for a reply that has instructions of its own: refused, it is repeated with them.
INSTRUCTED_EVENT_ID = "parley_instructed"

# Section 8.4: another response is being made.
_BUSY = "conversation_already_has_active_response"

_HARMLESS = frozenset(
    {
        "response_cancel_not_active",  # the reply had just ended by itself
        "input_audio_buffer_commit_empty",  # the key was pressed and released without a word
        "item_retrieve_invalid_item_id",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meaning:
    kind: str
    retryable: bool = False
    closes: bool = False


_UNKNOWN = _Meaning(kind="unknown")
_WRONG = _Meaning(kind="invalid_message")  # a setting or a message of ours: `param` tells which

MEANINGS: Mapping[str, _Meaning] = MappingProxyType(
    {
        "session_expired": _Meaning(kind="expired", retryable=True, closes=True),
        "invalid_api_key": _Meaning(kind="auth", retryable=True, closes=True),  # a fresh token may do
        "insufficient_quota": _Meaning(kind="forbidden", closes=True),
        "beta_api_shape_disabled": _Meaning(kind="invalid_message", closes=True),
        "rate_limit_exceeded": _Meaning(kind="capacity", retryable=True),
        "server_error": _Meaning(kind="server", retryable=True),
        "invalid_value": _WRONG,
        "invalid_event": _WRONG,
        "unknown_parameter": _WRONG,
        "missing_required_parameter": _WRONG,
        "invalid_request_error": _WRONG,
    }
)

# What was refused before the session was ready was a part of the first message: the agent would be without its prompt
# or its tools, and nobody would know.
_CLOSES_BEFORE_READY = frozenset({"invalid_setting", "invalid_message", "server", "unknown"})


def fault(error: Fields, was_ready: bool, instructions: str = "") -> Event:
    """Classify the `error` object of one error message. `was_ready`: the settings had been accepted before.

    `instructions`: those of the last request for a reply that had any.

    Section 12: a deviating server puts the code where the type belongs, and null where the code belongs.
    """
    code = (optional_text(error, "code", 100) or optional_text(error, "type", 100) or "unknown").lower()
    message = optional_text(error, "message", MAX_TEXT_CHARS)
    param = optional_text(error, "param", 100) or None
    about_truncation = param is not None and param.endswith("audio_end_ms")
    if (
        code in _HARMLESS
        or optional_text(error, "event_id", 100) in _MAY_FAIL
        or about_truncation
        or message.startswith("Cancellation failed")
    ):
        return MessageIgnored(type=f"error {code}"[:80])
    if code == _BUSY:
        instructed = optional_text(error, "event_id", 100) == INSTRUCTED_EVENT_ID
        return ReplyRefused(instructions=instructions if instructed else "")
    meaning = MEANINGS.get(code, _UNKNOWN)
    if meaning.kind == "unknown" and optional_text(error, "type", 100) == "server_error":
        meaning = MEANINGS["server_error"]
    kind = meaning.kind
    if meaning is _WRONG and param is not None and param.startswith("session"):
        kind = "invalid_setting"
    return SessionFaulted(
        kind=kind,
        code=code,
        message=message,
        param=param,
        retryable=meaning.retryable,
        closes=meaning.closes or (not was_ready and kind in _CLOSES_BEFORE_READY),
    )


def failed_reply(details: Fields) -> SessionFaulted:
    """`status_details` of a response that failed, or that stopped short of its end."""
    error = details.get("error")
    source: Fields = error if isinstance(error, dict) else {}
    reason = optional_text(details, "reason", 100)
    code = optional_text(source, "code", 100) or optional_text(source, "type", 100) or reason or "unknown"
    return SessionFaulted(
        kind="reply",
        code=code,
        message=optional_text(source, "message", MAX_TEXT_CHARS) or _STOPPED.get(reason, ""),
        retryable=code not in ("insufficient_quota", "content_filter"),
    )


_STOPPED: Mapping[str, str] = MappingProxyType(
    {
        "max_output_tokens": "The reply reached the greatest length that is set.",
        "content_filter": "The reply was stopped by the service's content filter.",
    }
)


def close_reason(code: int, reason: str, was_ready: bool) -> CloseReason:
    """Close codes in words.

    Section 3: a reason may name what the code does not, as "invalid_request_error.invalid_api_key".
    """
    named = _NAMED.get(reason.rpartition(".")[2].strip().lower())
    known = _CLOSES if named is None else {code: named}
    return words(code, reason, was_ready, known=known, not_let_in=_NOT_LET_IN)


# Section 3: a token that is refused at the door looks like this in a browser.
_NOT_LET_IN = CloseReason(name="not_let_in_or_model", kind="auth", retryable=True)
_NAMED: Mapping[str, CloseReason] = MappingProxyType(
    {
        "invalid_api_key": TOKEN_REFUSED,
        "session_expired": CloseReason(name="after_an_hour", kind="ended", retryable=True),
        "beta_api_shape_disabled": CloseReason(name="old_protocol", kind="policy", retryable=False),
    }
)

_CLOSES: Mapping[int, CloseReason] = MappingProxyType(
    {
        **standard(1000, 1005, 1006, 1008, 1009, 1011),
        1001: CloseReason(name="hourly", kind="server", retryable=True),
        3000: TOKEN_REFUSED,
        4000: CloseReason(name="refused", kind="policy", retryable=False),
    }
)
