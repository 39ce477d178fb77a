"""Does this page get a token, and does the socket that it is told open? One token is asked for, and never told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from builder.doctor.fetching import Answer, Unreachable
from builder.doctor.findings import Finding, Report, fault, ok, warning
from builder.doctor.policy import allows_socket
from builder.doctor.reach import Visit

_LOCAL = ("localhost", "127.0.0.1", "::1")
_SOCKET_S = 10.0
_CURE = (
    "Run the token server (`python3 build.py serve`, or `python -m server`) and name it in agent.toml: `[server] token_url`. "
    "A static host alone mints no tokens."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the token server gave."""

    provider: str
    token: str
    ws_url: str


def check(visit: Visit, report: Report) -> Iterator[Finding]:
    """The token route as this page asks it, then the socket as this page opens it."""
    url, page = visit.page.token_url, visit.page.origin
    where = urlsplit(url)
    if page.startswith("https:") and where.scheme == "http" and (where.hostname or "") not in _LOCAL:
        yield fault("token address", f"a page of https may not ask {where.scheme}://{where.netloc}: browsers block it",
            "Put TLS in front of the token server, and name it with https:// in agent.toml.")  # fmt: skip
        return
    foreign = f"{where.scheme}://{where.netloc}" != page
    try:
        if foreign and (refused := _preflight(visit, url, page)):
            yield refused
            return
        answer = visit.fetcher.ask("POST", url, {"Content-Type": "application/json", "Origin": page}, _body(visit))
    except Unreachable as error:
        yield fault("token route", str(error), _CURE)
        return
    grant = _grant(answer)
    if grant is None:
        yield _refusal(answer, url, page)
        return
    report.secrets += [grant.token, quote(grant.token, safe="")]
    yield ok("token route", f"{url} gives this page a token")
    yield from _answer(answer, page, foreign)
    yield from _socket(visit, grant, page)


def _body(visit: Visit) -> bytes:
    settings = visit.page.settings
    return json.dumps({"provider": settings["provider"]} if "provider" in settings else {}).encode()


def _preflight(visit: Visit, url: str, page: str) -> Finding | None:
    """Another origin is asked for leave first. The finding where that is refused."""
    sign_in = visit.page.sign_in
    asked = "authorization,content-type" if sign_in == "bearer" else "content-type"
    headers = {"Origin": page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    answer = visit.fetcher.ask("OPTIONS", url, headers)
    if answer.status in (404, 405, 501) or 300 <= answer.status < 400:
        return _refusal(answer, url, page)
    if not 200 <= answer.status < 300 or answer.header("access-control-allow-origin") not in (page, "*"):
        return fault("token route", f"{url} lets no page of {page} ask: its answer to the preflight allows another origin or none",
            f"Start the token server with ALLOWED_ORIGINS={page}. A proxy in front of it must hand OPTIONS on.")  # fmt: skip
    takes_cookie = answer.header("access-control-allow-credentials") == "true"
    takes_bearer = "authorization" in answer.header("access-control-allow-headers").lower()
    if (sign_in == "cookie" and not takes_cookie) or (sign_in == "bearer" and not takes_bearer):
        return fault("token route", f"the page signs in by {sign_in}, and {url} takes none from another origin",
            "Start the token server with SIGN_IN, or leave `sign_in` under [server] out of agent.toml.")  # fmt: skip
    return None


def _grant(answer: Answer) -> Grant | None:
    if answer.status != 200:
        return None
    try:
        given: Any = json.loads(answer.text)
        token, ws_url = given["token"], given["ws_url"]
    except (ValueError, KeyError, TypeError):
        return None
    if not (isinstance(token, str) and token and isinstance(ws_url, str) and ws_url):
        return None
    return Grant(provider=str(given.get("provider", "")), token=token, ws_url=ws_url)


def _refusal(answer: Answer, url: str, page: str) -> Finding:
    """Why there is no token, in the words of whoever answered."""
    code, message = _own_words(answer)
    if 300 <= answer.status < 400:
        return fault("token route", f"{url} redirects to {answer.header('location').partition('?')[0] or 'nowhere'}: a page cannot follow",
            "Leave the token route out of what signs people in or adds slashes, or name its last address in agent.toml.")  # fmt: skip
    if answer.status == 403 and code == "forbidden_origin":
        return fault("token route", f"the token server refuses pages of {page} (403)",
            f"Start the token server with ALLOWED_ORIGINS={page}.")  # fmt: skip
    if answer.status == 403 and code == "forbidden_host":
        return fault("token route", "the token server does not know the name it was asked by (403)",
            f"Start the token server with ALLOWED_HOSTS={urlsplit(url).hostname}.")  # fmt: skip
    if answer.status == 401:
        return warning("token route", "the token server wants to know who asks (401), and the doctor is nobody",
            "Try it as a visitor; `sign_in` under [server] in agent.toml says what the page sends.")  # fmt: skip
    if answer.status == 429:
        return warning("token route", "the token server says: too many tokens were asked for (429)",
            "Ask again in a minute; TOKEN_RATE_PER_CLIENT_PER_MINUTE sets how many there may be.")  # fmt: skip
    if message:
        return fault("token route", f"the token server gives no token ({answer.status}): {message}",
            "See the token server's log and its .env.")  # fmt: skip
    if answer.status in (404, 405, 501) or answer.mime == "text/html" or answer.status == 200:
        what = "a page" if answer.mime == "text/html" else "no token"
        return fault("token route", f"there is no token server at {url}: status {answer.status}, {what}", _CURE)
    return fault("token route", f"{url} answers with status {answer.status}", "See the token server's log. " + _CURE)


def _own_words(answer: Answer) -> tuple[str, str]:
    """(code, message) of our own token server's refusals; empty where somebody else answered."""
    try:
        error = json.loads(answer.text)["error"]
        return str(error["code"])[:40], str(error["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return "", ""


def _answer(answer: Answer, page: str, foreign: bool) -> Iterator[Finding]:
    if not foreign:
        yield ok("token origin", "the token server is at the page's own address")
    elif answer.header("access-control-allow-origin") in (page, "*"):
        yield ok("token origin", "this page may read the token")
    else:
        yield fault("token origin", f"the token comes, and no page of {page} may read it (Access-Control-Allow-Origin)",
            f"Start the token server with ALLOWED_ORIGINS={page}; a proxy must leave its headers alone.")  # fmt: skip
    if "no-store" in answer.header("cache-control").lower():
        yield ok("token cache", "tokens are kept by no cache")
    else:
        yield fault("token cache", "a cache may keep the token and give it to somebody else (no Cache-Control: no-store)",
            "Have the proxy in front leave the token server's Cache-Control alone.")  # fmt: skip


def _socket(visit: Visit, grant: Grant, page: str) -> Iterator[Finding]:
    parts = urlsplit(grant.ws_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if page.startswith("https:") and parts.scheme == "ws" and (parts.hostname or "") not in _LOCAL:
        yield fault("socket address", f"the page is https and is told {origin}: browsers block that",
            "Start the server with TRUST_PROXY=true, and have the proxy send X-Forwarded-Proto and Host.")  # fmt: skip
        return
    if blocking := allows_socket(visit, grant.ws_url):
        yield fault("socket policy", f"the policy of {' and of '.join(blocking)} does not let it connect to {origin}",
            f"Add {origin} to `connect` under [server] in agent.toml, build again, and upload page, assets and headers.")  # fmt: skip
    else:
        yield ok("socket policy", f"the page may connect to {origin}")
    yield _opens(grant, page, origin)


def _opens(grant: Grant, page: str, origin: str) -> Finding:
    """Open it as the page would, and close it at once."""
    url, protocols = grant.ws_url, None
    if grant.provider == "assemblyai":
        url += f"{'&' if '?' in url else '?'}token={quote(grant.token, safe='')}"
    elif grant.provider == "openai_realtime":
        protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{grant.token}")]
    try:
        with connect(
            url, origin=Origin(page), subprotocols=protocols, open_timeout=_SOCKET_S, close_timeout=2, proxy=None
        ):
            return ok("socket", f"a socket to {origin} opens")
    except (OSError, WebSocketException, ValueError) as error:
        why = str(error).partition("?")[0] if isinstance(error, InvalidHandshake | OSError) else type(error).__name__
        return fault("socket", f"no socket to {origin} opens: {why[:200] or type(error).__name__}",
            "A proxy in front must hand on WebSockets (nginx: proxy_http_version 1.1, Upgrade and Connection headers); "
            "the local agent takes pages of ALLOWED_ORIGINS only.")  # fmt: skip
