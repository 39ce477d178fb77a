"""Fetch one npm package with npm itself, check it against its pinned digest, keep the wanted files.

Nothing is installed.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from builder import node
from builder.environment import SetupError


def fetch(root: Path, target: Path, package: str, integrity: str, files: Sequence[str]) -> None:
    """Put `files` of `package` (`name@version`) into `target`, with the mark `.complete` that holds the digest.

    A name may be a pattern (`lib/*.d.ts`). All files lie in `target` itself, whatever folder of the package they
    are from. `integrity` is the registry's own form, `sha512-` and base64. Raises SetupError: offline, another
    file, a file missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [*node.npm(root), "pack", package, "--silent", "--pack-destination", folder]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or len(archives) != 1:
            raise SetupError(f"npm could not fetch {package}.\n{done.stderr.strip()[-800:]}\nIs this machine online?")
        data = archives[0].read_bytes()
        found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
        if found != integrity:
            raise SetupError(f"{package} is not the pinned file: expected {integrity}, got {found}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own: two builds on a new machine may fetch at once, and the first of them is enough.
        staging = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=target.parent))
        staging.chmod(0o755)
        if absent := _unpack(archives[0], staging, files):
            shutil.rmtree(staging)
            raise SetupError(f"{package} holds no {absent}.")
        (staging / ".complete").write_text(integrity)
        if target.exists() and not (target / ".complete").exists():
            shutil.rmtree(target, ignore_errors=True)
        try:
            staging.rename(target)
        except OSError:
            shutil.rmtree(staging, ignore_errors=True)
            if not (target / ".complete").exists():
                raise


def _unpack(file: Path, target: Path, names: Sequence[str]) -> str:
    """Write the wanted files of an npm archive into `target`; return the first name that none of them has."""
    with tarfile.open(file) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        for name in names:
            wanted = [member for member in members if fnmatch.fnmatchcase(member.name, f"package/{name}")]
            if not wanted:
                return name
            for member in wanted:
                data = archive.extractfile(member)
                assert data is not None  # it is a file
                path = target / Path(member.name).name
                path.write_bytes(data.read())
                path.chmod(0o755 if member.mode & 0o100 else 0o644)
    return ""
