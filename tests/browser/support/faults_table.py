"""The option `--faults-table=FILE`: what a person reads where a page cannot start or call, written by the tests that
made it so.

A test adds `(PROPERTY, [cause, what was read])` to its `user_properties` once for each cause.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "read"
HEAD = """# What a visitor reads when the page cannot start, or cannot call

Written by a run of the suite on {date}: each cause was made on purpose in each engine. Where the engines say the same it stands
once. What the site's owner should know of each stands on the page under Diagnostics.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browsers")
    group.addoption("--faults-table", metavar="FILE", help="write what a person reads for each fault to FILE")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    file = config.getoption("--faults-table")
    if not file or hasattr(config, "workerinput"):
        return
    reports = [r for kind in terminalreporter.stats.values() for r in kind if isinstance(r, pytest.TestReport)]
    if rows := gathered(reports):
        write(Path(file), rows, date=time.strftime("%Y-%m-%d"))
        terminalreporter.line(f"table of what a person reads: {file} ({len(rows)} causes)")


def gathered(reports: Iterable[Any]) -> dict[str, dict[str, str]]:
    """By cause: what was read in each engine. Of a test that was made again the last try counts."""
    rows: dict[str, dict[str, str]] = {}
    for report in reports:
        if report.when != "call" or report.outcome != "passed":
            continue
        engine = next((str(value).split()[0] for name, value in report.user_properties if name == "engine"), "")
        for name, value in report.user_properties:
            if name == PROPERTY:
                rows.setdefault(value[0], {})[engine] = value[1]
    return rows


def write(path: Path, rows: dict[str, dict[str, str]], *, date: str) -> None:
    engines = sorted({engine for row in rows.values() for engine in row})
    lines = [HEAD.format(date=date), f"| cause | {' | '.join(engines)} |", f"|---|{'---|' * len(engines)}"]
    for cause, row in rows.items():
        first = row.get(engines[0], "–")
        cells = [first, *("the same" if row.get(it) == first else row.get(it, "–") for it in engines[1:])]
        lines.append(f"| {cause} | {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
