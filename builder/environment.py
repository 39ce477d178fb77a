"""Virtual environment: makes `.venv` from a lock file with hashes. Standard library only: this runs before anything
is installed.

A stamp in `.venv` holds the digest of the lock that was installed, so the second start does nothing
and needs no network.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path


class SetupError(Exception):
    """Set-up cannot go on; the text says what to do."""


def say(text: str) -> None:
    """Tell the person what set-up is doing. On stderr: stdout belongs to the command."""
    print(f"• {text}", file=sys.stderr, flush=True)


def for_programs(root: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for what runs inside `.venv`: `given`, with this project importable and bytecode kept.

    Many machines, containers most of all, ask Python to keep no bytecode. Then every program compiles all that it
    imports, packages too, for nothing is compiled ahead: a server starts in 2.2 s instead of 0.7. So it is kept where
    we keep everything that can be made again, and the folders of sources stay as clean as they asked for.
    """
    environ = {**given, "PYTHONPATH": str(root)}
    if environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        environ.setdefault("PYTHONPYCACHEPREFIX", str(root / ".cache" / "bytecode"))
    return environ


def ensure(root: Path, group: str) -> Path:
    """Return the environment's Python with `builder/locks/<group>.txt` installed. Raises SetupError."""
    home = root / ".venv"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install(root, python, group)
    if group == "test":
        install_harness(root, python)
    return python


def install(root: Path, python: Path, group: str) -> None:
    """Install one lock file unless its stamp says that it is there.

    The test lock holds everything of the serve lock.
    """
    lock = root / "builder" / "locks" / f"{group}.txt"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    stamps = [_stamp(root, group)] + ([_stamp(root, "test")] if group == "serve" else [])
    if python.exists():
        for stamp in stamps:
            name = stamp.suffix.lstrip(".")
            wanted = hashlib.sha256((lock.parent / f"{name}.txt").read_bytes() + sys.version.encode()).hexdigest()
            if stamp.exists() and stamp.read_text() == wanted:
                return
    else:
        say("making a Python environment in .venv")
        _create(root)
    count = sum("==" in line for line in lock.read_text().splitlines())
    say(f"installing {count} pinned packages ({group}); this needs the network once")
    started = time.monotonic()
    command = [str(python), "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--no-deps", "--quiet"]
    # Python compiles what it imports; compiling everything, SciPy most of all, takes as long as the
    # rest of the installation.
    command += ["--disable-pip-version-check", "--no-input", "--no-compile", "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("WARNING"))[-1500:]
        raise SetupError(f"pip could not install {lock.relative_to(root)}.\n{tail}\nIs this machine online? Try again.")
    _stamp(root, group).write_text(digest)
    say(f"packages ready in {time.monotonic() - started:.0f} s")


def install_harness(root: Path, python: Path) -> None:
    """Install the tests' own plugin, `tests/harness`, as a package that reads this checkout. Needs no network.

    pytest finds it by its entry point, as in anybody's environment; a change of its code counts at once.
    """
    home = root / "tests" / "harness"
    digest = hashlib.sha256((home / "pyproject.toml").read_bytes() + f"{home}{sys.version}".encode()).hexdigest()
    stamp = _stamp(root, "harness")
    if stamp.exists() and stamp.read_text() == digest:
        return
    command = [str(python), "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--editable", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"pip could not install tests/harness.\n{done.stderr.strip()[-1500:]}")
    stamp.write_text(digest)


def _stamp(root: Path, group: str) -> Path:
    return root / ".venv" / f"parley-lock.{group}"


def _create(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(root / ".venv")], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        hint = "On Debian and Ubuntu: apt-get install python3-venv" if "ensurepip" in done.stdout + done.stderr else ""
        raise SetupError(f"python -m venv failed.\n{(done.stdout + done.stderr).strip()[-800:]}\n{hint}".strip())
