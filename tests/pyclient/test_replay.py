"""`build.py replay`: what it says of a bundle, and of a file that is none."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from builder import cli
from tests.replay.__main__ import main
from tests.support.playbook import FakeHost
from tests.support.recorded import RecordedSession

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    monkeypatch.setattr("tests.support.playbook.Session", RecordedSession)
    host = FakeHost().go_live()
    host.speak_reply("r1", text="Hello there.")
    session = host.session
    assert isinstance(session, RecordedSession)
    return session.lines(host.now_ms)


def saved(folder: Path, lines: list[list[Any]] | str, about: str = '{"saved": "2026-11-29"}') -> Path:
    path = folder / "session.zip"
    text = lines if isinstance(lines, str) else "".join(f"{json.dumps(line)}\n" for line in lines)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", about)
        archive.writestr("events.jsonl", text)
    return path


def test_a_bundle_that_comes_out_the_same(tmp_path: Path, lines: list[list[Any]], capsys: Any) -> None:
    assert main([str(saved(tmp_path, lines))]) == 0
    said = capsys.readouterr().out
    assert "idle -> minting" in said and "configuring -> live" in said and "identical: 4 state transitions" in said


def test_a_bundle_that_comes_out_otherwise_shows_the_first_difference(
    tmp_path: Path, lines: list[list[Any]], capsys: Any
) -> None:
    number = next(number for number, line in enumerate(lines) if line[1] == "SocketOpened")
    lines[number][3][-1] = ["CloseSocket", {"socket_id": 1}]
    assert main([str(saved(tmp_path, lines))]) == 1
    said = capsys.readouterr().out
    assert f"different at line {number + 1}, " in said
    assert 'recorded: ["CloseSocket"' in said and 'replayed: ["ShowView", "configuring"' in said


def test_what_is_behind_a_gap_is_not_played(tmp_path: Path, lines: list[list[Any]], capsys: Any) -> None:
    lines[4:4] = [[0, "gap", []]]
    assert main([str(saved(tmp_path, lines))]) == 0
    assert f"{len(lines) - 5} lines behind it were not played" in capsys.readouterr().out


def test_a_file_that_is_no_bundle_or_a_damaged_one_is_told_in_words(
    tmp_path: Path, lines: list[list[Any]], capsys: Any
) -> None:
    def said(path: Path) -> str:
        assert main([str(path)]) == 2
        told: str = capsys.readouterr().err
        assert told.startswith("replay failed: ") and told.count("\n") == 1
        return told

    assert "cannot be read" in said(tmp_path / "missing.zip")
    (tmp_path / "text.zip").write_text("hello")
    assert "damaged, or no zip file" in said(tmp_path / "text.zip")
    whole = saved(tmp_path, lines).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    assert "damaged, or no zip file" in said(tmp_path / "half.zip")
    middle = whole.index(b"events.jsonl") + 60
    (tmp_path / "spoiled.zip").write_bytes(whole[:middle] + b"\0\0\0\0" + whole[middle + 4 :])
    assert "damaged, or no zip file" in said(tmp_path / "spoiled.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("holiday.jpg", "x")
    assert "holds no about.json" in said(tmp_path / "other.zip")
    assert "its about.json is not a JSON object" in said(saved(tmp_path, lines, "[1]"))
    assert "does not begin with a session's settings" in said(saved(tmp_path, ""))
    assert "line 2, is not JSON" in said(saved(tmp_path, f"{json.dumps(lines[0])}\n[1,\n"))
    assert "line 1, is not [time, kind, what]" in said(saved(tmp_path, '{"a":1}\n'))


@pytest.mark.parametrize(
    ("number", "what", "complaint"),
    [
        (0, {"format": 99, "settings": {}, "tools": []}, "has form 99"),
        (0, {"format": 1, "settings": {"provider": "nobody"}, "tools": []}, "ConfigError: provider"),
        (0, {"format": 1}, "KeyError: 'settings'"),
        (1, {"unknown": 1}, "line 2, cannot be played: TypeError"),
    ],
)
def test_lines_that_no_recorder_wrote(
    tmp_path: Path, lines: list[list[Any]], capsys: Any, number: int, what: Any, complaint: str
) -> None:
    lines[number][2] = what
    assert main([str(saved(tmp_path, lines))]) == 2
    assert complaint in capsys.readouterr().err


def test_an_event_or_audio_that_cannot_be(tmp_path: Path, lines: list[list[Any]], capsys: Any) -> None:
    for line, complaint in (
        ([1, "os", {"name": "x"}], "there is no event 'os'"),
        ([1, "AudioCaptured", {"pcm": [1 << 40, 0]}], "no frame has"),
        ([1, "MessageReceived", {"socket_id": 1, "data": [1 << 40, 0]}], "no message has"),
    ):
        assert main([str(saved(tmp_path, [lines[0], line]))]) == 2
        assert complaint in capsys.readouterr().err


def test_build_py_knows_the_command() -> None:
    arguments = cli.parse(["replay", "some.zip"])
    assert (arguments.command, arguments.replay, cli.group_for(arguments)) == ("replay", ["some.zip"], "serve")
    done = subprocess.run(
        [sys.executable, "-m", "tests.replay", "no.zip"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "no.zip cannot be read" in done.stderr
