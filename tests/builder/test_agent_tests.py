"""`build.py test agents/NAME`: an author's tests run in CPython and in the page's Python, and each of the
two can fail them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder import agent_tests, cli, commands
from builder.environment import SetupError
from tests.support.server import copy_of_sources

ROOT = Path(__file__).resolve().parents[2]
TOOLS = '''
import asyncio
from pathlib import Path

from pyclient.tools import tool


@tool
async def slow(word: str) -> str:
    """Say it later."""
    await asyncio.sleep(0.01)
    return word + Path(__file__).with_name("tail.txt").read_text()
'''
TESTS = """
import asyncio
import sys
from zoneinfo import ZoneInfo

from tools import slow


def test_slow():
    assert asyncio.run(slow("a")) == "a!"
    assert asyncio.run(asyncio.wait_for(slow("b"), 5)) == "b!"


def test_zone():
    assert str(ZoneInfo("Europe/Berlin")) == "Europe/Berlin"


def test_here():
    assert sys.platform != {}
"""


@pytest.mark.slow
def test_the_demos_tests_pass_in_both(capfd: pytest.CaptureFixture[str]) -> None:
    assert commands.run(cli.parse(["test", "agents/demo"])) == 0
    said = capfd.readouterr()
    assert said.out.count("2 passed") == 2
    assert "tests in CPython" in said.err and "in the page's Python (pyodide-" in said.err
    assert not (ROOT / "agents" / "demo" / "__pycache__").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "outcome"), [("emscripten", ["3 passed", "1 failed, 2 passed"]), ("linux", ["1 failed, 2 passed", "3 passed"])])  # fmt: skip
def test_what_fails_in_one_of_them_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], platform: str, outcome: list[str]
) -> None:
    """Asynchronous tools, zones and an author's own files work in both."""
    root = copy_of_sources(tmp_path / "root")
    folder = root / "agents" / "demo"
    (folder / "tools.py").write_text(TOOLS)
    (folder / "tail.txt").write_text("!")
    (folder / "test_tools.py").write_text(TESTS.format(repr(platform)))
    assert agent_tests.run(root, "demo", []) == 1
    said = capfd.readouterr().out
    assert [line.rpartition(" in ")[0] for line in said.splitlines() if " passed" in line] == outcome, said
    assert "test_here" in said


def test_the_arguments_name_one_agent() -> None:
    assert agent_tests.named(ROOT, ["agents/demo"]) == ("demo", [])
    assert agent_tests.named(ROOT, ["-k", "light", "agents/demo/test_tools.py"]) == ("demo", ["-k", "light"])
    assert agent_tests.named(ROOT, ["tests/build", "-x"]) is None
    with pytest.raises(SetupError, match=r"no agent 'nobody' under agents/ \(there is: .*demo"):
        agent_tests.named(ROOT, ["agents/nobody"])
    with pytest.raises(SetupError, match="one agent are run at a time"):
        agent_tests.named(ROOT, ["agents/demo", "agents/mine"])


def test_an_agent_without_tests_is_told_how_to_get_some(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "agents" / "demo", tmp_path / "agents" / "demo")
    (tmp_path / "agents" / "demo" / "test_tools.py").unlink()
    with pytest.raises(SetupError, match=r"write agents/demo/test_tools\.py"):
        agent_tests.run(tmp_path, "demo", [])
