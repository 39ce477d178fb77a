"""What wheels hold, as one file for the page: unpacked already, and Python as bytecode of the browser's Python.

A page that had to compile them would need Python's compiler for it, which comes later
there (`builder/pyodide_slim/split.py`).
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder import build_cache, flat_archive
from builder.environment import SetupError, say

COMPILER = Path(__file__).parent / "compile_packages"
# The browser's Python writes what it has compiled in the same form.
ARCHIVE = Path(flat_archive.__file__)
# What a page has of its own; a package with a module of that name would hide it.
OURS = ("agent_tools", "pyclient", "pyodide", "_pyodide", "js", "pyodide_js", "plain_code")
_DATA = re.compile(r"[^/]+\.data/([^/]+)/(.+)")


def of_wheels(wheels: Mapping[str, Path], shown: str) -> bytes:
    """All that the wheels would install as modules, in one flat archive. SetupError where one of them is strange."""
    files: dict[str, bytes] = {}
    for name, path in sorted(wheels.items()):
        try:
            with zipfile.ZipFile(path) as archive:
                found = {it.filename: archive.read(it) for it in archive.infolist() if not it.is_dir()}
        except (zipfile.BadZipFile, OSError) as error:
            raise SetupError(f"{shown}: {path.name} cannot be read: {error}") from None
        for member, data in found.items():
            place = _place(member)
            if place is None:
                continue
            if place.startswith(("/", "../")) or "/../" in place or "\\" in place:
                raise SetupError(f"{shown}: {path.name} holds a file outside of itself: {member}")
            if re.split(r"[/.]", place)[0] in OURS:
                raise SetupError(f"{shown}: {name} holds the module {place}, and a page has one of that name already")
            files[place] = data
    return flat_archive.packed(files)


def _place(member: str) -> str | None:
    """Where a member of a wheel goes, below the folder of modules.

    Programs, headers and other data have no place in a page.
    """
    if member.endswith(".dist-info/RECORD") or "/__pycache__/" in member:
        return None
    inside = _DATA.fullmatch(member)
    if inside is None:
        return member
    return inside[2] if inside[1] in ("purelib", "platlib") else None


def compiled(root: Path, pyodide: Path, packages: bytes) -> bytes:
    """The same with bytecode in the place of each Python source that can be compiled,
    made once for each, in `.cache/`.
    """
    sources = [path.read_bytes() for path in (*sorted(COMPILER.iterdir()), ARCHIVE) if path.is_file()]
    folder = root / ".cache" / "packages" / "compiled" / build_cache.digest([pyodide.name.encode(), packages, *sources])

    def command(work: Path, out: Path) -> list[str]:
        (work / "packages.bin").write_bytes(packages)
        job = {
            "pyodide": str(pyodide),
            "archive": str(ARCHIVE),
            "packages": str(work / "packages.bin"),
            "out": str(out / "packages.bin"),
        }
        (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        return [str(COMPILER / "compile.mjs"), str(work / "job.json")]

    with build_cache.missing(folder) as wanting:
        if wanting:
            say("compiling the packages of the agent's tools (once per change of them)")
            build_cache.make(root, folder, command, "the packages could not be compiled.", timeout_s=900)
            build_cache.forget_oldest(folder.parent)
    return (folder / "packages.bin").read_bytes()


def listed(words: Sequence[str]) -> str:
    """For a sentence: "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
