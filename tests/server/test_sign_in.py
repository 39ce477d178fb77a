"""A team's own sign-in: who gets a token, whose limit counts, what pages of other origins may send, and
what a log may say.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.settings import SettingsError, load_settings
from server.sign_in import Visitor, load_sign_in
from tests.server.support.server_support import CANARY, FakeProvider, RunningServer, assert_error, running_server
from tests.server.support.vendors import VENDORS

PAGE = "https://www.example.com"
MODULE = f"""
import time

async def who(visitor):
    if "broken" in visitor.cookies:
        raise RuntimeError("{CANARY}" + str(visitor.headers))
    if "slow" in visitor.cookies:
        await __import__("asyncio").sleep(3600)
    if "odd" in visitor.cookies:
        return "two words"
    return visitor.cookies.get("session") or {{"good": "bob"}}.get(visitor.bearer)

def plain(visitor):
    return visitor.bearer

not_a_function = 1
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "team_sign_in_of_tests.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


def guarded(provider: FakeProvider, function: str = "who", **more: Any) -> Any:
    settings = VENDORS["assemblyai"].settings(provider.url) | more
    return running_server(**settings, sign_in=f"team_sign_in_of_tests:{function}", allowed_origins=PAGE)


@pytest.fixture
def signed(provider: FakeProvider) -> Iterator[RunningServer]:
    with guarded(provider) as server:
        yield server


def test_nobody_gets_a_token_without_signing_in(signed: RunningServer, provider: FakeProvider) -> None:
    for headers in ({}, {"Cookie": "other=1"}, {"Authorization": "Bearer bad"}, {"Authorization": "Basic good"}):
        answer = signed.post(headers=headers)
        assert_error(answer, 401, "sign_in_needed")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert_error(signed.http.get("/api/voice-token"), 401, "sign_in_needed")
    assert provider.calls == []


@pytest.mark.parametrize(
    "headers", [{"Cookie": "session=alice"}, {"Authorization": "bearer good"}], ids=["cookie", "bearer"]
)
def test_who_signed_in_gets_one(signed: RunningServer, headers: dict[str, str]) -> None:
    assert signed.post(headers=headers).status_code == 200
    assert signed.http.get("/api/voice-token", headers=headers).status_code == 200


def test_a_function_without_async_is_asked_too(provider: FakeProvider) -> None:
    with guarded(provider, "plain") as server:
        assert server.post(headers={"Authorization": "Bearer carol"}).status_code == 200
        assert_error(server.post(), 401, "sign_in_needed")


@pytest.mark.parametrize("cookie", ["broken=1", "slow=1", "odd=1"])
def test_a_function_that_fails_gives_no_token_and_nothing_away(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture, cookie: str
) -> None:
    with guarded(provider, upstream_timeout_seconds=1.0) as server:
        answer = server.post(headers={"Cookie": f"{cookie}; secret={CANARY}"})
        assert_error(answer, 503, "sign_in_failed")
        assert answer.headers["retry-after"] == "5"
    assert provider.calls == []
    assert "SIGN_IN" in caplog.text and CANARY not in caplog.text


def test_the_limit_is_each_users_own_and_the_audit_line_names_the_user(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with guarded(provider, token_rate_per_client_per_minute=1) as server, caplog.at_level("INFO", "parley.audit"):
        found = [server.post(headers={"Cookie": f"session={name}"}).status_code for name in ("a", "b", "a", "c")]
    assert found == [200, 200, 429, 200]
    lines = [record.getMessage() for record in caplog.records if record.name == "parley.audit"]
    assert [" user=a " in line for line in lines] == [True, False, True, False]


def test_pages_of_allowed_origins_and_no_others_may_send_credentials(
    signed: RunningServer, provider: FakeProvider
) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization,content-type"
    preflight = signed.http.options("/api/token", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    for headers, status in (({"Cookie": "session=alice"}, 200), ({}, 401)):
        answer = signed.post(headers={"Origin": PAGE, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-credentials"] == "true"
    evil = {"Origin": "https://evil.example", "Cookie": "session=alice"}
    for refused in (
        signed.post(headers=evil),
        signed.http.options("/api/token", headers={**asked, "Origin": "https://evil.example"}),
    ):
        assert "access-control-allow-credentials" not in refused.headers
        assert "authorization" not in refused.headers.get("access-control-allow-headers", "").lower()
    assert len(provider.calls) == 1


def test_without_a_sign_in_no_page_may_send_credentials(server: RunningServer) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    for answer in (server.http.options("/api/token", headers=asked), server.post(headers={"Origin": PAGE})):
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module_here:who", "cannot be imported"),
        ("team_sign_in_of_tests:nobody", "has no function nobody"),
        ("team_sign_in_of_tests:not_a_function", "has no function"),
    ],
)
def test_a_function_that_is_not_there_stops_the_start(name: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"SIGN_IN: .*{said}"):
        load_sign_in(name, 1.0)


@pytest.mark.parametrize("value", ["who", "a:b:c", "a/b:c", "a.:b", "a:b()", ":who"])
def test_a_name_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="SIGN_IN: must be module:function"):
        load_settings(None, sign_in=value)


def test_what_a_visitor_shows_does_not_show_in_a_log() -> None:
    visitor = Visitor(headers={"authorization": f"Bearer {CANARY}"}, cookies={"a": CANARY}, client="192.0.2.1")
    assert visitor.bearer == CANARY
    assert CANARY not in repr(visitor)
    assert Visitor(headers={}, cookies={}, client="").bearer is None
