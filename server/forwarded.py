"""Proxy headers: the browser's address, and the scheme and host that it used. Only with TRUST_PROXY.

`ForwardedHeaders` puts it into the request once, so that everything behind it, the local agent too, sees the browser
and not the proxy. Proxies write the same thing in many ways:

    address   X-Forwarded-For, `for=` of Forwarded (RFC 7239), X-Real-IP; with a port, in brackets, in
              quotes, with a zone
    scheme    X-Forwarded-Proto, `proto=`, X-Forwarded-Scheme, X-Url-Scheme,
              CloudFront-Forwarded-Proto; X-Forwarded-Ssl: on
    host      X-Forwarded-Host, `host=`, X-Original-Host; with or without the usual port

Of several values, in one header or in several of one name, the last is the one that our own proxy wrote. What cannot be
read counts as not said: then it is the proxy's own address that is limited, and nobody gets a limit of their own by it.
"""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["ForwardedHeaders", "forwarded_address", "forwarded_host", "forwarded_scheme"]

_SCHEME_HEADERS = ("x-forwarded-proto", "x-forwarded-scheme", "x-url-scheme", "cloudfront-forwarded-proto")
_ENCRYPTED_HEADERS = ("x-forwarded-ssl", "front-end-https")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# Elements and pairs of Forwarded; commas and semicolons may stand in quotes.
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*")+')
_PAIR = re.compile(r'([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^;,\s"]+))')
_BRACKETED = re.compile(r"\[([^\]]*)\](?::.*)?")


class ForwardedHeaders:
    """ASGI middleware.

    Between two `HostGuard`s: the host that a proxy speaks to and the one that it names must both be ours.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope if scope["type"] == "lifespan" else _seen_from_the_browser(scope), receive, send)


def _seen_from_the_browser(scope: Scope) -> Scope:
    headers = Headers(scope=scope)
    seen = dict(scope)
    scheme = forwarded_scheme(headers)
    if scheme is not None:
        seen["scheme"] = {"http": "ws", "https": "wss"}[scheme] if scope["type"] == "websocket" else scheme
    address = forwarded_address(headers)
    if address is not None:
        seen["client"] = (address, 0)
    host = forwarded_host(headers) or headers.get("host", "")
    # A browser leaves the usual port out, and the Origin is compared as it writes it.
    host = host.removesuffix(_DEFAULT_PORTS[_SCHEMES.get(seen["scheme"], "http")])
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    seen["headers"] = [*others, (b"host", host.encode("latin-1"))]
    return seen


def forwarded_address(headers: Headers) -> str | None:
    """The browser's address, without port, brackets or zone."""
    text = _last(headers, "x-forwarded-for") or _rfc7239(headers, "for") or _last(headers, "x-real-ip")
    text = text.strip('"')
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def forwarded_scheme(headers: Headers) -> str | None:
    """`http` or `https`, as the browser used it."""
    said = [_last(headers, _SCHEME_HEADERS[0]), _rfc7239(headers, "proto")]
    said += [_last(headers, name) for name in _SCHEME_HEADERS[1:]]
    for text in said:
        if text:
            return _SCHEMES.get(text.lower())
    return "https" if any(_last(headers, name).lower() == "on" for name in _ENCRYPTED_HEADERS) else None


def forwarded_host(headers: Headers) -> str | None:
    """The host that the browser asked for, perhaps with a port, in lower case. It is not checked yet."""
    said = _last(headers, "x-forwarded-host") or _rfc7239(headers, "host") or _last(headers, "x-original-host")
    return said.lower() or None


def _last(headers: Headers, name: str) -> str:
    """The last value of a header; "" where there is none.

    Some proxies append to a header, others add one of the same name.
    """
    return ",".join(headers.getlist(name)).rpartition(",")[2].strip()


def _rfc7239(headers: Headers, name: str) -> str:
    elements = _ELEMENT.findall(",".join(headers.getlist("forwarded")))
    pairs = _PAIR.findall(elements[-1]) if elements else []
    return next((quoted or plain for key, quoted, plain in pairs if key.lower() == name), "")
