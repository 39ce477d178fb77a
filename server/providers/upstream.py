"""One call to a provider: bounded in time and size, no redirects, and nothing of its answer gets out but checked values.

Whatever goes wrong leaves as `UpstreamError` with one of four fixed texts: the body of a provider's error may hold
headers, and headers hold the key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from server.errors import UpstreamError

MAX_BODY_BYTES = 64 * 1024
MAX_NESTING = 200
MAX_TOKEN_CHARS = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a provider is asked, with which key, and where its sockets are.

    `base_url` has no trailing slash. `key_variable` is the name shown to people when the key is missing or refused.
    """

    base_url: str
    api_key: SecretStr
    key_variable: str
    ws_path: str
    local: bool = False

    @property
    def ws_origin(self) -> str:
        """`wss://host[:port]` of the vendor; for the local agent the browser's own view of us counts instead."""
        scheme, _, rest = self.base_url.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest.partition('/')[0]}"

    @property
    def ws_url(self) -> str:
        """The vendor's socket, without a token; the client adds that in the way of its protocol."""
        scheme, _, rest = self.base_url.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{self.ws_path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MintRequest:
    """What is asked of a provider; both values are checked before this is made.

    `expires_in_seconds` is the redemption window, `max_session_duration_seconds` the session cap.
    """

    expires_in_seconds: int
    max_session_duration_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The pooled HTTP client together with the time one call may take, all of it."""

    http: httpx.AsyncClient
    timeout_s: float

    async def get_json(self, url: str, *, params: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object of a 200 answer. Raises `UpstreamError` 502 or 504 for everything else."""
        try:
            async with asyncio.timeout(self.timeout_s):
                status, body = await self._read(self._request(url, params, headers))
        except (TimeoutError, httpx.TimeoutException):
            message = "The voice provider did not answer in time; try again."
            raise UpstreamError(504, "upstream_timeout", message, reason="time-out") from None
        except httpx.HTTPError as error:
            # The name of the class only: the text of some errors holds the URL or a header.
            raise _unreachable(type(error).__name__) from None
        if status != 200:
            raise _refusal(status)
        return _parse(body)

    def _request(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Request:
        fixed = {"Accept": "application/json", "Accept-Encoding": "identity"}
        return self.http.build_request("GET", url, params=params, headers={**fixed, **headers})

    async def _read(self, request: httpx.Request) -> tuple[int, bytes]:
        response = await self.http.send(request, stream=True, follow_redirects=False)
        try:
            if response.status_code != 200:
                return response.status_code, b""
            chunks: list[bytes] = []
            size = 0
            # Raw: a few kB of compressed bytes could unpack to gigabytes. We ask for none and read none.
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise unusable("the answer is too large")
                chunks.append(chunk)
            return 200, b"".join(chunks)
        finally:
            await response.aclose()


def checked_token(value: object) -> str:
    """A token is opaque but must fit into a URL and a log-free life. Raises `UpstreamError` 502."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TOKEN_CHARS:
        raise unusable("there is no token of a sane length in the answer")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise unusable("the token holds characters that no token has")
    return value


def unusable(reason: str) -> UpstreamError:
    """A 200 answer that is not what was agreed."""
    message = "The voice provider's answer could not be used."
    return UpstreamError(502, "upstream_unusable", message, reason=reason)


def _unreachable(reason: str) -> UpstreamError:
    return UpstreamError(502, "upstream_unreachable", "The voice provider cannot be reached.", reason=reason)


def _refusal(status: int) -> UpstreamError:
    # A wrong key is answered with 404 and a bad parameter with 422 by AssemblyAI (protocol file section 1.1); whatever
    # the number, the person at the page can do nothing about it and the owner of the key can.
    message = "The voice provider refused to give a token; the server's key or settings may be wrong."
    return UpstreamError(502, "upstream_refused", message, reason=f"status {status}")


def _parse(body: bytes) -> dict[str, Any]:
    if body.count(b"{") + body.count(b"[") > MAX_NESTING:
        raise unusable("the answer is nested too deeply")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise unusable("the answer is not JSON") from None
    if not isinstance(value, dict):
        raise unusable("the answer is not a JSON object")
    return value
