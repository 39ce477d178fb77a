"""The plugin as somebody else has it: a wheel, in a folder that holds nothing of this project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "harness"

ALONE = """
import importlib.util
import pathlib
import voice_browsers

def test_it_is_the_wheel_and_no_folder_of_parley_is_here():
    assert "site" in pathlib.Path(voice_browsers.__file__).parts
    assert [name for name in ("builder", "server", "pyclient", "tests") if importlib.util.find_spec(name)] == []
"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(not SOURCE.is_dir(), reason="only where the plugin's sources are")
def test_a_voice_turn_with_nothing_but_the_wheel(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    site, folder = tmp_path / "site", tmp_path / "empty"
    made = ["wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(tmp_path), str(SOURCE)]
    subprocess.run([*pip, *made], check=True, timeout=120)
    (wheel,) = tmp_path.glob("pytest_voice_browsers-*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)], check=True, timeout=120
    )
    folder.mkdir()
    shutil.copytree(HERE / "site", folder / "site")
    for name in ("conftest.py", "test_voice.py"):
        shutil.copy(HERE / name, folder)
    (folder / "test_alone.py").write_text(ALONE)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: takes seconds\n")
    with tempfile.TemporaryDirectory() as short:  # Chromium's socket has no room for the path of `tmp_path`
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--engine", "chromium"]
        done = subprocess.run(
            [*command, "-k", "alone or answers_what or spectrogram", "--basetemp", str(tmp_path / "base")],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(site), "TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    assert "3 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
