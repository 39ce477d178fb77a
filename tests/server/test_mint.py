"""`POST /api/token` and `GET /api/voice-token`: what may be asked, how often, and what each refusal may cost upstream.

Next: `test_mint_choice.py` (who mints), `providers/test_upstream.py` (what may go wrong
there), `providers/test_vendors.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.support.server_support import (
    KEY,
    FakeProvider,
    RunningServer,
    assert_error,
    raw_exchange,
    running_server,
    wait_until,
)
from tests.server.support.vendors import Vendor

# --- 200 --------------------------------------------------------------------------------------------------------------


def test_a_token_is_minted_with_the_key_in_the_header_and_the_limits_in_the_query(
    server: RunningServer, provider: FakeProvider
) -> None:
    before = int(time.time())
    response = server.post({"expires_in_seconds": 60, "max_session_duration_seconds": 120})
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"provider", "token", "ws_url", "expires_at", "max_session_seconds"}
    assert body["provider"] == "assemblyai"
    assert body["token"] == "fake-token-1"
    assert body["ws_url"] == provider.url.replace("http://", "ws://") + "/v1/ws"
    assert before + 60 <= body["expires_at"] <= int(time.time()) + 60
    assert body["max_session_seconds"] == 120
    assert response.headers["cache-control"] == "no-store"
    assert "origin" in response.headers["vary"].lower()
    assert provider.calls == [
        {
            "method": "GET",
            "path": "/v1/token",
            "query": {"expires_in_seconds": "60", "max_session_duration_seconds": "120"},
            "authorization": f"Bearer {KEY}",
            "body": None,
        }
    ]


def test_an_empty_body_asks_for_the_configured_defaults(server: RunningServer, provider: FakeProvider) -> None:
    assert server.post().json()["max_session_seconds"] == 3600
    assert server.post({}).status_code == 200
    expected = {"expires_in_seconds": "120", "max_session_duration_seconds": "3600"}
    assert [call["query"] for call in provider.calls] == [expected, expected]


@pytest.mark.parametrize("seconds", [1, 600])
@pytest.mark.parametrize("cap", [60, 10800])
def test_both_ends_of_both_ranges_are_taken(
    server: RunningServer, provider: FakeProvider, seconds: int, cap: int
) -> None:
    body = server.post({"expires_in_seconds": seconds, "max_session_duration_seconds": cap}).json()
    assert provider.calls[0]["query"]["expires_in_seconds"] == str(seconds)
    assert body["max_session_seconds"] == min(cap, 3600)


def test_a_page_cannot_raise_the_session_cap_of_the_server(server: RunningServer, provider: FakeProvider) -> None:
    """Otherwise the owner's limit on what one visitor can cost would be a suggestion."""
    assert server.post({"max_session_duration_seconds": 10800}).json()["max_session_seconds"] == 3600
    assert provider.calls[0]["query"]["max_session_duration_seconds"] == "3600"


def test_two_requests_get_two_tokens(server: RunningServer, provider: FakeProvider, vendor: Vendor) -> None:
    """A token starts one session, so nothing may be cached on the way."""
    asked = {"provider": vendor.name}
    assert server.post(asked).json()["token"] != server.post(asked).json()["token"]
    assert len(provider.calls) == 2


def test_the_vendors_own_sample_page_gets_its_token_by_get(server: RunningServer, provider: FakeProvider) -> None:
    """`fetch("/api/voice-token")` of a page sends no Origin, and reads only `token`."""
    response = server.http.get("/api/voice-token", headers={"Sec-Fetch-Site": "same-origin"})
    assert response.json() == {"token": "fake-token-1"}
    assert response.headers["cache-control"] == "no-store"
    assert "origin" in response.headers["vary"].lower()
    assert provider.calls[0]["query"]["expires_in_seconds"] == "120"


def test_the_get_route_takes_the_same_values_as_query_parameters(server: RunningServer, provider: FakeProvider) -> None:
    query = {"expires_in_seconds": "300", "max_session_duration_seconds": "600", "provider": "assemblyai"}
    assert server.http.get("/api/voice-token", params=query).status_code == 200
    assert provider.calls[0]["query"] == {"expires_in_seconds": "300", "max_session_duration_seconds": "600"}


# --- 405, 404, 413, 422: nothing goes upstream ------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_token_route_takes_post_only(server: RunningServer, provider: FakeProvider, method: str) -> None:
    response = server.http.request(method, "/api/token", headers={"Origin": server.origin})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        assert_error(response, 405, "method_not_allowed")
    assert provider.calls == []


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
def test_the_voice_token_route_takes_get_only(server: RunningServer, provider: FakeProvider, method: str) -> None:
    """HEAD most of all: a link checker must not buy tokens."""
    assert server.http.request(method, "/api/voice-token", headers={"Origin": server.origin}).status_code == 405
    assert provider.calls == []


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/token/", "/api/token/x", "/healthz/x"])
def test_an_unknown_api_path_is_a_json_404(server: RunningServer, provider: FakeProvider, path: str) -> None:
    assert_error(server.http.post(path, headers={"Origin": server.origin}), 404, "not_found")
    assert provider.calls == []


BAD_BODIES = [
    (b'{"expires_in_seconds": 0}', "expires_in_seconds must be a whole number from 1 to 600"),
    (b'{"expires_in_seconds": 601}', "expires_in_seconds must be a whole number from 1 to 600"),
    (b'{"expires_in_seconds": -5}', "expires_in_seconds"),
    (b'{"expires_in_seconds": 60.0}', "expires_in_seconds"),
    (b'{"expires_in_seconds": "60"}', "expires_in_seconds"),
    (b'{"expires_in_seconds": true}', "expires_in_seconds"),
    (b'{"expires_in_seconds": null}', "expires_in_seconds"),
    (b'{"expires_in_seconds": [60]}', "expires_in_seconds"),
    (b'{"expires_in_seconds": NaN}', "expires_in_seconds"),
    (b'{"expires_in_seconds": 1e999}', "expires_in_seconds"),
    (b'{"expires_in_seconds": ' + b"9" * 900 + b"}", "expires_in_seconds"),
    (b'{"max_session_duration_seconds": 59}', "max_session_duration_seconds must be a whole number from 60 to 10800"),
    (b'{"max_session_duration_seconds": 10801}', "max_session_duration_seconds"),
    (b'{"max_session_duration_seconds": "abc"}', "max_session_duration_seconds"),
    (b'{"provider": "nobody"}', "provider must be one of: assemblyai, openai_realtime, sdk_voice."),
    (b'{"provider": 5}', "provider"),
    (b'{"provider": "openai"}', "provider must be one of"),
    (b'{"provider": "OpenAI_Realtime"}', "provider must be one of"),
    (b'{"provider": ["assemblyai"]}', "provider"),
    (b'{"provider": ""}', "provider"),
    (b'{"api_key": "x"}', "api_key"),
    (b'{"base_url": "http://example.com"}', "base_url"),
    (b'{"expires_in_seconds": 60, "extra": 1}', "extra"),
    (b"[]", "JSON object"),
    (b"null", "JSON object"),
    (b"60", "JSON object"),
    (b"{", "must be JSON"),
    (b"expires_in_seconds=60", "must be JSON"),
    (b"\xff\xfe{}", "must be JSON"),
    (b"[" * 1000, "must be JSON"),
    (b'{"a":' * 200, "must be JSON"),
]


@pytest.mark.parametrize(("body", "named"), BAD_BODIES)
def test_a_bad_body_is_422_and_names_the_field(
    server: RunningServer, provider: FakeProvider, body: bytes, named: str
) -> None:
    response = server.http.post("/api/token", content=body, headers={"Origin": server.origin})
    assert named in assert_error(response, 422, "invalid_value")
    assert provider.calls == []


BAD_QUERIES = [
    "expires_in_seconds=0",
    "expires_in_seconds=601",
    "expires_in_seconds=",
    "expires_in_seconds=6_0",
    "expires_in_seconds=%2B60",
    "expires_in_seconds=%2060",
    "expires_in_seconds=60.0",
    "expires_in_seconds=%D9%A6%D9%A0",
    "expires_in_seconds=99999999999999999999",
    "expires_in_seconds=60&expires_in_seconds=60",
    "max_session_duration_seconds=59",
    "max_session_duration_seconds=10801",
    "provider=nobody",
    "product=voice_agent",
]


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_bad_query_is_422(server: RunningServer, provider: FakeProvider, query: str) -> None:
    assert query.partition("=")[0] in assert_error(server.http.get(f"/api/voice-token?{query}"), 422, "invalid_value")
    assert provider.calls == []


def test_post_does_not_silently_ignore_values_in_the_address(server: RunningServer, provider: FakeProvider) -> None:
    response = server.http.post("/api/token?expires_in_seconds=9999", headers={"Origin": server.origin})
    assert "body" in assert_error(response, 422, "invalid_value")
    assert provider.calls == []


def test_a_body_of_1024_bytes_is_read_and_one_more_is_413(server: RunningServer, provider: FakeProvider) -> None:
    headers = {"Origin": server.origin}
    assert server.http.post("/api/token", content=b"{}" + b" " * 1022, headers=headers).status_code == 200
    assert_error(server.http.post("/api/token", content=b"{}" + b" " * 1023, headers=headers), 413, "too_large")
    assert len(provider.calls) == 1


def test_a_body_without_a_declared_length_is_counted_as_it_comes(server: RunningServer, provider: FakeProvider) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    response = server.http.post("/api/token", content=chunks(), headers={"Origin": server.origin})
    assert_error(response, 413, "too_large")
    assert provider.calls == []


# --- 429, 503 ---------------------------------------------------------------------------------------------------------


def test_too_many_tokens_for_one_client_are_429_with_retry_after(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {
        "assemblyai_api_key": KEY,
        "assemblyai_base_url": provider.url,
        "token_rate_per_client_per_minute": 3,
    }
    with running_server(**settings) as server:
        assert [server.post().status_code for _ in range(3)] == [200] * 3
        response = server.post()
        assert_error(response, 429, "rate_limited")
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert_error(server.http.get("/api/voice-token"), 429, "rate_limited")
        assert server.http.get("/healthz").status_code == 200
    assert len(provider.calls) == 3


def test_refused_requests_do_not_use_up_the_rate(provider: FakeProvider) -> None:
    """Else a foreign page could lock the person's own page out."""
    settings: dict[str, Any] = {
        "assemblyai_api_key": KEY,
        "assemblyai_base_url": provider.url,
        "token_rate_per_client_per_minute": 1,
    }
    with running_server(**settings) as server:
        for _ in range(3):
            assert server.post(headers={"Origin": "https://evil.example"}).status_code == 403
            assert server.post({"expires_in_seconds": 0}).status_code == 422
        assert server.post().status_code == 200


def test_a_full_queue_is_503_at_once_while_other_routes_answer_and_all_recovers(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {"upstream_slots": 1, "upstream_max_waiting": 0, "upstream_timeout_seconds": 15.0}
    with running_server(assemblyai_api_key=KEY, assemblyai_base_url=provider.url, **settings) as server:
        provider.stall()
        stalled: list[int] = []
        thread = threading.Thread(target=lambda: stalled.append(server.post().status_code))
        thread.start()
        wait_until(lambda: len(provider.calls) == 1)
        response = server.post()
        assert_error(response, 503, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
        assert server.http.get("/healthz").json() == {"status": "ok"}
        assert stalled == []
        provider.answer = None
        provider.release.set()
        thread.join(20)
        assert stalled == [502]
        assert server.post().status_code == 200
    assert len(provider.calls) == 2


def test_who_waits_too_long_for_a_slot_gets_503_and_never_reaches_the_provider(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {"upstream_slots": 1, "upstream_max_waiting": 5, "upstream_timeout_seconds": 1.5}
    with running_server(assemblyai_api_key=KEY, assemblyai_base_url=provider.url, **settings) as server:
        provider.stall()
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(server.post().status_code)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert set(results) <= {503, 504}
        assert 504 in results
        assert 503 in results


# --- a client that goes away ------------------------------------------------------------------------------------------


def test_a_request_cut_off_in_its_body_harms_nobody(server: RunningServer, provider: FakeProvider) -> None:
    head = f"POST /api/token HTTP/1.1\nHost: localhost:{server.port}\nOrigin: {server.origin}\nContent-Length: 99999\nConnection: close\n\n"
    assert "413" in raw_exchange(server.port, head).partition("\r\n")[0]
    assert server.http.get("/healthz").status_code == 200
    assert provider.calls == []
