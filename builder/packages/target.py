"""The Python that packages are chosen for: the browser's, as its own `pyodide-lock.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

PURE = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`builds` are the packages that Pyodide itself builds, by name: {version, file_name, sha256, depends} and more."""

    folder: Path
    python: str
    platform: str
    builds: Mapping[str, Mapping[str, Any]]

    @property
    def minor(self) -> str:
        return ".".join(self.python.split(".")[:2])

    def applies(self, requirement: Requirement, extras: frozenset[str]) -> bool:
        """Is a dependency needed here, by someone who was asked for with `extras`?"""
        if requirement.marker is None:
            return True
        return any(requirement.marker.evaluate({**self._environment(), "extra": extra}) for extra in ("", *extras))

    def _environment(self) -> dict[str, str]:
        """What the names in a dependency's condition stand for there."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": "wasm32",
            "platform_python_implementation": "CPython",
            "platform_release": self.platform.split("_", 1)[1].removesuffix("_wasm32").replace("_", "."),
            "platform_system": "Emscripten",
            "platform_version": "#1",
            "python_full_version": self.python,
            "python_version": self.minor,
            "sys_platform": "emscripten",
        }


def of(pyodide: Path) -> Target:
    """`pyodide`: the folder of its own files."""
    lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
    info = lock["info"]
    return Target(
        folder=pyodide,
        python=info["python"],
        platform=f"pyemscripten_{info['abi_version']}_{info['arch']}",
        builds=lock["packages"],
    )


def is_compiled(file_name: str) -> bool:
    """Does a wheel of this name hold code for one kind of machine only?"""
    _, _, _, tags = parse_wheel_filename(file_name)
    return all(tag.platform != PURE for tag in tags)
