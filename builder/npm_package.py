"""Fetch one npm package with npm itself, check it against its pinned digest, keep the wanted files. Nothing is installed."""

from __future__ import annotations

import base64
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

    `integrity` is the registry's own form, `sha512-` and base64. Raises SetupError: offline, another file, a file missing.
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
        with tarfile.open(archives[0]) as archive:
            for name in files:
                try:
                    member = archive.extractfile(f"package/{name}")
                except KeyError:
                    member = None
                if member is None:
                    shutil.rmtree(staging)
                    raise SetupError(f"{package} holds no {name}.")
                (staging / Path(name).name).write_bytes(member.read())
        (staging / ".complete").write_text(integrity)
        if target.exists() and not (target / ".complete").exists():
            shutil.rmtree(target, ignore_errors=True)
        try:
            staging.rename(target)
        except OSError:
            shutil.rmtree(staging, ignore_errors=True)
            if not (target / ".complete").exists():
                raise
