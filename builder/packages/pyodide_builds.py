"""Packages that Pyodide itself builds for its Python: named with their digests in its `pyodide-lock.json`, fetched by
itself, in Node.

A machine that reaches only the package index gives the folder, or another address, that
has these files: PYODIDE_PACKAGES.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from builder import node
from builder.environment import SetupError, say
from builder.packages.target import Target

FETCHER = Path(__file__).parent / "fetch_build.mjs"
# A folder of wheels, or an address that has them: instead of the one that Pyodide knows.
VARIABLE = "PYODIDE_PACKAGES"
LIMIT_S = 600


def has(target: Target, name: str) -> bool:
    """Is there a build that is a package like others? Some are C libraries, which go to another place."""
    build = target.builds.get(name, {})
    return build.get("package_type") == "package" and build.get("install_dir") == "site"


def fetch(root: Path, where: str, target: Target, name: str, folder: Path) -> Path:
    """Put the wheel of the package `name` into `folder`, and return its path.

    SetupError, which begins with `where`, if it cannot be had, or is another file.
    """
    build = target.builds[name]
    file, given = str(build["file_name"]), os.environ.get(VARIABLE, "")
    path = folder / file
    folder.mkdir(parents=True, exist_ok=True)
    if given and not given.startswith(("http://", "https://")):
        there = Path(given) / file
        if not there.is_file():
            raise SetupError(f"{where}: {VARIABLE} is the folder {given}, and there is no {file} in it")
        path.write_bytes(there.read_bytes())
    else:
        say(f"fetching Pyodide's own build of {name} {build['version']}")
        _run(root, where, target, name, file, given, path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != build["sha256"]:
        path.unlink()
        raise SetupError(f"{where}: {file} is not the file that Pyodide's own list names (its sha256 is another one)")
    return path


def _run(root: Path, where: str, target: Target, name: str, file: str, address: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        job = {"pyodide": str(target.folder), "name": name, "file": file, "address": address, "out": str(path)}
        (Path(work) / "job.json").write_text(json.dumps({**job, "cache": work}), encoding="utf-8")
        command = [node.node(root), str(FETCHER), str(Path(work) / "job.json")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode != 0 or not path.exists():
            raise SetupError(
                f"{where}: the package index has no build for the browser's Python; Pyodide itself has {file}, and it could not be "
                f"fetched. Is this machine online? Or put that file into a folder and say which: {VARIABLE}=FOLDER"
            )
