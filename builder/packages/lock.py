"""`packages.lock` beside agent.toml: exactly which files a page's tools import.

Written by the build, and held to from then on.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.environment import SetupError

NAME = "packages.lock"
HEAD = """# Written by the build, from [runtime] packages in agent.toml: exactly these files go into the page. Keep it with your sources.
# To take newer versions, delete this file and build again.
"""
SOURCES = ("index", "pyodide")
_FIELDS = {
    "name": re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"),
    "version": re.compile(r"[0-9][a-z0-9.!+_-]*"),
    "file": re.compile(r"[\w.!+-]+\.whl"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "source": re.compile("|".join(SOURCES)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One package's file. `source`: the package index, or Pyodide's own builds."""

    name: str
    version: str
    file: str
    sha256: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """`packages` as agent.toml asks for them; `python` and `platform` of the browser's Python that
    they were chosen for.
    """

    packages: tuple[str, ...]
    python: str
    platform: str
    wheels: tuple[Wheel, ...]


def read(file: Path, shown: str) -> Lock | None:
    """Return what is locked, None where nothing is yet.

    SetupError, which calls the file `shown`, where it was spoilt.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _spoilt(shown, f"is not valid TOML: {error}") from None
    for key, kind in (("packages", list), ("python", str), ("platform", str), ("wheel", list)):
        if not isinstance(raw.get(key), kind):
            raise _spoilt(shown, f"lacks '{key}', or says something else of it than the build does")
    return Lock(
        packages=tuple(str(it) for it in raw["packages"]),
        python=raw["python"],
        platform=raw["platform"],
        wheels=tuple(_wheel(shown, it) for it in raw["wheel"]),
    )


def write(file: Path, lock: Lock, shown: str) -> None:
    """SetupError where the folder cannot be written to."""
    lines = [HEAD.rstrip(), f"packages = {json.dumps(list(lock.packages))}"]
    lines += [f"python = {json.dumps(lock.python)}", f"platform = {json.dumps(lock.platform)}"]
    for wheel in sorted(lock.wheels, key=lambda it: it.name):
        lines += ["", "[[wheel]]", *(f"{key} = {json.dumps(getattr(wheel, key))}" for key in _FIELDS)]
    try:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise SetupError(f"{shown} cannot be written: {error.strerror}") from None


def _wheel(shown: str, raw: Any) -> Wheel:
    if not isinstance(raw, dict):
        raise _spoilt(shown, "has a [[wheel]] that is none")
    for key, form in _FIELDS.items():
        value = raw.get(key)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _spoilt(shown, f"says {key} = {value!r} of the package {raw.get('name')!r}")
    return Wheel(**{key: raw[key] for key in _FIELDS})


def _spoilt(shown: str, problem: str) -> SetupError:
    return SetupError(f"{shown} {problem}. Undo what was changed there, or delete the file to have it written anew")
