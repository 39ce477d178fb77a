"""Who mints: the vendor that was asked for, the local agent in its place, or nobody because a variable is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.server.support.server_support import KEY, FakeProvider, RunningServer, assert_error, running_server
from tests.server.support.vendors import KEYS, VENDORS, Vendor, vendor_at

# --- 500: which variable is missing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"provider": None}, {"local_agent": False}])
def test_a_missing_key_is_named(provider: FakeProvider, vendor: Vendor, settings: dict[str, Any]) -> None:
    """Once by PROVIDER, once by the page; the vendor's address alone is no key."""
    if "provider" in settings:
        settings = {"provider": vendor.name}
    addresses = {name: value for name, value in vendor.settings(provider.url).items() if name.endswith("_url")}
    with running_server(**addresses, **settings) as server:
        assert vendor.variables[0] in assert_error(server.post({"provider": vendor.name}), 500, "missing_key")
        response = server.http.get("/api/voice-token", params={"provider": vendor.name})
        assert vendor.variables[0] in assert_error(response, 500, "missing_key")
        config = server.http.get("/api/config").json()
        assert config["ready"] is False
        assert config["missing"]
        assert {"name": vendor.name, "ready": False, "local": False} in config["providers"]
    assert provider.calls == []


def test_every_missing_variable_of_a_vendor_is_named(provider: FakeProvider) -> None:
    """A key without an address is a key all the same: it must not turn into a talk with the local agent."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"provider": "sdk_voice"}, "SDK_VOICE_API_KEY and SDK_VOICE_API_URL are not set"),
        ({"sdk_voice_api_key": VENDORS["sdk_voice"].key}, "SDK_VOICE_API_URL is not set"),
        ({"provider": "sdk_voice", "sdk_voice_api_url": provider.url}, "SDK_VOICE_API_KEY is not set"),
    ]
    for given, missing in cases:
        with running_server(**given) as server:
            assert assert_error(server.post(), 500, "missing_key").startswith(missing)
    assert provider.calls == []


def test_with_a_key_of_one_vendor_the_others_are_not_played_by_the_local_agent(
    provider: FakeProvider, vendor: Vendor
) -> None:
    """Who set a key means to talk to vendors; a stand-in that nobody announced would look like a bad vendor."""
    with running_server(**vendor.settings(provider.url)) as server:
        for other in VENDORS.values():
            asked = {"provider": other.name}
            if other is vendor:
                assert server.post(asked).status_code == 200
            else:
                assert other.variables[0] in assert_error(server.post(asked), 500, "missing_key")
        assert server.post().json()["provider"] == vendor.name
        config = server.http.get("/api/config").json()
        assert config["provider"] == vendor.name
        assert [item["ready"] for item in config["providers"]] == [name == vendor.name for name in VENDORS]
    assert [call["path"] for call in provider.calls] == [vendor.path] * 2


def test_a_page_that_names_its_protocol_does_not_insist_on_a_key(provider: FakeProvider) -> None:
    """Every page of ours says which protocol it speaks; whether the vendor or the local agent answers
    is the owner's choice.
    """
    with running_server(assemblyai_base_url=provider.url) as server:
        assert "/agent/v1/ws" in server.post({"provider": "assemblyai"}).json()["ws_url"]
    with running_server(assemblyai_base_url=provider.url, provider="assemblyai") as server:
        assert_error(server.post({"provider": "assemblyai"}), 500, "missing_key")
    assert provider.calls == []


# --- the local agent, by the same calls -------------------------------------------------------------------------------


class AgentInTransport:
    """Stands where the local agent is and notes what reaches it; answers as the vendors do, or with `status`."""

    def __init__(self, status: int = 200) -> None:
        self.calls: list[tuple[str, str]] = []
        self.authorizations: set[str | None] = set()
        self._status = status

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.method, f"{request.url.host}:{request.url.port}{request.url.path}"))
        self.authorizations.add(request.headers.get("authorization"))
        vendor = vendor_at(request.url.path.removeprefix("/agent"))
        assert vendor is not None
        answer = vendor.answer("local-1", "http://elsewhere.example").encode()
        # As a stream: a ready-made body cannot be read in pieces.
        return httpx.Response(self._status, stream=httpx.ByteStream(answer))


LOCAL_SOCKETS = {
    "assemblyai": "/agent/v1/ws",
    "openai_realtime": "/agent/v1/realtime?model=gpt-realtime-2.1-mini",
    "sdk_voice": "/agent/api/v1/sdk/ws",
}


@pytest.mark.parametrize("with_keys", [False, True])
def test_the_local_agent_is_asked_as_the_vendor_is_and_its_socket_is_on_our_own_host(
    provider: FakeProvider, vendor: Vendor, with_keys: bool
) -> None:
    """Whatever socket the answer names: the page's policy allows its own origin."""
    agent = AgentInTransport()
    settings: dict[str, Any] = {**vendor.settings(provider.url), "local_agent": True} if with_keys else {}
    with running_server(http_client=agent.client(), **settings) as server:
        body = server.post({"provider": vendor.name}).json()
        assert body["provider"] == vendor.name
        assert body["token"] == "local-1"
        assert body["ws_url"] == f"ws://localhost:{server.port}{LOCAL_SOCKETS[vendor.name]}"
        assert agent.calls == [(vendor.method, f"127.0.0.1:{server.port}/agent{vendor.path}")]
        assert vendor.authorization not in agent.authorizations, "a key has no business at the local agent"
        config = server.http.get("/api/config").json()
        assert config["providers"] == [{"name": name, "ready": True, "local": True} for name in VENDORS]
    assert provider.calls == []


def test_a_refusal_of_the_local_agent_is_502_like_any_other(vendor: Vendor) -> None:
    with running_server(http_client=AgentInTransport(status=404).client()) as server:
        assert_error(server.post({"provider": vendor.name}), 502, "upstream_refused")


@pytest.fixture(scope="module")
def keyless() -> Iterator[RunningServer]:
    with running_server(token_rate_per_client_per_minute=1000) as server:
        yield server


def test_without_a_key_the_token_comes_from_the_local_agent(keyless: RunningServer) -> None:
    body = keyless.post().json()
    assert body["provider"] == "assemblyai"
    assert body["ws_url"] == f"ws://localhost:{keyless.port}/agent/v1/ws"
    assert isinstance(body["token"], str)
    assert keyless.http.get("/api/config").json()["local_agent"] is True


def test_the_socket_address_names_the_host_as_the_browser_used_it(keyless: RunningServer) -> None:
    """The page's policy allows its own origin only, and localhost and 127.0.0.1 are two."""
    address = f"http://127.0.0.1:{keyless.port}"
    response = httpx.post(f"{address}/api/token", headers={"Origin": address}, trust_env=False)
    assert response.json()["ws_url"] == f"ws://127.0.0.1:{keyless.port}/agent/v1/ws"


def test_the_seeds_flow_mint_by_get_then_open_the_socket_works(keyless: RunningServer) -> None:
    token = keyless.http.get("/api/voice-token", headers={"Sec-Fetch-Site": "same-origin"}).json()["token"]
    url = f"ws://localhost:{keyless.port}/agent/v1/ws?token={token}"
    with connect(url, origin=Origin(keyless.origin), proxy=None) as socket:
        assert socket.response is not None
        assert socket.response.status_code == 101


def test_a_key_can_be_set_aside_for_the_local_agent(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {"assemblyai_api_key": KEY, "assemblyai_base_url": provider.url, "local_agent": True}
    with running_server(**settings) as server:
        assert "/agent/v1/ws" in server.post().json()["ws_url"]
    assert provider.calls == []


def test_forwarded_headers_count_only_behind_a_trusted_proxy(keyless: RunningServer) -> None:
    forwarded = {"X-Forwarded-Proto": "https"}
    assert keyless.post(headers=forwarded).json()["ws_url"].startswith("ws://")
    with running_server(trust_proxy=True) as trusting:
        secure = {**forwarded, "Origin": f"https://localhost:{trusting.port}"}
        assert trusting.post(headers=secure).json()["ws_url"].startswith("wss://")
        assert trusting.post(headers=forwarded).status_code == 403


def test_an_environment_proxy_is_not_used_for_the_local_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy cannot reach the developer's loopback."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with running_server() as server:
        assert server.post().status_code == 200


# --- facts for the page -----------------------------------------------------------------------------------------------


def test_the_config_route_tells_facts_and_no_secret(server: RunningServer, provider: FakeProvider) -> None:
    response = server.http.get("/api/config")
    config = response.json()
    assert config["provider"] == "assemblyai"
    assert config["providers"] == [{"name": name, "ready": True, "local": False} for name in VENDORS]
    assert config["ready"] is True
    assert config["local_agent"] is False
    assert config["ws_origin"] == provider.url.replace("http", "ws")
    assert config["limits"]["expires_in_seconds"] == {"min": 1, "max": 600, "default": 120}
    assert config["limits"]["max_session_duration_seconds"]["cap"] == 3600
    for key in KEYS:
        assert key not in response.text
    assert provider.calls == []


@pytest.mark.parametrize(
    ("name", "ws_origin"),
    [
        ("assemblyai", "wss://agents.assemblyai.com"),
        ("openai_realtime", "wss://api.openai.com"),
        ("sdk_voice", None),
    ],
)
def test_the_config_route_tells_where_the_default_vendors_sockets_are(name: str, ws_origin: str | None) -> None:
    """Of one vendor nobody knows before a token is asked for."""
    settings: dict[str, Any] = {"assemblyai_api_key": KEYS[0], "openai_api_key": KEYS[1], "sdk_voice_api_key": KEYS[2]}
    with running_server(provider=name, sdk_voice_api_url="https://sdk.example.com", **settings) as server:
        config = server.http.get("/api/config").json()
        assert config["provider"] == name
        assert config["ws_origin"] == ws_origin
