"""The option `--fast`: a pytest plugin that leaves out tests with a browser, and those marked `slow`.

It combines with every other choice (`-m`, `-k`, names of files): what those chose, less what is left out here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# The folder in which every test drives a browser.
PAGE = Path(__file__).resolve().parents[1] / "browser"
LEFT_OUT = ("browser", "slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help=f"leave out tests marked {' or '.join(LEFT_OUT)}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Each process of a run would read the tests of the page, and then leave all of them out."""
    return True if config.getoption("--fast") and collection_path == PAGE else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--fast"):
        return
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in LEFT_OUT)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
