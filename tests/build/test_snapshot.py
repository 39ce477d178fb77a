"""The kept memory of Python: the same bytes in every build, nothing secret in it, and a clear error where it cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder import snapshot, vendor, wheel
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parents[2]


def test_two_snapshots_of_one_client_are_the_same_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the environment holds is in neither, in no form that a search would miss."""
    canary = "canary-5f1c0de-never-published"
    monkeypatch.setenv("SOME_API_KEY", canary)
    runtime = vendor.fetch(ROOT).pyodide
    name, data = wheel.build(ROOT)
    first = snapshot.make(ROOT, runtime, name, data)
    second = snapshot.make(tmp_path, runtime, name, data)
    assert first.meta == second.meta
    assert first.blocks == second.blocks
    assert len(second.blocks) == sum(count for _, count in second.meta["runs"]) * second.meta["block_bytes"]
    assert canary.encode() not in second.blocks and canary.encode("utf-16-le") not in second.blocks


def test_a_client_that_cannot_be_imported_stops_the_build_with_pythons_own_words(tmp_path: Path) -> None:
    runtime = vendor.fetch(ROOT).pyodide
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pyclient/__init__.py", "raise RuntimeError('broken on purpose')\n")
    with pytest.raises(SetupError, match="broken on purpose"):
        snapshot.make(tmp_path, runtime, "parley_client-0-py3-none-any.whl", archive.getvalue())
