"""Close codes: the meanings that are the same on every wire.

RFC 6455 section 7.4.1 and the IANA registry of close codes. A codec picks the codes that its vendor's documents know,
adds its own, and has them looked up by `words`. A browser reports 1006 for any end without a close frame and never says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyclient.codecs.base import CloseReason

_STANDARD: Mapping[int, CloseReason] = MappingProxyType(
    {
        1000: CloseReason(
            title="The call is over", hint="The voice service ended it normally.", kind="ended", retryable=True
        ),
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
        1008: CloseReason(
            title="The voice service refused the session",
            hint="The token, the settings or the account's limits were not accepted. "
            "Press Connect again; if it stays so, check the server's API key and the settings.",
            kind="policy",
            retryable=True,
        ),
        1009: CloseReason(
            title="The voice service refused a message as too large",
            hint="Shorten the prompt or the tool descriptions, then press Connect.",
            kind="too_large",
            retryable=False,
        ),
        1011: CloseReason(
            title="The voice service failed",
            hint="The fault is on its side. Press Connect to try again.",
            kind="server",
            retryable=True,
        ),
        1012: CloseReason(
            title="The voice service is restarting",
            hint="Wait a few seconds, then press Connect.",
            kind="server",
            retryable=True,
        ),
        1013: CloseReason(
            title="The voice service is too busy",
            hint="Wait a little, then press Connect.",
            kind="server",
            retryable=True,
        ),
    }
)
_BEFORE_THE_CALL = CloseReason(
    title="The voice service closed before the call began",
    hint="Press Connect to try again.",
    kind="server",
    retryable=True,
)

TOKEN_REFUSED = CloseReason(
    title="The voice service did not accept the token",
    hint="Press Connect again: that fetches a fresh one. If it stays so, check the server's API key.",
    kind="auth",
    retryable=True,
)


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
    shown = f" ({reason[:120]})" if reason else ""
    return CloseReason(
        title=f"The voice service closed the connection with code {code}",
        hint=f"Press Connect to start again{shown}.",
        kind="unknown",
        retryable=True,
    )
