"""Fixtures for tests against a real server. Nothing of the developer's own settings may reach a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.settings import Settings
from tests.server.support.server_support import FakeProvider, RunningServer, fake_provider, running_server
from tests.server.support.vendors import VENDORS, Vendor


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the developer's shell would otherwise be spent by these tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def _provider() -> Iterator[FakeProvider]:
    with fake_provider() as fake:
        yield fake


@pytest.fixture
def provider(_provider: FakeProvider) -> FakeProvider:
    """The fake provider, with no calls counted yet."""
    _provider.reset()
    return _provider


@pytest.fixture(scope="module")
def _shared_server(_provider: FakeProvider) -> Iterator[RunningServer]:
    settings = {
        **{name: value for vendor in VENDORS.values() for name, value in vendor.settings(_provider.url).items()},
        "allowed_origins": "https://www.example.com,https://voice.example.com:8443",
        "allowed_hosts": "voice.example.com,only.example.com:8080",
        "token_rate_per_client_per_minute": 10_000,
        "token_rate_total_per_minute": 10_000,
    }
    with running_server(**settings) as server:
        yield server


@pytest.fixture
def server(_shared_server: RunningServer, provider: FakeProvider) -> RunningServer:
    """A server with every key, whose vendors are all the fake one; shared by the tests of a module."""
    return _shared_server


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """Each vendor in turn."""
    return VENDORS[request.param]
