"""Choose the files: the newest version of each package that the browser's Python can use and that everybody who needs
it agrees with.

What a package depends on is read from its own metadata, for the browser's Python and not for ours. Chosen versions are
asked what they need until nothing new is named; no older version is tried to make two packages fit each other: then the
build says which two.
"""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from builder.environment import SetupError
from builder.packages import index, pyodide_builds
from builder.packages.target import Target, is_compiled
from builder.packages.wanted import KEY, spelt

ROUNDS = 20
# What a page has already, if only others ask for it: time zones, which `zoneinfo` fetches when one is looked up.
IN_THE_PAGE = frozenset({"tzdata"})


def resolve(
    root: Path, file: str, target: Target, wanted: Sequence[str], limits: Mapping[str, str], folder: Path
) -> tuple[dict[str, Path], frozenset[str]]:
    """Return the wheel of each package by name, and which names Pyodide's own builds stand for.

    SetupError, which names `file`.

    `limits`: versions that are settled already, by name. `folder` is for what is fetched.
    """
    asked = {text: f"{file}: {KEY}: {text}" for text in wanted}
    own: dict[str, Path] = {}
    for turn in range(ROUNDS):
        here = folder / str(turn)
        wheels = _fetched(root, asked, target, limits, here, own)
        extras = _extras(asked)
        needed = {text: f"{file}: {KEY}: {text}" for text in wanted}
        for name, path in wheels.items():
            _, version, _, _ = parse_wheel_filename(path.name)
            for text in _dependencies(path, target, extras.get(name, frozenset())):
                needed.setdefault(text, f"{file}: {KEY}: {text}, which {name} {version} needs")
        if needed.keys() == asked.keys():
            return wheels, frozenset(own)
        asked = needed
    raise SetupError(
        f"{file}: {KEY}: what these packages need does not come to an end; name exact versions (NAME==VERSION)"
    )


def _fetched(
    root: Path, asked: dict[str, str], target: Target, limits: Mapping[str, str], here: Path, own: dict[str, Path]
) -> dict[str, Path]:
    """One round: the wheels of all that is asked for. What the index has no build of, and Pyodide has, joins `own`."""
    while True:
        shutil.rmtree(here, ignore_errors=True)
        texts = [text for text in asked if _name(text) not in own]
        named = {_name(text) for text in texts}
        try:
            if texts:
                narrowed = [f"{name}=={version}" for name, version in limits.items() if name in named]
                index.download(texts, target, here, limits=narrowed)
                _rather_pure(target, here)
        except index.RefusedError as refused:
            name = _name(refused.requirement) if refused.kind == "nothing" else ""
            if name not in named or refused.detail or not pyodide_builds.has(target, name):
                raise SetupError(_words(refused, asked, target)) from None
            where = _agreed(asked, target, name)
            own[name] = pyodide_builds.fetch(root, where, target, name, here.parent / "own")
            continue
        found = {str(parse_wheel_filename(path.name)[0]): path for path in here.glob("*.whl")}
        return {**found, **{name: path for name, path in own.items() if name in {_name(text) for text in asked}}}


def _rather_pure(target: Target, here: Path) -> None:
    """Where there is the same version without compiled code, it is taken: with compiled code a page
    needs the full runtime.
    """
    for path in [it for it in sorted(here.glob("*.whl")) if is_compiled(it.name)]:
        name, version, _, _ = parse_wheel_filename(path.name)
        with contextlib.suppress(index.RefusedError):
            index.download([f"{name}=={version}"], target, here, pure=True)
            path.unlink()


def _agreed(asked: Mapping[str, str], target: Target, name: str) -> str:
    """Pyodide has one version of what it builds: is it one that everybody wants? Returns who asked for it."""
    version = str(target.builds[name]["version"])
    asking = {text: where for text, where in asked.items() if _name(text) == name}
    for text, where in asking.items():
        if not Requirement(text).specifier.contains(version, prereleases=True):
            problem = f"has no build for the browser's Python but Pyodide's own, which is {name} {version}"
            raise SetupError(f"{where}: it {problem}; ask for that version")
    return next(iter(asking.values()))


def _dependencies(wheel: Path, target: Target, extras: frozenset[str]) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (it for it in archive.namelist() if it.count("/") == 1 and it.endswith(".dist-info/METADATA"))
        told = BytesHeaderParser().parsebytes(archive.read(name))
    found = []
    for text in told.get_all("Requires-Dist") or []:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # of a form that is no longer allowed; pip leaves such files out
        given = _name(requirement.name) in IN_THE_PAGE
        if requirement.url is None and not given and target.applies(requirement, extras):
            found.append(spelt(requirement))
    return found


def _extras(asked: Mapping[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for text in asked:
        found[_name(text)] = found.get(_name(text), frozenset()) | frozenset(Requirement(text).extras)
    return found


def _name(text: str) -> str:
    return str(canonicalize_name(Requirement(text).name))


def _words(refused: index.RefusedError, asked: Mapping[str, str], target: Target) -> str:
    """What the package index refused, for the person who wrote agent.toml: where, what, and what to do."""
    everything = next(iter(asked.values())).partition(f"{KEY}: ")[0] + KEY
    if refused.kind == "offline":
        return f"{everything}: the package index cannot be reached. Is this machine online? It is asked once; what it said is kept"
    if refused.kind == "conflict":
        return f"{everything}: two of these cannot be had together:\n  " + "\n  ".join(_sharing(asked))
    if refused.kind != "nothing":
        return f"{everything}: pip could not fetch them.\n{refused.detail}"
    name = _name(refused.requirement)
    where = next((it for text, it in asked.items() if text == refused.requirement), None)
    where = where or next((it for text, it in asked.items() if _name(text) == name), everything)
    if refused.detail:
        versions = ", ".join(reversed(refused.detail.split(", ")[-5:]))
        return f"{where}: there is no such version for the browser's Python; of {name} there is {versions}"
    if not index.knows(name):
        return f"{where}: the package index has no package of this name"
    return (
        f"{where}: {name} has no build for the browser's Python {target.minor}: it holds compiled code, and the package index has no wheel of it "
        f"that is pure Python or for {target.platform}, nor has Pyodide. Use another package, or ask its makers for such a wheel"
    )


def _sharing(asked: Mapping[str, str]) -> list[str]:
    """What is asked of packages that more than one asks for."""
    names = [_name(text) for text in asked]
    several = {text: where for text, where in asked.items() if names.count(_name(text)) > 1} or dict(asked)
    return [where.partition(f"{KEY}: ")[2] for where in several.values()]
