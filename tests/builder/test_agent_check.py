"""The author learns at build what is wrong: which file, which key or line, what was given, what is allowed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder import agent_check, agent_config, build_cache, fetch_runtime, wheel, zones
from builder.environment import SetupError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def read(tmp_path: Path, data: bytes) -> agent_config.Agent:
    folder = tmp_path / "agents" / "mine"
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_bytes(data)
    return agent_config.load(tmp_path, "mine")


def complaint(tmp_path: Path, toml: str | bytes) -> str:
    """What the build says of this agent.toml."""
    data = toml if isinstance(toml, bytes) else toml.encode()
    with pytest.raises(SetupError) as told:
        agent = read(tmp_path, data)
        agent_check.settings(ROOT, "agents/mine/agent.toml", agent.raw, agent.choices)
    text = str(told.value)
    assert text.startswith("agents/mine/agent.toml") and "Traceback" not in text and "\n" not in text.strip()
    return text


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[agent]\ngreting = 'Hi'", ["[agent] greting", "did you mean greeting?"]),
        ("[session]\nbarge_in = 'dukc'", ["[session] barge_in", "duck, flush, off", "given: \"dukc\"", "did you mean duck?"]),
        ("[session]\nbarge_in = 5", ["[session] barge_in", "duck, flush, off", "given: 5"]),
        ("[turn_detection]\nsilence_duration = 1", ["[turn_detection] silence_duration", "use one of", "did you mean"]),
        ("[turn_detection]\nvad_threshold = 2", ["[turn_detection] vad_threshold", "from 0 to 1", "given: 2"]),
        (
            "[agent]\nproviders = ['assemblyai', 'openai_realtime']\n[provider.openai_realtime]\nvoice = 7",
            ["[provider.openai_realtime] voice", "must be text", "given: 7"],
        ),
        (
            "[agent]\nprovider = 'openai_realtime'\n[turn_detection]\nthreshhold = 0.5",
            ["[turn_detection] threshhold", "did you mean threshold?"],
        ),
        ("[agent]\nproviders = ['sdk_voice']\n[turn_detection]\nmin_silence = 1", ["turn_detection", "takes no settings"]),
        ("[agent]\nknown_voices = [{ id = 'a', lable = 'A' }]", ["[agent] known_voices", "id and label"]),
        ("[agent]\nknown_voices = 'alba'", ["known_voices", "must be a list", "given: \"alba\""]),
        ("[agent]\nsystem_prompt = 5", ["[agent] system_prompt", "must be text", "given: 5"]),
        ("[agent]\ninput = { keyterm = ['x'] }", ["keyterm", "did you mean keyterms?"]),
        ("[session]\nmax_session_duration_seconds = 5", ["max_session_duration_seconds", "60 to 10800", "given: 5"]),
        ("[audio]\noutage_audio_ms = -1", ["[audio] outage_audio_ms", "0 to 10000"]),
        ("[audio]\npreconnect_audio_ms = 1.5", ["preconnect_audio_ms", "whole number", "1.5"]),
        ("[server]\ntoken_url = 8000", ["[server] token_url must be text", "8000"]),
        ("[server]\ntoken_url = 'localhost'", ["[server] token_url", "http(s) address"]),
        ("[server]\nconnect = [5]", ["[server] connect", "5 is not an origin"]),
        ("[server]\nconnect = 'wss://a.example'", ["[server] connect must be a list", "wss://a.example"]),
        ('[server]\nconnect = ["wss://a.example\\n"]', ["[server] connect", "is not an origin"]),
        ('[page]\nembedded_by = ["https://a.example\\n"]', ["[page] embedded_by", "is not an origin"]),
        ("[page]\ntitle = 5", ["[page] title must be text", "5"]),
        ("[agent]\nprovider = 'assemblyia'", ["unknown provider", "did you mean assemblyai?"]),
        ("[agnet]\nvoice = ''", ["unknown section 'agnet'", "did you mean agent?"]),
        ("[agent]\nprovider = ['sdk_voice']", ["unknown provider"]),
        ("agent = 5", ["[agent] must be a section", "5"]),
        ("provider = 'sdk_voice'", ["[provider] must be a section"]),
        ("turn_detection = 1", ["[turn_detection] must be a section"]),
        ("[provider.assemblyai]\nlabel = 3", ["label must be text", "3"]),
        ("[turn_detection]\nvad_threshold = nan", ["[turn_detection] vad_threshold", "finite", "nan"]),
        ("[session]\nvolume = inf", ["[session] volume", "finite", "inf"]),
        ("[agent]\ninput = { keyterms = [nan] }", ["[agent] input.keyterms[0]", "finite"]),
        ("[agent]\ngreeting = 2026-11-28", ["[agent] greeting", "date", '"2026-11-28"']),
        ("[session]\nexpires_in_seconds = 10:20:30", ["[session] expires_in_seconds", "time"]),
        ("# gr\xfc\xdfe\n[agent]\n".encode("latin-1"), ["line 1", "not UTF-8"]),
        ("[agent]\nvoice = 'J\xfcrgen'\n".encode("latin-1"), ["line 2", "not UTF-8"]),
        ("[agent]\nvoice = \n", ["not valid TOML", "line 2"]),
        ("[variables]\nfirstName = 'x'", ["[variables] firstName", "first_name"]),
        ("[variables]\nplan = 5", ["[variables] plan must be a text", "not '5'"]),
        ('[variables]\nplan = "a\\nb"', ["[variables] plan must be", "one line"]),
        ("[agent]\ngreeting = 'Hi {{ name'", ["greeting holds a {{", "both pairs"]),
        ("[agent]\nsystem_prompt = 'Hi name}}'", ["system_prompt holds a }}", "both pairs"]),
        ("greeting = 'Hi'", ["greeting stands above the first section", "[agent]"]),
        ("[agent]\nprovider = 'openai'", ["unknown provider 'openai'", "did you mean openai_realtime?"]),
        ("[agent]\nproviders = 'sdk_voice'", ["[agent] providers must be a list", "openai_realtime", "not 'sdk_voice'"]),
        ("[agent]\nproviders = ['sdk_voice', 'sdk_voice']", ["[agent] providers: 'sdk_voice' stands twice"]),
        ("[agent]\nproviders = ['sdk_voice']\nprovider = 'assemblyai'", ["provider 'assemblyai'", "(sdk_voice); add it"]),
        ("[provider.sdk_voice]\nvoice = ''", ["[provider.sdk_voice] is of no use", "add 'sdk_voice' to [agent] providers"]),
        ("[provider.sdk_vocie]\nvoice = ''", ["'sdk_vocie'", "did you mean sdk_voice?"]),
        ("[provider]\nassemblyai = 5", ["[provider.assemblyai] must be a section", "not 5"]),
        ("[server]\ntoken_url = 'https://x y/'", ["[server] token_url", "https://x y/"]),
        ("[server]\nconnect = ['https://a.example/path']", ["did you mean https://a.example?"]),
        ("[page]\nembedded_by = ['https://A.example/']", ["'https://A.example/'", "did you mean https://a.example?"]),
        ("[page]\nembedded_by = ['www.example.com']", ["did you mean https://www.example.com?"]),
        ("[page]\nembedded_by = ['*']", ["'*' is not an origin like https://www.example.com"]),
        ("variables = ['plan']", ["[variables] must be a section"]),
        (
            "[agent]\ngreeting = 'Hi {{ nmae }}'\n[variables]\nname = 'you'",
            ["greeting names {{nmae}}", "(there are: name)", "did you mean name?"],
        ),
        ("[agent]\nsystem_prompt = 'Help {{name}}'", ["system_prompt names {{name}}", "(there are: none)"]),
        ("[agent]\nagent_id = 5", ["[agent] agent_id", "must be text", "given: 5"]),
        ("[agent]\nagent_id = 'a'\ngreeting = 'Hi'", ["[agent] greeting", "beside agent_id", "leave one of them out"]),
        ("[agent]\nagent_id = 'a'\n[turn_detection]\nmin_silence = 600", ["turn_detection", "beside agent_id"]),
        ("[agent]\nprovider = 'openai_realtime'\nagent_id = 'a'", ["[agent] agent_id", "openai_realtime has no stored agents"]),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_stops_the_build_in_words(
    tmp_path: Path, toml: str | bytes, words: list[str]
) -> None:
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


# --- tools ----------------------------------------------------------------------------------------------------------------------

HEAD = "from pyclient.tools import tool\n\n\n@tool\n"
PAGE = HEAD.replace("@tool", "@tool(page=True)")


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
        (HEAD + "def f(city):\n    '''F.'''\n", ["line 5", "f(city)", "needs a type hint", "city: str"]),
        (HEAD + "def f(a: int,\n      b: int | str):\n    '''F.'''\n", ["line 6", "f(b)", "X | None"]),
        (HEAD + "def f(*names: str):\n    '''F.'''\n", ["line 5", "f(names)", "give each a name"]),
        (HEAD + "def f(a: set[str]):\n    '''F.'''\n", ["line 5", "f(a)", "use str, int"]),
        (HEAD + "def f(a: str | None):\n    '''F.'''\n", ["line 5", "f(a)", "= None"]),
        (HEAD + "def f(a: 'Nope'):\n    '''F.'''\n", ["line 5", "f", "Nope"]),
        (HEAD + "def f():\n    '''F.'''\n    yield 1\n", ["line 5", "f: it yields"]),
        ("import numpy\n", ["line 1", "no module 'numpy'"]),
        ("import json\nfrom helpers import x\n", ["line 2", "no module 'helpers'", "the only one"]),
        ("from js import document\n", ["line 1", "document", "in a worker"]),
        ("x = 1\ny = x / 0\n", ["line 2", "ZeroDivisionError"]),
        ("import sys\nsys.exit(1)\n", ["line 2", "sys.exit"]),
        ("class E(Exception):\n    def __str__(self): raise E\nraise E\n", ["line 3", "cannot be imported: E"]),
        (
            "import functools\nfrom pyclient.tools import tool\n"
            "def hide(f):\n    def g(**k): return f(**k)\n    return g\n@hide\n@tool\ndef f():\n    '''F.'''\n",
            ["f: another decorator hides", "@tool above"],
        ),
        (b"# gr\xfc\xdfe\n", ["not Python"]),
        (PAGE + "def f(a: int):\n    '''F.'''\n    return a\n", ["line 5", "f: with page=True", "body never runs"]),
        (PAGE.replace("True", "1") + "def f():\n    '''F.'''\n", ["line 5", "f: page must be True or False"]),
        (PAGE.replace("page", "pgae") + "def f():\n    '''F.'''\n", ["line 4", "pgae"]),
        (
            PAGE.replace("page=True", "approve='Order {cuont}?'") + "def f(count: int):\n    '''F.'''\n",
            ["line 5", "f: approve names {cuont}", "there are: count"],
        ),
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

@tool
def g() -> None:
    pass

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
    assert "line 17: g: without a docstring" in told


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
