"""One word, one meaning: the maps name every module, and retired words stay away as names.

docs/glossary.md says what a thing is called. The retired words below were our own and led no reader to the right file;
everyday words are forbidden only where they were the name of a thing.
"""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A package's docstring is its map: an indented name, then what it is.
MAPS = (
    "pyclient",
    *(f"pyclient/{floor}" for floor in ("audio", "connection", "core", "host", "page", "tools", "turns")),
    "builder",
    "builder/pyodide_slim",
    "server",
    "server/agent",
    *("tests/support", "tests/server/support", "tests/builder/support", "tests/browser/support"),
)
_ENTRY = re.compile(r"^ +(\w+)(?:\.py|/)? {2,}(\S.*)$", re.MULTILINE)
_UNLISTED = {"__init__", "__main__", "__pycache__", "py"}

# Retired names by the folder in which they were one. `OldName`, `_old_name` and `OLD_NAME` count as the same word.
RETIRED = {
    "pyclient": (
        "lifeline life rejoin heartbeat pulse timelimit gap gap_buffer gap_audio_ms floor ears localturns local_turns "
        "talk typed early early_words early_words_ms keeps_early_words shortway short_way outbox playback conversation "
        "snapshot wishes stdlib toolcalls tool_desk desk toolgate heartbeat_ms heartbeat_timer"
    ),
    "server": (
        "happening happenings hearing hearing_processes ears brain mind door telling refusing keeping merging speaker "
        "speaker_settings kept_session"
    ),
    "builder": "lean verbs verb",
    "worklets": "cushion hold pace_tries pace_largest_share",
    "templates": "early_words_ms",
    "tests": (
        "lifeline rejoin gap_buffer local_turns early_words early_words_ms gap_audio_ms heartbeat_ms short_way tool_desk happening "
        "fake_ears hearing_processes"
    ),
}
# Names of modules only: the words themselves are everyday ones.
RETIRED_MODULES = {
    "pyclient": {"replies"},
    "server": {"voice"},
    "builder": {"kept", "words", "worklets", "agents", "vendor"},
    "templates": {"ahead", "secondary", "link", "boot"},
}
# An everyday meaning in one place, which no reader takes for the thing of that name.
ALLOWED = {
    ("pyclient/host/pyodide_host.py", "playback"),  # the host's method, named in JavaScript too
    ("pyclient/core/graphemes.py", "floor"),  # rounds down to a boundary
    ("pyclient/page/spacing.py", "gap"),  # white space between two words
    ("server/agent/wires/sdk_voice/auth.py", "heartbeat"),
}
_JS_NOISE = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)


def tracked(folder: str, *endings: str) -> list[str]:
    found = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-x", "dist*", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    names = [name for name in found.stdout.splitlines() if name.endswith(endings) and (ROOT / name).exists()]
    assert names, f"nothing in {folder}"
    return names


def word(name: str) -> str:
    """`OldName`, `_old_name` and `OLD_NAME` as `old_name`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).strip("_$").lower()


def python_names(text: str) -> set[str]:
    """What a module names itself: imports, classes, functions, parameters, variables, attributes that it sets."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {item.asname or item.name.rpartition(".")[2] for item in names}
    return {word(name) for name in found}


def script_names(text: str) -> set[str]:
    """What a script declares or sets: classes, functions, variables, fields, and imported names."""
    code = _JS_NOISE.sub("", text)
    declared = re.findall(
        r"\b(?:class|function|const|let|var)\s+([A-Za-z_$][\w$]*)|\bthis\.([A-Za-z_$][\w$]*)\s*=[^=]", code
    )
    imported = re.findall(r"\bimport\s*\{([^}]*)\}", code)
    names = {name for pair in declared for name in pair if name}
    names |= {name for group in imported for name in re.findall(r"[A-Za-z_$][\w$]*", group)}
    return {word(name) for name in names}


@cache
def _anywhere(room: str) -> re.Pattern[str]:
    """A retired word, as a name or otherwise. To find names takes far longer, and few files hold any of the words."""
    words = "|".join(name.replace("_", "_?") for name in RETIRED[room].split())
    return re.compile(rf"\b_*(?:{words})[_$]*(?!\w)", re.IGNORECASE)


def retired_names(file: str, text: str) -> set[str]:
    """The retired words among the names of one file, its own name included."""
    room = file.partition("/")[0]
    names: set[str] = set()
    if _anywhere(room).search(text):
        names = python_names(text) if file.endswith(".py") else script_names(text)
    stem = word(Path(file).name.partition(".")[0])
    found = (names | {stem}) & set(RETIRED[room].split())
    if stem in RETIRED_MODULES.get(room, set()):
        found.add(stem)
    return {name for name in found if (file, name) not in ALLOWED}


@pytest.mark.parametrize("room", RETIRED)
def test_retired_words_are_no_names(room: str) -> None:
    wrong = {}
    for file in tracked(room, ".py", ".js", ".mjs"):
        if found := retired_names(file, (ROOT / file).read_text(encoding="utf-8")):
            wrong[file] = sorted(found)
    assert not wrong, "docs/glossary.md has the word to use"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyclient/new.py", "class Lifeline: pass"),
        ("pyclient/new.py", "def f(floor): pass"),
        ("pyclient/new.py", "class A:\n    def __init__(self):\n        self._talk = 1"),
        ("pyclient/new.py", "from pyclient import wishes"),
        ("pyclient/ears.py", ""),
        ("pyclient/replies.py", ""),
        ("server/agent/new.py", "brain = 1"),
        ("builder/kept.py", ""),
        ("worklets/new.js", "export class Cushion {}"),
        ("worklets/new.js", "class A { constructor() { this.hold = 1; } }"),
        ("worklets/hold.js", ""),
        ("templates/_ahead.js", ""),
    ],
)
def test_a_retired_word_is_found(file: str, text: str) -> None:
    assert retired_names(file, text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyclient/new.py", "held = 1  # talk\ntext = 'floor'\nreplies = []"),
        ("builder/new.py", "words = kept = vendor = 1"),
        ("worklets/new.js", "// this.hold = 1\nconst text = 'class Cushion';"),
    ],
)
def test_everyday_words_are_left_alone(file: str, text: str) -> None:
    assert not retired_names(file, text)


def listed(text: str) -> list[tuple[str, str]]:
    """The names and terms of a map. A line may list two, with wide space between them."""
    return [(name, term) for name, term in _ENTRY.findall(text) if name not in _UNLISTED]


@pytest.mark.parametrize("package", MAPS)
def test_a_packages_map_names_every_module_once(package: str) -> None:
    folder = ROOT / package
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")), clean=False) or ""
    entries = listed(text)
    names = [name for name, _ in entries]
    modules = {path.stem for path in folder.glob("*.py")}
    modules |= {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}
    assert sorted(names) == sorted(modules - _UNLISTED), f"{package}/__init__.py"
    for name, term in entries:
        assert len(term) > 10, f"{package}/__init__.py says nothing of {name}"


def test_the_readme_maps_every_folder() -> None:
    """One row for each folder of the repository that holds code, and no row for one that is gone."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Map\n")[2].partition("\n```")[0]
    rooms = [
        name.strip("`/ ")
        for row in section.splitlines()
        if row.startswith("| `")
        for name in row.split("|")[1].split(",")
    ]
    folders = {name.partition("/")[0] for name in tracked(".", ".py", ".js", ".toml") if "/" in name}
    assert {room for room in rooms if "/" not in room and room != "build.py"} == folders - {
        ".ci",
        "docs",
    }  # docs holds data
    assert len(rooms) == len(set(rooms))


@pytest.mark.parametrize("document", ["README.md", "docs/glossary.md"])
def test_the_files_that_a_document_names_are_there(document: str) -> None:
    """In the glossary a bare name stands beside the path before it."""
    missing = []
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
        beside: Path | None = None
        for name in re.findall(r"`([\w./-]+\.(?:py|js|mjs|toml|md|jsonl)|[a-z_]+(?:/[\w-]+)+/)`", line):
            if "/" not in name and (beside is None or document == "README.md"):
                continue
            path = ROOT / name if "/" in name else (beside or ROOT) / name
            if not path.exists() and not ignored(name):
                missing.append(name)
            if path.is_file():
                beside = path.parent
    assert not missing


def ignored(name: str) -> bool:
    """Made by a build, or an example of a reader's own."""
    return name.startswith((".cache", "dist", "site/", "assets/", "OUT", "agents/mine"))
