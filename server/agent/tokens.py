"""Tokens: minted for a key, redeemed by a socket.

Opaque ones that are remembered, and signed ones that tell themselves.

Time is an argument (epoch seconds), so that a test can let a token grow old. AssemblyAI's protocol file section 1.2,
OpenAI's section 1, the SDK's section 1.1.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

__all__ = ["Grant", "SignedTokens", "TokenStore", "account_of", "bearer_key"]

# Nobody needs more unredeemed tokens than this; the oldest goes first, so that minting cannot fill the memory.
_MAX_TOKENS = 10_000


def account_of(api_key: str) -> str:
    """A name for the owner of a key from which the key cannot be read."""
    return sha256(api_key.encode()).hexdigest()[:16]


def bearer_key(authorization: str) -> str:
    """The key in an Authorization header, with or without the word Bearer."""
    scheme, _, rest = authorization.partition(" ")
    return (rest if scheme.lower() == "bearer" else authorization).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token allows: one session of `account`, opened before `expires_at_s`, lasting `max_session_s`.

    `bound` is the wire's own: what was configured when the token was minted.
    """

    account: str
    expires_at_s: float
    max_session_s: int
    scenario: str = ""
    bound: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_session_s < 1:
            raise ValueError("max_session_s must be at least 1")


class TokenStore:
    """Knows which tokens are open. `reusable` as an argument of `redeem` because it is a switch of a scenario."""

    def __init__(self, *, prefix: str = "") -> None:
        self._prefix = prefix
        self._open: OrderedDict[str, Grant] = OrderedDict()

    def mint(self, grant: Grant, *, long: bool = False) -> str:
        """A new token.

        `long` makes it as long as the vendor's (about 2.5 kB), to try a client's and a proxy's limits.
        """
        token = self._prefix + secrets.token_urlsafe(1920 if long else 32)
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


class SignedTokens:
    """JSON web tokens, HS256, signed with a secret that lives as long as the process. Each is good for one session."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._used: OrderedDict[str, float] = OrderedDict()

    def mint(self, grant: Grant, *, now_s: float) -> str:
        """The grant in a token of its own."""
        claims = {
            "sub": grant.account,
            "iat": int(now_s),
            "exp": int(grant.expires_at_s),
            "jti": secrets.token_hex(16),
            "max_session_s": grant.max_session_s,
        }
        signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        """The claims of a token that this process signed, whatever its age; None for any other text."""
        if not token.isascii():
            return None
        signed, _, signature = token.rpartition(".")
        _, _, claims = signed.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        # What we signed is well formed, and always HS256: the header is not asked.
        return dict(json.loads(_unpacked(claims)))

    def redeem(self, token: str, *, now_s: float, reusable: bool = False) -> Grant | None:
        """The grant; None for a forged, late or used token."""
        claims = self._claims(token)
        if claims is None or now_s >= claims["exp"]:
            return None
        while self._used and (next(iter(self._used.values())) <= now_s or len(self._used) > _MAX_TOKENS):
            self._used.popitem(last=False)
        if claims["jti"] in self._used and not reusable:
            return None
        self._used[claims["jti"]] = float(claims["exp"])
        return Grant(
            account=claims["sub"],
            expires_at_s=claims["exp"],
            max_session_s=claims["max_session_s"],
        )

    def _signature(self, signed: str) -> str:
        return _packed(hmac.digest(self._secret, signed.encode(), "sha256"))


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _segment(value: Mapping[str, Any]) -> str:
    return _packed(json.dumps(value, separators=(",", ":")).encode())
