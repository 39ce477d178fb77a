"""`build.py new NAME`: what it writes is a whole agent, what its comments say holds, and a wrong name is
told in plain words.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from builder import agent_check, agent_config, commands, fetch_runtime, new_agent, wheel, zones
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parents[2]


def checked(root: Path, name: str) -> agent_config.Agent:
    agent = agent_config.load(root, name)
    agent_check.settings(ROOT, f"agents/{name}/agent.toml", agent.raw, agent.choices)
    return agent


def test_what_is_written_is_an_agent_that_bears_its_name(tmp_path: Path) -> None:
    folder = new_agent.write(tmp_path, "corner-shop")
    assert sorted(path.name for path in folder.iterdir()) == sorted(new_agent.FILES)
    assert [path.name for path in folder.parent.iterdir()] == ["corner-shop"], "nothing else is left behind"
    agent = checked(tmp_path, "corner-shop")
    assert agent.page["title"] == "Corner Shop" and "Corner Shop" in agent.client["greeting"]
    assert "build.py test agents/corner-shop" in (folder / "test_tools.py").read_text()
    assert not re.search("@[A-Z]+@", "".join(path.read_text() for path in folder.iterdir()))


def test_every_line_that_is_commented_out_is_right_when_it_is_not(tmp_path: Path) -> None:
    """The comments are the author's first documentation; a key that is gone must not stay in them."""
    folder = new_agent.write(tmp_path, "mine")
    file = folder / "agent.toml"
    commented = re.compile(r"^# (?=\[\w+\]|\w+ = )", re.M)
    text = file.read_text()
    assert len(commented.findall(text)) >= 10
    file.write_text(commented.sub("", text))
    agent = checked(tmp_path, "mine")
    assert agent.packages and agent.variables and agent.embedded_by and agent.page["tagline"]


@pytest.mark.slow
def test_the_page_can_import_its_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tools = new_agent.write(tmp_path, "mine") / "tools.py"
    (tmp_path / ".cache").mkdir()
    runtime = fetch_runtime.fetch(ROOT)
    agent_check.tools(tmp_path, runtime.pyodide, wheel.build(ROOT)[1], tools, zones.packed(runtime.tzdata))
    told = capsys.readouterr().err
    assert "tools.py" in told and "warning" not in told and "without" not in told, "not a word but that it was imported"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My Shop", ["small letters", "how about my-shop?"]),
        ("shöp", ["small letters", "how about sh-p?"]),
        ("../demo", ["small letters", "how about demo?"]),
        ("", ["small letters"]),
        ("-x", ["begins with a letter", "how about x?"]),
        ("a" * 41, ["at most 40"]),
        ("api", ["an address of its own", "how about api-agent?"]),
        ("index", ["an address of its own"]),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_one_that_would(tmp_path: Path, name: str, words: list[str]) -> None:
    with pytest.raises(SetupError) as told:
        new_agent.write(tmp_path, name)
    for word in words:
        assert word in str(told.value)
    assert not list(tmp_path.rglob("*.toml"))


def test_an_agent_that_is_there_is_not_touched(tmp_path: Path) -> None:
    file = new_agent.write(tmp_path, "mine") / "tools.py"
    file.write_text("# my own work\n")
    with pytest.raises(SetupError, match="agents/mine/ is there already, and nothing in it was changed"):
        new_agent.write(tmp_path, "mine")
    assert file.read_text() == "# my own work\n"


def test_the_command_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    assert commands.run(argparse.Namespace(command="new", name="mine")) == 0
    assert "next: python3 build.py serve --agent mine" in capsys.readouterr().out
    assert commands.run(argparse.Namespace(command="new", name="mine")) == 2
    assert "new failed: agents/mine/ is there already" in capsys.readouterr().err
