"""What the second and the third vendor are asked, word for word, and what of their answers reaches the page.

The first one's call is in `tests/server/test_mint.py`. Protocol files, section 1 of each.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from server.errors import UpstreamError
from server.providers import Endpoint
from server.providers.sdk_voice import checked_ws_url
from server.settings import SettingsError, load_settings
from tests.server.support.server_support import FakeProvider, RunningServer, assert_error, running_server
from tests.server.support.vendors import VENDORS

OPENAI = VENDORS["openai_realtime"]
SDK = VENDORS["sdk_voice"]


# --- OpenAI Realtime --------------------------------------------------------------------------------------------------


def test_a_secret_is_minted_with_the_model_bound_to_it(server: RunningServer, provider: FakeProvider) -> None:
    provider.answer_with(200, OPENAI.answer("ek_1", provider.url, expires_at=4_000_000_000))
    body = server.post({"provider": OPENAI.name, "expires_in_seconds": 90}).json()
    assert body == {
        "provider": "openai_realtime",
        "token": "ek_1",
        "ws_url": f"{provider.url.replace('http', 'ws')}/v1/realtime?model=gpt-realtime-2.1-mini",
        "expires_at": 4_000_000_000,
        "max_session_seconds": 3600,
    }
    assert provider.calls == [
        {
            "method": "POST",
            "path": "/v1/realtime/client_secrets",
            "query": {},
            "authorization": OPENAI.authorization,
            "body": {
                "expires_after": {"anchor": "created_at", "seconds": 90},
                "session": {"type": "realtime", "model": "gpt-realtime-2.1-mini"},
            },
        }
    ]


@pytest.mark.parametrize(("asked", "sent"), [(1, 10), (9, 10), (10, 10), (11, 11), (600, 600)])
def test_a_life_shorter_than_the_vendor_has_becomes_its_shortest(
    server: RunningServer, provider: FakeProvider, asked: int, sent: int
) -> None:
    """Else the vendor would answer 400 and the page would see nothing but 502."""
    assert server.post({"provider": OPENAI.name, "expires_in_seconds": asked}).status_code == 200
    assert provider.calls[0]["body"]["expires_after"]["seconds"] == sent


def test_what_the_owner_set_is_bound_to_every_secret(provider: FakeProvider) -> None:
    settings: dict[str, Any] = {
        "openai_realtime_model": "ft:model/x",
        "openai_realtime_voice": "cedar",
        "openai_realtime_instructions": "Answer in rhymes \u2013 always.",
    }
    with running_server(**OPENAI.settings(provider.url), **settings) as server:
        body = server.post().json()
    assert body["ws_url"].endswith("/v1/realtime?model=ft%3Amodel%2Fx")
    assert provider.calls[0]["body"]["session"] == {
        "type": "realtime",
        "model": "ft:model/x",
        "instructions": "Answer in rhymes \u2013 always.",
        "audio": {"output": {"voice": "cedar"}},
    }


def test_the_vendors_hour_caps_a_session_whatever_the_server_allows(provider: FakeProvider) -> None:
    """The page says goodbye before the cap, so it must know the one that comes first."""
    with running_server(**OPENAI.settings(provider.url), max_session_duration_seconds=7200) as server:
        assert server.post().json()["max_session_seconds"] == 3600
        assert server.post({"max_session_duration_seconds": 600}).json()["max_session_seconds"] == 600


@pytest.mark.parametrize("sign", list('"(),/:;<=>?@[\\]{}'))
def test_a_secret_that_no_sub_protocol_can_carry_is_502(
    server: RunningServer, provider: FakeProvider, sign: str
) -> None:
    """`new WebSocket` would throw, and in the page that is a riddle."""
    provider.answer_with(200, OPENAI.answer(f"ek_{sign}1", provider.url))
    assert_error(server.post({"provider": OPENAI.name}), 502, "upstream_unusable")


def test_every_other_sign_and_4096_characters_pass(server: RunningServer, provider: FakeProvider) -> None:
    for secret in ("ek_!#$%&'*+-.^_`|~09azAZ", "x" * 4096):
        provider.answer_with(200, OPENAI.answer(secret, provider.url))
        assert server.post({"provider": OPENAI.name}).json()["token"] == secret
    provider.answer_with(200, OPENAI.answer("x" * 4097, provider.url))
    assert_error(server.post({"provider": OPENAI.name}), 502, "upstream_unusable")


@pytest.mark.parametrize("value", ["4000000000", True, 0, -1, 4e9, 2**60, [1]])
def test_a_time_that_is_no_time_is_502(server: RunningServer, provider: FakeProvider, value: Any) -> None:
    provider.answer_with(200, OPENAI.answer("ek_1", provider.url, expires_at=value))
    assert_error(server.post({"provider": OPENAI.name}), 502, "upstream_unusable")


def test_without_a_time_in_the_answer_the_life_asked_for_counts(server: RunningServer, provider: FakeProvider) -> None:
    provider.answer_with(200, OPENAI.answer("ek_1", provider.url, expires_at=None))
    before = int(time.time())
    body = server.post({"provider": OPENAI.name, "expires_in_seconds": 90}).json()
    assert before + 90 <= body["expires_at"] <= int(time.time()) + 90


# --- SDK voice --------------------------------------------------------------------------------------------------------


def test_a_token_comes_with_its_socket_and_lives_five_minutes(server: RunningServer, provider: FakeProvider) -> None:
    """The vendor fixes the life and is told nothing, so what the page asks for cannot shorten it."""
    socket = f"{provider.url.replace('http', 'ws')}/api/v1/sdk/ws?room=a%20b&x=1"
    provider.answer_with(200, SDK.answer("eyJ.a-b.c_d", provider.url, ws_url=socket))
    before = int(time.time())
    body = server.post({"provider": SDK.name, "expires_in_seconds": 20}).json()
    assert body["token"] == "eyJ.a-b.c_d"
    assert body["ws_url"] == socket
    assert before + 300 <= body["expires_at"] <= int(time.time()) + 300
    assert provider.calls == [
        {"method": "POST", "path": "/api/v1/sdk/token", "query": {}, "authorization": SDK.authorization, "body": None}
    ]


def test_a_socket_elsewhere_is_502_and_a_named_host_is_not(server: RunningServer, provider: FakeProvider) -> None:
    provider.answer_with(200, SDK.answer("t", provider.url, ws_url="wss://voice.example.net/ws"))
    assert_error(server.post({"provider": SDK.name}), 502, "upstream_unusable")
    with running_server(**SDK.settings(provider.url), sdk_voice_ws_hosts="voice.example.net") as other:
        assert other.post().json()["ws_url"] == "wss://voice.example.net/ws"


def test_a_socket_with_the_key_in_its_address_stays_here(server: RunningServer, provider: FakeProvider) -> None:
    socket = f"{provider.url.replace('http', 'ws')}/ws?key={SDK.key}"
    provider.answer_with(200, SDK.answer("t", provider.url, ws_url=socket))
    assert_error(server.post({"provider": SDK.name}), 502, "upstream_unusable")


def api_at(base_url: str, *ws_hosts: str) -> Endpoint:
    return Endpoint(
        base_url=base_url, api_key=SecretStr("k"), key_variable="SDK_VOICE_API_KEY", ws_path=None, ws_hosts=ws_hosts
    )


@pytest.mark.parametrize(
    ("base_url", "ws_url"),
    [
        ("https://api.example.com", "wss://api.example.com/api/v1/sdk/ws"),
        ("https://api.example.com", "wss://api.example.com"),
        ("https://api.example.com", "wss://api.example.com?x=1"),
        ("https://api.example.com", "wss://api.example.com:8443/ws"),
        ("https://API.Example.com:444/base", "wss://api.example.com/ws"),
        ("https://api.example.com", "wss://ws.example.com/ws"),
        ("https://api.example.com", "wss://example.com/ws"),
        ("https://example.com", "wss://a.b.example.com/ws"),
        ("https://api.example.co.uk", "wss://ws.example.co.uk/ws"),
        ("https://api.abc.com", "wss://ws.abc.com/ws"),
        ("https://voice", "wss://voice/ws"),
        ("https://192.0.2.7", "wss://192.0.2.7/ws"),
        ("https://[2001:db8::1]", "wss://[2001:db8::1]:99/ws"),
        ("http://127.0.0.1:9000", "ws://127.0.0.1:9000/ws"),
        ("http://127.0.0.1:9000", "ws://localhost:9001/ws"),
        ("http://[::1]:9000", "ws://127.0.0.1/ws"),
    ],
)
def test_a_socket_on_the_site_of_the_api_is_used_as_it_is(base_url: str, ws_url: str) -> None:
    assert checked_ws_url(ws_url, api_at(base_url)) == ws_url


@pytest.mark.parametrize(
    ("base_url", "ws_url"),
    [
        ("https://api.example.com", value)
        for value in (
            None,
            5,
            "",
            "api.example.com/ws",
            "/api/v1/sdk/ws",
            "//api.example.com/ws",
            "https://api.example.com/ws",
            "javascript:alert(1)",
            "ws://api.example.com/ws",
            "WSS://api.example.com/ws",
            "wss:api.example.com/ws",
            "wss://",
            "wss://./ws",
            "wss://.example.com/ws",
            "wss://api..example.com/ws",
            "wss://api.example.com./ws",
            "wss://api.example.com:/ws",
            "wss://api.example.com:65536/ws",
            "wss://api.example.com:44x/ws",
            "wss://api.example.com/ws#token",
            "wss://api.example.com/w s",
            "wss://api.example.com/ws\n",
            "wss://api.example.com/\u00e4",
            "wss://api.example.com\\@evil.net/ws",
            "wss://evil.net\\.example.com/ws",
            "wss://api.example.com@evil.net/ws",
            "wss://user:pass@api.example.com/ws",
            "wss://evil.net/wss://api.example.com",
            "wss://evil.net?.example.com",
            "wss://api.example.com.evil.net/ws",
            "wss://evilexample.com/ws",
            "wss://com/ws",
            "wss://localhost/ws",
            "ws://127.0.0.1:6379/ws",
            "ws://[::1]/ws",
            "wss://192.0.2.7/ws",
            "wss://api.example.com/" + "x" * 2048,
        )
    ]
    + [
        ("https://api.example.co.uk", "wss://evil.co.uk/ws"),
        ("https://example.co.uk", "wss://evil.co.uk/ws"),
        ("https://abc.io", "wss://evil.abc.io/ws"),
        ("https://voice", "wss://other/ws"),
        ("https://192.0.2.7", "wss://8.0.2.7/ws"),
        ("https://192.0.2.7", "wss://127.1/ws"),
        ("https://[2001:db8::1]", "wss://[2001:db8::2]/ws"),
        ("http://127.0.0.1:9000", "ws://127.0.0.1.evil.net/ws"),
        ("http://127.0.0.1:9000", "wss://voice.example.com/ws"),
    ],
)
def test_a_socket_that_leads_elsewhere_is_not_used(base_url: str, ws_url: Any) -> None:
    """The page would send a token and a voice there."""
    with pytest.raises(UpstreamError) as caught:
        checked_ws_url(ws_url, api_at(base_url))
    assert caught.value.code == "upstream_unusable"
    assert "example" not in caught.value.reason, "the reason is made of our own words"


def test_a_named_host_stands_for_any_port_and_a_named_port_for_that_one() -> None:
    where = api_at("https://api.example.com", "voice.example.net", "only.example.net:8443", "localhost")
    for ws_url in ("wss://voice.example.net/ws", "wss://voice.example.net:9/ws", "wss://only.example.net:8443/ws"):
        assert checked_ws_url(ws_url, where) == ws_url
    assert checked_ws_url("ws://localhost:5/ws", where) == "ws://localhost:5/ws"
    for ws_url in ("wss://only.example.net/ws", "wss://x.voice.example.net/ws", "ws://voice.example.net/ws"):
        with pytest.raises(UpstreamError):
            checked_ws_url(ws_url, where)


def test_a_session_in_a_file_is_bound_to_every_token_of_openai(provider: FakeProvider, tmp_path: Path) -> None:
    tools = [{"type": "function", "name": "show", "parameters": {"type": "object", "properties": {}}}]
    written = {"instructions": "of the file", "tools": tools, "audio": {"output": {"voice": "sage", "speed": 1.1}}}
    (tmp_path / "session.json").write_text(json.dumps(written))
    more: dict[str, Any] = {
        "openai_realtime_session_file": str(tmp_path / "session.json"),
        "openai_realtime_voice": "cedar",
    }
    with running_server(**VENDORS["openai_realtime"].settings(provider.url), **more) as server:
        assert [server.post().status_code for _ in range(2)] == [200, 200]
    for call in provider.calls:
        assert call["body"]["session"] == {
            "type": "realtime",
            "model": "gpt-realtime-2.1-mini",
            "instructions": "of the file",
            "tools": tools,
            "audio": {"output": {"voice": "cedar", "speed": 1.1}},
        }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "must hold one JSON object"),
        ("{", "is no JSON"),
        ('{"tool": []}', "field 'tool'; did you mean tools?"),
        ('{"model": "x"}', "OPENAI_REALTIME_MODEL names the model"),
        ('{"audio": {"output": "cedar"}}', "audio.output must be objects"),
        ('{"tools": [{"name": "show"}]}', "objects with a type"),
        (json.dumps({"instructions": "x" * 20_000}), "at most 16000 characters"),
        (None, "cannot be read"),
    ],
)
def test_a_session_that_cannot_be_meant_stops_the_start(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "session.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(None, openai_realtime_session_file=str(file))
    assert str(caught.value).startswith("OPENAI_REALTIME_SESSION_FILE: ")
    assert said in str(caught.value)
