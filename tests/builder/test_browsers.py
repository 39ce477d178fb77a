"""Installing what the tests need: nothing when it is there, only what is missing otherwise, and a clear word
when it cannot be.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder import browsers
from builder.browsers import ENGINES, Present, ensure, wanted
from builder.environment import SetupError

ALL = Present(engines=frozenset(ENGINES), gtk=False, sound=True)
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="apt-get is for Linux only")


class FakeMachine:
    """Stands in for apt-get, dpkg, Playwright's download and the look at what is there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: Present, results: Sequence[int] = ()) -> None:
        self.commands: list[str] = []
        self.downloads = 0
        self._looks = list(looks)
        self._results = list(results)
        monkeypatch.setattr(browsers, "look", lambda: self._looks.pop(0))
        monkeypatch.setattr(browsers, "_download", self._download)
        monkeypatch.setattr(browsers, "_missing", list)
        monkeypatch.setattr(browsers, "_as_root", lambda: [])
        monkeypatch.setattr(browsers, "_apt", self._apt)
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    def _download(self, *_: object) -> bool:
        self.downloads += 1
        return False

    def _apt(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(" ".join(command))
        code = self._results.pop(0) if self._results else 0
        return subprocess.CompletedProcess(
            command, code, stdout="", stderr="no such file on the mirror" if code else ""
        )


@pytest.mark.parametrize(
    ("arguments", "engines"),
    [
        ([], ENGINES),
        (["tests", "-x"], ENGINES),
        (["tests/browser"], ENGINES),
        (["tests/harness_selftest/test_pulse.py::test_it", "--engines", "firefox"], ("firefox",)),
        (["--engines=chromium,webkit"], ("chromium", "webkit")),
        (["tests/pyclient"], ()),
        (["-m", "not browser"], ()),
        (["--fast"], ()),
        (["--fast", "-m", "browser or hosts"], ()),
    ],
)
def test_only_a_run_that_opens_browsers_needs_them(arguments: list[str], engines: tuple[str, ...]) -> None:
    """Somebody who runs the unit tests should not have to wait for a download."""
    assert wanted(arguments) == engines


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SetupError, match="opera"):
        wanted(["--engines", "chromium,opera"])


def test_with_everything_there_nothing_is_said_and_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(monkeypatch, ALL)
    said: list[str] = []
    ensure(ENGINES, said.append)
    assert (said, machine.commands, machine.downloads) == ([], [], 0)


@linux_only
def test_only_what_is_missing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(monkeypatch, Present(engines=frozenset({"chromium", "webkit"}), gtk=False, sound=False), ALL)
    said: list[str] = []
    ensure(ENGINES, said.append)
    (command,) = [line for line in machine.commands if " install " in line]
    assert command.endswith("firefox-esr pulseaudio pulseaudio-utils espeak-ng -y")
    assert machine.downloads == 1  # Playwright's own goes first
    assert any("firefox-esr" in line for line in said)


@linux_only
def test_package_lists_are_renewed_first_so_that_browsers_come_with_their_security_updates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = Present(engines=frozenset({"firefox", "webkit"}), gtk=False, sound=True)
    machine = FakeMachine(monkeypatch, missing, ALL)
    ensure(ENGINES, lambda _: None)
    assert [line.split()[1] for line in machine.commands] == ["update", "install"]


@linux_only
def test_what_cannot_be_installed_is_named_with_the_command_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Present(engines=frozenset({"chromium", "webkit"}), gtk=False, sound=True)
    FakeMachine(monkeypatch, missing)
    monkeypatch.setattr(browsers, "_as_root", lambda: None)
    with pytest.raises(SetupError, match=r"sudo apt-get install .*firefox-esr"):
        ensure(ENGINES, lambda _: None)
    FakeMachine(monkeypatch, missing, results=[100, 100, 100])
    with pytest.raises(SetupError, match=r"no such file on the mirror"):
        ensure(ENGINES, lambda _: None)
    FakeMachine(monkeypatch, missing, missing)
    with pytest.raises(SetupError, match="firefox still does not start"):
        ensure(ENGINES, lambda _: None)


def test_a_download_that_stays_silent_is_given_up_and_not_tried_again_the_same_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that swallows the request would hold up every run for minutes."""
    silent = tmp_path / "playwright.py"
    silent.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(browsers, "ROOT", tmp_path)
    monkeypatch.setattr(browsers, "_FIRST_SIGN_S", 0.5)
    began = time.monotonic()
    assert browsers._download(["firefox"], lambda _: None) is False
    assert time.monotonic() - began < 30
    assert (tmp_path / ".cache" / "playwright-refused").exists()
    silent.write_text("")  # it would work now
    assert browsers._download(["firefox"], lambda _: None) is False
    (tmp_path / ".cache" / "playwright-refused").unlink()
    monkeypatch.setattr(browsers, "_FIRST_SIGN_S", 60)  # a busy machine takes its time to start a program
    assert browsers._download(["firefox"], lambda _: None) is True


def test_the_harness_is_asked_for_what_is_here() -> None:
    present = browsers.look()
    assert present.engines <= set(ENGINES)
