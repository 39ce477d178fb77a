"""Who may ask? `Host` and `Origin` are looked at before anything goes upstream.

CORS only decides whether a page may *read* an answer; by then a token would have been minted and paid for. So:

* `HostGuard` refuses every request and WebSocket whose `Host` is not one of ours. This stops DNS rebinding, where a
  foreign name points at this machine and a page of that name counts as same-origin.
* `check_origin` lets a token request through when its `Origin` is the page's own (scheme and `Host` of this request) or
  stands in ALLOWED_ORIGINS. Without an `Origin`, `Sec-Fetch-Site` decides, see there.
* `CrossOriginAccess` adds the CORS headers for ALLOWED_ORIGINS, so that a page on a CDN can use this token server. A
  page of any other origin may read one thing, the refusal: otherwise its browser could only say "network error", and
  nobody would look at ALLOWED_ORIGINS. That answer holds no more than this repository does, and no cookie counts for
  it. Cookies and `Authorization` count where a team has its own sign-in (SIGN_IN): then pages of ALLOWED_ORIGINS, and
  no others, may send them (`credentials`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import API_HEADERS, ApiError, error_response
from server.settings import Settings, bracketed

_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_ANY_ADDRESS = ("", "0.0.0.0", "::")
# Where a page asks for tokens by POST, which takes a preflight from another origin.
TOKEN_PATH = "/api/token"


def scheme_of(scope: Scope) -> str:
    """`http` or `https`, also of a WebSocket.

    Behind a proxy it is the browser's own with TRUST_PROXY (`forwarded.py`).
    """
    return {"ws": "http", "wss": "https"}.get(scope["scheme"], str(scope["scheme"]))


def client_of(scope: Scope) -> str:
    """The address whose rate is limited. Behind a proxy it is the browser's own with TRUST_PROXY (`forwarded.py`)."""
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def host_of(scope: Scope) -> str:
    """`Host` as the browser sent it, lower case. Only after `HostGuard` is it known to be one of ours."""
    return Headers(scope=scope).get("host", "").lower()


def names_loopback(scope: Scope) -> bool:
    """Did whoever asks call us by a name of this machine alone?"""
    match = _HOST.fullmatch(host_of(scope))
    return match is not None and match[1] in _LOOPBACK_NAMES


def ws_origin_of(scope: Scope) -> str:
    """Ourselves as the page's sockets reach us: `ws://host` or `wss://host`. Call it after `check_origin`.

    A page over https may open no other than `wss://`, except to this machine itself; and where its own origin has our
    host, whatever ends the encryption before us does so for the sockets as well. So the page's origin counts, also
    where we were not told of a proxy.
    """
    host, origin = host_of(scope), Headers(scope=scope).get("origin", "")
    over_https = origin.startswith("https://")
    same_host = origin == f"https://{host.removesuffix(':443')}"
    name = match[1] if (match := _HOST.fullmatch(host)) else host
    encrypted = scheme_of(scope) == "https" or (over_https and (same_host or name not in _LOOPBACK_NAMES))
    return f"{'wss' if encrypted else 'ws'}://{host}"


class HostGuard:
    """ASGI middleware: 403 unless there is exactly one `Host` and it is ours. Covers HTTP and WebSocket.

    Ours are localhost, 127.0.0.1, [::1] and the address we are bound to, with any port, and ALLOWED_HOSTS (a name
    there stands for any port, `name:port` for that one). There is no wildcard.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        bound = () if settings.host in _ANY_ADDRESS else (bracketed(settings.host).lower(),)
        self._allowed = frozenset((*_LOOPBACK_NAMES, *bound, *settings.allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_ours(Headers(scope=scope).getlist("host")):
            await self.app(scope, receive, send)
            return
        message = "This server does not answer to that host name; see ALLOWED_HOSTS."
        await refuse(scope, receive, send, ApiError(403, "forbidden_host", message))

    def _is_ours(self, hosts: list[str]) -> bool:
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        return match is not None and (match[1].lower() in self._allowed or match[0].lower() in self._allowed)


def check_origin(scope: Scope, settings: Settings) -> None:
    """Raises `ApiError` 403 unless this token request may be served. Call it before anything else looks at the request.

    An `Origin` must be our own or allowed, compared as a whole, exactly as browsers write it; `null` never is.

    No `Origin` at all: browsers leave it out of same-origin GETs, of images and of links, and `Sec-Fetch-Site` tells
    these apart. A GET from our own page (`same-origin`) or typed by the person (`none`) is served; a POST never comes
    without `Origin` from a browser. When both headers are missing this is not a current browser but curl, a test or
    another server, and ALLOW_NO_ORIGIN decides (default: yes while we are bound to loopback).
    """
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")
    if origins:
        own = f"{scheme_of(scope)}://{host_of(scope)}"
        if len(origins) == 1 and (origins[0] == own or origins[0] in settings.allowed_origins):
            return
    else:
        site = headers.get("sec-fetch-site")
        if site is None and settings.accepts_no_origin:
            return
        if scope["method"] == "GET" and site in ("same-origin", "none"):
            return
    message = "Pages of this origin may not ask for tokens here; see ALLOWED_ORIGINS."
    if origins == [f"https://{host_of(scope)}"] and not settings.trust_proxy:
        # The proxy that ends the encryption is not known to us, so our own page looks like a foreign one.
        message = (
            "This page came over https, which the server was not told of: set TRUST_PROXY=true behind a proxy of your "
            "own, or name the page in ALLOWED_ORIGINS."
        )
    raise ApiError(403, "forbidden_origin", message)


class CrossOriginAccess:
    """ASGI middleware: CORS headers on `/api/` for ALLOWED_ORIGINS, and the answer to preflights.

    To a foreign origin a preflight grants the way to its refusal, and only where a page asks for tokens: `check_origin`
    answers before anything else looks at the request.

    Every answer below `/api/` says `Vary: Origin`, allowed or not, so that no cache mixes the two up.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str], credentials: bool = False) -> None:
        self.app = app
        self._origins = frozenset(origins)
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        request = Headers(scope=scope)
        origin = request.get("origin")
        allowed = origin in self._origins
        preflight = scope["method"] == "OPTIONS" and origin is not None and "access-control-request-method" in request
        foreign = not allowed and origin is not None and _ORIGIN.fullmatch(origin) is not None
        to_refusal = preflight and foreign and scope["path"] == TOKEN_PATH

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if allowed and origin is not None:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = "Retry-After"
                    if self._credentials:
                        headers["Access-Control-Allow-Credentials"] = "true"
                elif foreign and origin is not None and (to_refusal or message["status"] == 403):
                    headers["Access-Control-Allow-Origin"] = origin
            await send(message)

        if preflight:
            await self._preflight(allowed, to_refusal)(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)

    def _preflight(self, allowed: bool, to_refusal: bool) -> Response:
        if not allowed and not to_refusal:
            return error_response(
                403, "forbidden_origin", "Pages of this origin may not use this; see ALLOWED_ORIGINS."
            )
        granted = {
            "Access-Control-Allow-Methods": "GET, POST" if allowed else "POST",
            "Access-Control-Allow-Headers": "Content-Type, Authorization"
            if self._credentials and allowed
            else "Content-Type",
            # Kept by no browser where it is refused: the next try may come after ALLOWED_ORIGINS was mended.
            "Access-Control-Max-Age": "600" if allowed else "0",
        }
        return Response(status_code=204, headers={**API_HEADERS, **granted})


async def refuse(scope: Scope, receive: Receive, send: Send, error: ApiError) -> None:
    """Answers with `error` from outside a route. A WebSocket is refused in its handshake, before it is accepted."""
    if scope["type"] == "websocket":
        # Without this extension a close before accept becomes a bare 403.
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        response = error_response(error.status, error.code, error.message, error.headers)
        start = {"type": "websocket.http.response.start", "status": error.status, "headers": response.raw_headers}
        await send(start)
        await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
        return
    await error_response(error.status, error.code, error.message, error.headers)(scope, receive, send)
