"""What each wire can and cannot do, as a Markdown table: `pytest --contract-table=docs/contract.md`.

A row per scenario, a column per protocol, made from the reports of the run itself, so that the document cannot claim
more than what was tested. A scenario that did not run at all has no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.contract.adapters import Adapter
    from tests.contract.book import Scenario

PROPERTY = "contract"
DO_NOT_EDIT = "<!-- Written by a run of the suite; a change by hand is lost with the next one. -->"


def cell(scenario: Scenario, adapter: Adapter) -> str:
    """One cell of the table, as the text that a report carries from process to process."""
    return json.dumps(
        {
            "scenario": scenario.name,
            "expected": scenario.expected,
            "adapter": adapter.title,
            "reason": scenario.reason(adapter.name),
        }
    )


def write(path: Path, reports: Iterable[Any], *, date: str) -> int:
    """Write the table of all `reports` that carry a cell. Returns how many rows it has."""
    rows: dict[str, dict[str, str]] = {}
    expected: dict[str, str] = {}
    adapters: set[str] = set()
    for report in reports:
        text = next((str(value) for name, value in report.user_properties if name == PROPERTY), None)
        # A first try that failed and was tried once more is no verdict.
        if text is None or report.outcome == "rerun" or not (report.when == "call" or report.outcome != "passed"):
            continue
        told = json.loads(text)
        adapters.add(told["adapter"])
        expected[told["scenario"]] = told["expected"]
        row = rows.setdefault(told["scenario"], {})
        if row.get(told["adapter"]) != _FAILED:  # what passed and then failed to clean up has failed
            row[told["adapter"]] = _sign(report.outcome, told["reason"])
    columns = sorted(adapters)
    lines = [
        "# What each protocol can and cannot do",
        "",
        DO_NOT_EDIT,
        "",
        f"Written by a run of `tests/contract` on {date}: the same scenarios, played by the real client against the local",
        "agent over each of its wires. “no” comes with the fact of the protocol that forbids it; that the client then does",
        "nothing wrong is tested as well.",
        "",
        f"| scenario | expected | {' | '.join(columns)} |",
        f"|---|---|{'---|' * len(columns)}",
    ]
    for scenario in sorted(rows):
        cells = [rows[scenario].get(column, "–") for column in columns]
        lines.append(f"| {' | '.join(map(_escaped, [scenario, expected[scenario], *cells]))} |")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(rows)


_FAILED = "NO (failed)"


def _sign(outcome: str, reason: str) -> str:
    if outcome in ("failed", "error"):
        return _FAILED
    if outcome != "passed":
        return str(outcome)
    return f"no: {reason}" if reason else "yes"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
