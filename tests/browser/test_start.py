"""How the page gets its Python: from the snapshot, and from nothing where the snapshot cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import Parley
from tests.harness.talk import Call

pytestmark = pytest.mark.browser

TOOLS = '''
from pyclient.tools import tool

@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    import statistics  # not in the snapshot: the rest of the library has to come for it
    return f"{statistics.mean([20, 22]):.0f} degrees, statistically"
'''


@contextmanager
def site_with(server: Parley, folder: Path, change: Callable[[Path], None]) -> Iterator[Parley]:
    """The same site in a copy that `change` may spoil."""
    site = folder / "site"
    shutil.copytree(server.site, site)
    change(site / "assets")
    with Parley(site=site) as parley:
        yield parley


def test_python_starts_from_the_snapshot_and_fetches_what_a_tool_wants_beyond_it(
    tab: Any, sound: Any, _server: Parley, tmp_path: Path
) -> None:
    def change(assets: Path) -> None:
        next(assets.glob("tools.*.py")).write_text(TOOLS)

    with site_with(_server, tmp_path, change) as parley:
        call = Call(tab, sound)
        call.open(parley.url)
        call.wait_booted()
        assert call.facts()["Python started from"] == "snapshot"
        call.connect()
        call.wait_turn("agent", containing="parley")
        call.page.get_by_label("Type instead of speaking").fill("what is the weather in paris")
        call.page.get_by_role("button", name="Send").click()
        call.wait_turn("agent", containing="21 degrees, statistically")
        call.hang_up()


def test_a_snapshot_that_cannot_be_used_is_said_and_python_starts_from_nothing(
    tab: Any, sound: Any, _server: Parley, tmp_path: Path
) -> None:
    """A block is missing at its end: nothing of it may be believed."""

    def change(assets: Path) -> None:
        (blocks,) = assets.glob("python.*.snapshot")
        blocks.write_bytes(blocks.read_bytes()[:-4096])

    with site_with(_server, tmp_path, change) as parley:
        call = Call(tab, sound)
        call.open(parley.url)
        call.connect()
        call.wait_turn("agent", containing="parley")
        assert call.facts()["Python started from"] == "stock"
        call.hang_up()
