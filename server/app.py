"""What is wired to what. No decision is taken here.

AnswerWhenStopped -> CrossOriginAccess (-> HostGuard -> ForwardedHeaders) -> HostGuard -> routes: /api/*, /healthz,
/agent/* -> everything else: the site

/agent/* is there only where the local agent stands in for the vendors. Beside a vendor's key it would be an open
service that takes the machine away from the token route, so then its code is not even imported.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server import errors, mint
from server.errors import API_HEADERS, ApiError
from server.forwarded import ForwardedHeaders
from server.limits import RateLimit, TokenLimit
from server.logs import install_filters
from server.metrics import Metrics, metrics_route
from server.origins import CrossOriginAccess, HostGuard, refuse
from server.providers import PROVIDERS, check_choice, uses_local_agent
from server.settings import Settings, SettingsError
from server.sign_in import load_sign_in
from server.site import Site
from server.stopping import AnswerWhenStopped

if TYPE_CHECKING:
    from fastapi import APIRouter

    from server.agent.options import AgentOptions

# Paths below these are never pages: an unknown one gets the JSON error.
_OWN_PREFIXES = ("/api", "/agent", "/healthz", "/metrics")


def create_app(
    settings: Settings,
    *,
    site_root: Path = Path("dist"),
    agent: AgentOptions | None = None,
    http_client: httpx.AsyncClient | None = None,
) -> FastAPI:
    """The whole server.

    Raises `SettingsError` for a PROVIDER that is not in the table, a bad switch of the agent, or a SIGN_IN
    that cannot be imported.

    `agent` replaces what the environment says about the local agent, where that is used at all. `http_client`
    replaces the pooled client for calls to providers; whoever passes one closes it. `app.state.stop()` breaks off
    what waits for a provider.
    """
    check_choice(settings)
    local_agent = _local_agent(settings, agent) if uses_local_agent(settings) else None
    install_filters(settings.secrets)
    rate = _rate_limit(settings)
    sign_in = load_sign_in(settings.sign_in, settings.upstream_timeout_seconds) if settings.sign_in else None
    client = http_client or _pooled_client(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await rate.start()
        try:
            yield
        finally:
            await rate.close()
            if http_client is None:
                await client.aclose()

    # Without the generated documentation: its pages load scripts from a foreign host.
    app = FastAPI(title="Parley", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    if local_agent is not None:
        app.include_router(local_agent, prefix="/agent")
    app.router.redirect_slashes = False
    errors.install_error_handlers(app)
    metrics = Metrics()
    tokens = mint.Mint(settings, client, rate, metrics, sign_in)
    app.state.stop = tokens.asking.stop
    app.router.routes[:0] = [
        *mint.create_routes(tokens),
        Route("/healthz", _healthz, methods=["GET", "HEAD"]),
        Route("/metrics", metrics_route(metrics, settings), methods=["GET", "HEAD"]),
    ]
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
    # The one added last is asked first: a page on a CDN must be able to read that ALLOWED_HOSTS
    # lacks this server's name.
    app.add_middleware(HostGuard, settings=settings)
    if settings.trust_proxy:
        app.add_middleware(ForwardedHeaders)
        app.add_middleware(HostGuard, settings=settings)
    app.add_middleware(CrossOriginAccess, origins=settings.allowed_origins, credentials=sign_in is not None)
    app.add_middleware(AnswerWhenStopped)
    return app


def _local_agent(settings: Settings, options: AgentOptions | None) -> APIRouter:
    # Imported here: it brings numerics, a recogniser and a synthesiser along, 60 MB that a token server has no use for.
    try:
        from server.agent.options import from_env
        from server.agent.routes import create_router
    except ModuleNotFoundError as error:
        keys = ", ".join(line.variables[0] for line in PROVIDERS.values())
        raise SettingsError(
            f"the local agent needs a package that is not installed here ({error.name}). For a token server set a vendor's "
            f"key ({keys}); for the local agent install builder/locks/serve.txt too"
        ) from None

    if options is None:
        # The agent is handed the pages it may talk to and nothing else of ours; its own switches it reads itself.
        try:
            options = from_env(allowed_origins=settings.allowed_origins)
        except ValueError as error:
            raise SettingsError(str(error)) from None
    return create_router(options)


def _rate_limit(settings: Settings) -> TokenLimit:
    limits = {
        "per_client": settings.token_rate_per_client_per_minute,
        "total": settings.token_rate_total_per_minute,
    }
    redis_url = settings.redis_url
    if redis_url is None:
        return RateLimit(**limits)
    # Imported here: one process alone needs neither the library nor the Redis client.
    from server.shared_limits import SharedRateLimit

    try:
        return SharedRateLimit(redis_url, **limits, patience_s=settings.upstream_timeout_seconds)
    except (ValueError, TypeError):
        # Not the error's own words: they may quote the address, and that holds the password.
        text = "RATE_LIMIT_STORAGE: the Redis client does not understand an option behind the ? of this address"
        raise SettingsError(text) from None


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
