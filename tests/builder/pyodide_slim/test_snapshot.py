"""The kept memory of Python: the same bytes in every build, nothing secret in it, and a clear error where
it cannot be made.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder import build_cache, fetch_runtime, wheel
from builder.environment import SetupError
from builder.pyodide_slim import prune, snapshot
from tests.builder.support import garbage

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
# Flags of a .pyc: checked against a hash, and never checked (PEP 552).
UNCHECKED_HASH = (1).to_bytes(4, "little")


@pytest.fixture(scope="module")
def client() -> tuple[str, bytes]:
    return wheel.build(ROOT)


@pytest.mark.timeout(400)  # Python is started ten times
def test_two_snapshots_of_one_client_are_the_same_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: tuple[str, bytes]
) -> None:
    """And what the environment holds is in neither, in no form that a search would miss."""
    canary = "canary-5f1c0de-never-published"
    monkeypatch.setenv("SOME_API_KEY", canary)
    stock = fetch_runtime.fetch(ROOT).pyodide
    runtime = prune.make(ROOT, stock, fetch_runtime.fetch(ROOT).acorn)
    first = snapshot.make(ROOT, stock, runtime, *client)
    garbage.collect_often(monkeypatch)
    second = snapshot.make(tmp_path, stock, runtime, *client)
    assert first.meta == second.meta
    assert first.blocks == second.blocks
    assert first.precompiled == second.precompiled
    assert len(second.blocks) == sum(count for _, count in second.meta["runs"]) * second.meta["block_bytes"]
    for data in (second.blocks, second.precompiled):
        assert canary.encode() not in data and canary.encode("utf-16-le") not in data


def test_the_precompiled_library_holds_the_whole_client_and_only_what_it_takes(client: tuple[str, bytes]) -> None:
    """Stored, as bytecode that no source is compared with: the wire compresses better than a zip, and
    there is no source.
    """
    stock = fetch_runtime.fetch(ROOT).pyodide
    kept = snapshot.make(ROOT, stock, prune.make(ROOT, stock, fetch_runtime.fetch(ROOT).acorn), *client)
    with zipfile.ZipFile(io.BytesIO(client[1])) as archive:
        modules = {name + "c" for name in archive.namelist() if name.endswith(".py")}
    with zipfile.ZipFile(io.BytesIO(kept.precompiled)) as archive:
        names = set(archive.namelist())
        assert modules <= names and {"asyncio/__init__.pyc", "_pyodide/__init__.pyc", "encodings/utf_8.pyc"} <= names
        assert not {"turtle.pyc", "statistics.pyc", "difflib.pyc"} & names
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED and entry.filename.endswith(".pyc")
            assert archive.read(entry)[4:8] == UNCHECKED_HASH, entry.filename
    with zipfile.ZipFile(stock / "python_stdlib.zip") as archive:
        assert len(names - modules) < len(archive.namelist()) / 2


def test_a_module_that_cannot_be_deferred_stops_the_build(
    monkeypatch: pytest.MonkeyPatch, client: tuple[str, bytes]
) -> None:
    """asyncio asks `logging` for a logger while it is imported; a stand-in there would be shipped half alive."""
    stock = fetch_runtime.fetch(ROOT).pyodide
    for deferred, complaint in (
        ("logging", "logging is used while it is imported"),
        ("nosuch", "not in the library: nosuch"),
    ):
        monkeypatch.setattr(snapshot, "DEFERRED", (*snapshot.DEFERRED, deferred))
        with pytest.raises(SetupError, match=complaint):
            snapshot.make(ROOT, stock, stock, *client)


def test_what_tools_import_of_the_library_belongs_into_the_snapshot(tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "import os.path, numpy\nfrom pyodide.http import pyfetch\nfrom . import x\n"
        "def f():\n    import statistics\n    from uuid import uuid4\n"
    )
    assert snapshot.imported_by(tools) == ["os.path", "pyodide.http", "statistics", "uuid"]
    tools.write_text("def f(:\n")
    assert snapshot.imported_by(tools) == [] == snapshot.imported_by(tmp_path / "none.py")


def test_only_what_was_used_last_is_kept(tmp_path: Path) -> None:
    """Each change of the client makes one more."""
    for number in range(build_cache.MAX_ENTRIES + 2):
        folder = tmp_path / f"{number:016x}"
        folder.mkdir()
        os.utime(folder, (number, number))
    with build_cache.missing(tmp_path / f"{0:016x}") as first, build_cache.missing(tmp_path / f"{99:016x}") as unknown:
        assert (first, unknown) == (False, True)
    (tmp_path / "being-made").mkdir()
    build_cache.forget_oldest(tmp_path)
    last = [f"{number:016x}" for number in (0, *range(3, build_cache.MAX_ENTRIES + 2))]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*last, "being-made"]


@pytest.mark.skipif(sys.platform == "win32", reason="there both make it")
def test_builds_at_the_same_time_make_it_once(tmp_path: Path) -> None:
    made: list[int] = []
    both = threading.Barrier(2)

    def build() -> None:
        both.wait()
        with build_cache.missing(tmp_path / "cache" / f"{1:016x}") as wanting:
            if wanting:
                time.sleep(0.2)  # long enough for the other one to come
                made.append(1)
                (tmp_path / "cache" / f"{1:016x}").mkdir(parents=True)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(build), pool.submit(build)]:
            one.result()
    assert made == [1]


def test_a_client_that_cannot_be_imported_stops_the_build_with_pythons_own_words() -> None:
    runtime = fetch_runtime.fetch(ROOT).pyodide
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pyclient/__init__.py", "raise RuntimeError('broken on purpose')\n")
    with pytest.raises(SetupError, match="broken on purpose"):
        snapshot.make(ROOT, runtime, runtime, "parley_client-0-py3-none-any.whl", archive.getvalue())
