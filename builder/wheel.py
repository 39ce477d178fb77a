"""Wheel of `pyclient`: the same bytes every time, no dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from builder.environment import SetupError

# hatchling takes every time stamp in the archive from here.
EPOCH = "1577836800"


def build(root: Path) -> tuple[str, bytes]:
    """Return the wheel's file name, which micropip reads, and its bytes. Raises SetupError."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=environ)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise SetupError(f"the pyclient wheel could not be built.\n{(done.stdout + done.stderr)[-1500:]}")
        return wheels[0].name, wheels[0].read_bytes()
