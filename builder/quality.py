"""The checks that need no browser: lint, format and types of Python and JavaScript, and import contracts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from builder import npm_tools

PYTHON = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy --strict": ["mypy"],
}
# Each in the world that its scripts run in: what a page has, a worker has not.
WORLDS = {"worklets": "worklets", "worker": "templates/tsconfig.worker.json", "page": "templates/tsconfig.page.json"}


def check(root: Path) -> bool:
    """Run every step, also after one has failed, and say which failed. Raises SetupError where a tool cannot be
    fetched.
    """
    with begin(root) as checks:
        return checks.told()


class Checks:
    """Steps that run, as many at a time as there are processors."""

    def __init__(self, root: Path, pool: ThreadPoolExecutor) -> None:
        def run(command: list[str]) -> subprocess.CompletedProcess[str]:
            environ = {**os.environ, "PYTHONPATH": str(root)}
            return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=environ)

        self._steps = {name: pool.submit(run, command) for name, command in steps(root).items()}

    def told(self) -> bool:
        """Say of each step, when it is done, what it found; whether all are clean."""
        failed = []
        for name, step in self._steps.items():
            done = step.result()
            print(f"• {name}", flush=True)
            if done.returncode != 0:
                failed.append(name)
                print((done.stdout + done.stderr).rstrip(), flush=True)
        print(f"check: {'failed: ' + ', '.join(failed) if failed else 'all clean'}", flush=True)
        if any(name.endswith("format") for name in failed):
            print("check: python3 build.py format mends the format", flush=True)
        return not failed


@contextlib.contextmanager
def begin(root: Path) -> Iterator[Checks]:
    """Start all steps and go on with something else meanwhile. Raises SetupError where a tool cannot be fetched."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield Checks(root, pool)


def steps(root: Path) -> dict[str, list[str]]:
    """What is run, by the name that a person sees. Raises SetupError."""
    found = {name: [sys.executable, "-m", *module] for name, module in PYTHON.items()}
    found["import contracts"] = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    # The one test that belongs to style: a page of the house that no longer tells the truth, a name that was given up.
    words = ["tests/test_words.py", "-q", "--tb=short", "--no-header", "-p", "no:cacheprovider"]
    found["maps and words"] = [sys.executable, "-m", "pytest", "--noconftest", *words]
    found["import graph"] = [sys.executable, "-m", "builder.import_graph", "--check"]
    found["texts"] = [sys.executable, "-m", "builder.text_check"]
    found["feature table"] = [sys.executable, "-m", "builder.feature_table", "--check"]
    tsc = str(npm_tools.program(root, "tsc"))
    found |= {f"tsc --strict, {world}": [tsc, "--project", project] for world, project in WORLDS.items()}
    biome = str(npm_tools.program(root, "biome"))
    found["biome lint"] = [biome, "lint", "--error-on-warnings", "--max-diagnostics=50"]
    found["biome format"] = [biome, "format", "--max-diagnostics=50"]
    return found


def rewrite(root: Path) -> bool:
    """Format everything in place. Raises SetupError."""
    commands = [[sys.executable, "-m", "ruff", "format", "."]]
    commands.append([str(npm_tools.program(root, "biome")), "format", "--write"])
    done = [subprocess.run(command, cwd=root, check=False).returncode for command in commands]
    return not any(done)
