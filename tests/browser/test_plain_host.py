"""A host that knows nothing of Python: it gives no type but those of pages, and refuses what it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support.damaged_site import WAYS, flipped, look, without
from tests.browser.support.plain_host import PlainHost
from tests.browser.support.ways import NO_COPY

pytestmark = pytest.mark.browser


@pytest.fixture
def host(built_site: Path) -> Iterator[PlainHost]:
    with PlainHost(built_site, prefix="/voice/") as host:
        yield host


@pytest.mark.slow
@pytest.mark.tab(init_scripts=[NO_COPY])
def test_each_way_of_starting_needs_no_type_no_compression_and_no_header(tab: Any, host: PlainHost) -> None:
    """With `nosniff`, so that nothing is guessed, and in a folder of the site."""
    tab.errors.expect("404")
    reasons = {"snapshot": None, "precompiled": "the snapshot", "stock": "the precompiled library"}
    for way, missing in WAYS.items():
        seen = look(tab, host, without(missing, flipped("", "plain")))
        assert (seen.boot, seen.way) == ("ready", way), seen
        assert (seen.why is None) == (way == "snapshot") and (reasons[way] or "") in (seen.why or ""), seen
        # In WebKitGTK the harness goes to the origin's page for what is missing before the test does anything.
        assert not [path for path, _ in host.asked if path.endswith(".map")], "a visitor pays for source maps"
        refused = {path for path, status in host.asked if status != 200} - {"/404.html"}
        assert all(path.removeprefix("/voice/assets/").startswith(missing or ("\0",)) for path in refused), refused
