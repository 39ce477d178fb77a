"""What ran in which engine, as a Markdown table: `pytest --engine-table=docs/engines.md`.

A row per check, a column per engine, made from the reports of the run itself, so that the table cannot claim more than
what was tested. What a person wrote below it, from the first heading of the second level on, stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_SIGNS = {"passed": "yes", "failed": "NO", "error": "NO", "skipped": "skipped"}


def write(path: Path, reports: Iterable[Any], *, date: str) -> None:
    """Write the table of all `reports` that carry an engine in their `user_properties`."""
    columns: dict[str, str] = {}
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for report in reports:
        found = next((str(value) for name, value in report.user_properties if name == "engine"), None)
        if found is None or not (report.when == "call" or report.outcome != "passed"):
            continue
        engine = found.split()[0]
        columns[engine] = found
        file, _, test = report.nodeid.partition("::")
        row = rows.setdefault((Path(file).stem.removeprefix("test_"), sentence(test, engine)), {})
        if row.get(engine) != "NO":  # a test that passed and then failed to clean up has failed
            row[engine] = _SIGNS.get(report.outcome, report.outcome)
    engines = sorted(columns)
    lines = ["# What was checked in which engine", "", f"Written by a run of the suite on {date}.", ""]
    lines += [f"* {columns[engine]}" for engine in engines]
    lines += ["", f"| area | check | {' | '.join(engines)} |", f"|---|---|{'---|' * len(engines)}"]
    for (area, check), row in sorted(rows.items()):
        lines.append(f"| {area} | {check} | {' | '.join(row.get(engine, '–') for engine in engines)} |")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n" + _below(path), encoding="utf-8")


def _below(path: Path) -> str:
    """What an earlier file has below its table."""
    _, heading, rest = (path.read_text(encoding="utf-8") if path.exists() else "").partition("\n## ")
    return heading + rest


def sentence(test: str, engine: str) -> str:
    """`test_it_works[firefox-no-speaker]` -> `it works (no-speaker)`."""
    name, _, parameters = test.partition("[")
    rest = re.sub(rf"^{engine}(-injected)?-?|-?{engine}(-injected)?$", "", parameters.removesuffix("]"))
    words = name.split("::")[-1].removeprefix("test_").replace("_", " ")
    return f"{words} ({rest})" if rest else words
