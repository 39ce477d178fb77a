"""The arrows of the house as tests: what must never know what.

Imports between Python rooms are contracts in pyproject.toml (`lint-imports`); the tests here prove that those contracts
bite, and hold the rules that no import linter can see.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMENTS = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
DOCSTRINGS = re.compile(r'"""(?:.|\n)*?"""|#[^\n]*')


def javascript(folder: str) -> dict[str, str]:
    """Every script of a folder without its comments."""
    found = {path.name: COMMENTS.sub("", path.read_text()) for path in sorted((ROOT / folder).glob("*.js"))}
    assert found, f"no scripts in {folder}"
    return found


def wire_names() -> set[str]:
    """Every message type that a golden file knows, such as `session.update`."""
    names = set()
    for path in (ROOT / "tests" / "wire").glob("*.jsonl"):
        for line in path.read_text().splitlines():
            names.add(json.loads(line)["message"].get("type", ""))
    assert names
    return {name for name in names if "." in name}


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(root)})


# A line too many in a file, and the contract that it breaks.
WRONG_IMPORTS = [
    ("pyclient/session.py", "import time", "the core owns no clock"),
    ("pyclient/session.py", "import pyclient.host.pyodide_host", "nothing in pyclient imports the browser glue"),
    ("pyclient/codecs/__init__.py", "import pyclient.core.commands", "a codec names no command"),
    ("pyclient/call.py", "import pyclient.part", "the data of a call knows no part"),
    ("pyclient/audio/vad.py", "import pyclient.turns.barge_in", "the floors of pyclient"),
    ("server/agent/routes.py", "import server.settings", "no path from the local agent to a key"),
    ("server/mint.py", "import numpy", "only the local agent hears and speaks"),
    ("server/providers/upstream.py", "from pocketsphinx import Vad", "only the local agent hears and speaks"),
    ("server/mint.py", "import server.agent.options", "the local agent is a guest"),
    ("server/app.py", "import pyclient.core.events", "know nothing of each other"),
    ("builder/site.py", "import builder.pyodide_slim.prune", "what makes Pyodide smaller is a room of its own"),
    ("builder/pyodide_slim/prune.py", "import builder.policy", "what makes Pyodide smaller knows nothing of sites"),
    (
        "pyclient/codecs/sdk_voice/words.py",
        "import pyclient.codecs.openai_realtime.faults",
        "codecs are independent",
    ),
    ("server/agent/wires/openai/config.py", "import server.agent.wires.assemblyai.config", "wires are independent"),
    ("server/providers/sdk_voice.py", "import server.providers.assemblyai", "providers are independent"),
]
CIRCLE = ("pyclient/call.py", "import pyclient.turns.barge_in", "no circle in pyclient")


def broken_by(root: Path, lines: list[tuple[str, str]]) -> dict[str, str]:
    """What is said of each contract that those lines break in a copy of the house."""
    for room in ("pyclient", "server", "builder"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for file, line in lines:
        text = (root / file).read_text()
        where = text.index("from __future__") if "from __future__" in text else 0
        end = text.index("\n", where) + 1 if where else 0
        (root / file).write_text(text[:end] + f"{line}\n" + text[end:] if end else text + f"\n{line}\n")
    done = lint_imports(root)
    assert done.returncode != 0
    # Long names are wrapped: put the words back together.
    told = " ".join(done.stdout.partition("Broken contracts")[2].split())
    names = [
        one["name"] for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ]
    begins = sorted((told.index(f"{name} --"), name) for name in names if f"{name} --" in told)
    ends = [begin for begin, _ in begins[1:]] + [len(told)]
    return {name: told[begin:end] for (begin, name), end in zip(begins, ends, strict=True)}


@pytest.mark.slow
def test_a_wrong_import_breaks_the_contract_that_says_why(tmp_path: Path) -> None:
    """A contract that cannot fail is decoration. All lines stand in one copy: each contract names the import itself."""
    told = broken_by(tmp_path, [(file, line) for file, line, _ in WRONG_IMPORTS])
    for file, line, contract in WRONG_IMPORTS:
        importer = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        (said,) = [text for name, text in told.items() if contract in name]
        assert f"{importer} -> {line.split()[1]} " in said, (contract, said)


@pytest.mark.slow
def test_a_circle_breaks_the_contract_that_forbids_it(tmp_path: Path) -> None:
    """It names few of the imports, so that one stands alone."""
    file, line, contract = CIRCLE
    assert any(contract in name for name in broken_by(tmp_path, [(file, line)]))


def test_the_session_names_no_wire_message() -> None:
    """Adding a vendor must not touch the session."""
    for path in sorted((ROOT / "pyclient").rglob("*.py")):
        if "codecs" in path.parts:
            continue
        code = DOCSTRINGS.sub("", path.read_text())
        named = {name for name in wire_names() if f'"{name}"' in code or f"'{name}'" in code}
        assert not named, f"{path.name} names {named}"


def test_no_script_holds_a_wire_message_or_a_provider() -> None:
    """The page draws and sends intents; protocols live in codecs."""
    for name, text in {**javascript("templates/static"), **javascript("worklets")}.items():
        for word in [*wire_names(), "assemblyai", "openai"]:
            assert word not in text.lower(), f"{name} names {word}"


def test_no_python_stands_inside_javascript() -> None:
    """Python in a string has no linter, no types and no tests."""
    for name, text in {**javascript("templates/static"), **javascript("worklets")}.items():
        assert not re.search(r"runPython|\bdef \w+\(|^\s*import \w+$|pyodide\.code", text, re.MULTILINE), name


def test_worklets_touch_neither_network_nor_page_nor_json() -> None:
    for name, text in javascript("worklets").items():
        for word in (
            "fetch(",
            "WebSocket",
            "XMLHttpRequest",
            "document.",
            "window.",
            "JSON.",
            "importScripts",
            "console.",
        ):
            assert word not in text, f"{name} uses {word}"


def test_no_context_asks_for_a_sample_rate() -> None:
    """Safari ignores the option, and it costs Firefox its echo cancellation: the worklets resample."""
    for name, text in javascript("templates/static").items():
        assert not re.search(r"sampleRate\s*:", text), name
    for name, text in javascript("templates/static").items():
        assert "sampleRate=" not in text.replace(" ", ""), name


def test_text_enters_the_page_as_text_only() -> None:
    """Transcripts are a stranger's words; the policy forbids markup from them, and so do we."""
    for name, text in javascript("templates/static").items():
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "blob:",
        ):
            assert word not in text, f"{name} uses {word}"


def test_every_workaround_stands_in_one_place() -> None:
    """A browser's name in code (not in a comment) means a workaround that escaped from quirks.js."""
    for name, text in javascript("templates/static").items():
        if name != "quirks.js":
            assert not re.search(
                r"userAgent\b(?!\s*\})|webkitAudio|isSafari|isFirefox",
                text.replace("Browser: navigator.userAgent }", ""),
            ), name


def test_no_file_names_this_machine_or_a_registry() -> None:
    """What is committed must work, and be fit to be read, anywhere."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    forbidden = re.compile(
        "|".join(
            map(
                re.escape,
                [
                    "/work/" + "main",
                    "registry." + "npmjs",
                    "files." + "pythonhosted",
                    "pypi." + "org",
                    "deb." + "debian",
                ],
            )
        )
    )
    for name in listed:
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png",):
            found = forbidden.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{name} holds {found.group() if found else ''}"


def test_types_are_checked_wherever_python_is_ours() -> None:
    """In the tests too: an import that leads nowhere, in a test that only CI runs, would else be found there."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = set(tracked.stdout.split())
    # A team's tools are checked by the build that takes them.
    ours = {file.partition("/")[0] for file in files} - {"agents"}
    assert settings["strict"] is True and ours <= set(settings["files"])
    left_out = {file for file in files if any(re.search(pattern, file) for pattern in settings["exclude"])}
    team = {file for file in left_out if file.startswith("builder/agent_template/")}  # becomes a folder of `agents/`
    assert left_out - team == {"tests/server/support/python_clients/openai_agents.py"}


def test_what_tests_share_is_in_no_test() -> None:
    """A helper lies in a folder `support/`: a renamed test must break no other one."""
    borrowed = re.compile(r"^\s*(?:from tests\.[\w.]*\btest_\w+ import|import tests\.[\w.]*\btest_\w+)", re.MULTILINE)
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in borrowed.findall(path.read_text())
    ]
    assert not found, "\n".join(found)


# Rooms of tests that are named after a room of the source.
MIRRORS = ("pyclient", "server", "builder", "templates", "worklets")


def test_tests_mirror_the_source() -> None:
    """A folder of tests has the path of what it tests, and holds tests and fixtures only: helpers are apart."""
    folders = {path.parent for room in MIRRORS for path in (ROOT / "tests" / room).rglob("test_*.py")}
    assert {path.relative_to(ROOT / "tests").parts[0] for path in folders} == set(MIRRORS)
    assert not [path for path in folders if not (ROOT / path.relative_to(ROOT / "tests")).is_dir()]
    tests = re.compile(r"test_\w+\.py|\w+\.test\.mjs|__init__\.py|conftest\.py")
    beside = [path for folder in {*folders, ROOT / "tests" / "browser"} for path in folder.iterdir() if path.is_file()]
    assert not [str(path.relative_to(ROOT)) for path in beside if not tests.fullmatch(path.name)]


PART = re.compile(r"^class (\w+)\(Part\):", re.MULTILINE)


def parts_of_the_session() -> list[tuple[str, str]]:
    """(module, class) of each part."""
    found = [
        (path.stem, name)
        for path in sorted((ROOT / "pyclient").rglob("*.py"))
        for name in PART.findall(path.read_text())
    ]
    assert len(found) > 10
    return found


@pytest.mark.parametrize(("module", "part"), parts_of_the_session())
def test_each_part_is_built_alone_in_a_test_of_its_own(module: str, part: str) -> None:
    """With a plain call and no session: what a part needs is what its constructor says."""
    name = "tool_calls" if module == "calls" else module
    files = [(ROOT / "tests" / "pyclient" / f"test_{name}{tail}.py") for tail in ("", "_alone")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files if path.exists()]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert any(getattr(node.func, "id", "") == part for node in nodes), f"test_{name}.py makes no {part}"


def private_access(text: str) -> list[str]:
    """Private attributes of something else than the test's own class."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        of = node.value
        own = isinstance(of, ast.Name) and of.id in ("self", "cls")
        above = isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super"
        if not (own or above):
            found.append(ast.unparse(node))
    return found


def test_no_test_of_the_client_reaches_through_a_private_attribute() -> None:
    """A test that does is in the way of whoever changes the inside."""
    found = {
        path.name: names
        for folder in ("pyclient", "contract", "support")
        for path in sorted((ROOT / "tests" / folder).glob("*.py"))
        if (names := private_access(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("host.session._call.state", ["host.session._call"]),
        ("codec._inbound.x = 1", ["codec._inbound"]),
        ("self._x + super()._note(1) + a.__class__", []),
    ],
)
def test_a_private_attribute_is_found(text: str, found: list[str]) -> None:
    assert private_access(text) == found


def test_the_plugin_of_the_tests_knows_nothing_of_parley() -> None:
    """It is installed alone, on machines that have no other folder of this project."""
    ours = {"tests", "pyclient", "server", "builder"}
    wrong = []
    for path in sorted((ROOT / "tests" / "harness" / "voice_browsers").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            wrong += [f"{path.name}: {name}" for name in names if name.split(".")[0] in ours]
    assert len(list((ROOT / "tests" / "harness" / "voice_browsers").glob("*.py"))) > 10
    assert wrong == []
