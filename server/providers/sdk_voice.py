"""The SDK voice API with 16 kHz binary audio: `POST {API_URL}/api/v1/sdk/token` (protocol file section 1).

The answer brings the address of the socket along. It is used as it is, but only after a look at where it leads:
the page opens it and sends it a token and a voice. The local agent is reached by the same call, and its socket
by our own address.
"""

from __future__ import annotations

import ipaddress
import re
import time

from server.providers.upstream import (
    LOCAL_KEY,
    Endpoint,
    Minted,
    MintRequest,
    Upstream,
    bearer,
    checked_token,
    unusable,
)
from server.settings import Settings, is_loopback

KEY_VARIABLE = "SDK_VOICE_API_KEY"
URL_VARIABLE = "SDK_VOICE_API_URL"

# Fixed by the vendor (section 1.1); the request cannot choose.
TOKEN_LIFE_SECONDS = 300

_LOCAL_WS_PATH = "/api/v1/sdk/ws"
_MAX_URL_CHARS = 2048
# Stricter than a URL may be, so that this and a browser cannot read two hosts out of one text: no user, no `\`, no `#`.
_WS_URL = re.compile(
    r"(wss?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?][A-Za-z0-9/?:@!$&'()*+,;=._~%-]*)?"
)


def endpoint(settings: Settings) -> Endpoint | None:
    """The vendor's, or None while the key or the address is not set."""
    if settings.sdk_voice_api_key is None or settings.sdk_voice_api_url is None:
        return None
    return Endpoint(
        base_url=settings.sdk_voice_api_url,
        api_key=settings.sdk_voice_api_key,
        key_variable=KEY_VARIABLE,
        ws_path=None,
        ws_hosts=settings.sdk_voice_ws_hosts,
    )


def local_endpoint(settings: Settings) -> Endpoint:
    """The local agent's, below `/agent` of this very server."""
    return Endpoint(
        base_url=settings.local_agent_url,
        api_key=LOCAL_KEY,
        key_variable=KEY_VARIABLE,
        ws_path=_LOCAL_WS_PATH,
        local=True,
    )


async def mint(upstream: Upstream, where: Endpoint, _request: MintRequest) -> Minted:
    """One token and its socket. Raises `UpstreamError`."""
    # Counted from before the call, so that the page never believes in a token longer than the provider does.
    expires_at = int(time.time()) + TOKEN_LIFE_SECONDS
    answer = await upstream.post_json(f"{where.base_url}/api/v1/sdk/token", headers=bearer(where))
    token = checked_token(answer.get("token"))
    ws_url = None if where.local else checked_ws_url(answer.get("ws_url"), where)
    return Minted(token=token, ws_url=ws_url, expires_at=expires_at)


def checked_ws_url(value: object, where: Endpoint) -> str:
    """`value`, unchanged, if a page may be sent there. Raises `UpstreamError` 502.

    Encrypted unless it leads to this machine; and on the host of the API, on one of the same site, or on one that
    SDK_VOICE_WS_HOSTS names.
    """
    match = _WS_URL.fullmatch(value) if isinstance(value, str) and len(value) <= _MAX_URL_CHARS else None
    if match is None:
        raise unusable("there is no WebSocket address in the answer")
    scheme, host, port, _rest = match.groups(default="")
    if int(port[1:] or 0) > 65535:
        raise unusable("the port of the socket is no port")
    if scheme != "wss" and not is_loopback(host.strip("[]")):
        raise unusable("the socket is not encrypted")
    known = host in where.ws_hosts or host + port in where.ws_hosts
    if not (known or _same_site(host, _host_of(where.base_url))):
        raise unusable("the socket is on another host; if it should be, name it in SDK_VOICE_WS_HOSTS")
    return match[0]


def _host_of(base_url: str) -> str:
    """Lower case, IPv6 in its brackets, without the port."""
    address = base_url.partition("://")[2].partition("/")[0].lower()
    return re.sub(r":[0-9]+$", "", address)


def _same_site(one: str, other: str) -> bool:
    if one == other:
        return True
    names = one.strip("[]"), other.strip("[]")
    if all(map(is_loopback, names)):
        return True
    if any(map(_is_address, names)):
        return False
    site = _site_of(one)
    return site is not None and site == _site_of(other)


def _site_of(host: str) -> str | None:
    """The part of a name that somebody registered: `example.com`, `example.co.uk`. None where there is none.

    A guess without the public list: below two letters, a short word before them (`co`, `com`, `ac`) is not a name. It
    takes too much for a name's own where that name has three letters, and then SDK_VOICE_WS_HOSTS helps.
    """
    labels = host.split(".")
    take = 3 if len(labels) > 1 and len(labels[-1]) == 2 and len(labels[-2]) <= 3 else 2
    return ".".join(labels[-take:]) if len(labels) >= take else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # Browsers also read `127.1` and `0x7f.1` as addresses; a name never ends in a number.
        return host.rpartition(".")[2][:1].isdigit()
    return True
