"""`python3 build.py bench` behind its preparations: run the benches asked for, print, write, compare.

Exit codes: 0 measured (and within the budget, with --check), 1 over budget, 2 wrong arguments or a bench
that cannot run here.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from builder import cli
from tests.bench import budget, table
from tests.bench.figures import BenchError, tidy
from tests.support.server import ROOT

# Unless it is told otherwise, or a bench has its own number.
ROUNDS = 5


def main(argv: list[str]) -> int:
    """Run the command line that stands behind `build.py bench`."""
    arguments = cli.parse(["bench", *argv])
    figures: dict[str, Any] = {}
    about: dict[str, Any] = {}
    try:
        limits = budget.load() if arguments.check else []
        for path in arguments.earlier:
            _take(path, figures, about)
        modules = {name: _module(name) for name in arguments.names}
        run(modules, arguments, figures, about)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        _write(arguments, figures, about)  # what was measured until then may have taken an hour
        return 2
    _write(arguments, figures, about)
    over = budget.faults(figures, limits, arguments.engines)
    for fault in over:
        print(f"over budget: {fault}", file=sys.stderr)
    if arguments.check and not over:
        print(f"within budget: {', '.join(figures)}")
    return 1 if over else 0


def run(
    modules: dict[str, ModuleType], arguments: argparse.Namespace, figures: dict[str, Any], about: dict[str, Any]
) -> None:
    """Measure one bench after the other into `figures`. BenchError names the bench that failed."""
    for name, module in modules.items():
        print(f"• {name}", file=sys.stderr, flush=True)
        try:
            rounds = arguments.rounds or getattr(module, "ROUNDS", ROUNDS)
            found = module.measure(arguments.engines, rounds)
        except BenchError as error:
            raise BenchError(f"{name}: {error}") from None
        except Exception as error:  # a bench drives browsers, servers and other people's programs
            traceback.print_exc()
            raise BenchError(f"{name} failed: {type(error).__name__}: {error}") from None
        figures[name] = tidy(found)
        about[name] = {
            "date": datetime.date.today().isoformat(),
            "rounds": rounds,
            "commit": _commit(),
            "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
            "engines": _versions(arguments.engines) if name in cli.BENCHES_IN_BROWSERS else [],
        }
        print(table.text(name, figures[name]) + "\n", flush=True)


def _module(name: str) -> ModuleType:
    if importlib.util.find_spec(f"tests.bench.{name}") is None:
        raise BenchError(f"there is no bench {name}: tests/bench/{name}.py is missing")
    return importlib.import_module(f"tests.bench.{name}")


def _commit() -> str:
    """Which state of the project was measured, with a + where something was not committed."""
    command = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _versions(engines: Sequence[str]) -> list[str]:
    from voice_browsers.engines import find

    return [str(find(engine)) for engine in engines]


def _take(path: Path, figures: dict[str, Any], about: dict[str, Any]) -> None:
    """Add the figures of an earlier run, written by --json."""
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        about |= earlier.pop("about")
        figures |= earlier
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BenchError(f"{path} is no result of an earlier run: {error}") from None


def _write(arguments: argparse.Namespace, figures: dict[str, Any], about: dict[str, Any]) -> None:
    if not figures:
        return
    ordered = {name: figures[name] for name in cli.BENCHES if name in figures}
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, **ordered}, indent=2) + "\n", encoding="utf-8")
    if arguments.table:
        table.write(arguments.table, ordered, about)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
