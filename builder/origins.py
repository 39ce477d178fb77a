"""Origins and addresses in agent.toml: what is one, and the nearest right spelling of what is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from builder.environment import SetupError

TOKEN_URL = "a path that starts with one / or an http(s) address"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PORT = re.compile(r"[0-9]{1,5}")
_LINK = re.compile(r"(https://|/)[^\s]*")
_ORIGIN = re.compile(r"(https?|wss?)://([^:/?#@\[\]\\\s]+)(?::([^/]*))?")


def is_origin(given: object) -> bool:
    """Is this an origin to which a policy can allow connections?"""
    found = _ORIGIN.fullmatch(given) if isinstance(given, str) else None
    return bool(
        found and len(found[2]) < 254 and _HOST.fullmatch(found[2]) and (found[3] is None or _is_port(found[3]))
    )


def is_embedder(given: object) -> bool:
    """Is this an origin as `frame-ancestors` takes it? `*.` stands for all below a name."""
    if not isinstance(given, str) or not given.startswith("http"):
        return False
    scheme, found, rest = given.partition("://*.")
    return is_origin(f"{scheme}://{rest}" if found else given)


def is_link(given: object) -> bool:
    """May a link of the page lead there, to another site or within this one?"""
    return isinstance(given, str) and _LINK.fullmatch(given) is not None


def nearest(given: object, scheme: str, fits: Callable[[object], bool]) -> str:
    """ "; did you mean ...?": without path and capitals, with a scheme, and with a name that goes into a header."""
    found = re.match(r"\s*(?:([a-z]+):/*)?((?:\*\.)?[^/?#@:\s]+)(?::([0-9]+))?(?=[/?#\s]|$)", str(given).lower())
    if not isinstance(given, str) or not found or (found[1] is None and "." not in found[2]):
        return ""
    star = "*." if found[2].startswith("*.") else ""
    try:
        host = found[2].removeprefix("*.").encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    near = f"{found[1] or scheme}://{star}{host}{f':{found[3]}' if found[3] else ''}"
    return f"; did you mean {near}?" if fits(near) else ""


def checked_token_url(file: str, given: str) -> str:
    """The origin of an absolute token address, "" of a path. SetupError for what is neither, or tells a secret."""
    where = f"{file}: [server] token_url"
    if any(ord(char) <= 32 for char in given) or not re.match(r"/(?!/)|https?://", given, re.IGNORECASE):
        near = f"; did you mean https://{given}?" if is_origin(f"https://{given.partition('/')[0]}") else ""
        raise SetupError(f"{where}: {_quoted(given)} must be {TOKEN_URL}{near}")
    parts = urlsplit(given)
    if "#" in given:
        raise SetupError(f"{where}: {_quoted(given)} holds a #, and what follows it is never sent; leave it out")
    if "@" in parts.netloc:
        raise SetupError(f"{where} holds a name or password before an @, which each visitor could read; leave it out")
    if given.startswith("/"):
        return ""
    origin = f"{given.partition('://')[0]}://{parts.netloc}"
    if not is_origin(origin):
        raise SetupError(
            f"{where}: {_quoted(given)} must be {TOKEN_URL} like https://host.example/api/token"
            f"{nearest(origin, 'https', is_origin)}"
        )
    return origin


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and 0 < int(text) < 65_536


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) and value.isprintable() else repr(value)
