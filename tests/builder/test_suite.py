"""How the whole suite is run: nothing is left out, and the worse result counts."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder import suite
from tests import conftest
from tests.support import fast_lane

ROOT = Path(__file__).resolve().parents[2]
GOOD, BAD = ("--version",), ("--no-such-option",)


@pytest.mark.parametrize(("place", "lost"), [("tests/browser/sub/test_a.py", False), ("tests/unit/test_a.py", True)])
def test_a_test_with_a_browser_in_a_room_that_is_not_looked_through_is_refused(
    pytestconfig: pytest.Config, place: str, lost: bool
) -> None:
    """Neither half of the suite would run it. The plugin marks each that drives one."""

    class Item:
        nodeid, path = f"{place}::test_it", pytestconfig.rootpath / place

        def get_closest_marker(self, name: str) -> bool:
            return name == "browser"

    refused = pytest.raises(pytest.UsageError, match="::test_it") if lost else contextlib.nullcontext()
    with refused:
        conftest.pytest_collection_modifyitems(pytestconfig, [Item()])  # type: ignore[list-item]


def test_every_test_of_the_page_drives_a_browser() -> None:
    """A fast run does not look into that folder at all."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in fast_lane.PAGE.glob("test_*.py")}
    assert texts
    assert [
        name for name, text in texts.items() if not re.search(r"^pytestmark = \W*pytest\.mark\.browser", text, re.M)
    ] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("with_browser", "without", "code"),
    [(GOOD, GOOD, 0), (BAD, GOOD, 4), (GOOD, BAD, 4)],
)
def test_the_worse_of_both_counts(
    monkeypatch: pytest.MonkeyPatch, with_browser: tuple[str, ...], without: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(suite, "WITH_BROWSER", with_browser)
    monkeypatch.setattr(suite, "WITHOUT_BROWSER", without)
    assert suite.run(ROOT, os.environ) == code


MARKED = """
import pytest
def test_plain(): ...
@pytest.mark.timeout(9)
def test_timed(): ...
@pytest.mark.slow
@pytest.mark.timeout(9)
def test_slow(): ...
@pytest.mark.browser
@pytest.mark.timeout(9)
def test_browser(): ...
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ((), ["plain", "timed", "slow", "browser"]),
        (("--fast",), ["plain", "timed"]),
        (("--fast", "-m", "timeout"), ["timed"]),
        (("-m", "slow or browser", "--fast"), []),
    ],
)
def test_fast_leaves_out_what_is_slow_whatever_else_is_chosen(
    tmp_path: Path, options: tuple[str, ...], chosen: list[str]
) -> None:
    """Were it a `-m` of its own, the last `-m` alone would count."""
    (tmp_path / "test_it.py").write_text(MARKED)
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.fast_lane"]
    done = subprocess.run(
        [*command, "--collect-only", "-q", *options, "-c", os.devnull, "--rootdir", tmp_path, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.partition("::test_")[2] for line in done.stdout.splitlines() if "::test_" in line]
    assert found == chosen, done.stdout + done.stderr
