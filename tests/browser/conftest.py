"""Fixtures for tests of the product in real browsers: the built site behind its server, and a call on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builder import site
from tests.browser.support.pages import greet
from tests.browser.support.spoiled import SpoiledSite
from tests.support.server import Parley, build_once, build_site, copy_of_sources
from tests.support.talk import Call
from voice_browsers.engines import Tab
from voice_browsers.local_agent import LocalAgent
from voice_browsers.tape import poll


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The same one for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    # Workers have folders of their own below one that they share.
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "parley"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def built_site(shared_folder: Path) -> Path:
    """The demo as a team gets it."""
    return build_site(shared_folder)


@pytest.fixture(scope="session")
def full_site(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with `[runtime] full = true`."""
    root = copy_of_sources(tmp_path_factory.mktemp("full") / "root")
    with (root / "agents" / "demo" / "agent.toml").open("a") as file:
        file.write("\n[runtime]\nfull = true\n")
    return build_once(shared_folder / "full", lambda folder: site.build(root, folder, "demo"))


@pytest.fixture(scope="session")
def _server(shared_folder: Path, full_site: Path) -> Iterator[Parley]:
    # Both sites are there before the first test: building one beside a test that listens would take its time away.
    # One client makes all the calls of this run: more in a minute than a person would.
    with Parley(site=build_site(shared_folder), env={"TOKEN_RATE_PER_CLIENT_PER_MINUTE": "600"}) as parley:
        yield parley


@pytest.fixture
def parley(_server: Parley) -> Iterator[Parley]:
    """This worker's server.

    After each test, its pages closed, the local agent's scenario is undone and no socket may be open.
    """
    yield _server
    _server.scenario()
    left = poll(lambda: not _open_sockets(_server), 20.0)
    assert left, f"sockets that outlived their call: {_open_sockets(_server)}"


@pytest.fixture
def local_agent(parley: Parley) -> LocalAgent:
    """The agent behind this worker's page: its scenarios, and the conversations that it saw."""
    return LocalAgent(f"{parley.url}agent")


def _open_sockets(server: Parley) -> list[str]:
    return [session["id"] for session in server.sessions() if not session["closed_by"]]


@pytest.fixture(scope="session")
def _spoiled(_server: Parley, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpoiledSite]:
    site = tmp_path_factory.mktemp("spoiled") / "site"
    shutil.copytree(_server.site, site)
    with Parley(site=site) as parley:
        yield SpoiledSite(original=_server.site, parley=parley)


@pytest.fixture
def spoiled(_spoiled: SpoiledSite) -> Iterator[SpoiledSite]:
    """This worker's second server: a copy of the site that a test may change."""
    yield _spoiled
    _spoiled.parley.scenario()


@pytest.fixture
def open_tab(parley: Parley, open_tab: Callable[..., Tab]) -> Callable[..., Tab]:
    """The harness's own, asked for after the server so that pages are closed before the
    server looks for open sockets.
    """
    return open_tab


@pytest.fixture
def untouched(tab: Tab, sound: Any, parley: Parley) -> Call:
    """The page as it comes, loaded and not yet connected (options: marker `tab`)."""
    call = Call(tab, sound)
    call.open(parley.url)
    return call


@pytest.fixture
def call(untouched: Call) -> Call:
    """The page, loaded and not yet connected; the agent will greet briefly."""
    greet(untouched)
    return untouched
