"""Tests of an agent's tools: `agents/NAME/test_*.py` in CPython, and again in the Python of the
page (in Node: agent_tester/).

Both run pytest: the page's Python gets the one of `.venv`, which is pure Python. A test that needs a browser's own
objects (`js`, `pyfetch`) replaces them; that tools really work in a page is what the build and the browser tests check.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from builder import agent_config, fetch_runtime, node, packages, wheel, zones
from builder.environment import SetupError, say
from builder.packages.target import is_compiled

TESTER = Path(__file__).parent / "agent_tester"
# What pytest consists of, as modules of `.venv`.
PYTEST = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
NOTHING_WAS_RUN = 5
NOT_SOURCES = ("__pycache__",)


def named(root: Path, words: Sequence[str]) -> tuple[str, list[str]] | None:
    """The agent that these arguments of `build.py test` name, and the other arguments; None where they name none.

    Raises SetupError.
    """
    paths = [word for word in words if word.replace("\\", "/").startswith(("agents/", "./agents/"))]
    if not paths:
        return None
    names = {Path(path).parts[1] for path in paths if len(Path(path).parts) > 1}
    if len(names) != 1 or len(paths) != 1:
        raise SetupError("the tests of one agent are run at a time, such as: build.py test agents/demo")
    (name,) = names
    agent_config.load(root, name)  # says which agents there are
    return name, [word for word in words if word not in paths]


def run(root: Path, name: str, words: Sequence[str]) -> int:
    """Run the tests in both Pythons, also when the first has failed, and return the worse exit code.

    `words`: options of pytest.
    """
    agent = agent_config.load(root, name)
    folder = agent.tools.parent
    if not list(folder.glob("test_*.py")):
        raise SetupError(f"agents/{name}/ has no tests; write agents/{name}/test_tools.py (`build.py new` shows how)")
    runtime = fetch_runtime.fetch(root)
    held: dict[str, Path] = {}
    if agent.packages:
        held = packages.held(root, folder, agent.packages, runtime.pyodide, runtime.pins)
    imports = packages.prepare(root, folder, agent.packages, runtime.pyodide, runtime.pins)
    codes = [
        _in_cpython(root, folder, held, words),
        _in_the_pages_python(root, folder, runtime, imports, words),
    ]
    return max(codes)


def _in_cpython(root: Path, folder: Path, held: dict[str, Path], words: Sequence[str]) -> int:
    say(f"agents/{folder.name}: tests in CPython {sys.version.split()[0]}")
    lacking = [
        name
        for name, path in held.items()
        if is_compiled(path.name) and importlib.util.find_spec(name.replace("-", "_")) is None
    ]
    if lacking:
        say(f"left out: {', '.join(lacking)} is compiled for browsers, and CPython here has none")
        return 0
    with tempfile.TemporaryDirectory() as work:
        for path in held.values():
            if not is_compiled(path.name):
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(work)
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root), work]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
        return subprocess.run(
            [*command, "-q", *words, str(folder)],
            cwd=root,
            env={**environ, "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        ).returncode


def _in_the_pages_python(
    root: Path,
    folder: Path,
    runtime: fetch_runtime.Runtime,
    imports: packages.Packages | None,
    words: Sequence[str],
) -> int:
    say(f"agents/{folder.name}: the same tests in the page's Python ({runtime.pyodide.name})")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "client.whl").write_bytes(wheel.build(root)[1])
        (work / "zones.bin").write_bytes(zones.packed(runtime.tzdata))
        _pack_pytest(work / "pytest.zip")
        _pack_folder(folder, work / "agent.zip")
        if imports is not None:
            (work / "packages.bin").write_bytes(imports.data)
        job = {
            "stock": str(runtime.pyodide),
            "wheel": str(work / "client.whl"),
            "zones": str(work / "zones.bin"),
            "packages": None if imports is None else str(work / "packages.bin"),
            "pytest": str(work / "pytest.zip"),
            "agent": str(work / "agent.zip"),
            "folder": f"agents/{folder.name}",
            "words": list(words),
        }
        (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [node.node(root), str(TESTER / "run_tests.mjs"), str(work / "job.json")]
        return subprocess.run(command, cwd=work, env=node.environment_of_builds(), check=False).returncode


def _pack_pytest(target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name in PYTEST:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.origin is None:
                raise SetupError(f"{name} is not installed in .venv; run this by `python3 build.py test`")
            if spec.submodule_search_locations is None:
                archive.write(spec.origin, f"{name}.py")
                continue
            home = Path(spec.origin).parent
            for path in sorted(home.rglob("*.py")):
                archive.write(path, f"{name}/{path.relative_to(home).as_posix()}")


def _pack_folder(folder: Path, target: Path) -> None:
    """All that the author has there: tests may read files of their own."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not set(path.relative_to(folder).parts) & set(NOT_SOURCES):
                archive.write(path, path.relative_to(folder).as_posix())
