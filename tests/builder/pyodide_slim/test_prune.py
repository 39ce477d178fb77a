"""The smaller runtime: made from the pinned Pyodide alone, always the same, and not at all from
one that looks different.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder import agent_config, fetch_runtime
from builder.environment import SetupError
from builder.pyodide_slim import prune
from builder.pyodide_slim.runtime import FILES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
BIG = "pyodide.asm.mjs"


def test_it_is_smaller_and_the_same_every_time(tmp_path: Path) -> None:
    stock = fetch_runtime.fetch(ROOT).pyodide
    acorn = fetch_runtime.fetch(ROOT).acorn
    first, second = prune.make(ROOT, stock, acorn), prune.make(tmp_path, stock, acorn)
    assert first != second
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    for name, share in (("pyodide.asm.wasm", 0.93), (BIG, 0.4)):
        assert (first / name).stat().st_size < share * (stock / name).stat().st_size


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("function assignWasmExports(wasmExports){", "function assign(wasmExports){", "declares its exports"),
        ('wasmExports["PyObject_GetAttrString"]', 'wasmExports["a"]||wasmExports["b"]', "binds an export"),
        ("var loadWebAssemblyModule=(binary,", "var loadModule=(binary,", "loads compiled code"),
        ("wasmImports={", "wasmOffers={", "offers functions"),
        ('API.runPythonInternal("import importlib; importlib")', 'API.runPython("import importlib")', "begins"),
    ],
)
def test_a_runtime_that_looks_unlike_the_pinned_one_stops_the_build(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    """Text surgery that misses its mark must not go unseen."""
    stock = copy_of_stock(tmp_path)
    text = (stock / BIG).read_text()
    assert old in text
    (stock / BIG).write_text(text.replace(old, new))
    with pytest.raises(SetupError, match=f"full = true.*\n.*{complaint}"):
        prune.make(tmp_path, stock, fetch_runtime.fetch(ROOT).acorn)
    assert not list((tmp_path / ".cache" / "pruned").iterdir())


def test_the_script_lacks_what_only_compiled_packages_ask_for() -> None:
    text = (prune.make(ROOT, fetch_runtime.fetch(ROOT).pyodide, fetch_runtime.fetch(ROOT).acorn) / BIG).read_text()
    assert "_SDL_OpenAudio" not in text and "GLctx.bindTexture" not in text
    assert "function pyodide_js_init(" in text and "_emscripten_date_now" in text


def test_a_module_with_code_that_nobody_understands_stops_the_build(tmp_path: Path) -> None:
    stock = copy_of_stock(tmp_path)
    data = bytearray((stock / "pyodide.asm.wasm").read_bytes())
    # `call` of the first bodies becomes an opcode that does not exist.
    begin = data.index(b"\x00\x0b", 700_000)
    data[begin : begin + 200] = b"\xff" * 200
    (stock / "pyodide.asm.wasm").write_bytes(data)
    with pytest.raises(SetupError, match="could not be made smaller"):
        prune.make(tmp_path, stock, fetch_runtime.fetch(ROOT).acorn)


def copy_of_stock(folder: Path) -> Path:
    target = folder / "stock"
    target.mkdir()
    for name in FILES:
        shutil.copy(fetch_runtime.fetch(ROOT).pyodide / name, target)
    return target


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [("[runtime]\nfull = 'yes'", "true or false"), ("[runtime]\nfulll = true", r"unknown \[runtime\] key 'fulll'")],
)
def test_a_misspelt_runtime_section_is_refused(tmp_path: Path, toml: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        agent(tmp_path, toml)


def test_a_page_gets_the_smaller_runtime_unless_its_agent_wants_the_full_one(tmp_path: Path) -> None:
    assert agent(tmp_path / "a", "").full_runtime is False
    assert agent(tmp_path / "b", "[runtime]\nfull = true").full_runtime is True


def agent(root: Path, toml: str) -> agent_config.Agent:
    folder = root / "agents" / "mine"
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_text(toml)
    return agent_config.load(root, "mine")
