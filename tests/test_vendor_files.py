"""How far does the name of one vendor reach? A fourth vendor must need no more files than the list in the README.

The vendor that was added last is the measure: wherever its name stands outside tests and documents, another one would
have to be written too. A file that comes to know it without standing in the list turns this red.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"sdk[ _-]?voice", re.IGNORECASE)

ROOMS = ("agents", "builder", "pyclient", "server", "templates", "worklets")
HEADING = "## Add a fourth vendor"

# As the README lists them: a path, or a folder, or a beginning with a star.
WRITTEN = (
    "pyclient/codecs/sdk_voice/",
    "server/agent/wires/sdk_voice/",
    "server/providers/sdk_voice.py",
    "builder/pyodide_slim/scripts/split/rehearsed_calls/sdk_voice.json",
)
LINES = (
    "pyclient/codecs/__init__.py",
    "server/providers/__init__.py",
    "server/settings.py",
    "server/agent/routes.py",
    "builder/agent_config.py",
    "agents/demo/agent.toml",
    "builder/agent_template/agent.toml",
    ".env.example",
    "pyproject.toml",
)
TESTS = ("tests/wire/sdk_voice.jsonl", "tests/contract/adapters.py")


def files() -> list[Path]:
    """Everything that ships or builds what ships; no caches."""
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    found += [ROOT / name for name in (".env.example", "build.py", "pyproject.toml", ".ci/run")]
    return [path for path in found if "__pycache__" not in path.parts]


def knows_the_vendor(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return bool(NAME.search(name) or NAME.search(path.read_text(encoding="utf-8", errors="ignore")))


def listed(name: str) -> str | None:
    """The entry that allows this file."""
    for entry in (*WRITTEN, *LINES):
        begin = entry.removesuffix("*.py")
        if (
            name == entry
            or (entry != begin and name.startswith(begin))
            or (entry.endswith("/") and name.startswith(entry))
        ):
            return entry
    return None


def test_a_vendors_name_stays_in_its_own_files_and_in_the_registries() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in files() if knows_the_vendor(path)]
    spread = [name for name in names if listed(name) is None]
    assert spread == [], f"a fourth vendor would need these too: {spread}; see '{HEADING}' in the README"
    unused = {*WRITTEN, *LINES} - {listed(name) for name in names}
    assert unused == set(), f"the list names what a vendor does not need: {unused}"


def test_the_registries_hold_lines_and_no_logic() -> None:
    """A registry that began to decide things by a vendor's name would do so with more than its lines."""
    branch = re.compile(rf"^\s*(el)?(if|while|case|match)\b.*{NAME.pattern}", re.IGNORECASE | re.MULTILINE)
    for name in LINES:
        found = branch.search((ROOT / name).read_text(encoding="utf-8"))
        assert found is None, f"{name} decides by the name of a vendor: {found and found[0].strip()}"


def test_the_readme_lists_them() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split(HEADING, 1)[1].split("\n## ", 1)[0]
    shown = section.replace("<name>", "sdk_voice")
    missing = [entry for entry in (*WRITTEN, *LINES, *TESTS) if f"`{entry}`" not in shown]
    assert missing == []
    for entry in TESTS:
        assert (ROOT / entry).is_file(), entry
