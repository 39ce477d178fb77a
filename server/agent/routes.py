"""Routes of the local agent: the vendors' own paths, and control routes for tests.

`create_router(options)` gives a router to mount under a prefix such as `/agent`. Errors of the token routes are
answered in each vendor's words (AssemblyAI's: its protocol file section 1.1), not in the outer application's shape.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response, WebSocket
from fastapi.responses import JSONResponse

from server.agent.cors import cors_route, preflight
from server.agent.hub import Hub
from server.agent.options import AgentOptions
from server.agent.scenario_names import NAMED, scenario_from_text
from server.agent.tokens import Grant, account_of, bearer_key
from server.agent.wires import assemblyai, openai, sdk_voice
from server.agent.wires.guard import NotAMessage, parse

__all__ = ["create_router"]

_log = logging.getLogger("parley.agent")

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_REST_DOORS = (
    "/v1/token",
    "/v1/agents",
    "/v1/agents/{agent_id}",
    "/v1/realtime/client_secrets",
    "/api/v1/sdk/token",
    "/api/v1/sdk/heartbeat",
)
_LIMITS = {"expires_in_seconds": (1, 600), "max_session_duration_seconds": (60, 10_800)}
_MAX_SESSION_S = 10_800
_NO_STORE = {"Cache-Control": "no-store"}


def create_router(options: AgentOptions) -> APIRouter:
    """Three vendors' routes; with `allow_control` also /_scenario and /_sessions.

    AssemblyAI: GET /v1/token, /v1/agents, WS /v1/ws and /v1/voice. OpenAI: POST /v1/realtime/client_secrets, WS
    /v1/realtime. SDK: POST /api/v1/sdk/token and /api/v1/sdk/heartbeat, WS /api/v1/sdk/ws.
    """
    hub = Hub(options)
    agents = assemblyai.StoredAgents()

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        if options.prewarm:
            hub.recognizer.prewarm()
            hub.voice.prewarm()
        try:
            yield
        finally:
            hub.close()

    router = APIRouter(lifespan=lifespan, route_class=cors_route(options.allowed_origins))
    stored = assemblyai.AgentRoutes(hub, agents)
    router.add_api_route("/v1/agents", stored.collection, methods=["GET", "POST"], response_model=None)
    router.add_api_route("/v1/agents/{agent_id}", stored.one, methods=["GET", "PUT", "DELETE"], response_model=None)
    for path in _REST_DOORS:
        router.add_api_route(path, preflight, methods=["OPTIONS"], response_model=None)

    @router.get("/v1/token")
    async def token(request: Request) -> JSONResponse:
        return _mint(request, hub)

    @router.websocket("/v1/ws")
    @router.websocket("/v1/voice")
    async def talk(socket: WebSocket) -> None:
        if not _origin_allowed(socket, options):
            # Before `accept`, this is an HTTP 403.
            await socket.close(1008)
            return
        await assemblyai.serve(socket, hub, agents)

    @router.post("/v1/realtime/client_secrets")
    async def client_secrets(request: Request) -> JSONResponse:
        return await openai.mint(request, hub)

    @router.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        if _origin_allowed(socket, options):
            await openai.serve(socket, hub)
        else:
            await socket.close(1008)

    @router.post("/api/v1/sdk/token")
    async def sdk_token(request: Request) -> JSONResponse:
        return sdk_voice.mint(request, hub)

    @router.post("/api/v1/sdk/heartbeat")
    async def sdk_heartbeat(request: Request) -> JSONResponse:
        return sdk_voice.heartbeat(request, hub)

    @router.websocket("/api/v1/sdk/ws")
    async def sdk_ws(socket: WebSocket) -> None:
        if _origin_allowed(socket, options):
            await sdk_voice.serve(socket, hub)
        else:
            await socket.close(1008)

    if options.allow_control:
        _add_control(router, hub)
    return router


def _mint(request: Request, hub: Hub) -> JSONResponse:
    refused = hub.refused_mint()
    if refused:
        return JSONResponse({"detail": "Refused"}, status_code=refused, headers=_NO_STORE)
    problems: list[dict[str, Any]] = []
    expires_in = _query_int(request, "expires_in_seconds", None, problems)
    max_session = _query_int(request, "max_session_duration_seconds", _MAX_SESSION_S, problems)
    authorization = request.headers.get("authorization")
    if authorization is None:
        problems.append({"type": "missing", "loc": ["header", "authorization"], "msg": "Field required", "input": None})
    if problems or expires_in is None or max_session is None or authorization is None:
        return JSONResponse({"detail": problems}, status_code=422, headers=_NO_STORE)
    key = bearer_key(authorization)
    if not key or (hub.options.api_keys and key not in hub.options.api_keys):
        return JSONResponse({"detail": "Invalid API key"}, status_code=404, headers=_NO_STORE)
    # Somebody is about to talk: have the recognizers ready by then.
    hub.recognizer.prewarm()
    asked = request.query_params.get("scenario", "") if hub.options.allow_scenario_query else ""
    scenario = hub.coming_scenario()
    if asked:
        try:
            scenario = scenario_from_text(asked)
        except ValueError:
            asked = ""
    grant = Grant(
        account=account_of(key),
        expires_at_s=time.time() + expires_in,
        max_session_s=max_session,
        scenario=asked,
    )
    minted = hub.tokens.mint(grant, long=scenario.long_token)
    return JSONResponse({"token": minted, "expires_in_seconds": expires_in}, headers=_NO_STORE)


def _query_int(request: Request, name: str, default: int | None, problems: list[dict[str, Any]]) -> int | None:
    """A whole number within `_LIMITS`; otherwise None and an entry in `problems` as the vendor's framework words it."""
    low, high = _LIMITS[name]
    loc = ["query", name]
    text = request.query_params.get(name)
    if text is None:
        if default is None:
            problems.append({"type": "missing", "loc": loc, "msg": "Field required", "input": None})
        return default
    try:
        if len(text) > 20 or not text.strip().lstrip("+-").isascii():
            raise ValueError(text)
        value = int(text)
    except ValueError:
        message = "Input should be a valid integer, unable to parse string as an integer"
        problems.append({"type": "int_parsing", "loc": loc, "msg": message, "input": text[:100]})
        return None
    for broken, kind, words, key, limit in (
        (value < low, "greater_than_equal", "greater than or equal to", "ge", low),
        (value > high, "less_than_equal", "less than or equal to", "le", high),
    ):
        if broken:
            message = f"Input should be {words} {limit}"
            problems.append({"type": kind, "loc": loc, "msg": message, "input": text, "ctx": {key: limit}})
            return None
    return value


def _origin_allowed(socket: WebSocket, options: AgentOptions) -> bool:
    """Programs send no Origin. A browser's must be our own host, or one that was allowed."""
    origins = socket.headers.getlist("origin")
    if not origins:
        return True
    if len(origins) > 1:
        return False
    origin = origins[0]
    if origin in options.allowed_origins:
        return True
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return False
    host = socket.headers.get("host", "")
    try:
        own = urlsplit(f"{parts.scheme}://{host}")
        default = _DEFAULT_PORTS[parts.scheme]
        return bool(parts.hostname) and (parts.hostname, parts.port or default) == (own.hostname, own.port or default)
    except ValueError:
        return False


def _add_control(router: APIRouter, hub: Hub) -> None:
    """Routes for tests: they choose faults and read what was said."""

    @router.post("/_scenario")
    async def set_scenario(request: Request) -> JSONResponse:
        """`{"scenario": name or {switch: value}, "sessions": n}`: the next n sockets (default 1) behave so.

        A list of scenarios is acted out in turn, n sockets each.
        """
        body = await request.body()
        try:
            given = parse(body[: 1 << 20].decode("utf-8", errors="replace"))
            wanted = given.get("scenario", "default")
            chosen = [
                scenario_from_text(one if isinstance(one, str) else json.dumps(one))
                for one in (wanted if isinstance(wanted, list) else [wanted])
            ]
            sessions = given.get("sessions", 1)
            if not isinstance(sessions, int) or not 0 <= sessions <= 10_000:
                raise ValueError("sessions is a number from 0 to 10000")
        except (NotAMessage, ValueError) as error:
            return JSONResponse({"detail": str(error)}, status_code=422)
        hub.set_scenarios(one for one in chosen for _ in range(sessions))
        return JSONResponse({"scenario": [one.name for one in chosen], "sessions": sessions})

    @router.get("/_scenarios")
    async def scenarios() -> JSONResponse:
        return JSONResponse({"scenarios": sorted(NAMED)})

    @router.get("/_sessions")
    async def sessions() -> JSONResponse:
        return JSONResponse({"sessions": hub.records.shown()}, headers=_NO_STORE)

    @router.get("/_sessions/{session_id}/audio")
    async def audio(session_id: str) -> Response:
        record = hub.records.find(session_id)
        if record is None:
            return JSONResponse({"detail": "no such session"}, status_code=404)
        return Response(record.wav(), media_type="audio/wav", headers=_NO_STORE)
