"""Tools from npm: programs of their own, one package for each kind of machine (esbuild, the
checkers of JavaScript), and axe-core.

`builder/locks/npm_tools.toml` pins version and digest. Each tool is fetched once, when it is
first needed, into `.cache/tools/`.
"""

from __future__ import annotations

import platform
import sys
import tomllib
from pathlib import Path
from typing import Any

from builder import npm_package
from builder.environment import SetupError, say

LOCK = Path(__file__).parent / "locks" / "npm_tools.toml"
# As npm names processors, by what Python calls them on one system or another.
_PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def program(root: Path, name: str) -> Path:
    """Return the path of the tool's program, fetching it where the cache lacks it. Raises SetupError."""
    pins = tomllib.loads(LOCK.read_text(encoding="utf-8"))[name]
    kind = machine()
    integrity = pins["integrity"].get("any") or pins["integrity"].get(kind)
    if integrity is None:
        known = ", ".join(pins["integrity"])
        raise SetupError(
            f"{name} is pinned for {known}; this machine is {kind}. Its digest goes into builder/locks/{LOCK.name}."
        )
    files = _files(pins)
    target = root / ".cache" / "tools" / f"{name}-{pins['version']}-{kind}"
    if not (target / ".complete").exists():
        say(f"fetching {name} {pins['version']}")
        named = pins.get("machines", {}).get(kind, kind)
        package = f"{pins['package'].format(machine=named)}@{pins['version']}"
        npm_package.fetch(root, target, package, integrity, files)
    return target / Path(files[0]).name


def _files(pins: dict[str, Any]) -> list[str]:
    """The files that are kept of the package; the first one is the program."""
    names: list[str] = pins["files_on_windows" if sys.platform == "win32" else "files"]
    return names


def machine() -> str:
    """This kind of machine in npm's words, such as `linux-x64`."""
    processor = platform.machine().lower()
    return f"{sys.platform}-{_PROCESSORS.get(processor, processor)}"
