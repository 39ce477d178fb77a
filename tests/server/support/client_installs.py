"""Installs real clients of other people, once for each lock file, into `.cache/`; nothing of
the test environment changes.

They have a place of their own because they cannot share ours: `openai-agents` wants an older
`websockets` than the server has, and the npm package brings twenty others. The versions and digests are
in `builder/locks/clients.txt` and `node_clients/package-lock.json`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from builder import build_cache, node
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "builder" / "locks" / "clients.txt"
NODE_CLIENTS = Path(__file__).parent / "node_clients"


def python_packages() -> Path:
    """The folder that holds `openai-agents` and all that it needs."""

    def install(folder: Path) -> list[str]:
        command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-deps"]
        return [*command, "--quiet", "--no-input", "--no-compile", "--target", str(folder), "-r", str(LOCK)]

    return _installed("python-clients", [LOCK.read_bytes(), sys.version.encode()], install)


def node_packages() -> Path:
    """The folder that holds `node_modules` with `@openai/agents-realtime` and all that it needs."""
    files = [NODE_CLIENTS / name for name in ("package.json", "package-lock.json")]

    def install(folder: Path) -> list[str]:
        for file in files:
            shutil.copy(file, folder)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        return [*node.npm(ROOT), "ci", "--prefix", str(folder), *options]

    return _installed("node-clients", [file.read_bytes() for file in files], install)


def own_environment(**variables: str) -> Mapping[str, str]:
    """What a client needs to run, and none of the developer's keys, proxies or settings.

    It reports nothing to its maker.
    """
    return {**node.environment_of_builds(), "OPENAI_AGENTS_DISABLE_TRACING": "1", "PYTHONUTF8": "1", **variables}


def _installed(name: str, parts: list[bytes], command: Callable[[Path], list[str]]) -> Path:
    """The folder for exactly these lock files. SetupError with the installer's own words when it fails."""
    place = ROOT / ".cache" / name / build_cache.digest(parts)
    with build_cache.missing(place) as wanted:
        if wanted:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=place.parent) as work:
                folder = Path(work) / "installed"
                folder.mkdir()
                path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
                environ = {**os.environ, "PATH": path}
                done = subprocess.run(command(folder), capture_output=True, text=True, check=False, env=environ)
                if done.returncode != 0:
                    raise SetupError(
                        f"could not install {name}.\n{done.stderr.strip()[-1500:]}\nIs this machine online?"
                    )
                folder.rename(place)
            build_cache.forget_oldest(place.parent)
    return place
