"""Runtime download: fetches the browser's Python once, checks it against the digests in pyproject.toml, keeps it in
`.cache/`.

Steps for each part: fetch with the registry's ordinary client, verify, unpack beside a stamp. Nothing is fetched twice.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from builder import npm_package
from builder.environment import SetupError, say

# What the page loads; the package holds more (consoles, source maps, types).
RUNTIME_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Paths of the checked files."""

    pyodide: Path
    version: str  # Pyodide's
    micropip: Path
    tzdata: Path
    acorn: Path
    pins: dict[str, str]  # versions of the packages that we ship ourselves


def fetch(root: Path) -> Runtime:
    """Return the runtime, fetching what the cache lacks. Raises SetupError."""
    parley = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["parley"]
    pins, parser = parley["runtime"], parley["script_parser"]
    cache = root / ".cache" / "runtime"
    pyodide = cache / f"pyodide-{pins['pyodide_version']}"
    if not (pyodide / ".complete").exists():
        _fetch_pyodide(root, pyodide, pins["pyodide_version"], pins["pyodide_integrity"])
    micropip = cache / f"micropip-{pins['micropip_version']}-py3-none-any.whl"
    tzdata = cache / f"tzdata-{pins['tzdata_version']}-py2.py3-none-any.whl"
    for name, wheel in (("micropip", micropip), ("tzdata", tzdata)):
        if not wheel.exists():
            _fetch_wheel(wheel, name, pins[f"{name}_version"], pins[f"{name}_sha256"])
    acorn = cache / parser["package"].replace("@", "-")
    if not (acorn / ".complete").exists():
        npm_package.fetch(root, acorn, parser["package"], parser["integrity"], ["dist/acorn.mjs"])
    return Runtime(
        pyodide=pyodide,
        version=pins["pyodide_version"],
        micropip=micropip,
        tzdata=tzdata,
        acorn=acorn / "acorn.mjs",
        pins={"micropip": pins["micropip_version"]},
    )


def _fetch_pyodide(root: Path, target: Path, version: str, integrity: str) -> None:
    say(f"fetching the Pyodide runtime {version} (6 MB, once)")
    npm_package.fetch(root, target, f"pyodide@{version}", integrity, RUNTIME_FILES)


def _fetch_wheel(target: Path, name: str, version: str, sha256: str) -> None:
    say(f"fetching {name} {version}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # For the browser's Python, not for ours: pip would otherwise look for a wheel that our version can run.
        command += [
            "--only-binary=:all:",
            "--python-version",
            "3.14",
            "--require-hashes",
            "--dest",
            folder,
            "-r",
            str(wanted),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise SetupError(
                f"pip could not fetch {name} {version}.\n{done.stderr.strip()[-800:]}\nIs this machine online?"
            )
        if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != sha256:
            raise SetupError(f"{name} {version} is not the pinned file.")
        wheels[0].replace(target)  # at once: another build may be about to read it
