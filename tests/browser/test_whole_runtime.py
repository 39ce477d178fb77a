"""A site of a Pyodide that the build does not know, of which nothing could be made smaller or kept,
starts all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builder import site
from builder.pyodide_slim import slimming, snapshot
from tests.browser.support.spoiled import SpoiledSite
from tests.browser.support.ways import ask_weather
from tests.support.server import ROOT, build_once
from tests.support.talk import Call

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def whole_site(shared_folder: Path) -> Path:
    def build(out: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slimming, "VERIFIED", ())
            patch.setattr(snapshot, "DEFERRED", ("nosuch",))  # a complaint out of the script itself
            site.build(ROOT, out, "demo")

    return build_once(shared_folder / "whole", build)


# That each engine starts from these files: test_plain_host.py.
@pytest.mark.only_browser("chromium")
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_page_starts_from_pyodides_own_files_and_calls(
    tab: Any, sound: Any, spoiled: SpoiledSite, whole_site: Path
) -> None:
    call = Call(tab, sound)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2].partition(".")[0]))
    call.open(spoiled.spoil(original=whole_site))
    call.wait_booted()
    facts = call.facts()
    assert (facts["Python started from"], facts["Not faster because"]) == (
        "stock",
        "this site was built without a snapshot",
    )
    assert not {"python", "precompiled", "pyodide"} & set(asked)
    ask_weather(call, spoiled, "degrees")
