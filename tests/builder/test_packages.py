"""Packages for tools: chosen once, locked with digests, held to; what cannot be had is told to the author in words.

The package index of these tests is a folder of small wheels. What a page does with
packages: `tests/browser/test_packages.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from builder import agent_check, fetch_runtime, packages, site, wheel, zones
from builder.environment import SetupError
from builder.packages import contents, index, pyodide_builds, wanted
from tests.support import built
from tests.support.server import copy_of_sources

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PLATFORM = "pyemscripten_2026_0_wasm32"
COMPILED = f"cp314-cp314-{PLATFORM}"
TOML, LOCK = "agents/mine/agent.toml", "agents/mine/packages.lock"


def make_wheel(
    folder: Path, name: str, version: str, *, tags: str = "py3-none-any", needs: tuple[str, ...] = (), **files: str
) -> Path:
    """A wheel with the module NAME and further `files` (a double underscore stands for a dot, a triple
    one for a slash).
    """
    file = folder / f"{name}-{version}-{tags}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {it}" for it in needs)]
    named = {key.replace("___", "/").replace("__", "."): text for key, text in files.items()}
    held = {f"{name}/__init__.py": f"VERSION = {version!r}\n", f"{info}/METADATA": "\n".join(metadata), **named}
    held |= {f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n", f"{info}/RECORD": ""}
    with zipfile.ZipFile(file, "w") as archive:
        for member, text in held.items():
            archive.writestr(zipfile.ZipInfo(member), text)
    return file


class Place:
    """A machine with an agent `mine`, a cache of its own, and a package index that is a folder."""

    def __init__(self, folder: Path, pyodide: Path) -> None:
        self.root, self.index, self.pyodide = folder / "root", folder / "index", pyodide
        self.agent = self.root / "agents" / "mine"
        self.agent.mkdir(parents=True)
        self.index.mkdir()
        self.lock = self.agent / "packages.lock"

    def held(self, *names: str, pins: dict[str, str] | None = None) -> dict[str, str]:
        """What a build takes for these names: file names, by package."""
        found = packages.held(self.root, self.agent, wanted.parsed(TOML, list(names)), self.pyodide, pins or {})
        return {name: path.name for name, path in found.items()}

    def refused(self, *names: str) -> str:
        with pytest.raises(SetupError) as told:
            self.held(*names)
        text = str(told.value)
        assert "Traceback" not in text, text
        return text


@pytest.fixture(scope="session")
def pyodide() -> Path:
    return fetch_runtime.fetch(ROOT).pyodide


@pytest.fixture
def place(tmp_path: Path, pyodide: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    here = Place(tmp_path, pyodide)
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(pyodide_builds.VARIABLE, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(here.index))
    return here


# --- what agent.toml may say ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("snowballstemmer", ["must be a list", "'snowballstemmer'"]),
        ([5], ["[0] must be text", "5"]),
        (["idna", "snow ball!"], ["[1]", "'snow ball!'", "a name like snowballstemmer"]),
        (["idna @ file:///tmp/idna.whl"], ["[0]", "an address"]),
        (["./idna.whl"], ["[0]", "is not a name like"]),
        (['idna; python_version < "3"'], ["[0]", "a condition"]),
        (["Zope.Interface", "zope-interface==7"], ["[1]", "zope-interface a second time"]),
    ],
)
def test_what_is_no_package_is_refused_with_its_place(given: Any, words: list[str]) -> None:
    with pytest.raises(SetupError) as told:
        wanted.parsed(TOML, given)
    assert str(told.value).startswith(f"{TOML}: [runtime] packages")
    for word in words:
        assert word in str(told.value)


def test_what_means_the_same_is_spelt_the_same() -> None:
    """Otherwise another spelling would choose anew."""
    assert wanted.parsed(TOML, ["b[Y, x]<3,>=2", "A_a"]) == ("a-a", "b[x,y]<3,>=2")
    assert wanted.parsed(TOML, ["A.a", "b[x,y] >=2, <3"]) == ("a-a", "b[x,y]<3,>=2")


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_the_newest_is_taken_with_what_it_needs_in_the_browser_and_nothing_else(place: Place) -> None:
    needs = ('low>=1; sys_platform == "emscripten"', 'host; sys_platform != "emscripten"', "more<2; extra == 'all'")
    make_wheel(place.index, "top", "1.0")
    make_wheel(place.index, "top", "2.0", needs=(*needs, 'old; python_version < "3.14"', "tzdata"))
    for version in ("1.0", "2.0"):
        make_wheel(place.index, "low", version)
        make_wheel(place.index, "more", version)
    assert place.held("top") == {"low": "low-2.0-py3-none-any.whl", "top": "top-2.0-py3-none-any.whl"}
    assert place.held("top[all]", "low<2") == {
        "low": "low-1.0-py3-none-any.whl",
        "more": "more-1.0-py3-none-any.whl",
        "top": "top-2.0-py3-none-any.whl",
    }


def test_a_build_for_the_browser_is_taken_and_a_pure_one_rather(place: Place) -> None:
    """Compiled code wants the full runtime, which every visitor would pay for."""
    make_wheel(place.index, "fast", "1.0", tags=COMPILED)
    make_wheel(place.index, "both", "1.0", tags=COMPILED)
    make_wheel(place.index, "both", "1.0")
    make_wheel(place.index, "stable", "1.0", tags=f"cp311-abi3-{PLATFORM}")
    assert place.held("fast", "both", "stable") == {
        "both": "both-1.0-py3-none-any.whl",
        "fast": f"fast-1.0-{COMPILED}.whl",
        "stable": f"stable-1.0-cp311-abi3-{PLATFORM}.whl",
    }


def test_what_we_ship_ourselves_has_our_version(place: Place) -> None:
    for version in ("0.11.1", "0.12"):
        make_wheel(place.index, "micropip", version)
    assert place.held("micropip", pins={"micropip": "0.11.1"}) == {"micropip": "micropip-0.11.1-py3-none-any.whl"}


def test_what_cannot_be_had_is_told_with_key_package_and_cure(place: Place) -> None:
    make_wheel(place.index, "host", "1.0", tags="cp314-cp314-manylinux_2_28_x86_64")
    make_wheel(place.index, "one", "1.0", needs=("low>=2",))
    for version in ("1.0", "2.0"):
        make_wheel(place.index, "low", version)
    for name in ("host", "one", "low"):
        make_wheel(place.index, name, "0.1", tags="cp27-none-win32")  # and nobody is confused by it
    head = f"{TOML}: [runtime] packages: "
    assert place.refused("nowhere") == head + "nowhere: the package index has no package of this name"
    assert (
        place.refused("low>5")
        == head + "low>5: there is no such version for the browser's Python; of low there is 2.0, 1.0"
    )
    text = place.refused("one", "low<2")
    assert text.startswith(head.rstrip(": ")) and "cannot be had together" in text
    assert "low<2" in text and "low>=2, which one 1.0 needs" in text, text
    assert not place.lock.exists()


def test_compiled_code_without_a_build_for_the_browser_is_told_as_that(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "knows", lambda name: name == "host")
    make_wheel(place.index, "one", "1.0", needs=("host",))
    text = place.refused("one")
    assert text.startswith(
        f"{TOML}: [runtime] packages: host, which one 1.0 needs: host has no build for the browser's Python 3.14"
    )
    assert PLATFORM in text and "Use another package" in text


def test_without_a_network_the_author_is_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    assert "the package index cannot be reached. Is this machine online?" in place.refused("low")


# --- the lock ---------------------------------------------------------------------------------------------------------


def without_index(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise AssertionError("pip was started")

    monkeypatch.setattr(index, "_run", nobody)


def test_what_was_chosen_is_locked_and_needs_no_index_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_wheel(place.index, "low", "1.0")
    first = place.held("low")
    assert tomllib.loads(place.lock.read_text()) == {
        "packages": ["low"],
        "python": "3.14",
        "platform": PLATFORM,
        "wheel": [
            {
                "name": "low",
                "version": "1.0",
                "file": file.name,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "source": "index",
            }
        ],
    }
    make_wheel(place.index, "low", "2.0")
    without_index(monkeypatch)
    assert place.held("low") == first


def test_another_machine_gets_the_locked_files_and_no_newer_ones(place: Place) -> None:
    make_wheel(place.index, "low", "1.0")
    first = place.held("low")
    make_wheel(place.index, "low", "2.0")
    (place.root / ".cache").rename(place.root / "elsewhere")
    assert place.held("low") == first


def test_one_more_package_leaves_the_others_as_they_were(place: Place) -> None:
    make_wheel(place.index, "low", "1.0")
    place.held("low")
    make_wheel(place.index, "low", "2.0")
    make_wheel(place.index, "top", "1.0", needs=("low",))
    assert place.held("low", "top")["low"] == "low-1.0-py3-none-any.whl"
    # Unless that is impossible.
    make_wheel(place.index, "top", "2.0", needs=("low>=2",))
    assert place.held("low", "top>1")["low"] == "low-2.0-py3-none-any.whl"


def test_a_file_that_is_not_the_locked_one_stops_the_build(place: Place) -> None:
    make_wheel(place.index, "low", "1.0")
    place.held("low")
    good = place.lock.read_text()
    digest = tomllib.loads(good)["wheel"][0]["sha256"]
    place.lock.write_text(good.replace(digest, "0" * 64))
    text = place.refused("low")
    assert text.startswith(f"{LOCK}: low==1.0") and digest in text and "Undo what was changed" in text
    # What lies in the cache was spoilt: it is fetched again.
    place.lock.write_text(good)
    (kept,) = (place.root / ".cache").rglob("low-1.0-py3-none-any.whl")
    kept.write_bytes(b"spoilt")
    assert place.held("low") == {"low": "low-1.0-py3-none-any.whl"} and kept.read_bytes() != b"spoilt"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + "=", "is not valid TOML"),
        (lambda text: text.replace("python =", "pithon ="), "lacks 'python'"),
        (lambda text: text.replace('"1.0"', "1.0"), "version = 1.0 of the package 'low'"),
        (lambda text: text.replace('source = "index"', 'source = "mail"'), "source = 'mail'"),
        (lambda text: text.replace('file = "low', 'file = "../low'), "file = '../low"),
    ],
)
def test_a_lock_that_was_spoilt_is_told_with_its_cure(place: Place, change: Callable[[str], str], words: str) -> None:
    make_wheel(place.index, "low", "1.0")
    place.held("low")
    place.lock.write_text(change(place.lock.read_text()))
    text = place.refused("low")
    assert text.startswith(LOCK) and words in text and "delete the file" in text


# --- Pyodide's own builds ---------------------------------------------------------------------------------------------


@pytest.fixture
def own(place: Place, tmp_path: Path, pyodide: Path) -> Place:
    """A Pyodide that builds the package `numbers2` itself."""
    folder = tmp_path / "pyodide-own"
    folder.mkdir()
    for path in pyodide.iterdir():
        (folder / path.name).symlink_to(path)
    file = make_wheel(tmp_path / "builds", "numbers2", "1.0", tags=COMPILED)
    table = json.loads((pyodide / "pyodide-lock.json").read_text())
    table["packages"]["numbers2"] = {
        **table["packages"]["numpy"],
        "name": "numbers2",
        "version": "1.0",
        "file_name": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    (folder / "pyodide-lock.json").unlink()
    (folder / "pyodide-lock.json").write_text(json.dumps(table))
    place.pyodide = folder
    return place


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The builds of `own`, on a server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), lambda *given: Quiet(*given, directory=str(tmp_path / "builds")))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_what_the_index_lacks_comes_from_pyodide_and_is_locked_as_such(
    own: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pyodide_builds.VARIABLE, str(tmp_path / "builds"))
    make_wheel(own.index, "top", "1.0", needs=("numbers2>=1",))
    assert own.held("top")["numbers2"] == f"numbers2-1.0-{COMPILED}.whl"
    assert 'source = "pyodide"' in own.lock.read_text()
    (own.root / ".cache").rename(own.root / "elsewhere")
    assert own.held("top")["numbers2"] == f"numbers2-1.0-{COMPILED}.whl"
    assert "is Pyodide's own, which is" not in own.refused("nowhere")
    assert "but Pyodide's own, which is numbers2 1.0; ask for that version" in own.refused("numbers2>1")


def test_pyodide_fetches_what_it_builds_itself(own: Place, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pyodide_builds.VARIABLE, address)
    assert own.held("numbers2") == {"numbers2": f"numbers2-1.0-{COMPILED}.whl"}


def test_a_build_of_pyodide_that_cannot_be_had_or_is_another_is_told(
    own: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pyodide_builds.VARIABLE, str(tmp_path))
    head = f"{TOML}: [runtime] packages: numbers2: "
    assert own.refused("numbers2").startswith(
        f"{head}PYODIDE_PACKAGES is the folder {tmp_path}, and there is no numbers2-1.0"
    )
    monkeypatch.setenv(pyodide_builds.VARIABLE, "http://127.0.0.1:9/")
    text = own.refused("numbers2")
    assert text.startswith(head) and "could not be fetched" in text and "PYODIDE_PACKAGES=FOLDER" in text
    make_wheel(tmp_path, "numbers2", "1.0", tags=COMPILED, numbers2___more__py="OTHER = 1\n")
    monkeypatch.setenv(pyodide_builds.VARIABLE, str(tmp_path))
    assert "is not the file that Pyodide's own list names" in own.refused("numbers2")


# --- what a page gets -------------------------------------------------------------------------------------------------


def test_modules_are_bytecode_and_what_is_no_module_stays(place: Place) -> None:
    file = make_wheel(
        place.index,
        "low",
        "1.0",
        low___table__txt="one",
        low___template__py="{{ no python }}",
        low__data___scripts___run="x",
    )
    data = contents.compiled(place.root, place.pyodide, contents.of_wheels({"low": file}, LOCK))
    names = json.loads(data.partition(b"\n")[0])
    assert sorted(names) == [
        "low-1.0.dist-info/METADATA",
        "low-1.0.dist-info/WHEEL",
        "low/__init__.pyc",
        "low/table.txt",
        "low/template.py",
    ]


@pytest.mark.parametrize("member", ["pyclient___x__py", "agent_tools__py"])
def test_a_package_that_would_hide_what_a_page_has_is_refused(place: Place, member: str) -> None:
    file = make_wheel(place.index, "low", "1.0", needs=(), tags="py3-none-any", **{member: ""})
    with pytest.raises(SetupError, match=f"{LOCK}: low holds the module .*, and a page has one of that name already"):
        contents.of_wheels({"low": file}, LOCK)


def test_a_file_outside_of_its_wheel_is_refused(place: Place) -> None:
    file = place.index / "low-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("low/../../../etc/passwd", "")
    with pytest.raises(SetupError, match=r"outside of itself: low/\.\./"):
        contents.of_wheels({"low": file}, LOCK)


def test_the_check_of_tools_sees_the_packages_and_tells_what_of_the_library_they_import(
    place: Place, pyodide: Path
) -> None:
    make_wheel(place.index, "low", "1.0", low___inner__py="import colorsys\nfrom xml.dom import minidom\n")
    names = wanted.parsed(TOML, ["low"])
    found = packages.prepare(place.root, place.agent, names, pyodide, {})
    assert found is not None and found.compiled == ()
    tools = place.agent / "tools.py"
    tools.write_text(
        "import low.inner\nfrom pyclient.tools import tool\n@tool\ndef f() -> str:\n    '''F.'''\n    return low.VERSION\n"
    )
    client, zone_file = wheel.build(ROOT)[1], zones.packed(fetch_runtime.fetch(ROOT).tzdata)
    imported = agent_check.tools(place.root, pyodide, client, tools, zone_file, found.data)
    assert {"colorsys", "xml.dom", "xml.dom.minidom"} <= set(imported) and "low" not in imported
    with pytest.raises(SetupError, match=r"line 1: there is no module 'low' in the page.*\[runtime\] packages"):
        agent_check.tools(place.root, pyodide, client, tools, zone_file)


def test_a_site_with_packages_has_one_file_more_and_a_site_without_has_none(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_wheel(place.index, "low", "1.0", tags=COMPILED)
    root = copy_of_sources(tmp_path / "sources")
    agent = root / "agents" / "demo"
    with (agent / "agent.toml").open("a") as file:
        file.write('\n[runtime]\npackages = ["low"]\n')
    (agent / "tools.py").write_text("import low\n")
    boot = built.config_of(site.build(root, tmp_path / "with", "demo"))["boot"]
    assert boot["packages"]["url"].startswith("assets/packages.")
    assert boot["later"] == [], "compiled code wants the full runtime"
    assert (agent / "packages.lock").exists()
    (agent / "agent.toml").write_text((ROOT / "agents" / "demo" / "agent.toml").read_text())
    (agent / "tools.py").write_text("")
    capsys.readouterr()
    assert built.config_of(site.build(root, tmp_path / "without", "demo"))["boot"]["packages"] is None
    assert "packages.lock is not used" in capsys.readouterr().err


def test_the_command_tells_a_wrong_key_in_one_line(tmp_path: Path) -> None:
    root = copy_of_sources(tmp_path / "sources")
    with (root / "agents" / "demo" / "agent.toml").open("a") as file:
        file.write('\n[runtime]\npackage = ["idna"]\n')
    code = f"from pathlib import Path; from builder import site; site.build(Path({str(root)!r}), Path({str(tmp_path / 'out')!r}), 'demo')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "unknown [runtime] key 'package' (known: full, packages); did you mean packages?" in last
