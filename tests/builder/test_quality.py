"""What `build.py check` finds in scripts; and that the types, which nobody runs, say what Python and the HTML say."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

import pytest

from builder import quality
from builder.pyodide_slim import snapshot, split
from pyclient.page import view

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "templates" / "static"


def fields(file: Path, interface: str) -> set[str]:
    """The names of an interface's fields."""
    found = re.search(rf"^export interface {interface} (?:extends \w+ )?\{{\n(.*?)^\}}", file.read_text(), re.M | re.S)
    assert found, f"{file.name} has no {interface}"
    return {name.strip('"') for name in re.findall(r'^  ("[\w-]+"|\w+)\??:', found[1], re.M)}


@pytest.mark.parametrize(
    ("interface", "python"), [("View", view.View), ("Turn", view.TurnView), ("Notice", view.NoticeView)]
)
def test_the_page_knows_the_fields_that_python_sends(interface: str, python: type) -> None:
    assert fields(STATIC / "messages.d.ts", interface) == set(get_type_hints(python))


def test_every_element_that_a_script_asks_for_is_in_the_page() -> None:
    """The type checker knows a misspelt id only as long as its list is right."""
    html = "".join(path.read_text() for path in (ROOT / "templates").glob("*.html"))
    assert fields(STATIC / "elements.d.ts", "Elements") <= set(re.findall(r'\bid="([\w-]+)"', html))


def test_every_script_of_the_page_is_checked() -> None:
    """By one of the worlds at least: a file that no entry imports is one that nobody runs."""
    seen = set()
    for name, command in quality.steps(ROOT).items():
        if name.startswith("tsc"):
            done = subprocess.run([*command, "--listFilesOnly"], cwd=ROOT, capture_output=True, text=True, check=True)
            seen |= {Path(line).name for line in done.stdout.splitlines() if line.startswith(str(ROOT))}
    ours = [path for room in ("templates", "templates/static", "worklets") for path in (ROOT / room).glob("*.js")]
    assert ours and {path.name for path in ours} <= seen


# Slow: each runs the type checker twice, and `test --fast` has run it over everything before.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("worklets/capture.js", "this_is_nowhere();", "tsc --strict, worklets"),
        ("worklets/pcm.js", "export const title = document.title;", "tsc --strict, worklets"),
        ("templates/static/network.js", "export const title = document.title;", "tsc --strict, worker"),
        ("templates/static/over.js", 'importScripts("x");', "tsc --strict, page"),
        ("templates/static/page_state.js", "export const wrong = (it) => it;", "tsc --strict, page"),
        ("templates/_guard.js", '/** @type {number} */ (document.getElementById("x"));', "tsc --strict, page"),
    ],
)
def test_a_wrong_type_makes_the_check_of_its_world_fail(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    for room in ("templates", "worklets"):
        shutil.copytree(ROOT / room, tmp_path / room)
    for name in ("tsconfig.json",):
        shutil.copy(ROOT / name, tmp_path)
    command = quality.steps(ROOT)[complaint]
    command[0] = str(Path(command[0]).resolve())
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    with (tmp_path / file).open("a") as out:
        out.write(f"\n{line}\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and Path(file).name in done.stdout, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("worklets/pcm.js", "const unused = 1;", "noUnusedVariables"),
        ("templates/static/over.js", 'import { drawn } from "./draw.js";', "noUnusedImports"),
        ("templates/static/turns.js", "var late = 1; export { late };", "noVar"),
        ("templates/static/messages.d.ts", "export type Anything = any;", "noExplicitAny"),
        ("worklets/resampler.js", 'export { shareOfRealTime } from "./resampler_choice.js";', "noImportCycles"),
        ("templates/static/style.css", ".a { color: red; color: red; }", "noDuplicateProperties"),
    ],
)
def test_what_the_linter_finds_makes_the_check_fail(tmp_path: Path, file: str, line: str, rule: str) -> None:
    done = biome(tmp_path, "biome lint", file, line)
    assert done.returncode != 0 and rule in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("worklets/pcm.js", "export const  two = 'spaces';"),
        ("templates/static/style.css", ".a{color:red}"),
        ("templates/static/messages.d.ts", "export type A = string"),
    ],
)
def test_an_unformatted_line_makes_the_check_fail(tmp_path: Path, file: str, line: str) -> None:
    done = biome(tmp_path, "biome format", file, line)
    assert done.returncode != 0 and Path(file).name in done.stdout + done.stderr
    assert "1 error" in done.stdout + done.stderr, "the rest is formatted"


@pytest.mark.slow
@pytest.mark.parametrize("room", [".cache", ".venv", "dist", "dist.part"])
def test_biome_does_not_walk_through_what_a_build_makes_meanwhile(tmp_path: Path, room: str) -> None:
    """A folder that went while it was walked through made the check fail; a link to nothing is told by every walk."""
    (tmp_path / room / "inner").mkdir(parents=True)
    (tmp_path / room / "inner" / "gone").symlink_to("nowhere")
    done = biome(tmp_path, "biome lint", "worklets/pcm.js", "")
    assert "symlink" not in done.stdout + done.stderr and done.returncode == 0, done.stdout + done.stderr


def biome(folder: Path, step: str, file: str, line: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the check in a copy with one line more in `file`."""
    for room in ("templates", "worklets"):
        shutil.copytree(ROOT / room, folder / room)
    shutil.copy(ROOT / "biome.jsonc", folder)
    with (folder / file).open("a") as out:
        out.write(f"{line}\n")
    command = quality.steps(ROOT)[step]
    command[0] = str(Path(command[0]).resolve())
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("names", "step"), [(split.PAGE_SCRIPTS, "split"), ([path.name for path in snapshot.RESTORE], "snapshot")]
)
def test_what_a_step_of_the_build_runs_of_the_page_is_in_the_key_of_its_cache(names: Sequence[str], step: str) -> None:
    """With all that it imports: a change there would otherwise leave yesterday's result in use."""
    for name in names:
        imported = re.findall(r'^import \{[^}]*\} from "\./([\w.]+)";$', (STATIC / name).read_text(), re.MULTILINE)
        assert set(imported) <= set(names), f"{step}: {name}"
