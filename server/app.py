"""What is wired to what. No decision is taken here.

CrossOriginAccess -> HostGuard -> routes: /api/*, /healthz, /agent/* -> everything else: the site
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from server import errors, mint
from server.agent.options import AgentOptions, from_env
from server.agent.routes import create_router as create_agent_router
from server.errors import API_HEADERS, ApiError
from server.logs import install_filters
from server.origins import CrossOriginAccess, HostGuard, refuse
from server.providers import check_choice
from server.settings import Settings, SettingsError
from server.site import Site

# Paths below these are never pages: an unknown one gets the JSON error.
_OWN_PREFIXES = ("/api", "/agent", "/healthz")


def create_app(
    settings: Settings,
    *,
    site_root: Path = Path("dist"),
    agent: AgentOptions | None = None,
    http_client: httpx.AsyncClient | None = None,
) -> FastAPI:
    """The whole server. Raises `SettingsError` for a PROVIDER that is not in the table, or a bad switch of the agent.

    `agent` replaces what the environment says about the local agent. `http_client` replaces the pooled client for calls
    to providers; whoever passes one closes it.
    """
    check_choice(settings)
    agent = agent or _agent_options(settings)
    install_filters(settings.secrets)
    client = http_client or _pooled_client(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if http_client is None:
                await client.aclose()

    # Without the generated documentation: its pages load scripts from a foreign host.
    app = FastAPI(
        title="Parley", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    errors.install_error_handlers(app)
    app.include_router(mint.create_router(mint.Mint(settings, client)))
    app.add_api_route("/healthz", _healthz, methods=["GET", "HEAD"], response_model=None)
    app.include_router(create_agent_router(agent), prefix="/agent")
    site = Site(site_root)
    app.state.site = site

    async def unrouted(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in _OWN_PREFIXES):
            await refuse(scope, receive, send, ApiError(404, "not_found", "There is nothing at this address."))
        else:
            await site(scope, receive, send)

    # Not a mount at "/": a mount takes every method, and a wrong one would be a 404 instead of the route's own 405.
    app.router.default = unrouted
    # The one added last is asked first: a page on a CDN must be able to read that ALLOWED_HOSTS lacks this server's name.
    app.add_middleware(HostGuard, settings=settings)
    app.add_middleware(CrossOriginAccess, origins=settings.allowed_origins)
    return app


def _agent_options(settings: Settings) -> AgentOptions:
    # The agent is handed the pages it may talk to and nothing else of ours; its own switches it reads itself.
    try:
        return from_env(allowed_origins=settings.allowed_origins)
    except ValueError as error:
        raise SettingsError(str(error)) from None


async def _healthz(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"}, headers=API_HEADERS)


def _pooled_client(settings: Settings) -> httpx.AsyncClient:
    """One for the life of the app; a new one per request is twenty times slower."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(settings.upstream_timeout_seconds, connect=settings.upstream_connect_timeout_seconds),
        limits=httpx.Limits(
            max_connections=settings.upstream_slots * 2, max_keepalive_connections=settings.upstream_slots
        ),
        follow_redirects=False,
        # A proxy from the environment is for the world outside, never for our own agent.
        mounts={f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")},
    )
