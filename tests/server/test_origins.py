"""Who may ask for tokens: Origin, Host, Sec-Fetch-Site, CORS. Whoever may not must cost nothing upstream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.support.server_support import (
    KEY,
    FakeProvider,
    RunningServer,
    raw_exchange,
    running_server,
    websocket_request,
)

# `{port}` is our port, `{other}` another one. www.example.com and voice.example.com:8443 (https) are allowed.
FOREIGN_ORIGINS = [
    "null",
    "",
    "*",
    "undefined",
    "localhost:{port}",
    "//localhost:{port}",
    "http://",
    "http://localhost",
    "http://localhost:{other}",
    "http://localhost:{port}/",
    "http://localhost:{port}/page",
    "http://localhost:{port}?x",
    "http://localhost:{port}#x",
    "http://localhost:{port}.",
    "http://localhost.:{port}",
    "http://localhost:0{port}",
    "http://localhost:{port}@evil.example",
    "http://evil.example@localhost:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost.evil.example:{port}",
    "http://evil-localhost:{port}",
    "http://evil.localhost:{port}",
    "http://127.0.0.1:{port}",
    "http://[::1]:{port}",
    "http://0.0.0.0:{port}",
    "http://2130706433:{port}",
    "https://localhost:{port}",
    "HTTP://LOCALHOST:{port}",
    "ws://localhost:{port}",
    "ftp://localhost:{port}",
    "file://",
    "file://localhost",
    "data:text/html,x",
    "blob:http://localhost:{port}",
    "chrome-extension://abcdefghijklmnop",
    "javascript:alert(1)",
    "http://localhost:{port}, http://evil.example",
    "http://evil.example, http://localhost:{port}",
    "http://localhost:{port} http://evil.example",
    "https://evil.example",
    "http://www.example.com",
    "https://www.example.com:444",
    "https://www.example.com:443",
    "https://www.example.com/",
    "https://www.example.com.evil.example",
    "https://evilwww.example.com",
    "https://sub.www.example.com",
    "https://example.com",
    "https://www.example.co",
    "https://www.examp1e.com",
    "https://xn--www-example-com-9za.com",
    "https://www.ex\u00e4mple.com",
    "https://WWW.EXAMPLE.COM",
    "https://www.example.com%00.evil.example",
    "https://www.example.com\\.evil.example",
    "https://voice.example.com",
    "https://voice.example.com:8444",
    "http://voice.example.com:8443",
]


REFUSAL = "Pages of this origin may not ask for tokens here; see ALLOWED_ORIGINS."


def test_there_are_at_least_forty_foreign_origins() -> None:
    assert len(set(FOREIGN_ORIGINS)) >= 40


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused_before_anything_goes_upstream(
    server: RunningServer, provider: FakeProvider, origin: str
) -> None:
    """CORS would only keep the page from reading a token that was already paid for."""
    value = origin.replace("{port}", str(server.port)).replace("{other}", str(server.port - 1)).encode("latin-1")
    for method, path in (("POST", "/api/token"), ("GET", "/api/voice-token")):
        response = server.http.request(method, path, headers={b"Origin": value})
        assert response.status_code == 403, (method, origin)
        # Our own page over https is told of TRUST_PROXY (test_forwarded.py); of what was sent nothing is repeated.
        told = response.json()["error"]
        assert told["code"] == "forbidden_origin"
        assert told["message"] == REFUSAL or (
            origin.startswith("https://localhost") and "TRUST_PROXY" in told["message"]
        )
        # What reads like an origin may read why it was refused; nothing else of this server.
        assert response.headers.get("access-control-allow-origin", origin) in (origin, value.decode("latin-1"))
        assert "access-control-allow-credentials" not in response.headers
        assert "origin" in response.headers["vary"].lower()
    assert provider.calls == []


def test_two_origin_headers_are_refused_even_if_both_are_ours(server: RunningServer, provider: FakeProvider) -> None:
    """Which one a proxy before us looked at is anybody's guess."""
    headers = [("Origin", server.origin), ("Origin", server.origin)]
    assert server.http.post("/api/token", headers=headers).status_code == 403
    assert provider.calls == []


@pytest.mark.parametrize(
    "origin", ["http://localhost:{port}", "https://www.example.com", "https://voice.example.com:8443"]
)
def test_our_own_page_and_the_allowed_ones_are_served(
    server: RunningServer, provider: FakeProvider, origin: str
) -> None:
    origin = origin.replace("{port}", str(server.port))
    assert server.http.post("/api/token", headers={"Origin": origin}).status_code == 200
    assert server.http.get("/api/voice-token", headers={"Origin": origin}).status_code == 200
    assert len(provider.calls) == 2


@pytest.mark.parametrize(
    ("site", "get_status", "post_status"),
    [
        (None, 200, 200),
        ("same-origin", 200, 403),
        ("none", 200, 403),
        ("same-site", 403, 403),
        ("cross-site", 403, 403),
        ("SAME-ORIGIN", 403, 403),
        ("", 403, 403),
    ],
)
def test_without_an_origin_the_fetch_metadata_decides(
    server: RunningServer, provider: FakeProvider, site: str | None, get_status: int, post_status: int
) -> None:
    """An image tag on a foreign page sends no Origin but says cross-site; another port of localhost says same-site."""
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    assert server.http.get("/api/voice-token", headers=headers).status_code == get_status
    assert server.http.post("/api/token", headers=headers).status_code == post_status
    assert len(provider.calls) == [get_status, post_status].count(200)


def test_programs_without_an_origin_can_be_shut_out(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {
        "assemblyai_api_key": KEY,
        "assemblyai_base_url": provider.url,
        "allow_no_origin": False,
    }
    with running_server(**settings) as server:
        assert server.http.post("/api/token").status_code == 403
        assert server.http.get("/api/voice-token").status_code == 403
        assert provider.calls == []
        assert server.http.get("/api/voice-token", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
        assert server.post().status_code == 200


# --- Host -------------------------------------------------------------------------------------------------------------

OUR_HOSTS = [
    "localhost",
    "LocalHost:{port}",
    "127.0.0.1:{port}",
    "[::1]:{port}",
    "voice.example.com",
    "voice.example.com:9",
]
OUR_HOSTS += ["only.example.com:8080"]
FOREIGN_HOSTS = [
    "",
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "localhost:{port}.evil.example",
    "evil.example#localhost",
    "evil.example/localhost",
    "localhost@evil.example",
    "localhost, evil.example",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "[::2]:{port}",
    "localhost.",
    "localhost:",
    "localhost:port",
    "only.example.com",
    "only.example.com:8081",
    "sub.voice.example.com",
    "*",
]


@pytest.mark.parametrize("host", OUR_HOSTS)
def test_a_host_of_ours_is_answered(server: RunningServer, host: str) -> None:
    head = f"GET /healthz HTTP/1.1\nHost: {host.replace('{port}', str(server.port))}\nConnection: close\n\n"
    assert raw_exchange(server.port, head).startswith("HTTP/1.1 200")


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused_for_requests_and_for_websockets(
    server: RunningServer, provider: FakeProvider, host: str
) -> None:
    """DNS rebinding: the page's own name points at this machine, and its Origin agrees with its Host."""
    host = host.replace("{port}", str(server.port))
    same_origin = f"Origin: http://{host}"
    requests = [
        f"GET /api/voice-token HTTP/1.1\nHost: {host}\n{same_origin}\nConnection: close\n\n",
        f"POST /api/token HTTP/1.1\nHost: {host}\n{same_origin}\nContent-Length: 0\nConnection: close\n\n",
        f"GET /agent/v1/token?expires_in_seconds=60 HTTP/1.1\nHost: {host}\nAuthorization: Bearer x\nConnection: close\n\n",
        f"GET / HTTP/1.1\nHost: {host}\nConnection: close\n\n",
        websocket_request("/agent/v1/ws", host, same_origin),
        websocket_request("/agent/v1/voice", host, same_origin),
        websocket_request("/anything", host, same_origin),
    ]
    for head in requests:
        answer = raw_exchange(server.port, head)
        # A host that HTTP itself does not allow never reaches us.
        assert answer.startswith(("HTTP/1.1 403", "HTTP/1.1 400")), (head, answer)
        if answer.startswith("HTTP/1.1 403"):
            assert '"forbidden_host"' in answer
    assert provider.calls == []


def test_a_missing_or_doubled_host_is_refused(server: RunningServer, provider: FakeProvider) -> None:
    for hosts in ("", "Host: localhost\nHost: localhost\n"):
        version = "1.0" if not hosts else "1.1"
        answer = raw_exchange(server.port, f"GET /api/voice-token HTTP/{version}\n{hosts}Connection: close\n\n")
        assert answer.startswith(("HTTP/1.1 403", "HTTP/1.1 400"))
    assert provider.calls == []


def test_a_websocket_at_an_unknown_path_is_refused_in_the_handshake(server: RunningServer) -> None:
    for path in ("/", "/nothing", "/agent/nothing", "/api/token"):
        answer = raw_exchange(server.port, websocket_request(path, f"localhost:{server.port}"))
        assert answer.startswith(("HTTP/1.1 404", "HTTP/1.1 403")), answer


# --- CORS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["/api/token", "/api/voice-token", "/api/config"])
def api_path(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def test_a_preflight_of_an_allowed_origin_is_granted(
    server: RunningServer, provider: FakeProvider, api_path: str
) -> None:
    headers = {
        "Origin": "https://www.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = server.http.options(api_path, headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://www.example.com"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-credentials" not in response.headers
    assert provider.calls == []


FOREIGN = "https://evil.example"


def test_a_foreign_page_reads_its_refusal_and_nothing_else(server: RunningServer, provider: FakeProvider) -> None:
    """Without this the page could only say that the server cannot be reached."""
    asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST"}
    way = server.http.options("/api/token", headers=asked)
    assert (way.status_code, way.headers["access-control-allow-origin"]) == (204, FOREIGN)
    assert way.headers["access-control-max-age"] == "0", "who was refused asks again"
    assert "GET" not in way.headers["access-control-allow-methods"]
    refused = server.http.post("/api/token", headers={"Origin": FOREIGN})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, FOREIGN)
    elsewhere = server.http.post("/api/token", headers={"Origin": FOREIGN, "Host": "not-ours.example"})
    assert elsewhere.json()["error"]["code"] == "forbidden_host"
    assert elsewhere.headers["access-control-allow-origin"] == FOREIGN
    for answer in (
        server.http.get("/api/config", headers={"Origin": FOREIGN}),
        server.http.get("/api/nothing", headers={"Origin": FOREIGN}),
        server.http.post("/api/token", headers={"Origin": "null"}),
        server.http.options("/api/token", headers={**asked, "Origin": "null"}),
        server.http.options("/api/token", headers={**asked, "Origin": "https://evil.example/"}),
    ):
        assert "access-control-allow-origin" not in answer.headers
    assert provider.calls == []
    assert all("access-control-allow-credentials" not in answer.headers for answer in (way, refused, elsewhere))


@pytest.mark.parametrize("path", ["/api/voice-token", "/api/config"])
def test_a_preflight_of_a_foreign_origin_is_granted_nowhere_else(server: RunningServer, path: str) -> None:
    response = server.http.options(path, headers={"Origin": FOREIGN, "Access-Control-Request-Method": "POST"})
    assert response.status_code == 403
    assert "access-control-allow-methods" not in response.headers
    assert "origin" in response.headers["vary"].lower()


def test_an_allowed_page_can_read_answers_and_errors(server: RunningServer, provider: FakeProvider) -> None:
    """An error that the page cannot read becomes a riddle in the console."""
    headers = {"Origin": "https://www.example.com"}
    for response in (
        server.http.post("/api/token", headers=headers),
        server.http.post("/api/token", headers=headers, json={"expires_in_seconds": 0}),
        server.http.put("/api/token", headers=headers),
        server.http.get("/api/nothing", headers=headers),
        server.http.get("/api/config", headers=headers),
    ):
        assert response.headers["access-control-allow-origin"] == "https://www.example.com"
        assert "Retry-After" in response.headers["access-control-expose-headers"]
    assert len(provider.calls) == 1


def test_nothing_outside_the_api_is_shared_with_other_origins(server: RunningServer) -> None:
    response = server.http.get("/healthz", headers={"Origin": "https://www.example.com"})
    assert "access-control-allow-origin" not in response.headers
