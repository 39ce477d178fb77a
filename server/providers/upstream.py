"""One call to a provider: bounded in time and size, no redirects, and nothing of its answer gets
out but checked values.

Whatever goes wrong leaves as `UpstreamError` with one of a few fixed texts: the body of a provider's error may hold
headers, and headers hold the key.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import SecretStr

from server.errors import UpstreamError

# One vendor repeats the whole session in its answer, instructions and all, each letter perhaps as twelve bytes.
MAX_BODY_BYTES = 256 * 1024
MAX_NESTING = 200
MAX_TOKEN_CHARS = 8 * 1024
# Nobody is told to wait longer than a day.
MAX_WAIT_S = 86_400
_TOO_SLOW = "The voice provider did not answer in time; try again."


# The local agent asks for an Authorization header because the vendors do; any word will do.
LOCAL_KEY = SecretStr("local-agent")

_FIXED = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a provider is asked, with which key, and where its sockets are.

    `base_url` has no trailing slash. `key_variable` is the name shown to people when the key is missing or refused.
    `ws_path` (with the query, if any) is appended to `base_url`; None means that the vendor's answer says where.
    `ws_hosts`: further hosts (`name` or `name:port`) that such an answer may name. `session`: what the owner of the
    server binds to every token, in the vendor's words.
    """

    base_url: str
    api_key: SecretStr
    key_variable: str
    ws_path: str | None
    ws_hosts: tuple[str, ...] = ()
    session: Mapping[str, Any] = field(default_factory=dict)
    local: bool = False

    @property
    def ws_origin(self) -> str | None:
        """`wss://host[:port]` of the vendor, None where only its answer says. For the local agent the browser's own
        view of us counts instead.
        """
        return None if self.ws_path is None else self.likely_ws_origins[0]

    @property
    def likely_ws_origins(self) -> tuple[str, ...]:
        """Where a page will have to connect to, as far as can be known before a token is asked for."""
        own = "/".join(self._ws_base.split("/")[:3])
        return own, *(f"wss://{host}" for host in self.ws_hosts)

    @property
    def ws_url(self) -> str | None:
        """The vendor's socket, without a token; the client adds that in the way of its protocol."""
        return None if self.ws_path is None else self._ws_base + self.ws_path

    @property
    def _ws_base(self) -> str:
        scheme, _, rest = self.base_url.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRequest:
    """What is asked of a provider; both values are checked before this is made.

    `expires_in_seconds` is the redemption window, `max_session_duration_seconds` the session cap.
    """

    expires_in_seconds: int
    max_session_duration_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """What a provider gave; checked. `ws_url` None: the endpoint knows. `expires_at` (epoch seconds) None: as asked."""

    token: str = field(repr=False)
    ws_url: str | None = field(default=None, repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The pooled HTTP client together with the time one call may take, all of it."""

    http: httpx.AsyncClient
    timeout_s: float

    async def get_json(self, url: str, *, params: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object of a 200 answer. Raises `UpstreamError` 502 or 504 for everything else."""
        return await self._json(self.http.build_request("GET", url, params=params, headers={**_FIXED, **headers}))

    async def post_json(
        self, url: str, *, body: Mapping[str, Any] | None = None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """As `get_json`. Without a `body` the request is empty but still says that it is JSON."""
        content = b"" if body is None else json.dumps(body).encode()
        sent = {**_FIXED, "Content-Type": "application/json", **headers}
        return await self._json(self.http.build_request("POST", url, content=content, headers=sent))

    async def _json(self, request: httpx.Request) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.timeout_s):
                status, headers, body = await self._read(request)
        except (TimeoutError, httpx.TimeoutException):
            raise UpstreamError(504, "upstream_timeout", _TOO_SLOW, reason="time-out") from None
        except httpx.HTTPError as error:
            # The name of the class only: the text of some errors holds the URL or a header.
            raise _unreachable(type(error).__name__) from None
        if status != 200:
            raise _refusal(status, headers)
        return _parse(body)

    async def _read(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        response = await self._send(request)
        try:
            if response.status_code != 200:
                return response.status_code, response.headers, b""
            chunks: list[bytes] = []
            size = 0
            # Raw: a few kB of compressed bytes could unpack to gigabytes. We ask for none and read none.
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise unusable("the answer is too large")
                chunks.append(chunk)
            return 200, response.headers, b"".join(chunks)
        finally:
            await response.aclose()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Once more where a kept connection was closed at the other end at the very moment when it was used again.

        That says nothing of the provider. A token that was made all the same is nobody's and expires.
        """
        connected = False

        async def notice(event: str, _details: Mapping[str, Any]) -> None:
            nonlocal connected
            connected = connected or event.startswith("connection.connect_tcp")

        request.extensions = {**request.extensions, "trace": notice}
        try:
            return await self.http.send(request, stream=True, follow_redirects=False)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if connected:
                raise
            return await self.http.send(request, stream=True, follow_redirects=False)


def checked_token(value: object) -> str:
    """A token is opaque but must fit into a URL and a log-free life. Raises `UpstreamError` 502."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_CHARS:
        raise unusable("there is no token of a sane length in the answer")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise unusable("the token holds characters that no token has")
    return value


def bearer(where: Endpoint) -> dict[str, str]:
    """The one header that carries the key."""
    return {"Authorization": f"Bearer {where.api_key.get_secret_value()}"}


def unusable(reason: str) -> UpstreamError:
    """A 200 answer that is not what was agreed."""
    message = "The voice provider's answer could not be used."
    return UpstreamError(502, "upstream_unusable", message, reason=reason)


def _unreachable(reason: str) -> UpstreamError:
    return UpstreamError(502, "upstream_unreachable", "The voice provider cannot be reached.", reason=reason)


def _refusal(status: int, headers: httpx.Headers) -> UpstreamError:
    """What the page is told of an answer that is no token: its own words per kind, and for how long to wait
    where that was said.
    """
    seconds = wait_of(headers)
    told = {} if seconds is None else {"Retry-After": str(seconds)}
    when = "try again in a while" if seconds is None else f"try again in {seconds} s"
    reason = f"status {status}"
    if status == 429:
        message = f"The voice provider gives no more tokens for now: too many requests, or a quota is used up; {when}."
        return UpstreamError(429, "upstream_rate_limited", message, reason=reason, headers=told)
    if status == 503:
        message = f"The voice provider is overloaded or down for maintenance; {when}."
        return UpstreamError(503, "upstream_overloaded", message, reason=reason, headers=told)
    if status in (408, 504):
        return UpstreamError(504, "upstream_timeout", _TOO_SLOW, reason=reason, headers=told)
    if status >= 500:
        message = f"The voice provider had an error of its own; {when}."
        return UpstreamError(502, "upstream_failed", message, reason=reason, headers=told)
    # A wrong key is answered with 404 and a bad parameter with 422 by AssemblyAI (protocol file section 1.1); whatever
    # the number, the person at the page can do nothing about it and the owner of the key can.
    message = "The voice provider refused to give a token; the server's key or settings may be wrong."
    return UpstreamError(502, "upstream_refused", message, reason=reason)


def wait_of(headers: httpx.Headers) -> int | None:
    """Retry-After in whole seconds, from either of its two forms; None where there is none that makes sense."""
    text = headers.get("retry-after", "").strip()
    # Plain digits only, and few: int() also takes digits of other scripts, and any number of them.
    if text.isascii() and text.isdigit() and len(text) <= 9:
        seconds = int(text)
    else:
        try:
            seconds = math.ceil(parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 1), MAX_WAIT_S)


def _parse(body: bytes) -> dict[str, Any]:
    # The cheap count first; only a text full of brackets is looked at more closely.
    if body.count(b"{") + body.count(b"[") > MAX_NESTING and _nesting(body) > MAX_NESTING:
        raise unusable("the answer is nested too deeply")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise unusable("the answer is not JSON") from None
    if not isinstance(value, dict):
        raise unusable("the answer is not a JSON object")
    return value


_STRUCTURE = re.compile(rb'[\[\]{}"\\]')


def _nesting(body: bytes) -> int:
    """How deep the brackets outside strings go. An owner's instructions may hold any number of them."""
    depth = deepest = 0
    position, inside = 0, False
    while found := _STRUCTURE.search(body, position):
        position = found.end()
        sign = found.group()
        if sign == b"\\":
            position += 1
        elif sign == b'"':
            inside = not inside
        elif not inside:
            depth += 1 if sign in b"[{" else -1
            deepest = max(deepest, depth)
    return deepest
