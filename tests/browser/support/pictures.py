"""The option `--pictures=FOLDER`: what the page looks like in each state of a call, as PNG, one file for
each state and engine.

python3 build.py test tests/browser/test_accessibility.py --pictures look/
"""

from __future__ import annotations

from pathlib import Path

import pytest

from voice_browsers.engines import Tab


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browsers")
    group.addoption("--pictures", metavar="FOLDER", help="keep a picture of the page in each state of a call in FOLDER")


def keep(config: pytest.Config, tab: Tab, state: str) -> None:
    """Save a picture where the option asks for it."""
    if folder := config.getoption("--pictures"):
        where = Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        tab.screenshot(where / f"{state}-{tab.options.colors}-{tab.options.size[0]}-{tab.engine}.png")
