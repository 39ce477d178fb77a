"""Behind a proxy: who the browser is, which scheme and host it used, in every proxy's way of writing it
(rows 40 to 42).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from server.forwarded import ForwardedHeaders, forwarded_address, forwarded_host, forwarded_scheme
from tests.server.support.server_support import RunningServer, assert_error, running_server

SITE = "voice.example.com"
PAGE = f"https://{SITE}"


def headers(*lines: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.lower().encode(), value.encode("latin-1")) for name, value in lines])


def ws_url(server: RunningServer, *lines: tuple[str, str]) -> str:
    answer = server.http.post("/api/token", headers=list(lines))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["ws_url"])


# --- row 40 -----------------------------------------------------------------------------------------------------------


def test_row_40_a_page_over_https_is_never_told_ws() -> None:
    """TRUST_PROXY is off, so nothing but the page's own checked origin says that it came over https."""
    with running_server(allowed_hosts=SITE, allowed_origins=f"{PAGE},https://www.example.com") as server:
        for origin in (PAGE, "https://www.example.com"):
            assert ws_url(server, ("Host", SITE), ("Origin", origin)) == f"wss://{SITE}/agent/v1/ws"
        facts = server.http.get("/api/config", headers={"Host": SITE, "Origin": PAGE}).json()
        assert facts["ws_origin"] == f"wss://{SITE}"
        # To this machine itself a page over https may open a plain socket, and there is nothing that would encrypt it.
        own = f"ws://localhost:{server.port}/agent/v1/ws"
        assert ws_url(server, ("Origin", "https://www.example.com")) == own
        assert ws_url(server, ("Origin", server.origin)) == own


def test_row_40_behind_tls_on_this_machine_the_page_is_told_wss() -> None:
    with running_server(allowed_origins="https://localhost:8443") as server:
        url = ws_url(server, ("Host", "localhost:8443"), ("Origin", "https://localhost:8443"))
        assert url == "wss://localhost:8443/agent/v1/ws"


def test_row_40_our_own_page_over_https_is_refused_with_the_cure() -> None:
    with running_server(allowed_hosts=SITE) as server:
        answer = server.http.post("/api/token", headers={"Host": SITE, "Origin": PAGE})
        assert "TRUST_PROXY" in assert_error(answer, 403, "forbidden_origin")
        other = server.http.post("/api/token", headers={"Host": SITE, "Origin": "https://evil.example"})
        assert "TRUST_PROXY" not in assert_error(other, 403, "forbidden_origin")


def test_row_40_the_sdk_route_itself_names_a_socket_that_the_page_may_open() -> None:
    with running_server(allowed_hosts=SITE, allowed_origins=PAGE) as server:
        lines = {"Host": SITE, "Origin": PAGE, "Authorization": "Bearer any"}
        answer = server.http.post("/agent/api/v1/sdk/token", headers=lines).json()
        assert answer["ws_url"] == f"wss://{SITE}/agent/api/v1/sdk/ws"


# --- row 41 -----------------------------------------------------------------------------------------------------------

TUNNEL = "x-8000.app.github.dev"
NAMED_BY = [
    [("X-Forwarded-Host", TUNNEL), ("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Host", f"{TUNNEL}:443"), ("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Host", TUNNEL.upper()), ("X-Forwarded-Scheme", "https")],
    [("X-Forwarded-Host", f"evil.example, {TUNNEL}"), ("X-Forwarded-Proto", "http,https")],
    [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Host", TUNNEL), ("X-Forwarded-Ssl", "on")],
    [("Forwarded", f'for="[2001:db8::9]:80";proto=https;host={TUNNEL}')],
    [("Forwarded", f'for=1.2.3.4;host=evil.example, For=unknown; Proto=HTTPS; Host="{TUNNEL}:443"')],
    [("X-Original-Host", TUNNEL), ("CloudFront-Forwarded-Proto", "https")],
]


@pytest.mark.parametrize("lines", NAMED_BY, ids=str)
def test_row_41_the_host_that_the_browser_used_is_named_and_compared(lines: list[tuple[str, str]]) -> None:
    with running_server(trust_proxy=True, allowed_hosts=TUNNEL) as server:
        url = ws_url(server, ("Origin", f"https://{TUNNEL}"), *lines)
        assert url == f"wss://{TUNNEL}/agent/v1/ws"


def test_row_41_without_trust_nobody_can_say_it() -> None:
    with running_server(allowed_hosts=TUNNEL) as server:
        for lines in NAMED_BY:
            answer = server.http.post("/api/token", headers=[("Origin", f"https://{TUNNEL}"), *lines])
            assert_error(answer, 403, "forbidden_origin")


def test_row_41_both_the_host_spoken_to_and_the_host_named_must_be_ours() -> None:
    """A page of a foreign name that points here can send such a header too."""
    with running_server(trust_proxy=True, allowed_hosts=TUNNEL) as server:
        for lines in (
            {"X-Forwarded-Host": "evil.example", "Origin": "http://evil.example"},
            {"Host": "evil.example", "X-Forwarded-Host": "localhost", "Origin": "http://localhost"},
            {"Forwarded": "host=evil.example"},
        ):
            assert_error(server.http.post("/api/token", headers=lines), 403, "forbidden_host")


def test_row_41_the_local_agents_own_door_sees_the_browsers_host_too() -> None:
    with running_server(trust_proxy=True, allowed_hosts=TUNNEL) as server:
        url = f"ws://localhost:{server.port}/agent/v1/ws"
        named = {"X-Forwarded-Host": TUNNEL, "X-Forwarded-Proto": "https"}
        with connect(url, origin=Origin(f"https://{TUNNEL}"), additional_headers=named, proxy=None):
            pass
        with pytest.raises(InvalidStatus):
            connect(url, origin=Origin("https://evil.example"), additional_headers=named, proxy=None)
        answer = server.http.post("/agent/api/v1/sdk/token", headers={"Authorization": "Bearer any", **named}).json()
        assert answer["ws_url"] == f"wss://{TUNNEL}/agent/api/v1/sdk/ws"


# --- row 42 -----------------------------------------------------------------------------------------------------------

ADDRESSES: list[tuple[list[tuple[str, str]], str | None]] = [
    ([("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "203.0.113.9:50001")], "203.0.113.9"),
    ([("X-Forwarded-For", " 203.0.113.9:5000n ")], "203.0.113.9"),
    ([("X-Forwarded-For", "9.9.9.9, 203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "9.9.9.9"), ("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "2001:db8::1")], "2001:db8::1"),
    ([("X-Forwarded-For", "[2001:db8::1]")], "2001:db8::1"),
    ([("X-Forwarded-For", "[2001:DB8::1]:443")], "2001:db8::1"),
    ([("X-Forwarded-For", '"[2001:db8::1]:443"')], "2001:db8::1"),
    ([("X-Forwarded-For", "fe80::1%eth0")], "fe80::1"),
    ([("X-Forwarded-For", "[::ffff:203.0.113.9]:1")], "::ffff:cb00:7109"),
    ([("Forwarded", "for=203.0.113.9")], "203.0.113.9"),
    ([("Forwarded", "for=203.0.113.9:47011;by=10.0.0.1")], "203.0.113.9"),
    ([("Forwarded", 'for=9.9.9.9, for="[2001:db8:cafe::17]:4711";proto=http')], "2001:db8:cafe::17"),
    ([("Forwarded", 'for="_hidden"')], None),
    ([("X-Real-IP", "203.0.113.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "203.0.113.9"), ("X-Real-IP", "9.9.9.9"), ("Forwarded", "for=9.9.9.9")], "203.0.113.9"),
    ([("X-Forwarded-For", "unknown")], None),
    ([("X-Forwarded-For", "")], None),
    ([("X-Forwarded-For", "1.2.3")], None),
    ([("X-Forwarded-For", "256.1.1.1")], None),
    ([("X-Forwarded-For", "[::1")], None),
    ([("X-Forwarded-For", "9" * 400)], None),
    ([], None),
]


@pytest.mark.parametrize(("lines", "address"), ADDRESSES, ids=str)
def test_row_42_every_way_of_writing_an_address(lines: list[tuple[str, str]], address: str | None) -> None:
    assert forwarded_address(headers(*lines)) == address


def passed(server: RunningServer, values: list[str], name: str = "X-Forwarded-For") -> int:
    answers = [server.http.get("/api/voice-token", headers={name: value}) for value in values]
    return [answer.status_code for answer in answers].count(200)


@pytest.mark.parametrize(
    "values",
    [
        [f"203.0.113.9:5000{number}" for number in range(10)],
        [f"9.9.9.{number}, 203.0.113.9:5000{number}" for number in range(10)],
        [f"[2001:db8::{number}]:443" for number in range(10)],
        [f"2001:db8::{number}" for number in range(10)],
        [f"[::ffff:203.0.113.9]:{number}" for number in range(10)],
        [f"made-up-{number}" for number in range(10)],
    ],
    ids=["port", "list and port", "IPv6 and port", "IPv6 /64", "mapped and port", "unreadable"],
)
def test_row_42_one_client_has_one_limit_however_its_address_is_written(values: list[str]) -> None:
    with running_server(trust_proxy=True, token_rate_per_client_per_minute=2) as server:
        assert passed(server, values) == 2


def test_row_42_different_clients_have_limits_of_their_own() -> None:
    with running_server(trust_proxy=True, token_rate_per_client_per_minute=2) as server:
        assert passed(server, [f"203.0.113.{number}:5000" for number in range(4)] * 3) == 8
        assert passed(server, [f"[2001:db8:0:{number}::1]:443" for number in range(4)] * 3) == 8


def test_without_trust_the_address_is_the_connections_own() -> None:
    with running_server(token_rate_per_client_per_minute=2) as server:
        assert passed(server, [f"203.0.113.{number}" for number in range(5)]) == 2


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [
        ([("X-Forwarded-Proto", "https")], "https"),
        ([("X-Forwarded-Proto", "HTTPS")], "https"),
        ([("X-Forwarded-Proto", "wss")], "https"),
        ([("X-Forwarded-Proto", "https, http")], "http"),
        ([("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https")], "https"),
        ([("Forwarded", "proto=https;for=1.2.3.4")], "https"),
        ([("Front-End-Https", "On")], "https"),
        ([("X-Forwarded-Ssl", "off")], None),
        ([("X-Forwarded-Proto", "gopher")], None),
        ([], None),
    ],
    ids=str,
)
def test_every_way_of_writing_a_scheme(lines: list[tuple[str, str]], scheme: str | None) -> None:
    assert forwarded_scheme(headers(*lines)) == scheme


def test_no_host_said_is_none() -> None:
    assert forwarded_host(headers(("Host", "localhost"))) is None


def test_what_a_proxy_says_of_a_websocket_counts_too() -> None:
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    async def play() -> None:
        raw = [(b"host", b"localhost"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"a.example:443")]
        for kind, scheme in (("http", "http"), ("websocket", "ws")):
            scope = {"type": kind, "scheme": scheme, "headers": raw, "client": ("127.0.0.1", 5)}
            await ForwardedHeaders(app)(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(play())
    assert [one["scheme"] for one in seen] == ["https", "wss"]
    assert {dict(one["headers"])[b"host"] for one in seen} == {b"a.example"}


def test_behind_a_proxy_too_a_page_may_read_that_this_host_is_not_allowed() -> None:
    """Its browser would otherwise say nothing but "network error"."""
    with running_server(trust_proxy=True) as server:
        lines = {"Host": "not-allowed.example.com", "Origin": "https://www.example.com"}
        answer = server.http.post("/api/token", headers=lines)
        assert "ALLOWED_HOSTS" in assert_error(answer, 403, "forbidden_host")
        assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
