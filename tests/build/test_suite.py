"""How the whole suite is run: nothing is left out, and the worse result counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builder import suite

ROOT = Path(__file__).resolve().parents[2]
GOOD, BAD = ("--version",), ("--no-such-option",)


def test_every_test_with_a_browser_is_in_a_room_that_is_looked_through() -> None:
    """pytest itself refuses one that lacks the marker."""
    tests = (ROOT / "tests").rglob("test_*.py")
    marked = [path for path in tests if "mark.browser" in path.read_text(encoding="utf-8")]
    marked.remove(Path(__file__))
    assert marked
    rooms = [ROOT / room for room in suite.ROOMS]
    assert not [path for path in marked if not any(room in path.parents for room in rooms)]


@pytest.mark.parametrize(("without", "with_browser", "code"), [(GOOD, GOOD, 0), (BAD, GOOD, 4), (GOOD, BAD, 4)])
def test_the_worse_of_both_counts(
    monkeypatch: pytest.MonkeyPatch, without: tuple[str, ...], with_browser: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(suite, "WITHOUT_BROWSER", without)
    monkeypatch.setattr(suite, "WITH_BROWSER", with_browser)
    assert suite.run(ROOT, os.environ) == code
