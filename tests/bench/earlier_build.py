"""An earlier state of this project, built and served by its own code and packages: what "faster than
before" is measured against.

It is taken out of the history, so a clone without history cannot measure it, and says so.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from builder import fetch_runtime
from tests.bench.browser_rig import KEPT
from tests.bench.figures import BenchError
from tests.support.server import ROOT, Parley

_BUILD_S = 900


def build(commit: str) -> Path:
    """Return the folder of that state, with its built site in `dist/`. Made once and kept.

    BenchError where it cannot be.
    """
    home = KEPT / commit
    if (home / "dist" / "index.html").is_file() and not (home / ".venv").is_symlink():  # it was, to our own packages
        return home
    shutil.rmtree(home, ignore_errors=True)
    unpack(commit, home)
    # What both fetch is fetched once. Its Python packages are its own: what it needs, we may need no longer.
    fetch_runtime.fetch(ROOT)
    shutil.copytree(ROOT / ".cache" / "runtime", home / ".cache" / "runtime")
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, str(home / "build.py"), "build"]
    done = subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, timeout=_BUILD_S, check=False)
    if done.returncode != 0:
        raise BenchError(f"the build of {commit} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return home


def serve(home: Path) -> Parley:
    """Its own server for its own site."""
    return Parley(site=home / "dist", env={"PYTHONPATH": str(home)}, python=python_of(home))


def python_of(home: Path) -> str:
    """The Python that has its packages."""
    return str(home / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def unpack(commit: str, home: Path) -> Path:
    """Write the files of that state into `home`, which is made, and return it.

    BenchError where the history has no such state.
    """
    sources = _sources(commit)
    home.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(sources)) as archive:
        archive.extractall(home, filter="data")
    return home


def _sources(commit: str) -> bytes:
    """The files of that state as an archive."""
    done = subprocess.run(["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").strip()
        raise BenchError(
            f"the build of {commit} is what we compare with, and its sources are not in this clone's history ({why}). "
            "A shallow clone gets them with: git fetch --unshallow"
        )
    return done.stdout
