"""The bundler: what it refuses, that its result depends on the sources alone, and that what it makes of
a worklet allocates nothing.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from builder import bundle, node, npm_tools
from builder.environment import SetupError
from tests.support.server import copy_of_sources
from tests.worklets.support.node import Node

ROOT = Path(__file__).resolve().parents[2]


def bundled(folder: Path, files: dict[str, str], form: str = "esm") -> bundle.Bundled:
    """The first of `files`, with what it imports."""
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / ".cache").symlink_to(ROOT / ".cache")
    entry = next(iter(files))
    return bundle.bundle(folder, {entry: folder / entry}, form=form)[entry]


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.js": 'import { a } from "./gone.js";\na();\n'}, r"a\.js:1.*\n.*gone\.js"),
        ({"a.js": 'import { a } from "./b.js";\na();\n', "b.js": "export const b = 1;\n"}, "No matching export"),
        ({"a.js": "const a = ;\n"}, r"a\.js:1"),
        ({"a.js": "console.log({ a: 1, a: 2 });\n"}, "Duplicate key"),
        ({"a.css": "p { color: red; }}\n"}, r"a\.css:1"),
    ],
)
def test_a_fault_in_a_source_stops_the_build_with_file_and_line(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    """Warnings too: what the bundler finds strange nobody would read in a log."""
    with pytest.raises(SetupError, match=rf"(?s)cannot bundle {next(iter(files))}.*{complaint}"):
        bundled(tmp_path, files)


def test_the_result_is_equal_wherever_the_sources_lie(tmp_path: Path) -> None:
    """Also the maps; and a tsconfig.json that happens to lie around changes nothing."""
    root = copy_of_sources(tmp_path / "elsewhere" / "root")
    (root / "tsconfig.json").write_text(json.dumps({"compilerOptions": {"target": "es5", "strict": True}}))
    assert bundle.make(root) == bundle.make(ROOT)


def test_two_files_may_use_one_name(tmp_path: Path) -> None:
    files = {
        "a.js": 'import { b } from "./b.js";\nconst taken = 1;\nconsole.log(taken, b);\n',
        "b.js": "const taken = 2;\nexport const b = taken;\n",
    }
    assert bundled(tmp_path, files).code.strip() == "var t=1;console.log(t,2);"


def test_a_worklet_leaves_no_import_and_no_export(tmp_path: Path) -> None:
    files = {"a.js": 'import { b } from "./b.js";\nexport const a = b;\n', "b.js": "export const b = globalThis.b;\n"}
    code = bundled(tmp_path, files, "iife").code
    assert "import" not in code and "export" not in code


@pytest.mark.slow
@pytest.mark.parametrize("core", ["capture", "hold", "catch_up", "playback"])
def test_the_bundled_worklets_allocate_nothing_either(tmp_path: Path, core: str) -> None:
    """What runs in browsers is the minified code; `tests/worklets` measures the sources."""
    cores = {f"{name}_core.js": ROOT / "worklets" / f"{name}_core.js" for name in ("capture", "playback")}
    for name, it in bundle.bundle(ROOT, cores, form="esm").items():
        (tmp_path / name).write_text(it.code)
    for name in ("pcm.js", "resampler.js"):
        shutil.copy(ROOT / "worklets" / name, tmp_path)
    flags = ("--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64")
    job = {"kind": "allocation", "core": core, "blocks": 100_000}
    (result,) = Node(tmp_path, worklets=tmp_path).run(job, flags=flags)
    assert min(result["grown_bytes"]) < 400_000


def test_a_machine_that_no_tool_is_pinned_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "VAX")
    with pytest.raises(SetupError, match=r"esbuild is pinned for linux-x64, .*; this machine is \w+-vax"):
        npm_tools.program(tmp_path, "esbuild")


def test_a_tool_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "npm_tools.toml"
    lock.write_text(npm_tools.LOCK.read_text().replace('"sha512-', '"sha512-A'))
    monkeypatch.setattr(npm_tools, "LOCK", lock)

    def fake_npm(command: list[str], **_: object) -> object:
        (Path(command[-1]) / "esbuild.tgz").write_bytes(b"not the tool")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", fake_npm)
    monkeypatch.setattr(node, "npm", lambda root: ["npm"])
    with pytest.raises(SetupError, match="not the pinned file"):
        npm_tools.program(tmp_path, "esbuild")
