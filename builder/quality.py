"""Static checks that need no browser: lint, types, import contracts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STEPS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy --strict": ["mypy"],
    "import contracts": ["importlinter.cli", "lint"],
}


def check(root: Path) -> bool:
    """Run every step, also after one has failed, and say which failed."""
    failed = []
    for name, module in STEPS.items():
        print(f"• {name}", flush=True)
        command = [sys.executable, "-m", *module]
        if module[0] == "importlinter.cli":
            command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(root)}
        )
        if done.returncode != 0:
            failed.append(name)
            print((done.stdout + done.stderr).rstrip(), flush=True)
    print(f"check: {'failed: ' + ', '.join(failed) if failed else 'all clean'}", flush=True)
    return not failed
