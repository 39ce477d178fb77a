"""The divided runtime: what a page starts with, then what calls use, the rest, what is asked for; always the same, and
the same Python as the whole.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from builder import fetch_runtime, wheel
from builder.environment import SetupError
from builder.pyodide_slim import prune, snapshot, split
from builder.pyodide_slim.runtime import FILES, Snapshot
from tests.builder.support import garbage
from tests.worklets.support.node import find_node

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
PROVIDERS = ("assemblyai", "openai_realtime", "sdk_voice")


@pytest.fixture(scope="module")
def runtime() -> Path:
    return prune.make(ROOT, fetch_runtime.fetch(ROOT).pyodide, fetch_runtime.fetch(ROOT).acorn)


@pytest.fixture(scope="module")
def library() -> Path:
    return fetch_runtime.fetch(ROOT).pyodide / "python_stdlib.zip"


@pytest.fixture(scope="module")
def memory(runtime: Path) -> Snapshot:
    return snapshot.make(ROOT, fetch_runtime.fetch(ROOT).pyodide, runtime, *wheel.build(ROOT))


def test_the_page_gets_half_at_first_and_every_build_the_same(
    tmp_path: Path, runtime: Path, library: Path, memory: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build itself runs the parts: a start with the primary one alone, a rehearsed call with the second, then what
    needs the others.
    """
    first = split.make(tmp_path / "a", runtime, memory, library, PROVIDERS, None)
    garbage.collect_often(monkeypatch)
    second = split.make(tmp_path / "b", runtime, memory, library, PROVIDERS[::-1], None)
    assert first == second
    # The parts alone would rarely show it: what was garbage where nothing points to by chance changes nothing.
    assert len({path.read_text() for path in tmp_path.rglob("memory.sha256")}) == 1
    whole = len((runtime / "pyodide.asm.wasm").read_bytes())
    size = {part.name: len(part.wasm) for part in first.later}
    assert len(first.primary) < 0.3 * whole
    # Frozen modules come with it, where a rehearsed call reads one.
    assert size["call"] < 0.25 * whole
    assert 0.95 * whole < len(first.primary) + sum(size.values()) < 1.15 * whole
    assert {part.name for part in first.later if part.ahead} == {"call", "rest"}
    assert sum(size[part.name] for part in first.later if not part.ahead) > 0.15 * whole
    assert first.tools is None


def test_tools_that_only_a_page_can_import_do_not_stop_the_build(
    tmp_path: Path, runtime: Path, library: Path, memory: Snapshot
) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text("import decimal, js\nprint(decimal.Decimal(1) / 3)\njs.document.title\n")
    strange = split.make(tmp_path / "cache", runtime, memory, library, PROVIDERS[:1], tools)
    assert strange.tools is not None
    tools.write_text("def broken(:\n")
    broken = split.make(tmp_path / "cache", runtime, memory, library, PROVIDERS[:1], tools)
    assert broken.tools is None, "no bytecode can be made of that; the page says why"
    assert strange.primary != broken.primary


def test_a_module_that_nobody_understands_stops_the_build(
    tmp_path: Path, runtime: Path, library: Path, memory: Snapshot
) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    for name in FILES:
        data = bytearray((runtime / name).read_bytes())
        if name.endswith(".wasm"):
            data[8] = 99  # a section of a kind that does not exist
        (strange / name).write_bytes(data)
    with pytest.raises(SetupError, match=r"could not be divided.*full = true"):
        split.make(tmp_path / "cache", strange, memory, library, PROVIDERS, None)
    assert not list((tmp_path / "cache" / ".cache" / "split").iterdir())


DRIVER = Path(__file__).parents[1] / "support" / "split_driver.mjs"


EACH_WAY = [[1, 2, 3], [2, 3], [1, 3], [1, 2], [1], [2], [3], []]


@pytest.mark.parametrize(
    ("used", "at_start"), [(used, kept) for used in EACH_WAY for kept in EACH_WAY if {*kept} <= {*used}]
)
def test_each_way_between_the_parts_leads_to_the_right_function(used: list[int], at_start: list[int]) -> None:
    """By number, through a table, to the host, in and out of each missing part; and Pyodide sees what it would
    see of the whole.
    """
    command = [find_node(), str(DRIVER)]
    asked = json.dumps([used, at_start])
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(done.stdout)
    # Whatever comes, the first part is there before.
    missing = ["call"] * (len(at_start) < 3) + ["rest"] * (len(used) < 3)
    assert told["watched"] == [1, 2, 3]
    assert told["exports"] == ["count", "entry", "memory"]
    assert told["on demand"] == {"answers": [42, 46], "counted": 2, "ahead": [], "now": missing}
    assert told["ahead"] == {"answers": [42, 46], "counted": 2, "ahead": ["call", "rest"], "now": []}
    assert told["refused"] == ("Error: not there" if missing else 42)
