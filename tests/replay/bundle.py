"""Session bundle: reads the zip file that the page saves, and says in words what is wrong with one."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a page keeps is a tenth of it.
MAX_MEMBER_BYTES = 100 << 20
EVENTS, ABOUT = "events.jsonl", "about.json"


class BundleError(Exception):
    """This is no bundle, or a damaged one. The text is a whole sentence."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """`lines` are those of `pyclient.host.recorder`; `about` says where and when they were written."""

    about: dict[str, Any]
    lines: list[list[Any]]


def read(path: Path) -> Bundle:
    """Raises BundleError."""
    try:
        with zipfile.ZipFile(path) as archive:
            about, events = _member(archive, ABOUT), _member(archive, EVENTS)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"{path} is damaged, or no zip file: {error}.") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        facts = json.loads(about)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise BundleError(f"{path} is no session bundle: its {ABOUT} is not a JSON object.")
    return Bundle(facts, [_line(number, text) for number, text in enumerate(events.splitlines(), 1)])


def _member(archive: zipfile.ZipFile, name: str) -> str:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise BundleError(f"{archive.filename} is no session bundle: it holds no {name}.") from None
    if info.file_size > MAX_MEMBER_BYTES:
        raise BundleError(f"{archive.filename} is no session bundle: its {name} has {info.file_size} bytes.")
    try:
        return archive.read(info).decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{archive.filename} is no session bundle: its {name} is not text.") from None


def _line(number: int, text: str) -> list[Any]:
    """`[now_ms, kind, what]`, and for some what came out."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        raise BundleError(f"{EVENTS}, line {number}, is not JSON: {text[:60]!r}.") from None
    if (
        not isinstance(line, list)
        or len(line) not in (3, 4)
        or isinstance(line[0], bool)
        or not isinstance(line[0], int | float)
        or not isinstance(line[1], str)
        or not isinstance(line[-1], list | dict)
    ):
        raise BundleError(f"{EVENTS}, line {number}, is not [time, kind, what]: {text[:60]!r}.")
    return line
