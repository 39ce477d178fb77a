"""How the page gets its Python: from the snapshot, and by which other ways where the snapshot cannot be used."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import greet
from tests.browser.support.spoiled import SpoiledSite, write_tools
from tests.browser.support.ways import ask_weather, remove_both, remove_snapshot
from tests.support import built
from tests.support.server import Parley
from tests.support.talk import Call
from tests.support.texts import of_start
from voice_browsers.engines import Tab
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

# Code compiled for WebAssembly, as a package would bring it: `answer()` calls `Py_IsInitialized` of the
# runtime, which is 1.
COMPILED = (
    "0061736d01000000"  # version 1
    "000f0864796c696e6b2e30010400000000"  # dylink.0: needs no memory and no table
    "0105016000017f"  # type () -> i32
    "02180103656e761050795f4973496e697469616c697a65640000"  # import env.Py_IsInitialized
    "03020100"  # one function of that type
    "070a0106616e737765720001"  # export answer
    "0a0601040010000b"  # call it
)
# What the console says where Python had to wait for its own code.
WAITED = "for the rest of its code"
# `statistics` is not in the snapshot: the rest of the library has to come for it. What it says it knows is in parts of
# the runtime that come when they are asked for, their data with them.
TOOLS = f'''
import decimal

from pyclient.tools import tool

THIRD = decimal.Decimal(1) / 3

@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    import ctypes
    import runpy
    import sqlite3
    import statistics
    import unicodedata
    known = [
        "\u3042\uac00".encode("shift_jis", "replace") == b"\\x82\\xa0?",
        "\u4e2d".encode("gb18030").decode("gb18030") == "\u4e2d",
        unicodedata.name("\u03b1") == "GREEK SMALL LETTER ALPHA",
        eval('"\\\\N{{SNOWMAN}}"') == "\u2603",
        runpy.run_module("__hello__", run_name="hello")["TestFrozenUtf8_1"].__doc__ == "\u00b6",
        str.join.__doc__.startswith("Concatenate any number of strings."),
        sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,),
    ]
    with open("/tmp/compiled.so", "wb") as file:
        file.write(bytes.fromhex("{COMPILED}"))
    try:
        found = f"compiled {{ctypes.CDLL('/tmp/compiled.so').answer()}}"
    except OSError as error:
        found = "refused with a hint" if "full = true" in str(error) else repr(error)
    return f"{{statistics.mean([20, 22]):.0f}} degrees, {{sum(known)}} known, {{found}}, {{THIRD:.2f}}"
'''


def with_tools(assets: Path) -> None:
    write_tools(assets, TOOLS)


def without_ways_out(assets: Path) -> None:
    """What the other ways need is not asked for: a browser that missed it would complain."""
    for pattern in ("precompiled.*", "micropip.*", "client.*", "stock.*"):
        for path in assets.glob(pattern):
            path.unlink()


def test_the_page_is_ready_and_calls_without_waiting_for_parts_of_python(tab: Any, sound: Any, parley: Parley) -> None:
    """What was rehearsed at build time is what a page does: nothing of it needs a part of the runtime that
    is not there yet.
    """
    call = Call(tab, sound)
    said: list[str] = []
    tab.page.on("console", lambda message: said.append(message.text))
    call.open(parley.url)
    call.wait_booted()
    assert WAITED not in " ".join(said), said
    tab.page.wait_for_timeout(1000)  # a person who reads before pressing: the parts have come by then
    greet(call)
    call.connect()
    call.wait_turn("agent", containing="parley")
    assert WAITED not in " ".join(said), said


@pytest.mark.parametrize("greeting", ["Hello", "Grüß Gott", "Dzień dobry", "こんにちは", "Hello 🎙"])
def test_a_start_waits_for_no_code_whatever_letters_the_page_is_written_in(
    tab: Any, sound: Any, spoiled: SpoiledSite, greeting: str
) -> None:
    """Python keeps a text in one, two or four bytes for each character, and has code of its own for each."""

    def greets(assets: Path) -> None:
        with built.told(assets.parent) as config:
            config["choices"][0]["settings"].update(greeting=greeting, system_prompt=greeting)

    call = Call(tab, sound)
    said: list[str] = []
    tab.page.on("console", lambda message: said.append(message.text))
    call.open(spoiled.spoil(greets))
    call.wait_booted()
    assert call.facts()["Python started from"] == "snapshot"
    assert WAITED not in " ".join(said), said


def test_chromium_keeps_what_it_compiled_for_the_next_visit(
    open_tab: Callable[..., Tab], sound: Any, parley: Parley, tmp_path: Path
) -> None:
    """It does where, in two seconds, one function of Python was worth optimising and no second one
    (`worker_quirks.js`).
    """
    tab = open_tab(profile=tmp_path, optimise=True)
    if tab.engine != "chromium":
        pytest.skip("of its code caches, only Chromium's can be seen")
    call = Call(tab, sound)
    call.open(parley.url)
    call.wait_booted()

    def kept() -> int:
        return max((path.stat().st_size for path in tmp_path.rglob("Code Cache/wasm/*_0")), default=0)

    assert poll(lambda: kept() > 100_000, 30.0, lambda: tab.page.wait_for_timeout(250)), kept()


@pytest.mark.parametrize("runtime", ["smaller", "full"])
def test_python_starts_from_the_snapshot_and_fetches_what_a_tool_wants_beyond_it(
    tab: Any, sound: Any, spoiled: SpoiledSite, request: pytest.FixtureRequest, runtime: str
) -> None:
    """The smaller runtime takes no compiled code, and says what to configure; the full one does."""
    call = Call(tab, sound)
    said: list[str] = []
    tab.page.on("console", lambda message: said.append(message.text))
    if runtime == "full":
        url = spoiled.spoil(with_tools, original=request.getfixturevalue("full_site"))
    else:
        url = spoiled.spoil(with_tools, without_ways_out)
    call.open(url)
    call.wait_booted()
    facts = call.facts()
    assert (facts["Python started from"], facts["Not faster because"]) == ("snapshot", None)
    ask_weather(
        call,
        spoiled,
        "21 degrees, 7 known, compiled 1" if runtime == "full" else "21 degrees, 7 known, refused with a hint",
    )
    # The page hardly ever needs decimal numbers: their code was not there when the tools were imported.
    assert (WAITED in " ".join(said)) == (runtime == "smaller"), said


def change_one_bit(assets: Path) -> None:
    """In the brotli that a browser is sent: it may be none any more, or that of something else."""
    (blocks,) = assets.glob("python.*.bin.br")
    data = bytearray(blocks.read_bytes())
    data[len(data) // 2] ^= 1
    blocks.write_bytes(data)


def shorten_snapshot(assets: Path) -> None:
    (blocks,) = assets.glob("python.*.bin")
    blocks.write_bytes(blocks.read_bytes()[:-4096])


def refuse_snapshot(assets: Path) -> None:
    """As if it had been made with another Pyodide: its build id is not the runtime's."""
    with built.told(assets.parent) as config:
        header = bytearray(base64.b64decode(config["boot"]["snapshot"]["header"]))
        header[20] ^= 1
        config["boot"]["snapshot"]["header"] = base64.b64encode(header).decode()


def remove_runtime(assets: Path) -> None:
    """The smaller runtime's WebAssembly, which two of the three ways need."""
    next(assets.glob("pyodide.asm.*.wasm")).unlink()


DAMAGED = ("the snapshot is damaged",)
# What a browser cannot decode it does not hand on at all.
SPOILT = ("the snapshot ",)
MISSING = "the snapshot could not be fetched (status 404)"
# What may be wrong with it, the way that is taken then, and what the page says of it.
NO_SNAPSHOT: dict[Callable[[Path], None], tuple[str, tuple[str, ...]]] = {
    change_one_bit: ("precompiled", SPOILT),
    shorten_snapshot: ("precompiled", DAMAGED),
    refuse_snapshot: ("precompiled", ("build id",)),
    remove_snapshot: ("precompiled", (MISSING,)),
    remove_runtime: ("stock", ("the runtime could not be fetched (status 404)",)),
    remove_both: ("stock", (MISSING, "the precompiled library could not be fetched (status 404)")),
}
# Both ways in every engine, each time for another reason: every such page takes the seconds that a
# Python without snapshot takes.
IN_ENGINE = {
    "chromium": (change_one_bit, refuse_snapshot, remove_both),
    "firefox": (shorten_snapshot, remove_runtime),
    "webkit": (remove_snapshot, remove_both),
}
assert set().union(*IN_ENGINE.values()) == set(NO_SNAPSHOT)


@pytest.mark.slow
def test_where_the_snapshot_cannot_be_used_the_next_best_way_is_taken_and_the_reason_told(
    tab: Any, sound: Any, spoiled: SpoiledSite
) -> None:
    """Each way ends in a Python that works: where it is another one than before, a tool runs in it."""
    call = Call(tab, sound)
    call.tab.errors.expect("Failed to load resource|404|CONTENT_DECODING|integrity attribute")
    tried = set()
    for change in IN_ENGINE[tab.engine]:
        way, why = NO_SNAPSHOT[change]
        call.open(spoiled.spoil(with_tools, change))
        call.wait_booted()
        facts = call.facts()
        assert facts["Python started from"] == way, change
        assert all(reason in facts["Not faster because"] for reason in why), facts
        if way not in tried:
            ask_weather(call, spoiled, "21 degrees, 7 known, ")
        tried.add(way)


def wrong_setting(assets: Path) -> None:
    with built.told(assets.parent) as config:
        config["choices"][0]["settings"]["barge_in"] = "dukc"


def wrong_tools(assets: Path) -> None:
    write_tools(assets, "x = 1\ny = x / 0\n")


def test_an_agent_that_is_not_set_up_right_says_so(tab: Any, sound: Any, spoiled: SpoiledSite) -> None:
    """The build refuses both, and a page may still come from a build that somebody changed."""
    call = Call(tab, sound)
    call.tab.errors.expect(".")
    title, hint, owner = of_start("setup")
    told = (
        (wrong_setting, "barge_in: must be one of: duck, flush, off"),
        (wrong_tools, "tools.py, line 2: ZeroDivisionError: division by zero"),
    )
    for change, reason in told:
        call.open(spoiled.spoil(change))
        expect(call.page.locator("#notice-title")).to_have_text(title, timeout=30_000)
        expect(call.page.locator("#notice-hint")).to_have_text(hint)
        detail = call.facts()["Start-up detail"]
        assert detail.startswith(owner) and reason in detail and "Traceback" not in detail
        assert reason not in call.page.locator("#notice").inner_text()
