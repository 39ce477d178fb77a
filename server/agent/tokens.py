"""Single-use tokens: minted for a key, redeemed by a socket.

Time is an argument (epoch seconds), so that a test can let a token grow old. Protocol file section 1.2.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["Grant", "TokenStore", "account_of"]

# Nobody needs more unredeemed tokens than this; the oldest goes first, so that minting cannot fill the memory.
_MAX_TOKENS = 10_000


def account_of(api_key: str) -> str:
    """A name for the owner of a key from which the key cannot be read."""
    return sha256(api_key.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token allows: one session of `account`, opened before `expires_at_s`, lasting `max_session_s`."""

    account: str
    expires_at_s: float
    max_session_s: int
    scenario: str = ""

    def __post_init__(self) -> None:
        if self.max_session_s < 1:
            raise ValueError("max_session_s must be at least 1")


class TokenStore:
    """Knows which tokens are open. `reusable` as an argument of `redeem` because it is a switch of a scenario."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Grant] = OrderedDict()

    def mint(self, grant: Grant, *, long: bool = False) -> str:
        """A new token. `long` makes it as long as the vendor's (about 2.5 kB), to try a client's and a proxy's limits."""
        token = secrets.token_urlsafe(1920 if long else 32)
        self._open[token] = grant
        while len(self._open) > _MAX_TOKENS:
            self._open.popitem(last=False)
        return token

    def peek(self, token: str) -> Grant | None:
        """The grant behind a token, used up or not yet; None when unknown. Redeems nothing."""
        return self._open.get(token)

    def redeem(self, token: str, *, now_s: float, reusable: bool = False) -> Grant | None:
        """The grant, once; None for an unknown, used or late token."""
        grant = self._open.get(token)
        if grant is None:
            return None
        if not reusable or now_s >= grant.expires_at_s:
            del self._open[token]
        return grant if now_s < grant.expires_at_s else None
