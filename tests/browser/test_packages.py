"""A tool imports packages that agent.toml names, on each way of starting Python: pure Python, and code
compiled for the browser.

Both are real ones from the package index, held to the files that these locks name.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from builder import site
from tests.browser.support.spoiled import SpoiledSite
from tests.browser.support.ways import CHANGES, ask_weather
from tests.support import built
from tests.support.server import build_once, copy_of_sources
from tests.support.talk import Call

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOCK = """packages = {packages}
python = "3.14"
platform = "pyemscripten_2026_0_wasm32"
{wheels}
"""
WHEEL = """
[[wheel]]
name = "{0}"
version = "{1}"
file = "{0}-{1}-{2}.whl"
sha256 = "{3}"
source = "index"
"""
PURE = (
    ("micropip", "0.11.1", "py3-none-any", "768de165adb8e66906039d8fec4127a57f522dfdf8e6fbff877a4616941ecfd3"),
    ("snowballstemmer", "3.1.1", "py3-none-any", "7e207fa178741da09cdee59d3ecec3827ad5f92b1fc5c9ff3755b639f71f5752"),
)
COMPILED = (
    (
        "msgspec",
        "0.22.0",
        "cp314-cp314-pyemscripten_2026_0_wasm32",
        "a66b1766311e42371e509c996c3933b161c7ae0eabdf361af5316dec197e1022",
    ),
)
# What is said at the start was found out while the tools were imported; the rest while one ran. `metadata` is what says
# a package's version.
TOOLS = '''
{start}

from pyclient.tools import tool


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    from importlib.metadata import version

    return f"21 degrees, {{AT_START}}, {{{call}}}, {{version('{name}')}}"
'''
STEMS = ("import snowballstemmer\nAT_START = snowballstemmer.stemmer('english').stemWord('running')",
         "(snowballstemmer.stemmer('german').stemWord('sonniger'), __import__('micropip').__name__)")  # fmt: skip
SPEC = (
    "import msgspec\nclass Weather(msgspec.Struct):\n    degrees: int\n\nAT_START = msgspec.json.encode(Weather(7)).decode()",
    "msgspec.json.decode(b'{\"degrees\": 8}', type=Weather).degrees",
)


def built_with(packages: tuple[tuple[str, ...], ...], code: tuple[str, str], root: Path, out: Path) -> None:
    folder = copy_of_sources(root) / "agents" / "demo"
    names = json.dumps([f"{name}=={version}" for name, version, *_ in packages])
    with (folder / "agent.toml").open("a") as file:
        file.write(f"\n[runtime]\npackages = {names}\n")
    (folder / "packages.lock").write_text(
        LOCK.format(packages=names, wheels="".join(WHEEL.format(*it) for it in packages))
    )
    (folder / "tools.py").write_text(TOOLS.format(start=code[0], call=code[1], name=packages[-1][0]))
    site.build(root, out, "demo")


@pytest.fixture(scope="session")
def pure_site(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pure") / "root"
    return build_once(shared_folder / "pure", lambda out: built_with(PURE, STEMS, root, out))


@pytest.fixture(scope="session")
def compiled_site(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compiled") / "root"
    return build_once(shared_folder / "compiled", lambda out: built_with(COMPILED, SPEC, root, out))


SAID = {
    "pure_site": "21 degrees, run, ('sonnig', 'micropip'), 3.1.1",
    "compiled_site": '21 degrees, {"degrees":7}, 8, 0.22.0',
}
# Each kind of package on each way, and each engine with both kinds and all ways. What is imported is Python's matter,
# and that each engine takes each way is tried with less in test_plain_host.py and test_python_like_stock.py.
IN_ENGINE = {
    "chromium": (("pure_site", "snapshot"), ("compiled_site", "precompiled"), ("pure_site", "stock")),
    "firefox": (("compiled_site", "snapshot"), ("pure_site", "precompiled"), ("compiled_site", "stock")),
    "webkit": (("pure_site", "snapshot"), ("compiled_site", "precompiled"), ("compiled_site", "stock")),
}
assert {pair for pairs in IN_ENGINE.values() for pair in pairs} == set(itertools.product(SAID, CHANGES))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_tool_uses_a_package(
    tab: Any, sound: Any, spoiled: SpoiledSite, request: pytest.FixtureRequest, number: int
) -> None:
    which, way = IN_ENGINE[tab.engine][number]
    call = Call(tab, sound)
    call.tab.errors.expect("Failed to load resource|404")
    call.open(spoiled.spoil(*CHANGES[way], original=request.getfixturevalue(which)))
    call.wait_booted()
    assert call.facts()["Python started from"] == way
    ask_weather(call, spoiled, SAID[which])


# Both are Python's and the snapshot's matter, not an engine's.
@pytest.mark.only_browser("chromium")
def test_what_packages_import_is_in_the_snapshot_so_nothing_more_is_fetched_for_it(
    tab: Any, sound: Any, spoiled: SpoiledSite, pure_site: Path
) -> None:
    """The whole library would be two megabytes more before such a page is ready."""
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2].partition(".")[0]))
    call = Call(tab, sound)
    call.open(spoiled.spoil(original=pure_site))
    call.wait_booted()
    assert "packages" in asked and "python" in asked, asked
    assert not {"library", "precompiled", "stock", "split"} & set(asked), asked


@pytest.mark.only_browser("chromium")
def test_packages_that_are_damaged_are_told_as_such(
    tab: Any, sound: Any, spoiled: SpoiledSite, pure_site: Path
) -> None:
    def damage(assets: Path) -> None:
        (file,) = assets.glob("packages.*.bin")
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        built.forget_copies(file)

    call = Call(tab, sound)
    call.open(spoiled.spoil(damage, original=pure_site))
    call.tab.page.get_by_text("A part of this page arrived damaged").first.wait_for()
