"""The author learns at build what is wrong: which file, which key or line, what was given, what is allowed."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from builder import agent_check, agent_config, build_cache, fetch_runtime, texts, wheel, zones
from builder.environment import SetupError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def planted(name: str) -> list[dict[str, Any]]:
    """Mistakes, and what the build is to say of each."""
    file = Path(__file__).parent / "support" / f"wrong_{name}.toml"
    found: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["mistake"]
    return found


SETTINGS, TOOLS = planted("settings"), planted("tools")


def read(tmp_path: Path, data: bytes) -> agent_config.Agent:
    folder = tmp_path / "agents" / "mine"
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_bytes(data)
    (tmp_path / "templates").symlink_to(ROOT / "templates")
    return agent_config.load(tmp_path, "mine")


def complaint(tmp_path: Path, toml: str | bytes) -> str:
    """What the build says of this agent.toml."""
    data = toml if isinstance(toml, bytes) else toml.encode()
    with pytest.raises(SetupError) as told:
        agent = read(tmp_path, data)
        agent_check.settings(ROOT, "agents/mine/agent.toml", agent.raw, agent.choices)
        texts.load(tmp_path, tmp_path / "agents" / "mine", agent.page["language"], agent.texts)
    text = str(told.value)
    assert text.startswith("agents/mine/agent.toml") and "Traceback" not in text and "\n" not in text.strip()
    return text


def test_a_mistake_in_the_settings_stops_the_build_in_words(tmp_path: Path) -> None:
    """All in one: the client is asked once for all of them, for starting it takes longest."""
    file, told, agents = "agents/mine/agent.toml", {}, {}
    for number, mistake in enumerate(SETTINGS):
        try:
            agents[number] = read(tmp_path / str(number), mistake["written"].encode())
        except SetupError as error:
            told[number] = str(error)
    every = [choice for agent in agents.values() for choice in agent.choices]
    found = iter(agent_check.checked_settings(ROOT, file, every))
    for number, agent in agents.items():
        of_this = [next(found) for _ in agent.choices]
        try:
            agent_check.check_together(file, agent.raw, agent.choices, of_this)
            texts.load(tmp_path / str(number), agent.tools.parent, agent.page["language"], agent.texts)
        except SetupError as error:
            told[number] = str(error)
    wanted = {number: f"{file}{mistake['told']}" for number, mistake in enumerate(SETTINGS)}
    assert {number: told.get(number, "(nothing)") for number in wanted} == wanted


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (b"# gr\xfc\xdfe\n[agent]\n", ["line 1", "not UTF-8"]),
        (b"[agent]\nvoice = 'J\xfcrgen'\n", ["line 2", "not UTF-8"]),
        (b"[agent]\nlanguage_ = 'de'\n", ["[agent] language_", "the keys are: agent_id, barge_in"]),
        (b"[agent]\ngreeting = '" + b"x" * 4001 + b"'\n", ["[agent] greeting", "0 to 4000 characters", 'given: "xxx']),
    ],
)
def test_and_so_does_what_a_table_cannot_hold(tmp_path: Path, toml: bytes, words: list[str]) -> None:
    text = complaint(tmp_path, toml)
    for word in words:
        assert word in text, text


def test_a_byte_order_mark_means_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf[agent]\nvoice = 'alba'\n").client["voice"] == "alba"


def test_variables_are_built_in_with_their_defaults_and_the_page_keeps_the_texts(tmp_path: Path) -> None:
    toml = b"[agent]\ngreeting = 'Hi {{ first_name }}'\nsystem_prompt = 'Be nice'\n[variables]\nfirst_name = 'there'"
    agent = read(tmp_path, toml)
    (choice,) = agent.choices
    assert choice["settings"]["greeting"] == "Hi there"
    assert (choice["templates"], agent.variables) == ({"greeting": "Hi {{ first_name }}"}, {"first_name": "there"})
    agent_check.settings(ROOT, "agents/mine/agent.toml", agent.raw, agent.choices)


def test_a_stored_agent_belongs_to_one_provider_and_its_tools_are_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = b"[agent]\nproviders = ['assemblyai', 'openai_realtime']\nagent_id = 'a'\n"
    agent = read(tmp_path, toml + b"[provider.openai_realtime]\ngreeting = 'Hi'")
    agent_check.settings(ROOT, "agents/mine/agent.toml", agent.raw, agent.choices)
    assert [choice["settings"].get("agent_id") for choice in agent.choices] == ["a", None]
    agent_check.stored_agent("agents/mine/agent.toml", agent.choices, agent.tools)
    assert capsys.readouterr().err == ""
    agent.tools.write_text("")
    agent_check.stored_agent("agents/mine/agent.toml", agent.choices, agent.tools)
    assert "agents/mine/agent.toml: agent_id: the service is not told of tools.py" in capsys.readouterr().err
    agent_check.stored_agent("agents/mine/agent.toml", agent.choices[1:], agent.tools)
    assert capsys.readouterr().err == ""


def test_the_settings_of_the_demo_are_right() -> None:
    agent = agent_config.load(ROOT, "demo")
    agent_check.settings(ROOT, "agents/demo/agent.toml", agent.raw, agent.choices)


# --- tools ------------------------------------------------------------------------------------------------------------

HEAD = "from pyclient.tools import tool\n\n\n@tool\n"


def check(tmp_path: Path, source: str | bytes) -> None:
    root = tmp_path / "root"
    (root / ".cache").mkdir(parents=True)
    file = root / "agents" / "mine" / "tools.py"
    file.parent.mkdir(parents=True)
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    agent_check.tools(
        root,
        fetch_runtime.fetch(ROOT).pyodide,
        wheel.build(ROOT)[1],
        file,
        zones.packed(fetch_runtime.fetch(ROOT).tzdata),
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(:\n", ["line 1", "not Python"]),
        (HEAD + "def f(a: int,\n      b: int | str):\n    '''F.'''\n", ["line 6", "f(b)", "X | None"]),
        ("import json\nfrom helpers import x\n", ["line 2", "no module 'helpers'", "the only one"]),
        ("class E(Exception):\n    def __str__(self): raise E\nraise E\n", ["line 3", "cannot be imported: E"]),
        (b"# gr\xfc\xdfe\n", ["not Python"]),
    ],
)  # fmt: skip
def test_a_mistake_in_the_tools_stops_the_build_and_names_the_line(
    tmp_path: Path, source: str | bytes, words: list[str]
) -> None:
    with pytest.raises(SetupError) as told:
        check(tmp_path, source)
    text = str(told.value)
    assert "tools.py" in text and "Traceback" not in text
    for word in words:
        assert word in text, text


@pytest.mark.timeout(600)
def test_so_does_each_of_these_mistakes() -> None:
    """One Python imports them all, each as a page by itself: starting it takes longest."""
    runtime = fetch_runtime.fetch(ROOT)
    head = b"from typing import *\nfrom pyclient.tools import tool\n\n\n"
    contents = [head + mistake["written"].encode() for mistake in TOOLS]
    what = agent_check.Imported(stock=runtime.pyodide, wheel=wheel.build(ROOT)[1], zones=zones.packed(runtime.tzdata))
    every = agent_check.checked_tools(ROOT, what, "tools.py", contents)
    wrong = []
    for mistake, one in zip(TOOLS, every, strict=True):
        told = [agent_check.said("tools.py", it) for it in one["found"] if it["kind"] == "error"]
        first = told[0] if told else "(nothing)"
        if not first.startswith(f"tools.py, line {mistake['line']}: ") or mistake["told"] not in first:
            wrong.append((mistake, first))
    assert not wrong


def test_there_are_many_of_them() -> None:
    assert len(SETTINGS) >= 46 and len(TOOLS) >= 46
    assert all(len({it["written"] for it in table}) == len(table) for table in (SETTINGS, TOOLS))


def test_an_import_that_does_not_end_is_ended_and_its_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_check, "IMPORT_LIMIT_S", 1)
    with pytest.raises(SetupError, match=r"line [23]: importing it does not end"):
        check(tmp_path, "a = 1\nwhile True:\n    pass\n")


def test_what_only_a_page_has_is_no_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what is newer than the builder's Python is none either; a doubt is said and stops nothing."""
    source = """
from js import fetch, self, indexedDB, navigator
from pyodide.http import pyfetch
from pyodide.ffi import to_js
from pyclient.tools import tool
from zoneinfo import ZoneInfo; HERE = ZoneInfo("Europe/Berlin")
@tool
def f[T: int](city: str) -> str:
    \"\"\"Tell.

    Args:
        town: Which.
    \"\"\"
    return t"{city}".strings[0]

@tool(page=True, approve="Show {sku}?")
async def show(sku: str) -> dict[str, object]:
    \"\"\"Show it.\"\"\"

@tool(page=True)
def hide(sku: str) -> None:
    \"\"\"Hide it.\"\"\"
    ...
"""
    check(tmp_path, source)
    told = capsys.readouterr().err
    assert "line 8: f: its docstring tells of 'town'" in told


def test_tools_that_were_checked_are_not_checked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(tmp_path, "x = 1\n")
    monkeypatch.setattr(build_cache, "make", None)
    shutil.rmtree(tmp_path / "root" / "agents")
    file = tmp_path / "root" / "agents" / "mine" / "tools.py"
    file.parent.mkdir(parents=True)
    file.write_text("x = 1\n")
    agent_check.tools(
        tmp_path / "root",
        fetch_runtime.fetch(ROOT).pyodide,
        wheel.build(ROOT)[1],
        file,
        zones.packed(fetch_runtime.fetch(ROOT).tzdata),
    )
