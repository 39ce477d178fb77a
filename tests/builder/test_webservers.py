"""Having the web servers for tests: nothing is done where they are, nothing of the system is touched,
and a refusal is told.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder import webservers
from builder.environment import SetupError


class FakeMachine:
    """Stands in for apt-get and dpkg-deb. `holds`: the files that the packages bring.

    `code`: what the programs end with.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, holds: Sequence[str], code: int = 0) -> None:
        self.commands: list[list[str]] = []
        self._holds, self._code = holds, code
        monkeypatch.setattr(webservers, "FOLDER", folder / ".cache" / "webservers")
        monkeypatch.setattr(webservers, "possible", lambda: True)
        monkeypatch.setattr(subprocess, "run", self._run)

    def _run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if "install" in command:
            cache = next(word.partition("=")[2] for word in command if word.startswith("Dir::Cache="))
            (Path(cache) / "archives" / "all.deb").touch()
        if command[0] == "dpkg-deb":
            for name in self._holds:
                path = Path(command[-1]) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return subprocess.CompletedProcess(command, self._code, stdout="", stderr="no such package")


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ([], True),
        (["tests"], True),
        (["-k", "nothing"], True),
        (["tests/builder"], True),
        (["tests/server"], True),
        (["tests/browser/test_hosts.py::test_it", "-x"], True),
        (["tests/browser/test_start.py"], False),
        (["tests/pyclient"], False),
        (["--collect-only"], False),
        (["--fast"], False),
    ],
)
def test_only_a_run_that_may_use_them_needs_them(arguments: list[str], needed: bool) -> None:
    assert webservers.wanted(arguments) is needed


def test_they_are_unpacked_once_and_never_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(monkeypatch, tmp_path, list(webservers.PROGRAMS.values()))
    said: list[str] = []
    webservers.ensure(said.append)
    assert len(said) == 1 and webservers.present()
    update, install, unpack = machine.commands
    assert update[-1] == "update" and unpack[:2] == ["dpkg-deb", "--extract"]
    assert "--download-only" in install, "a package that is installed starts its service"
    for command in (update, install):
        assert any(word.startswith("Dir::State::lists=" + str(tmp_path)) for word in command), "the system's own lists"
    webservers.ensure(said.append)
    assert len(said) == 1 and len(machine.commands) == 3, "the second time is silent and offline"
    stamp = webservers.FOLDER / "complete"
    stamp.write_text(stamp.read_text() + "another release")
    assert not webservers.present()


def test_what_cannot_be_had_is_told_with_apts_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine(monkeypatch, tmp_path, [], code=100)
    with pytest.raises(SetupError, match="no such package"):
        webservers.ensure(lambda _: None)
    FakeMachine(monkeypatch, tmp_path, ["usr/sbin/nginx"])
    with pytest.raises(SetupError, match="apache hold no usr/sbin/apache2"):
        webservers.ensure(lambda _: None)
    assert not webservers.present()


def test_a_system_without_these_packages_is_told_that_tests_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(monkeypatch, tmp_path, [])
    monkeypatch.setattr(webservers, "possible", lambda: False)
    said: list[str] = []
    webservers.ensure(said.append)
    assert "skipped" in said[0] and not machine.commands
