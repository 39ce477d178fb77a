"""Slimming: with what Pyodide the site is made smaller, when it ships the runtime as it is and says so, and
what stops the build.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from builder import fetch_runtime, node, pyodide_slim, site, wheel
from builder.build_cache import FailedError, TooLongError
from builder.environment import SetupError
from builder.packing import unpacked
from builder.pyodide_slim import prune, slimming, snapshot, split
from builder.pyodide_slim.runtime import FILES, LOADER, Part, Runtime, Snapshot
from tests.support import built

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "builder" / "pyodide_slim" / "README.md"
ZONES_DRIVER = Path(__file__).parents[1] / "support" / "zones_driver.mjs"
KEPT = Snapshot(blocks=b"blocks", complete=b"complete", meta={"lock": {}}, precompiled=b"precompiled")
UNLIKE = FailedError(
    "could not be made smaller.", slimming.UNLIKE, "pyodide.asm.mjs begins\n in another way than it did"
)
MISTAKE = FailedError("could not be made smaller.", 1, "TypeError: x is undefined")
NO_REASON = [MISTAKE, TooLongError("It had not ended after 900 s."), SetupError("there is no Node")]


class Steps:
    """Stand-ins for the three steps: what they were asked for, and how each ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.ends: dict[str, Exception] = {}

    def _step(self, name: str) -> None:
        self.asked.append(name)
        if error := self.ends.get(name):
            raise error

    def prune(self, *_: Any) -> Path:
        self._step("prune")
        return self.folder

    def snapshot(self, _root: Path, _stock: Path, runtime: Path, *_: Any) -> Snapshot:
        self._step("snapshot of the smaller one" if runtime == self.folder else "snapshot of the whole one")
        return KEPT

    def split(self, *_: Any) -> split.Parts:
        self._step("split")
        return split.Parts(primary=b"first", later=(Part(name="rest", ahead=True, wasm=b"rest"),), tools=b"tools")


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    found = Steps(tmp_path)
    for name in FILES:
        (tmp_path / name).write_text(f"smaller {name}")
    (tmp_path / LOADER).write_text("smaller;export{a as loadPyodide,b as version};")
    monkeypatch.setattr(prune, "make", found.prune)
    monkeypatch.setattr(snapshot, "make", found.snapshot)
    monkeypatch.setattr(split, "make", found.split)
    return found


def runtime(version: str = slimming.VERIFIED[0]) -> Runtime:
    return Runtime(folder=Path("stock"), version=version, loader=b"loader", script=b"script", wasm=b"wasm")


def use(**changes: Any) -> pyodide_slim.Use:
    plain = pyodide_slim.Use(root=Path(), acorn=Path(), wheel_name="client.whl", wheel=b"", providers=())
    return replace(plain, **changes)


def test_a_verified_pyodide_is_pruned_kept_and_divided(steps: Steps, capfd: pytest.CaptureFixture[str]) -> None:
    begun: list[tuple[bytes, bool]] = []
    slimmed = pyodide_slim.slim(runtime(), use(begin=lambda data, seldom: begun.append((data, seldom))))
    assert steps.asked == ["prune", "snapshot of the smaller one", "split"]
    both = b"smaller pyodide.asm.mjs\nexport const loadPyodide=(()=>{smaller;return a})();\n"
    assert (slimmed.loader, slimmed.script, slimmed.wasm) == (None, both, b"first")
    assert (slimmed.snapshot, slimmed.tools, [part.name for part in slimmed.later]) == (KEPT, b"tools", ["rest"])
    assert begun == [(b"blocks", False), (b"precompiled", True)]
    assert capfd.readouterr().err == ""


def test_an_agent_that_wants_all_of_it_gets_a_snapshot_alone(steps: Steps, capfd: pytest.CaptureFixture[str]) -> None:
    assert pyodide_slim.slim(runtime(), use(full=True)) == replace(runtime(), snapshot=KEPT)
    assert steps.asked == ["snapshot of the whole one"]
    assert capfd.readouterr().err == ""


def test_an_unknown_pyodide_is_shipped_as_it_is_with_a_warning(steps: Steps, capfd: pytest.CaptureFixture[str]) -> None:
    assert pyodide_slim.slim(runtime("999.0"), use()) == replace(runtime("999.0"), snapshot=KEPT)
    assert steps.asked == ["snapshot of the whole one"]
    said = capfd.readouterr().err
    assert "warning: Pyodide 999.0 is not verified here" in said and "pyodide_slim/README.md" in said


@pytest.mark.parametrize("step", ["prune", "snapshot of the smaller one", "split"])
def test_a_pattern_that_is_not_found_ships_the_runtime_as_it_is(
    steps: Steps, capfd: pytest.CaptureFixture[str], step: str
) -> None:
    """All of it, and not what the steps before had made: nobody tests such a half."""
    steps.ends[step] = UNLIKE
    assert pyodide_slim.slim(runtime(), use()) == replace(runtime(), snapshot=KEPT)
    assert steps.asked[-1] == "snapshot of the whole one"
    said = capfd.readouterr().err
    assert "does not look as it was expected to" in said and "begins in another way than it did" in said


@pytest.mark.parametrize("step", ["prune", "snapshot of the smaller one", "split"])
@pytest.mark.parametrize("error", NO_REASON, ids=["a mistake", "a time limit", "no tool"])
def test_anything_else_stops_the_build(steps: Steps, step: str, error: SetupError) -> None:
    steps.ends[step] = error
    with pytest.raises(type(error), match=re.escape(str(error))):
        pyodide_slim.slim(runtime(), use())
    assert steps.asked[-1] == step


@pytest.mark.parametrize(("version", "error"), [(slimming.VERIFIED[0], UNLIKE), ("999.0", UNLIKE), ("999.0", MISTAKE)])
def test_without_a_snapshot_python_starts_from_nothing(
    steps: Steps, capfd: pytest.CaptureFixture[str], version: str, error: FailedError
) -> None:
    """Of a version that nobody has verified, any complaint of a script may mean that it is unlike the others."""
    steps.ends["snapshot of the whole one"] = error
    assert pyodide_slim.slim(runtime(version), use(full=True)) == runtime(version)
    said = capfd.readouterr().err
    assert f"No snapshot of Pyodide {version} can be made" in said and " ".join(error.said.split()) in said


@pytest.mark.parametrize(
    ("version", "error"), [(slimming.VERIFIED[0], MISTAKE), *(("999.0", error) for error in NO_REASON[1:])]
)
def test_a_snapshot_that_fails_for_another_reason_stops_the_build(
    steps: Steps, version: str, error: SetupError
) -> None:
    steps.ends["snapshot of the whole one"] = error
    with pytest.raises(type(error), match=re.escape(str(error))):
        pyodide_slim.slim(runtime(version), use(full=True))


def test_the_loader_comes_within_the_script_where_it_ends_as_it_did(capfd: pytest.CaptureFixture[str]) -> None:
    script = b"const a=1;export default a;"
    loader = b"const a=2;function dt(){return a}export{dt as loadPyodide,a as version};\n//# sourceMappingURL=x.map\n"
    none, both = pyodide_slim.joined(loader, script)
    assert none is None and capfd.readouterr().err == ""
    said = subprocess.run(
        [
            node.node(ROOT),
            "--input-type=module",
            "-e",
            "const m=await import(process.argv[1]);console.log(m.default, m.loadPyodide())",
            f"data:text/javascript,{quote(both)}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert said.split() == ["1", "2"]
    assert pyodide_slim.joined(b"another", script) == (b"another", script)
    assert "ends in another way" in capfd.readouterr().err


def test_pyodides_script_gets_another_name_where_it_names_itself_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert pyodide_slim.renamed(b'is("pyodide.asm.mjs")', "stock.asm.") == b'is("stock.asm.")'
    assert capfd.readouterr().err == ""
    assert pyodide_slim.renamed(b"nothing", "stock.asm.") == b"nothing"
    assert "names itself in another way" in capfd.readouterr().err


def test_the_readme_and_the_pin_name_verified_versions_only() -> None:
    table = README.read_text(encoding="utf-8").partition("## Verified with\n")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| Pyodide ([\d.]+) \|", table, re.MULTILINE)) == slimming.VERIFIED
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["parley"]["runtime"]
    assert pins["pyodide_version"] in slimming.VERIFIED


def test_the_exit_code_that_says_unlike_is_the_same_in_both_languages() -> None:
    script = (ROOT / "builder" / "pyodide_slim" / "scripts" / "unlike.mjs").read_text(encoding="utf-8")
    assert f"exitCode = {slimming.UNLIKE};" in script


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_site_of_an_unknown_pyodide_of_which_nothing_can_be_kept_starts_in_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the files of the built site alone. In Chromium: tests/browser/test_whole_runtime.py."""
    monkeypatch.setattr(slimming, "VERIFIED", ())
    monkeypatch.setattr(snapshot, "DEFERRED", ("nosuch",))  # a complaint out of the script itself
    dist = site.build(ROOT, tmp_path / "dist", "demo")
    said = capfd.readouterr().err
    assert "is not verified here" in said and "No snapshot of Pyodide" in said and "nosuch" in said
    boot = built.config_of(dist)["boot"]
    assert boot["snapshot"]["blocks"] is None and boot["precompiled"] is None and boot["later"] == []
    assert boot["runtime"] == boot["stock"] and not list((dist / "assets").glob("pyodide.*"))
    folder = tmp_path / "pyodide"
    folder.mkdir()
    for name, key in zip(FILES, ("loader", "script", "wasm"), strict=True):
        (folder / name).write_bytes(unpacked((dist / boot["stock"][key]["url"]).read_bytes()))
    (folder / "pyodide-lock.json").write_text(json.dumps(boot["snapshot"]["lock"]))
    for name, key in (("library.zip", "library"), ("client.whl", "client"), ("zones.bin", "zones")):
        (folder / name).write_bytes(unpacked((dist / boot[key]["url"]).read_bytes()))
    job = {"runtime": f"{folder}/", "library": str(folder / "library.zip"), "wheel": str(folder / "client.whl")}
    (folder / "job.json").write_text(json.dumps({**job, "zones": str(folder / "zones.bin"), "snapshot": None}))
    command = [node.node(ROOT), str(ZONES_DRIVER), str(folder / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["found"]["Europe/Berlin"] == "2026-07-01 12:00:00+02:00"


@pytest.mark.slow
def test_a_real_script_with_another_beginning_is_shipped_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(snapshot, "make", lambda *_: KEPT)
    stock = fetch_runtime.fetch(ROOT)
    folder = tmp_path / "stock"
    folder.mkdir()
    for name in (*FILES, "pyodide-lock.json"):
        shutil.copy(stock.pyodide / name, folder)
    script = folder / "pyodide.asm.mjs"
    script.write_bytes(script.read_bytes().replace(b"var loadWebAssemblyModule=(binary,", b"var loadModule=(binary,"))
    whole = pyodide_slim.whole(folder, stock.version)
    name, data = wheel.build(ROOT)
    wanted = use(root=tmp_path, acorn=stock.acorn, wheel_name=name, wheel=data)
    assert pyodide_slim.slim(whole, wanted) == replace(whole, snapshot=KEPT)
    assert "loads compiled code in another way than it did" in capfd.readouterr().err
