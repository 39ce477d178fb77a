"""Who may open an AssemblyAI session, and how the others are told (protocol file sections 1.2, 2 and 2.1)."""

from __future__ import annotations

import time
from typing import Any

from server.agent.hub import Hub
from server.agent.scenarios import Scenario
from server.agent.tokens import Grant, account_of

__all__ = ["authenticate", "refusal"]

_MAX_SESSION_S = 10_800


def authenticate(hub: Hub, scenario: Scenario, token: str, authorization: str) -> Grant | None:
    """A token in the query, or a key (or resume token) in the header; None for anything that is not good."""
    now_s = time.time()
    if scenario.refuse:
        return None
    if token:
        granted = hub.tokens.redeem(token, now_s=now_s, reusable=scenario.token_reuse)
        return granted or _from_resume_token(hub, token, now_s)
    scheme, _, rest = authorization.partition(" ")
    key = (rest if scheme.lower() == "bearer" else authorization).strip()
    resumed = _from_resume_token(hub, key, now_s)
    if resumed is not None:
        return resumed
    allowed = hub.options.api_keys
    if not key or (allowed and key not in allowed):
        return None
    return Grant(account=account_of(key), expires_at_s=now_s, max_session_s=_MAX_SESSION_S)


def _from_resume_token(hub: Hub, token: str, now_s: float) -> Grant | None:
    """Section 10: session.ready's resume_token may open the socket that resumes the session."""
    session_id = hub.resume_tokens.pop(token, None)
    session = hub.find(session_id) if session_id else None
    if session is None:
        return None
    return Grant(account=session.account, expires_at_s=now_s, max_session_s=_MAX_SESSION_S)


def refusal(scenario: Scenario) -> tuple[dict[str, Any] | None, int | None]:
    """How a bad token is told: the fields of a session.error (or no event), and the close code (None: dropped)."""
    match scenario.auth:
        case "close_1008":
            return None, 1008
        case "drop":
            return None, None
    code = "UNAUTHORIZED" if scenario.auth == "upper" else "unauthorized"
    return {"code": code, "message": "Authentication failed", "session_id": None, "param": None}, 1008
