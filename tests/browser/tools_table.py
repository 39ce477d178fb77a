"""What a tool can use in the page, as a Markdown table: `pytest --tools-table=docs/tools.md`.

A row per thing, a column per engine, made from the reports of the run itself. A cell says what is so on all three ways of starting
Python, or what each of them does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "what tools can use"
WAYS = ("snapshot", "precompiled", "stock")
HEAD = """# What a tool can use

<!-- Written by a run of the suite; a change by hand is lost with the next one. -->

Written by a run of `tests/browser/test_python_like_stock.py` on {date}. A tool tried each of these in a page; Python was started
from the snapshot, from the precompiled library and from Pyodide's own files. Where the three differ, the cell says how. "stock" is
Pyodide's own start with our client in it: time zones are ours on each of the ways, for Pyodide brings none.
"""


def told(engine: str, found: Mapping[str, Mapping[str, object]]) -> str:
    """What one engine's test found, by way and thing, as the text that a report carries from process to process."""
    return json.dumps({"engine": engine, "found": found})


def cell(by_way: Mapping[str, object]) -> str:
    shown = {way: _shown(by_way.get(way)) for way in WAYS}
    if len(set(shown.values())) == 1:
        return shown[WAYS[0]]
    return "; ".join(f"{way}: {text}" for way, text in shown.items())


def _shown(outcome: object) -> str:
    if outcome is None:
        return "not tried"
    text = str(outcome)
    if text == "False" or text.partition(":")[0].endswith(("Error", "Exception", "NotFound")):
        return "no" if text == "False" else f"no ({text.partition(':')[0]})"
    return "yes"


def write(path: Path, reports: Iterable[Any], *, date: str) -> int:
    """Write the table of all `reports` that carry what was found. Returns how many rows it has."""
    rows: dict[str, dict[str, str]] = {}
    engines: set[str] = set()
    for report in reports:
        text = next((str(value) for name, value in report.user_properties if name == PROPERTY), None)
        if text is None or report.when != "call" or report.outcome == "rerun":
            continue
        said = json.loads(text)
        engines.add(said["engine"])
        for thing in dict.fromkeys(thing for found in said["found"].values() for thing in found):
            by_way = {way: found.get(thing) for way, found in said["found"].items()}
            rows.setdefault(thing, {})[said["engine"]] = cell(by_way)
    columns = sorted(engines)
    lines = [HEAD.format(date=date), f"| thing | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| `{thing}` | {' | '.join(row.get(it, '–') for it in columns)} |" for thing, row in rows.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(rows)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tools")
    group.addoption("--tools-table", metavar="FILE", help="write what a page's tools can use to FILE")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    file = config.getoption("--tools-table")
    if not file or hasattr(config, "workerinput"):
        return
    reports = [r for kind in terminalreporter.stats.values() for r in kind if isinstance(r, pytest.TestReport)]
    if not any(name == PROPERTY for report in reports for name, _ in report.user_properties):
        return  # nothing of it was collected: what is written stands
    rows = write(Path(file), reports, date=time.strftime("%Y-%m-%d"))
    terminalreporter.line(f"table of what tools can use: {file} ({rows} rows)")
