"""`build.py doctor` in a real browser: it sees a page that starts, one that starts
another way, and one that does not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.doctor import browser
from builder.doctor.findings import Verdict
from tests.browser.support.spoiled import SpoiledSite
from tests.support.server import Parley

pytestmark = pytest.mark.browser


def without_snapshot(assets: Path) -> None:
    next(assets.glob("python.*.bin")).unlink()


def without_shell(assets: Path) -> None:
    next(assets.glob("shell.*.js")).unlink()


def test_a_page_that_starts_is_seen_to(engine: str, parley: Parley) -> None:
    found = list(browser.check(parley.url, engine))
    assert [one.verdict for one in found] == [Verdict.OK, Verdict.OK], found
    assert "from the snapshot" in found[0].said


def test_a_page_that_starts_another_way_is_a_warning(spoiled: SpoiledSite) -> None:
    start, complaints = browser.check(spoiled.spoil(without_snapshot), "chromium")
    assert start.verdict is complaints.verdict is Verdict.WARNING, (start, complaints)
    assert "status 404" in start.said and start.cure


def test_a_page_that_does_not_start_is_a_fault(spoiled: SpoiledSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be waited for two minutes: people may take that long on a slow line. This one cannot start at all."""
    monkeypatch.setattr(browser, "START_S", 4)
    start, _ = browser.check(spoiled.spoil(without_shell), "chromium")
    assert start.verdict is Verdict.FAULT and "does not start" in start.said
