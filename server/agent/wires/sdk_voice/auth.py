"""The REST routes of the SDK-style voice protocol (section 1): a key for a token, and whether the service is there."""

from __future__ import annotations

import time

from fastapi import Request
from fastapi.responses import JSONResponse

from server.agent.hub import Hub
from server.agent.tokens import Grant, account_of

__all__ = ["heartbeat", "mint"]

# Sections 1.1 and 6: five minutes to begin; how long a session may last is not documented.
_TOKEN_S = 300
_MAX_SESSION_S = 10_800
_NO_STORE = {"Cache-Control": "no-store"}
_DETAILS = {401: "Missing or invalid API key", 403: "Kiosk is inactive", 500: "Internal server error"}


def mint(request: Request, hub: Hub) -> JSONResponse:
    """POST /api/v1/sdk/token; whatever its body is, it does not matter."""
    refused = hub.refused_mint()
    key = _key(request, hub)
    if refused or key is None:
        return _error(refused or 401)
    hub.recognizer.prewarm()
    now_s = time.time()
    grant = Grant(account=account_of(key), expires_at_s=now_s + _TOKEN_S, max_session_s=_MAX_SESSION_S)
    return JSONResponse(
        {"token": hub.signed.mint(grant, now_s=now_s), "ws_url": _ws_url(request, hub)}, headers=_NO_STORE
    )


def heartbeat(request: Request, hub: Hub) -> JSONResponse:
    """POST /api/v1/sdk/heartbeat."""
    return JSONResponse({"status": "ok"}) if _key(request, hub) is not None else _error(401)


def _ws_url(request: Request, hub: Hub) -> str:
    """The socket beside this very route, as the caller named the host.

    A page over https of that host opens `wss://` only.
    """
    path = request.url.path.removesuffix("/token") + "/ws"
    over_https = request.headers.get("origin", "") == f"https://{request.url.netloc}"
    scheme = "wss" if request.url.scheme == "https" or over_https else "ws"
    url = request.url.replace(scheme=scheme, path=path, query="")
    asked = request.query_params.get("scenario", "")
    return str(url.include_query_params(scenario=asked) if asked and hub.options.allow_scenario_query else url)


def _key(request: Request, hub: Hub) -> str | None:
    """Section 1.1 knows only the form with Bearer."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or (hub.options.api_keys and key not in hub.options.api_keys):
        return None
    return key


def _error(status: int) -> JSONResponse:
    return JSONResponse({"detail": _DETAILS.get(status, "Error")}, status_code=status, headers=_NO_STORE)
