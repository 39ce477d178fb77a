"""Authentication: who may open an AssemblyAI session, and how the others are refused (protocol file sections 1.2, 2
and 2.1).
"""

from __future__ import annotations

import time
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from server.agent.hub import Hub
from server.agent.scenarios import Scenario
from server.agent.tokens import Grant, account_of, bearer_key

__all__ = ["authenticate", "refusal", "refused_key"]

_MAX_SESSION_S = 10_800
_NO_STORE = {"Cache-Control": "no-store"}


def authenticate(hub: Hub, scenario: Scenario, token: str, authorization: str) -> Grant | None:
    """A token in the query, or a key (or resume token) in the header; None for anything that is not good."""
    now_s = time.time()
    if scenario.refuse:
        return None
    if token:
        granted = hub.tokens.redeem(token, now_s=now_s, reusable=scenario.token_reuse)
        return granted or _from_resume_token(hub, token, now_s)
    key = bearer_key(authorization)
    resumed = _from_resume_token(hub, key, now_s)
    if resumed is not None:
        return resumed
    allowed = hub.options.api_keys
    if not key or (allowed and key not in allowed):
        return None
    return Grant(account=account_of(key), expires_at_s=now_s, max_session_s=_MAX_SESSION_S)


def refused_key(request: Request, hub: Hub) -> JSONResponse | None:
    """How a route tells that the header is missing or the key is wrong (section 1.1); None when it is good."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        missing = {"type": "missing", "loc": ["header", "authorization"], "msg": "Field required", "input": None}
        return JSONResponse({"detail": [missing]}, status_code=422, headers=_NO_STORE)
    key = bearer_key(authorization)
    if not key or (hub.options.api_keys and key not in hub.options.api_keys):
        return JSONResponse({"detail": "Invalid API key"}, status_code=404, headers=_NO_STORE)
    return None


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
