"""The discipline itself: a suite of a few lines is run by a pytest of its own, and must fail where ours must."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from voice_browsers.plugin import PlaywrightDriver

pytestmark = pytest.mark.slow

INI = "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\nvoice_browsers_output = .cache/test-artifacts\n"
SILENT_AND_LOUD = """
import pytest

PAGE = "data:text/html,<script>console.error('something is wrong')</script>"

@pytest.mark.browser
def test_loud(page, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "heard.wav").write_bytes(b"what was recorded")
    page.goto(PAGE)

@pytest.mark.browser
def test_meant(tab, tmp_path):
    (tmp_path / "heard.wav").write_bytes(b"what nobody needs")
    tab.errors.expect("something is wrong")
    tab.page.goto(PAGE)
"""
UNIT = """
import sys

def test_of_something_else():
    assert not {"playwright", "numpy", "voice_browsers.engines"} & set(sys.modules)
"""
LINELESS = """
def fails():
    raise ValueError("boom")

# As where a time limit's signal comes in between two lines: one byte that says so for each instruction.
table = b"\\xf8" * (len(fails.__code__.co_code) // 2)
lineless = type(fails)(fails.__code__.replace(co_linetable=table), {})

def test_that_fails_nowhere():
    try:
        lineless()
    except ValueError as error:
        raise KeyError("bang") from error

def test_after_it():
    pass
"""
UNMARKED = "def test_unmarked(page):\n    pass\n"


def run(folder: Path, suite: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `suite` with nothing but the plugin."""
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_suite.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(folder)]
    environ = {**os.environ, **env}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.browser
def test_a_page_that_complains_fails_its_test_and_leaves_evidence_unless_it_was_meant(tmp_path: Path) -> None:
    """The one rule that every other browser test relies on without saying so."""
    by_hand = "\n## What is known besides\n\nA fact.\n"
    (tmp_path / "table.md").write_text("# An older table\n" + by_hand)
    with tempfile.TemporaryDirectory() as short:  # Chromium's socket has no room for the path of `tmp_path`
        options = ("--engines", "chromium", "--engine-table", "table.md", "--basetemp", str(tmp_path / "base"))
        done = run(tmp_path, SILENT_AND_LOUD, *options, TMPDIR=short)
        left = [path.name for path in Path(short).iterdir()]
    assert "1 failed, 1 passed" in done.stdout, done.stdout[-3000:]
    assert "FAILED test_suite.py::test_loud[chromium" in done.stdout
    assert "console: something is wrong" in done.stdout
    assert "NARROWED by --engine: firefox, webkit did not run" in done.stdout
    kept = {path.suffix: path for path in (tmp_path / ".cache" / "test-artifacts").glob("[!.]*")}
    assert sorted(kept) == [".html", ".png", ".txt", ".wav", ".zip"]
    assert kept[".wav"].name.endswith("-first-heard.wav") and kept[".wav"].read_bytes() == b"what was recorded"
    assert str(tmp_path / ".cache" / "test-artifacts") in done.stdout
    assert left == [], "the trace of the passed test too is gone"
    table = (tmp_path / "table.md").read_text()
    assert "| suite | loud | NO |" in table
    assert "| suite | meant | yes |" in table
    assert table.endswith(by_hand) and "older" not in table


def test_an_error_without_a_line_fails_its_test_and_no_more(tmp_path: Path) -> None:
    """pytest itself ends on it, and with it all the tests that would have come."""
    done = run(tmp_path, LINELESS)
    assert "1 failed, 1 passed" in done.stdout, done.stdout[-3000:]
    assert "boom" in done.stdout and "INTERNALERROR" not in done.stdout + done.stderr


def test_a_suite_without_browsers_loads_nothing_of_the_harness(tmp_path: Path) -> None:
    """Unit tests start in no time and run where Playwright is not installed."""
    done = run(tmp_path, UNIT)
    assert "1 passed" in done.stdout, done.stdout[-3000:]
    assert "engines" not in done.stdout


def test_a_browser_test_gets_its_marker_by_itself(tmp_path: Path) -> None:
    """`-m browser` would leave it out without a word."""
    done = run(tmp_path, UNMARKED, "-m", "browser", "--collect-only", "-q")
    assert "test_suite.py::test_unmarked[chromium" in done.stdout and "3 tests collected" in done.stdout, done.stdout
    assert "no tests collected" in run(tmp_path, UNMARKED, "-m", "not browser", "--collect-only", "-q").stdout


def test_a_missing_engine_fails_the_run_and_says_how_to_install_it(tmp_path: Path) -> None:
    """A skip would be green, and nobody reads the reasons of skips."""
    nowhere = str(tmp_path)
    done = run(tmp_path, UNMARKED, "--engines", "firefox", PATH=nowhere, PLAYWRIGHT_BROWSERS_PATH=nowhere)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "firefox is not installed" in done.stdout
    assert "apt-get install firefox-esr" in done.stdout


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, UNMARKED, "--engines", "opera")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no engine opera" in done.stderr


@pytest.mark.browser
def test_playwright_can_be_parked_for_a_test_that_runs_an_event_loop(playwright_driver: PlaywrightDriver) -> None:
    """Its synchronous interface holds a running loop in this thread, which `asyncio.run` refuses."""
    playwright_driver.start()
    with pytest.raises(RuntimeError, match="running event loop"):
        asyncio.run(_nothing := asyncio.sleep(0))
    _nothing.close()
    playwright_driver.park()
    asyncio.run(asyncio.sleep(0))
    assert playwright_driver.start().chromium.name == "chromium"
