"""The watcher of `serve`: what counts as a change, what a failing build leaves, and that no other build is watched."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder import site, watch
from builder.environment import SetupError
from tests.support.server import copy_of_sources
from voice_browsers.tape import poll

ROOT = Path(__file__).resolve().parents[2]


class Sources:
    """A folder with an agent, and a build that counts and fails when it is told to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.prompt = root / "agents" / "mine" / "agent.toml"
        self.prompt.parent.mkdir(parents=True)
        self.prompt.write_text("first")
        self.out = root / "site"
        self.out.mkdir()
        self.built: list[str] = []
        self.fails: Exception | None = None
        self.watcher = watch.Watcher(root, self.out, self.build, "0")

    def build(self, name: str) -> None:
        self.built.append(self.prompt.read_text())
        if self.fails:
            raise self.fails
        watch.tell(self.out, name)

    def steps(self, count: int = 3) -> None:
        for _ in range(count):
            self.watcher.step()

    def told(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.out / site.RELOAD_FILE).read_text())
        return found


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


def test_what_did_not_change_is_not_built(sources: Sources) -> None:
    sources.steps(5)
    assert sources.built == []


def test_a_change_is_built_once_when_it_is_complete(sources: Sources) -> None:
    """An editor may write several files, one after the other."""
    sources.prompt.write_text("half")
    sources.steps(1)
    sources.prompt.write_text("whole thing")
    (sources.prompt.parent / "tools.py").write_text("")
    sources.steps(4)
    assert sources.built == ["whole thing"]


def test_new_and_deleted_files_are_changes_and_what_editors_leave_is_none(sources: Sources) -> None:
    tools = sources.prompt.with_name("tools.py")
    tools.write_text("")
    sources.steps()
    tools.unlink()
    sources.steps()
    assert len(sources.built) == 2
    (sources.prompt.parent / "__pycache__").mkdir()
    for name in (
        ".agent.toml.swp",
        "agent.toml~",
        "#agent.toml#",
        "__pycache__/tools.cpython-314.pyc",
        "packages.lock",
    ):
        (sources.prompt.parent / name).write_text("")
    sources.steps()
    assert len(sources.built) == 2


def test_a_mistake_is_told_until_it_is_mended_and_the_last_good_build_stays(
    sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    sources.prompt.write_text("good one")
    sources.steps()
    good = sources.told()
    sources.fails = SetupError("agents/mine/tools.py, line 3: it is not Python: invalid syntax")
    sources.prompt.write_text("with a mistake")
    sources.steps()
    assert sources.told() == {"build": good["build"], "problem": str(sources.fails)}
    said = capsys.readouterr().err
    assert str(sources.fails) in said and "last good build" in said
    sources.steps(5)
    assert len(sources.built) == 2, "the same mistake is not tried again"
    sources.fails = None
    sources.prompt.write_text("good again")
    sources.steps()
    assert sources.told()["problem"] == "" and sources.told()["build"] != good["build"]


def test_a_mistake_of_ours_does_not_end_the_watching(sources: Sources) -> None:
    sources.fails = KeyError("x")
    sources.prompt.write_text("one thing")
    sources.steps()
    assert "KeyError" in sources.told()["problem"]
    sources.fails = None
    sources.prompt.write_text("another thing")
    sources.steps()
    assert sources.told()["problem"] == ""


def test_the_sources_of_a_site_are_looked_at() -> None:
    """Not one of them may be forgotten: the page would show what was before."""
    seen = {path.relative_to(ROOT).as_posix() for path in watch.look(ROOT)}
    assert {
        "agents/demo/agent.toml",
        "agents/demo/tools.py",
        "templates/index.html",
        "templates/static/shell.js",
        "worklets/main.js",
        "pyclient/session.py",
    } <= seen


@pytest.mark.skipif(os.name != "posix", reason="a process is told of its parent's end by its number")
def test_the_watcher_ends_with_the_server(tmp_path: Path) -> None:
    """Also where signals of the keyboard are ignored, as in the background of a script."""
    code = (
        "import signal, sys, time; from pathlib import Path; from builder import watch\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"print(watch.start(Path({str(tmp_path)!r}), ['demo'], '0').pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        watcher = int(server.stdout.readline())
        assert alive(watcher)
        server.send_signal(signal.SIGKILL)
        server.wait()
    assert poll(lambda: not alive(watcher), 20.0)


def alive(pid: int) -> bool:
    """A process that has ended and whose parent was not told yet counts as ended."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.slow
def test_only_what_serve_builds_follows_later_builds(tmp_path: Path) -> None:
    root = copy_of_sources(tmp_path / "sources")
    served = site.build(root, tmp_path / "served", "demo", live="7")
    text = (served / "index.html").read_text()
    assert re.search(r'<script type="module" src="assets/reload\.\w+\.js" integrity', text)
    assert '<meta name="parley-build" content="7">' in text
    assert json.loads((served / "reload.json").read_text()) == {"build": "7", "problem": ""}
    built = site.build(root, tmp_path / "built", "demo")
    assert [path.name for path in built.rglob("*reload*")] == []
    text = (built / "index.html").read_text()
    assert "parley-build" not in text and "assets/reload" not in text
