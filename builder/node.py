"""Find an npm and a Node: the machine's own, or one from a wheel where there is none. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from builder import environment

OLDEST_MAJOR = 18


def npm(root: Path) -> list[str]:
    """Return the command that runs npm."""
    found = shutil.which("npm")
    if found and _is_recent(shutil.which("node")):
        return [found]
    return [str(_from_wheel(root).with_name(_exe("npm")))]


def node(root: Path) -> str:
    """Return the path of a Node of at least version OLDEST_MAJOR."""
    found = shutil.which("node")
    if found and _is_recent(found):
        return found
    return str(_from_wheel(root))


def environment_of_builds() -> dict[str, str]:
    """Return the environment for a Node that makes a part of the site: what it needs to run at all,
    and nothing that differs.

    No key, no person's name, zone or language, and no option for Node: what is made must be equal on every machine.
    """
    needed = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
    return {**{name: os.environ[name] for name in needed if name in os.environ}, "TZ": "UTC", "LC_ALL": "C"}


def _is_recent(path: str | None) -> bool:
    if not path:
        return False
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and int(done.stdout.strip().lstrip("v").split(".")[0]) >= OLDEST_MAJOR


def _from_wheel(root: Path) -> Path:
    home = root / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    node_path = home / _exe("node")
    if not node_path.exists():
        environment.say("no Node here; installing one from a wheel")
        environment.install(root, Path(sys.executable), "node")
    return node_path


def _exe(name: str) -> str:
    return f"{name}.exe" if os.name == "nt" else name
