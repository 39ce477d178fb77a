"""Token route: how a browser gets a token. Three routes:

    POST /api/token        JSON body, all optional: provider, expires_in_seconds, max_session_duration_seconds
                           -> {provider, token, ws_url, expires_at, max_session_seconds}; the last is asked of the
                           vendor where it can be told, and otherwise for the page alone to keep
    GET  /api/voice-token  the same as query parameters, for pages written after the vendor's own sample -> {token}
    GET  /api/config       public facts: the default provider, all of them, limits, where the sockets are

The order of the checks is the point: Host (before any route), Origin, size, values, key, sign-in, rate, talk budget, a
free slot, and only then the provider. Whatever is refused has cost nothing upstream.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.audit import AuditEntry, audited
from server.errors import API_HEADERS, ApiError, UpstreamError
from server.limits import TokenLimit, UpstreamSlots, overloaded
from server.metrics import Metrics
from server.origins import TOKEN_PATH, check_origin, client_of, ws_origin_of
from server.providers import PROVIDERS, Endpoint, Minted, MintRequest, Provider, Upstream, choose
from server.providers.upstream import unusable
from server.settings import Settings
from server.sign_in import SignIn
from server.stopping import Interruptible
from server.talk_budget import TalkBudget

log = logging.getLogger("parley.mint")

MAX_BODY_BYTES = 1024

# Of the time for one token; who got a slot with less of it left is told to come again.
_LEAST_SHARE = 0.1

# A shorter key may well be part of a token by chance.
SHORTEST_KEY_LOOKED_FOR = 8

# Both ends included; the numbers are the vendor's (protocol file section 1).
RANGES = {"expires_in_seconds": (1, 600), "max_session_duration_seconds": (60, 10800)}
SHORTEST_CALL_S = RANGES["max_session_duration_seconds"][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A checked token request; None means: as the server is configured."""

    provider: str | None = None
    expires_in_seconds: int | None = None
    max_session_duration_seconds: int | None = None


def checked(values: Mapping[str, Any]) -> Asked:
    """Takes decoded values. Raises `ApiError` 422 naming the field and what it may hold."""
    for name, value in values.items():
        if name == "provider":
            if not isinstance(value, str) or value not in PROVIDERS:
                raise _bad(f"provider must be one of: {', '.join(PROVIDERS)}.")
        elif name in RANGES:
            low, high = RANGES[name]
            # True is an int to Python and a mistake to everyone else.
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise _bad(f"{name} must be a whole number from {low} to {high}.")
        else:
            known = ", ".join(("provider", *RANGES))
            raise _bad(f"{name[:40]!r} is not a known field; known are: {known}.")
    return Asked(**values)


async def asked_in_body(request: Request) -> Asked:
    """Reads a POST. Raises `ApiError` 413 or 422. An empty body asks for the defaults."""
    if request.url.query:
        raise _bad("POST takes its values in a JSON body, not in the address.")
    body = await _read_body(request)
    if not body.strip():
        return Asked()
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise _bad("The body must be JSON.") from None
    if not isinstance(values, dict):
        raise _bad("The body must be a JSON object.")
    return checked(values)


def asked_in_query(request: Request) -> Asked:
    """Reads a GET. Raises `ApiError` 422."""
    values: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name in values:
            raise _bad(f"{name[:40]!r} is given twice.")
        # Plain digits only: int() would also take "6_0", " 60" and digits of other scripts.
        values[name] = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else text
    return checked(values)


class Mint:
    """The token service of one app: settings, the pooled client, the limits.

    `asking.stop()` when the server is stopped.
    """

    def __init__(
        self,
        settings: Settings,
        http: httpx.AsyncClient,
        rate: TokenLimit,
        metrics: Metrics,
        sign_in: SignIn | None = None,
    ) -> None:
        self._settings = settings
        self._http = http
        self.asking = Interruptible()
        self._slots = UpstreamSlots(settings.upstream_slots, settings.upstream_max_waiting)
        self._rate = rate
        self._sign_in = sign_in
        minutes = settings.talk_budget_minutes_per_day
        self._budget = TalkBudget(rate, None if minutes is None else minutes * 60)
        self._metrics = metrics
        if minutes is not None:
            metrics.gauges += [
                ("parley_talk_budget_seconds", "The talk budget of a day.", lambda: minutes * 60),
                (
                    "parley_talk_taken_seconds",
                    "What tokens took of it, as this process last saw.",
                    lambda: self._budget.taken_s,
                ),
            ]
        metrics.gauges += [
            ("parley_upstream_busy", "Requests to a vendor under way.", lambda: self._slots.busy),
            (
                "parley_upstream_waiting",
                "Token requests that wait for their turn at a vendor.",
                lambda: self._slots.waiting,
            ),
        ]

    async def post_token(self, request: Request) -> JSONResponse:
        """`POST /api/token`."""
        with audited(request, self._metrics) as entry:
            check_origin(request.scope, self._settings)
            answer = await self._mint(request, await asked_in_body(request), entry)
            return JSONResponse(answer, headers=API_HEADERS | entry.headers)

    async def get_voice_token(self, request: Request) -> JSONResponse:
        """`GET /api/voice-token`."""
        with audited(request, self._metrics) as entry:
            check_origin(request.scope, self._settings)
            answer = await self._mint(request, asked_in_query(request), entry)
            return JSONResponse({"token": answer["token"]}, headers=API_HEADERS | entry.headers)

    async def get_config(self, request: Request) -> JSONResponse:
        """`GET /api/config`. `ready` is false, with `missing`, when a token request would be answered with 500.

        `provider` is the default. `providers` lists all that a request may name: {name, ready, local}, where `local`
        says that the local agent answers in the vendor's place.
        """
        settings = self._settings
        facts: dict[str, Any] = {
            "providers": [_standing(settings, name) for name in PROVIDERS],
            "limits": {
                "expires_in_seconds": _limits("expires_in_seconds", settings.token_expires_in_seconds),
                "max_session_duration_seconds": {
                    **_limits("max_session_duration_seconds", settings.max_session_duration_seconds),
                    "cap": settings.max_session_duration_seconds,
                },
            },
        }
        try:
            provider, where = choose(settings)
        except ApiError as error:
            facts |= {"provider": settings.provider, "ready": False, "missing": error.message}
            facts |= {"local_agent": False, "ws_origin": None}
        else:
            facts |= {"provider": provider.name, "ready": True, "local_agent": where.local}
            facts |= {"ws_origin": ws_origin_of(request.scope) if where.local else where.ws_origin}
        return JSONResponse(facts, headers=API_HEADERS)

    async def _mint(self, request: Request, asked: Asked, entry: AuditEntry) -> dict[str, Any]:
        settings = self._settings
        provider, where = choose(settings, asked.provider)
        entry.facts |= {"provider": provider.name, "local_agent": str(where.local).lower()}
        await self._check_rate(await self._user(request, entry) or client_of(request.scope))
        cap = settings.max_session_duration_seconds
        if provider.max_session_seconds is not None:
            cap = min(cap, provider.max_session_seconds)
        # A page may ask for less than the owner of the key allows, never for more.
        longest_s = min(asked.max_session_duration_seconds or cap, cap)
        async with self.asking.hold():
            reserved = await self._budget.take(longest_s, min(longest_s, SHORTEST_CALL_S))
        wanted = MintRequest(
            expires_in_seconds=asked.expires_in_seconds or settings.token_expires_in_seconds,
            max_session_duration_seconds=reserved.seconds,
        )
        entry.facts["expires_in_seconds"] = wanted.expires_in_seconds
        entry.facts["max_session_duration_seconds"] = wanted.max_session_duration_seconds
        # Counted from before the call, so that the page never believes in a token longer than the provider does.
        expires_at = int(time.time()) + wanted.expires_in_seconds
        try:
            minted = await self._ask(provider, where, wanted)
        except BaseException:
            await self._budget.give_back(reserved)
            raise
        return {
            "provider": provider.name,
            "token": minted.token,
            "ws_url": f"{ws_origin_of(request.scope)}/agent{where.ws_path}"
            if where.local
            else minted.ws_url or where.ws_url,
            "expires_at": minted.expires_at or expires_at,
            "max_session_seconds": wanted.max_session_duration_seconds,
        }

    async def _ask(self, provider: Provider, where: Endpoint, wanted: MintRequest) -> Minted:
        """Waiting for a slot and the call itself share one time limit."""
        timeout_s = self._settings.upstream_timeout_seconds
        started_s = time.monotonic()
        try:
            async with self.asking.hold(), self._slots.hold(timeout_s):
                left_s = timeout_s - (time.monotonic() - started_s)
                if left_s < timeout_s * _LEAST_SHARE:
                    raise overloaded()  # the slot came too late: a call would only bother the provider and fail
                minted = await provider.mint(Upstream(http=self._http, timeout_s=left_s), where, wanted)
            _check_no_key(minted, where)
            return minted
        except UpstreamError as error:
            log.warning("%s%s gave no token: %s", provider.name, " (local agent)" if where.local else "", error.reason)
            raise

    async def _user(self, request: Request, entry: AuditEntry) -> str | None:
        """Whose limit counts, where the team has a sign-in of its own: one user may have many addresses,
        and many users one.
        """
        if self._sign_in is None:
            return None
        async with self.asking.hold():
            user = await self._sign_in.user(request)
        entry.signed_in(user)
        return f"user:{user}"

    async def _check_rate(self, client: str) -> None:
        async with self.asking.hold():
            wait_s = await self._rate.wait_s(client)
        if wait_s > 0:
            seconds = max(1, math.ceil(wait_s))
            message = f"Too many tokens were asked for; try again in {seconds} s."
            raise ApiError(429, "rate_limited", message, headers={"Retry-After": str(seconds)})


def create_routes(mint: Mint) -> list[Route]:
    """The three routes, each with its final path."""
    return [
        _route(TOKEN_PATH, mint.post_token, "POST"),
        _route("/api/voice-token", mint.get_voice_token, "GET"),
        _route("/api/config", mint.get_config, "GET"),
    ]


def _route(path: str, answer: Callable[[Request], Awaitable[Response]], method: str) -> Route:
    route = Route(path, answer, methods=[method])
    # Starlette takes HEAD with every GET, and a HEAD that costs a token is no question.
    route.methods = {method}
    return route


async def _read_body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = b""
    try:
        # The declared length may be missing (chunked), so what really arrives is counted too.
        async with asyncio.timeout(10):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
    except (TimeoutError, ClientDisconnect):
        raise ApiError(400, "bad_request", "The request body did not arrive.") from None
    return body


def _check_no_key(minted: Minted, where: Endpoint) -> None:
    """A server in a vendor's place, or a vendor in trouble, may hand the key back. Raises `UpstreamError` 502."""
    key = where.api_key.get_secret_value()
    if len(key) >= SHORTEST_KEY_LOOKED_FOR and key in f"{minted.token} {minted.ws_url}":
        raise unusable("the answer gives the key away")


def _standing(settings: Settings, name: str) -> dict[str, Any]:
    try:
        _provider, where = choose(settings, name)
    except ApiError:
        return {"name": name, "ready": False, "local": False}
    return {"name": name, "ready": True, "local": where.local}


def _limits(name: str, default: int) -> dict[str, int]:
    low, high = RANGES[name]
    return {"min": low, "max": high, "default": default}


def _bad(message: str) -> ApiError:
    return ApiError(422, "invalid_value", message)


def _too_large() -> ApiError:
    return ApiError(413, "too_large", f"The body may have at most {MAX_BODY_BYTES} bytes.")
