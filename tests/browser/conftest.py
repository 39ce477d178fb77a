"""Fixtures for tests of the product in real browsers: the built site behind its server, and a call on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.engines import Tab
from tests.harness.server import Parley, build_site
from tests.harness.talk import Call


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Parley]:
    base = tmp_path_factory.getbasetemp()
    # Workers have folders of their own below one that they share.
    shared = base.parent if hasattr(request.config, "workerinput") else base
    with Parley(site=build_site(shared / "parley")) as parley:
        yield parley


@pytest.fixture
def parley(_server: Parley) -> Iterator[Parley]:
    """This worker's server. The local agent's scenario is undone after each test."""
    yield _server
    _server.scenario()


@pytest.fixture
def call(tab: Tab, sound: Any, parley: Parley) -> Call:
    """The page, loaded and not yet connected, in a fresh browser (options: marker `tab`)."""
    call = Call(tab, sound)
    call.open(parley.url)
    return call
