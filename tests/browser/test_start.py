"""How the page gets its Python: from the snapshot, and by which other ways where the snapshot cannot be used."""

from __future__ import annotations

import base64
import re
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

# Code compiled for WebAssembly, as a package would bring it: `answer()` calls `Py_IsInitialized` of the runtime, which is 1.
COMPILED = (
    "0061736d01000000"  # version 1
    "000f0864796c696e6b2e30010400000000"  # dylink.0: needs no memory and no table
    "0105016000017f"  # type () -> i32
    "02180103656e761050795f4973496e697469616c697a65640000"  # import env.Py_IsInitialized
    "03020100"  # one function of that type
    "070a0106616e737765720001"  # export answer
    "0a0601040010000b"  # call it
)
COMPILED_TOOLS = f'''
from pyclient.tools import tool

@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    import ctypes
    with open("/tmp/compiled.so", "wb") as file:
        file.write(bytes.fromhex("{COMPILED}"))
    try:
        return f"{{20 + ctypes.CDLL('/tmp/compiled.so').answer()}} degrees, compiled"
    except OSError as error:
        return "refused" if "full = true" in str(error) else repr(error)
'''


@contextmanager
def site_with(original: Path, folder: Path, change: Callable[[Path], None]) -> Iterator[Parley]:
    """The same site in a copy that `change` may spoil."""
    copy = folder / "site"
    shutil.copytree(original, copy)
    change(copy / "assets")
    with Parley(site=copy) as parley:
        yield parley


def ask_weather(call: Call, expected: str = "21 degrees, statistically") -> None:
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.page.get_by_label("Type instead of speaking").fill("what is the weather in paris")
    call.page.get_by_role("button", name="Send").click()
    call.wait_turn("agent", containing=expected)
    call.hang_up()


def test_python_starts_from_the_snapshot_and_fetches_what_a_tool_wants_beyond_it(
    tab: Any, sound: Any, _server: Parley, tmp_path: Path
) -> None:
    def change(assets: Path) -> None:
        next(assets.glob("tools.*.py")).write_text(TOOLS)
        # What the other ways need is not asked for: a browser that missed it would complain.
        for pattern in ("precompiled.*.zip", "python-*/*.whl", "pyodide-[0-9a-f]*/pyodide.*"):
            for path in assets.glob(pattern):
                path.unlink()

    with site_with(_server.site, tmp_path, change) as parley:
        call = Call(tab, sound)
        call.open(parley.url)
        call.wait_booted()
        facts = call.facts()
        assert (facts["Python started from"], facts["Not faster because"]) == ("snapshot", None)
        ask_weather(call)


def change_one_bit(assets: Path) -> None:
    (blocks,) = assets.glob("python.*.snapshot")
    data = bytearray(blocks.read_bytes())
    data[len(data) // 2] ^= 1
    blocks.write_bytes(data)


def shorten_snapshot(assets: Path) -> None:
    (blocks,) = assets.glob("python.*.snapshot")
    blocks.write_bytes(blocks.read_bytes()[:-4096])


def remove_snapshot(assets: Path) -> None:
    next(assets.glob("python.*.snapshot")).unlink()


def refuse_snapshot(assets: Path) -> None:
    """As if it had been made with another Pyodide: its build id is not the runtime's."""
    page = assets.parent / "index.html"
    text = page.read_text()
    begin = text.index('"header":"') + len('"header":"')
    header = bytearray(base64.b64decode(text[begin : text.index('"', begin)]))
    header[20] ^= 1
    page.write_text(text[:begin] + base64.b64encode(header).decode() + text[text.index('"', begin) :])


def remove_both(assets: Path) -> None:
    remove_snapshot(assets)
    next(assets.glob("precompiled.*.zip")).unlink()


NO_SNAPSHOT: tuple[tuple[Callable[[Path], None], str, str], ...] = (
    (change_one_bit, "precompiled", "the snapshot is damaged"),
    (shorten_snapshot, "precompiled", "the snapshot is damaged"),
    (refuse_snapshot, "precompiled", "build id"),
    (remove_snapshot, "precompiled", "the snapshot could not be fetched (status 404)"),
    (remove_both, "stock", "the precompiled library could not be fetched (status 404)"),
)


def never_kept(assets: Path) -> None:
    """The tools, and no answer of this server may be kept: the same names will hold something else."""
    next(assets.glob("tools.*.py")).write_text(TOOLS)
    headers = assets.parent / "_headers"
    headers.write_text(re.sub("Cache-Control: .*", "Cache-Control: no-store", headers.read_text()))


def spoil(site: Path, original: Path, change: Callable[[Path], None]) -> None:
    """Undo what the change before did, and do this one."""
    for path in (
        original / "index.html",
        *original.glob("assets/python.*.snapshot"),
        *original.glob("assets/precompiled.*.zip"),
    ):
        shutil.copy(path, site / path.relative_to(original))
    change(site / "assets")
    (site / "_headers").touch()  # the server looks at its files anew


def test_where_the_snapshot_cannot_be_used_the_next_best_way_is_taken_and_the_reason_told(
    tab: Any, sound: Any, _server: Parley, tmp_path: Path
) -> None:
    """Each way ends in a Python that works: where it is another one than before, a tool runs in it."""
    call = Call(tab, sound)
    call.tab.errors.expect("Failed to load resource|404")
    tried = set()
    with site_with(_server.site, tmp_path, never_kept) as parley:
        for change, way, why in NO_SNAPSHOT:
            spoil(parley.site, _server.site, change)
            call.open(parley.url)
            call.wait_booted()
            facts = call.facts()
            assert facts["Python started from"] == way, change
            assert why in facts["Not faster because"], change
            if way not in tried:
                ask_weather(call)
            tried.add(way)


def test_compiled_code_loads_in_the_full_runtime_and_is_refused_with_a_hint_in_the_smaller_one(
    tab: Any, sound: Any, _server: Parley, full_site: Path, tmp_path: Path
) -> None:
    def change(assets: Path) -> None:
        next(assets.glob("tools.*.py")).write_text(COMPILED_TOOLS)

    call = Call(tab, sound)
    for name, original, answer in (
        ("full", full_site, "21 degrees, compiled"),
        ("smaller", _server.site, "refused"),
    ):
        with site_with(original, tmp_path / name, change) as parley:
            call.open(parley.url)
            call.wait_booted()
            assert call.facts()["Python started from"] == "snapshot"
            ask_weather(call, answer)
