"""Python in the page is the visitor's, and can do what stock Pyodide can in the same
browser, however it was started.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support.spoiled import SpoiledSite, write_tools
from tests.browser.support.tools_table import PROPERTY, told
from tests.browser.support.ways import CHANGES, NO_COPY, ask_weather
from tests.support.talk import Call

pytestmark = pytest.mark.browser

SAID = "what python can do: "
# What stock Pyodide has and we have not, each with its reason. Whoever mends one takes it out of here.
KNOWN: dict[str, tuple[str, ...]] = {
    "import micropip": ("snapshot", "precompiled"),  # the stock way installs the client with it
    "text hashes that differ from page to page": ("snapshot",),  # every dictionary of the memory is laid out by them
}


def with_probe(assets: Path) -> None:
    probe = (Path(__file__).parent / "support" / "tools_probe.py").read_text()
    write_tools(assets, probe.replace("{SAID}", SAID))


def probed(call: Call, spoiled: SpoiledSite, change: Callable[[Path], None] | None, way: str) -> dict[str, object]:
    """Start Python on this way, and have a tool tell what it can do."""
    said: list[str] = []

    def listen(message: Any) -> None:
        if message.text.startswith(SAID):
            said.append(message.text.removeprefix(SAID))

    call.page.on("console", listen)
    call.open(spoiled.spoil(with_probe, *([change] if change else [])))
    call.wait_booted()
    assert call.facts()["Python started from"] == way
    ask_weather(call, spoiled, "21 degrees")
    call.page.remove_listener("console", listen)
    return dict(json.loads(line) for line in said)


@pytest.mark.slow
@pytest.mark.tab(init_scripts=[NO_COPY])
@pytest.mark.timeout(300)
def test_a_tool_can_use_what_it_can_use_in_stock_pyodide(
    tab: Any, sound: Any, spoiled: SpoiledSite, record_property: Callable[[str, object], None]
) -> None:
    call = Call(tab, sound)
    call.tab.errors.expect("Failed to load resource|404")
    found = {way: probed(call, spoiled, change[0] if change else None, way) for way, change in CHANGES.items()}
    assert all(can.pop("end") is True for can in found.values()), found
    record_property(PROPERTY, told(tab.engine, found))
    stock = found["stock"]
    assert stock['ZoneInfo("Europe/Berlin")'] == "'2026-07-01 00:00:00+02:00'", stock  # ours: Pyodide brings no zones
    assert stock["the age of the log"] == "True" and stock["import json"] == "True", stock
    for way in ("snapshot", "precompiled"):
        differing = {
            thing: (found[way].get(thing), stock[thing]) for thing in stock if found[way].get(thing) != stock[thing]
        }
        assert sorted(differing) == sorted(thing for thing, ways in KNOWN.items() if way in ways), (way, differing)
