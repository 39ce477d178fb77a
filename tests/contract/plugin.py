"""The option `--contract-table=FILE`: a pytest plugin, so that the option is known whatever part of
the suite is collected.

Under xdist the reports of all processes arrive in the one that was started, and there the table is written.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from . import table


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contract")
    group.addoption("--contract-table", metavar="FILE", help="write what each protocol can and cannot do to FILE")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    file = config.getoption("--contract-table")
    if not file or hasattr(config, "workerinput"):
        return
    reports = [r for kind in terminalreporter.stats.values() for r in kind if isinstance(r, pytest.TestReport)]
    if not any(name == table.PROPERTY for report in reports for name, _ in report.user_properties):
        return  # nothing of it was collected: what is written stands
    rows = table.write(Path(file), reports, date=time.strftime("%Y-%m-%d"))
    terminalreporter.line(f"table of what each protocol can do: {file} ({rows} scenarios)")
