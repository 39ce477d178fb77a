"""Close codes: the meanings that are the same on every wire.

RFC 6455 section 7.4.1 and the IANA registry of close codes. A codec picks the codes that its vendor's documents know,
adds its own, and has them looked up by `words`. A browser reports 1006 for any end without a close frame
and never says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyclient.codecs.base import CloseReason

_STANDARD: Mapping[int, CloseReason] = MappingProxyType(
    {
        1000: CloseReason(name="1000", kind="ended", retryable=True),
        1001: CloseReason(name="1001", kind="server", retryable=True),
        1005: CloseReason(name="1005", kind="server", retryable=True),
        1006: CloseReason(name="1006", kind="network", retryable=True),
        1008: CloseReason(name="1008", kind="policy", retryable=True),
        1009: CloseReason(name="1009", kind="too_large", retryable=False),
        1011: CloseReason(name="1011", kind="server", retryable=True),
        1012: CloseReason(name="1012", kind="server", retryable=True),
        1013: CloseReason(name="1013", kind="server", retryable=True),
    }
)
_BEFORE_THE_CALL = CloseReason(name="before_the_call", kind="server", retryable=True)

TOKEN_REFUSED = CloseReason(name="token_refused", kind="auth", retryable=True)


def standard(*codes: int) -> dict[int, CloseReason]:
    """The words for these standard codes. Raises `KeyError` for a code that no wire shares."""
    return {code: _STANDARD[code] for code in codes}


def words(
    code: int, reason: str, was_ready: bool, *, known: Mapping[int, CloseReason], not_let_in: CloseReason
) -> CloseReason:
    """One close for a person. `not_let_in` is what 1006 means before the call, `known` has the vendor's codes."""
    if code == 1006 and not was_ready:
        return not_let_in
    if code == 1000 and not was_ready:
        return _BEFORE_THE_CALL
    found = known.get(code)
    if found is not None:
        return found
    return CloseReason(name="unknown", kind="unknown", retryable=True, detail=reason[:120])
