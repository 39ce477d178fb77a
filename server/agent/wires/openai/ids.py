"""Names of replies, items and calls, as this protocol spells them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from server.agent.events import IdKind

__all__ = ["make_id"]

_PREFIXES: Mapping[IdKind, str] = {"reply": "resp_", "item": "item_", "call": "call_"}


def make_id(kind: IdKind) -> str:
    return _PREFIXES[kind] + secrets.token_hex(12)
