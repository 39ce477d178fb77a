"""The table says what the run found, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract import table


@dataclass
class FakeReport:
    outcome: str
    when: str = "call"
    user_properties: list[tuple[str, str]] = field(default_factory=list)


def report(outcome: str, adapter: str, *, reason: str = "", when: str = "call", scenario: str = "turn") -> FakeReport:
    told = {"scenario": scenario, "expected": "a | b", "adapter": adapter, "reason": reason}
    return FakeReport(outcome, when, [(table.PROPERTY, json.dumps(told))])


def written(tmp_path: Path, *reports: FakeReport) -> list[str]:
    path = tmp_path / "docs" / "contract.md"
    table.write(path, reports, date="2026-11-22")
    return [line for line in path.read_text().splitlines() if line.startswith("|")]


def test_a_cell_is_yes_or_a_reason_or_a_failure(tmp_path: Path) -> None:
    lines = written(
        tmp_path,
        FakeReport("passed"),
        report("passed", "A"),
        report("passed", "B", reason="no such message"),
        report("failed", "C"),
        report("passed", "A", scenario="greeting"),
    )
    assert lines == [
        "| scenario | expected | A | B | C |",
        "|---|---|---|---|---|",
        "| greeting | a \\| b | yes | – | – |",
        "| turn | a \\| b | yes | no: no such message | NO (failed) |",
    ]


@pytest.mark.parametrize(
    "reports",
    [
        [report("passed", "A"), report("failed", "A", when="teardown")],
        [report("failed", "A", when="setup")],
        [report("failed", "A", reason="why")],
    ],
)
def test_what_failed_anywhere_has_failed(tmp_path: Path, reports: list[FakeReport]) -> None:
    assert written(tmp_path, *reports)[-1] == "| turn | a \\| b | NO (failed) |"


def test_a_second_try_that_passed_counts(tmp_path: Path) -> None:
    assert written(tmp_path, report("rerun", "A"), report("passed", "A"))[-1].endswith("| yes |")
