"""Packages for an agent's tools: `[runtime] packages` in agent.toml, chosen once, kept in `packages.lock`, and
put into the page.

The first build asks the package index, and Pyodide for what it builds itself; later ones take exactly the files that
the lock names, from `.cache/` where they are there already. A page gets one file that holds them all, unpacked and
compiled, and only where there are any.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import parse_wheel_filename

from builder.environment import SetupError, say
from builder.packages import contents, index, lock, pyodide_builds
from builder.packages.resolve import resolve
from builder.packages.target import Target, is_compiled, of
from builder.packages.wanted import KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """`data` is the file for the page (`contents.py`); `compiled` names the packages that only the
    full runtime can load.
    """

    data: bytes
    compiled: tuple[str, ...]


def prepare(
    root: Path, folder: Path, wanted: tuple[str, ...], pyodide: Path, pins: Mapping[str, str]
) -> Packages | None:
    """Return the packages of the agent in `folder`, None where it wants none. SetupError, in words for its author.

    `pyodide`: the folder of the browser's Python. `pins`: versions that this project has of what it ships itself.
    """
    shown = f"agents/{folder.name}/{lock.NAME}"
    if not wanted:
        if (folder / lock.NAME).exists():
            say(f"{shown} is not used: agents/{folder.name}/agent.toml names no packages; delete it")
        return None
    wheels = held(root, folder, wanted, pyodide, pins)
    data = contents.compiled(root, pyodide, contents.of_wheels(wheels, shown))
    return Packages(data=data, compiled=tuple(name for name, path in wheels.items() if is_compiled(path.name)))


def held(root: Path, folder: Path, wanted: tuple[str, ...], pyodide: Path, pins: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of all packages, by name: those of the lock, which is written where there is none for them.

    Parameters: see `prepare`.
    """
    file, target = folder / lock.NAME, of(pyodide)
    shown, settings = f"agents/{folder.name}/{lock.NAME}", f"agents/{folder.name}/agent.toml"
    locked = lock.read(file, shown)
    if locked is None or (locked.packages, locked.python, locked.platform) != (wanted, target.minor, target.platform):
        locked = _choose(root, settings, target, wanted, locked, pins)
        lock.write(file, locked, shown)
        say(f"{shown} is written: {contents.listed([f'{it.name} {it.version}' for it in locked.wheels])}")
    return _held(root, shown, target, locked)


def _choose(
    root: Path,
    settings: str,
    target: Target,
    wanted: tuple[str, ...],
    before: lock.Lock | None,
    pins: Mapping[str, str],
) -> lock.Lock:
    """Choose files anew. For the same Python, what was locked before stays as it was where that is possible."""
    settled = {}
    if before is not None and (before.python, before.platform) == (target.minor, target.platform):
        settled = {it.name: it.version for it in before.wheels if it.source == "index"}
    say(f"choosing the packages that {settings} names (once; then they are in {lock.NAME})")
    with tempfile.TemporaryDirectory() as work:
        limits = {**settled, **pins}
        try:
            wheels, own = resolve(root, settings, target, wanted, limits, Path(work))
        except SetupError:
            if not settled:
                raise
            shutil.rmtree(work)
            wheels, own = resolve(root, settings, target, wanted, pins, Path(work))
        found = []
        for name, path in sorted(wheels.items()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            _keep(root, path, digest)
            version = str(parse_wheel_filename(path.name)[1])
            source = "pyodide" if name in own else "index"
            found.append(lock.Wheel(name=name, version=version, file=path.name, sha256=digest, source=source))
    return lock.Lock(packages=wanted, python=target.minor, platform=target.platform, wheels=tuple(found))


def _held(root: Path, shown: str, target: Target, locked: lock.Lock) -> dict[str, Path]:
    """Return exactly the locked files, by package. What the cache has is not asked for."""
    missing = [it for it in locked.wheels if not _is_kept(root, it)]
    if missing:
        say(f"fetching {contents.listed([f'{it.name} {it.version}' for it in missing])}")
        with tempfile.TemporaryDirectory() as work:
            _fetch(root, shown, target, missing, Path(work))
    return {it.name: _kept(root, it.sha256, it.file) for it in locked.wheels}


def _fetch(root: Path, shown: str, target: Target, missing: list[lock.Wheel], work: Path) -> None:
    asked = [f"{it.name}=={it.version} --hash=sha256:{it.sha256}" for it in missing if it.source == "index"]
    try:
        if asked:
            index.download(asked, target, work, hashed=True)
    except index.RefusedError as refused:
        raise SetupError(f"{shown}: {_words(refused)}") from None
    for it in missing:
        build = target.builds.get(it.name, {})
        if it.source == "pyodide" and build.get("sha256") == it.sha256:
            pyodide_builds.fetch(root, f"{shown}: {it.name} {it.version}", target, it.name, work)
    for path in work.glob("*.whl"):
        _keep(root, path, hashlib.sha256(path.read_bytes()).hexdigest())
    for it in missing:
        if not _is_kept(root, it):
            problem = f"there is no file {it.file} with that sha256 any more"
            raise SetupError(f"{shown}: {it.name} {it.version}: {problem}. Delete {lock.NAME} to choose anew")


def _words(refused: index.RefusedError) -> str:
    if refused.kind == "offline":
        return (
            "the package index cannot be reached, and .cache/ does not have all of these files. Is this machine online?"
        )
    if refused.kind == "hash":
        return (
            f"{refused.requirement} is not the file that is locked: its sha256 is {refused.detail}. Undo what was changed in {lock.NAME}; if "
            "nothing was, find out who replaced that file before you delete the lock"
        )
    if refused.kind == "nothing":
        return f"the package index has no {refused.requirement} any more. Delete {lock.NAME} to choose anew"
    return f"pip could not fetch them.\n{refused.detail}"


def _kept(root: Path, digest: str, name: str) -> Path:
    return root / ".cache" / "packages" / "wheels" / digest / name


def _is_kept(root: Path, wheel: lock.Wheel) -> bool:
    path = _kept(root, wheel.sha256, wheel.file)
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wheel.sha256


def _keep(root: Path, path: Path, digest: str) -> None:
    target = _kept(root, digest, path.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f"{target.name}.part")
    shutil.copyfile(path, staging)
    staging.replace(target)  # at once: another build may be about to read it


__all__ = ["KEY", "Packages", "prepare"]
