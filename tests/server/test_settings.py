"""What the environment may say and what comes of it."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import pytest

from server.errors import ApiError
from server.providers import Minted, choose
from server.settings import Settings, SettingsError, load_settings
from tests.server.support.server_support import ROOT
from tests.server.support.vendors import VENDORS


def test_origins_are_brought_to_the_form_that_browsers_send() -> None:
    settings = load_settings(
        None, allowed_origins="https://A.example.com:443, http://b.example.com:80,https://c.d:8443,"
    )
    assert settings.allowed_origins == ("https://a.example.com", "http://b.example.com", "https://c.d:8443")


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "null",
        "example.com",
        "https://*.example.com",
        "https://a.example.com/",
        "https://u@a.example.com",
        "ftp://a",
    ],
)
def test_an_origin_that_could_never_match_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="ALLOWED_ORIGINS"):
        load_settings(None, allowed_origins=value)


def test_every_bad_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("TOKEN_EXPIRES_IN_SECONDS", "0")
    with pytest.raises(SettingsError, match=r"PORT.*TOKEN_EXPIRES_IN_SECONDS"):
        load_settings(None)


@pytest.fixture(params=VENDORS)
def key_field(request: pytest.FixtureRequest) -> str:
    """The setting that holds a vendor's key, each in turn."""
    return VENDORS[request.param].variables[0].lower()


def test_a_key_is_not_shown_by_the_settings_themselves(key_field: str) -> None:
    settings = load_settings(None, **{key_field: "CANARY123"})
    assert "CANARY123" not in repr(settings) + str(settings) + str(settings.model_dump())
    assert settings.secrets == ("CANARY123",)


def test_the_error_of_a_bad_value_does_not_carry_it_in_its_traceback(key_field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, **{key_field: "CANARY with spaces"}, port="CANARY")
    text = "".join(traceback.TracebackException.from_exception(caught.value, limit=0).format())
    assert "CANARY" not in text
    assert "PORT" in text
    assert key_field.upper() in text


def test_white_space_round_a_pasted_key_is_taken_off(key_field: str) -> None:
    assert load_settings(None, **{key_field: " CANARY123\n"}).secrets == ("CANARY123",)


def test_what_is_known_of_an_endpoint_and_a_token_does_not_show_them() -> None:
    settings = load_settings(None, openai_api_key="CANARY123")
    minted = Minted(token="CANARY456", ws_url="wss://example.com/?CANARY789")
    assert "CANARY" not in repr(choose(settings)) + repr(minted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_REALTIME_BASE_URL", "CANARY"),
        ("OPENAI_REALTIME_BASE_URL", "http://canary.example.com"),
        ("OPENAI_REALTIME_BASE_URL", "https://canary@example.com"),
        ("OPENAI_REALTIME_BASE_URL", "https://example.com/?canary"),
        ("OPENAI_REALTIME_MODEL", "CANARY model"),
        ("OPENAI_REALTIME_MODEL", "canary&intent=x"),
        ("OPENAI_REALTIME_VOICE", "canary\n"),
        ("OPENAI_REALTIME_INSTRUCTIONS", "canary" * 3000),
        ("SDK_VOICE_API_URL", "canary.example.com"),
        ("SDK_VOICE_API_URL", "http://canary.example.com"),
        ("SDK_VOICE_WS_HOSTS", "*.canary.example.com"),
        ("SDK_VOICE_WS_HOSTS", "wss://canary.example.com"),
        ("SDK_VOICE_WS_HOSTS", "*"),
    ],
)
def test_a_bad_address_or_name_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(None)
    assert str(caught.value).startswith(f"{name}: ")
    assert "canary" not in str(caught.value).lower()


@pytest.mark.parametrize("written", ["https://eu.example.com", "https://eu.example.com/", "https://eu.example.com/v1/"])
def test_the_address_may_end_in_the_version_as_the_vendors_libraries_write_it(written: str) -> None:
    settings = load_settings(None, openai_api_key="k", openai_realtime_base_url=written)
    assert choose(settings)[1].ws_url == "wss://eu.example.com/v1/realtime?model=gpt-realtime-2.1-mini"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/agent"),
        ("localhost", "http://127.0.0.1:8000/agent"),
        ("0.0.0.0", "http://127.0.0.1:8000/agent"),
        ("::", "http://[::1]:8000/agent"),
        ("::1", "http://[::1]:8000/agent"),
        ("192.0.2.7", "http://192.0.2.7:8000/agent"),
    ],
)
def test_the_local_agent_is_looked_for_where_the_server_listens(host: str, url: str) -> None:
    assert load_settings(None, host=host).local_agent_url == url


@pytest.mark.parametrize(
    ("host", "allow", "accepts"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("0.0.0.0", None, False),
        ("0.0.0.0", True, True),
        ("::1", False, False),
    ],
)
def test_programs_without_an_origin_are_welcome_on_loopback_only(host: str, allow: bool | None, accepts: bool) -> None:
    assert load_settings(None, host=host, allow_no_origin=allow).accepts_no_origin is accepts


@pytest.mark.parametrize(
    ("given", "asked", "url"),
    [
        ({}, None, "http://127.0.0.1:8000/agent"),
        ({"assemblyai_api_key": "k"}, None, "https://agents.assemblyai.com"),
        ({"assemblyai_api_key": "k"}, "assemblyai", "https://agents.assemblyai.com"),
        (
            {"assemblyai_api_key": "k", "assemblyai_agents_host": "agents.eu.assemblyai.com"},
            None,
            "https://agents.eu.assemblyai.com",
        ),
        ({"assemblyai_api_key": "k", "local_agent": True}, None, "http://127.0.0.1:8000/agent"),
        ({"provider": "assemblyai", "local_agent": True}, None, "http://127.0.0.1:8000/agent"),
        ({"provider": "assemblyai"}, None, None),
        ({}, "assemblyai", "http://127.0.0.1:8000/agent"),
        ({"provider": "assemblyai"}, "assemblyai", None),
        ({"local_agent": False}, None, None),
        ({}, "openai_realtime", "http://127.0.0.1:8000/agent"),
        ({}, "sdk_voice", "http://127.0.0.1:8000/agent"),
        ({"sdk_voice_api_url": "https://sdk.example.com"}, "sdk_voice", "http://127.0.0.1:8000/agent"),
        ({"openai_api_key": "k"}, None, "https://api.openai.com"),
        ({"openai_api_key": "k"}, "openai_realtime", "https://api.openai.com"),
        ({"openai_api_key": "k"}, "assemblyai", None),
        ({"openai_api_key": "k", "local_agent": True}, "assemblyai", "http://127.0.0.1:8000/agent"),
        ({"openai_api_key": "k", "assemblyai_api_key": "k"}, None, "https://agents.assemblyai.com"),
        (
            {"openai_api_key": "k", "assemblyai_api_key": "k", "provider": "openai_realtime"},
            None,
            "https://api.openai.com",
        ),
        ({"sdk_voice_api_key": "k", "sdk_voice_api_url": "https://sdk.example.com/"}, None, "https://sdk.example.com"),
    ],
)
def test_who_mints_follows_from_the_key_and_the_choice(
    given: dict[str, object], asked: str | None, url: str | None
) -> None:
    settings = load_settings(None, **given)
    if url is None:
        with pytest.raises(ApiError, match="ASSEMBLYAI_API_KEY"):
            choose(settings, asked)
    else:
        assert choose(settings, asked)[1].base_url == url


def test_the_vendors_socket_is_beside_its_token_route() -> None:
    _, where = choose(load_settings(None, assemblyai_api_key="k", assemblyai_ws_path="/v1/voice"))
    assert where.ws_url == "wss://agents.assemblyai.com/v1/voice"
    assert where.ws_origin == "wss://agents.assemblyai.com"
    _, behind_a_path = choose(load_settings(None, openai_api_key="k", openai_realtime_base_url="https://a.b:44/c"))
    assert behind_a_path.ws_url == "wss://a.b:44/c/v1/realtime?model=gpt-realtime-2.1-mini"
    assert behind_a_path.ws_origin == "wss://a.b:44"


def test_the_example_file_names_every_variable_and_is_a_valid_file() -> None:
    """A setting that is not written there might as well not exist."""
    example = ROOT / ".env.example"
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example.read_text(), re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}
    assert load_settings(example) == load_settings(None)


def test_the_values_of_the_example_file_are_the_defaults(tmp_path: Path) -> None:
    """Taking the comment signs away must change nothing, but for the lists that show an example."""
    text = re.sub(r"^# (?=[A-Z_]+=)", "", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    text = re.sub(r"^(ALLOWED_\w+|SDK_VOICE_WS_HOSTS)=.*$", "", text, flags=re.MULTILINE)
    (tmp_path / "env").write_text(text)
    assert load_settings(tmp_path / "env") == load_settings(None)


def test_the_environment_wins_over_the_file_and_an_empty_variable_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").write_text("PORT=1\nHOST=192.0.2.1\nTRUST_PROXY=true\nOTHER=2\nLOG_LEVEL=\n")
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("HOST", "")
    settings = load_settings(tmp_path / "env", trust_proxy=False)
    assert (settings.port, settings.host, settings.trust_proxy, settings.log_level) == (2, "192.0.2.1", False, "info")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(b"PORT=\xff")
    with pytest.raises(SettingsError, match="is not a UTF-8 text file"):
        load_settings(tmp_path / "env")
