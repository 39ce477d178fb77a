"""Authentication: the route for ephemeral keys, and the key that a socket brings.

Protocol file sections 1, 2, 3 and 9.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.websockets import WebSocket

from server.agent.hub import Hub
from server.agent.scenarios import Scenario
from server.agent.tokens import Grant, account_of, bearer_key
from server.agent.wires.guard import MAX_BYTES, NotAMessage, parse
from server.agent.wires.openai.config import DEFAULT_MODEL, Config
from server.agent.wires.openai.errors import Refused

__all__ = ["MAX_SESSION_S", "Visitor", "authenticate", "mint", "visitor_of"]

MAX_SESSION_S = 3600
_PREFIX = "ek_"
_KEY_PROTOCOL = "openai-insecure-api-key."
_BETA_PROTOCOL = "openai-beta."
_NO_STORE = {"Cache-Control": "no-store"}
# What a key route that refuses is likely to say with each status.
_REFUSALS = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "forbidden", "This key may not mint secrets."),
    429: ("insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What a handshake says: the key (never shown), the sub-protocol to select (None: none was offered),
    and if it is beta.
    """

    key: str
    protocol: str | None
    beta: bool

    def __repr__(self) -> str:
        return f"Visitor(protocol={self.protocol!r}, beta={self.beta!r})"


def visitor_of(socket: WebSocket) -> Visitor:
    """Section 2: the key stands in a sub-protocol, else in the header."""
    offered: Sequence[str] = socket.scope.get("subprotocols") or ()
    keys = [name.removeprefix(_KEY_PROTOCOL) for name in offered if name.startswith(_KEY_PROTOCOL)]
    return Visitor(
        key=keys[0] if keys else bearer_key(socket.headers.get("authorization", "")),
        protocol="realtime" if "realtime" in offered else None,
        beta=any(name.startswith(_BETA_PROTOCOL) for name in offered) or "openai-beta" in socket.headers,
    )


def authenticate(hub: Hub, scenario: Scenario, key: str) -> Grant | None:
    """The grant behind an ephemeral key (good for several sessions) or an API key; None for anything else."""
    if scenario.refuse or not key:
        return None
    now_s = time.time()
    if key.startswith(_PREFIX):
        return hub.secrets.redeem(key, now_s=now_s, reusable=True)
    if hub.options.api_keys and key not in hub.options.api_keys:
        return None
    return Grant(account=account_of(key), expires_at_s=now_s, max_session_s=MAX_SESSION_S)


async def mint(request: Request, hub: Hub) -> JSONResponse:
    """POST /v1/realtime/client_secrets (section 1)."""
    refused = hub.refused_mint()
    key = bearer_key(request.headers.get("authorization", ""))
    if refused or not key or key.startswith(_PREFIX) or (hub.options.api_keys and key not in hub.options.api_keys):
        status = refused or 401
        kind, code, message = _REFUSALS.get(status, ("server_error", "server_error", "The server had an error."))
        return _error(status, Refused(code, message, kind=kind))
    try:
        body = await _body(request)
        seconds = _seconds(body.get("expires_after"))
        bound = body.get("session")
        model = bound.get("model") if isinstance(bound, dict) else None
        # The session's id and end belong to a socket that does not exist yet.
        config = Config("sess_" + secrets.token_hex(12), model if isinstance(model, str) else DEFAULT_MODEL, 0)
        if bound is not None:
            config.update(bound)
    except Refused as problem:
        return _error(400, problem)
    hub.recognizer.prewarm()
    expires_at_s = int(time.time()) + seconds
    asked = request.query_params.get("scenario", "") if hub.options.allow_scenario_query else ""
    grant = Grant(
        account=account_of(key),
        expires_at_s=expires_at_s,
        max_session_s=MAX_SESSION_S,
        scenario=asked,
        bound=bound or {},
    )
    answer = {"value": hub.secrets.mint(grant), "expires_at": expires_at_s, "session": config.echo()}
    return JSONResponse(answer, headers=_NO_STORE)


async def _body(request: Request) -> dict[str, Any]:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_BYTES:
            raise Refused("invalid_value", "The request body is too large.")
    if not data.strip():
        return {}
    try:
        body = parse(data.decode("utf-8", errors="replace"))
    except NotAMessage as error:
        raise Refused("invalid_json", "We could not parse the JSON body of your request.") from error
    for name in body:
        if name not in ("expires_after", "session"):
            raise Refused("unknown_parameter", f"Unknown parameter: '{name[:100]}'.", name[:100])
    return body


def _seconds(given: Any) -> int:
    if given is None:
        return 600
    if not isinstance(given, dict) or given.get("anchor", "created_at") != "created_at":
        raise Refused("invalid_value", "Invalid value for 'expires_after.anchor'.", "expires_after.anchor")
    seconds = given.get("seconds", 600)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 10 <= seconds <= 7200:
        message = "Invalid value for 'expires_after.seconds': expected 10 to 7200."
        raise Refused("invalid_value", message, "expires_after.seconds")
    return seconds


def _error(status: int, problem: Refused) -> JSONResponse:
    error = {"message": problem.message, "type": problem.kind, "param": problem.param, "code": problem.code}
    return JSONResponse({"error": error}, status_code=status, headers=_NO_STORE)
