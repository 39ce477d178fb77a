"""A conversation as a TOML script, for `build.py talk --script FILE`: what is said, what is expected, how often.

    connect = "Start talking"         # the button's name (default Connect), or: selector = "#start"
    times = 10                        # rounds; with `every_s` between their begins, and no new one after `within_min`
    every_s = 60

    [[turn]]
    say = "what time is it"           # or: wav = "hello.wav"
    heard = ["time"]                  # words that a page of Parley must show as heard
    expect = ["is"]                   # words that must come out of the speaker
    latency_ratio = 2.0               # at most so many times the first turn's latency

    [[turn]]
    say = "stop"
    interrupt_after_ms = 1500         # said so long into the reply before
    stops_within_ms = 1500            # and that reply is silent so long after this began

A mistake is a ScriptError that names file, turn and key.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "Path | None": (str,),
    "float | None": (int, float),
    "tuple[str, ...]": (list,),
    "tuple[Turn, ...]": (list,),
}


class ScriptError(ValueError):
    """The script cannot be played; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing that is said, and what must come of it."""

    say: str = ""
    wav: Path | None = None
    heard: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    latency_ratio: float | None = None
    interrupt_after_ms: float | None = None
    stops_within_ms: float | None = None

    @property
    def name(self) -> str:
        return self.say or (self.wav.name if self.wav else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The whole conversation; defaults are one round on a page with a button Connect."""

    turn: tuple[Turn, ...]
    connect: str = "Connect"
    selector: str = ""
    times: int = 1
    every_s: float = 0.0
    within_min: float | None = None
    reply_timeout_s: float = 30.0


def read(path: Path) -> Script:
    """Read and check the script at `path`; a WAV's name counts from its folder. Raises ScriptError."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScriptError(f"{path}: {error}") from None
    top = _checked(given, Script, str(path))
    turns = []
    for number, one in enumerate(top.pop("turn", []), 1):
        where = f"{path}, turn {number}"
        if not isinstance(one, Mapping):
            raise ScriptError(f"{where}: write [[turn]]")
        turns.append(_turn(_checked(one, Turn, where), path.parent, where))
    script = Script(turn=tuple(turns), **top)
    _sensible(script, str(path))
    return script


def _turn(given: dict[str, Any], folder: Path, where: str) -> Turn:
    if ("say" in given) == ("wav" in given):
        raise ScriptError(f"{where}: give one of say and wav")
    if "wav" in given:
        given["wav"] = folder / given["wav"]
        if not given["wav"].is_file():
            raise ScriptError(f"{where}: there is no file {given['wav']}")
    elif not given["say"].strip():
        raise ScriptError(f"{where}: say is empty")
    for key in ("latency_ratio", "interrupt_after_ms", "stops_within_ms"):
        if given.get(key, 1) <= 0:
            raise ScriptError(f"{where}: {key} must be above 0")
    return Turn(**given)


def _sensible(script: Script, where: str) -> None:
    if not script.turn:
        raise ScriptError(f"{where}: there is no [[turn]]")
    if not 1 <= script.times <= 100_000:
        raise ScriptError(f"{where}: times must be 1 to 100000")
    if script.every_s < 0 or script.reply_timeout_s <= 0 or (script.within_min is not None and script.within_min <= 0):
        raise ScriptError(f"{where}: every_s must be 0 or more, reply_timeout_s and within_min above 0")
    first = script.turn[0]
    if first.interrupt_after_ms is not None:
        raise ScriptError(f"{where}, turn 1: there is no reply before it to interrupt")
    if first.latency_ratio is not None:
        raise ScriptError(f"{where}, turn 1: latency_ratio compares with the first turn; this is it")
    for number, (one, after) in enumerate(zip(script.turn, script.turn[1:], strict=False), 1):
        if after.interrupt_after_ms is not None and one.expect:
            raise ScriptError(f"{where}, turn {number}: its reply is interrupted, so `expect` cannot be heard out")
        if after.stops_within_ms is not None and after.interrupt_after_ms is None:
            raise ScriptError(f"{where}, turn {number + 1}: stops_within_ms needs interrupt_after_ms")


def _checked(given: Mapping[str, Any], kind: type, where: str) -> dict[str, Any]:
    """The keys of `given`, each one that `kind` has and of its type; lists of words become tuples."""
    known = {item.name: str(item.type) for item in fields(kind)}
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise ScriptError(f"{where}: there is no key {key!r}" + (f"; perhaps {close[0]!r}" if close else ""))
        allowed = _KINDS[known[key]]
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise ScriptError(f"{where}: {key} is a {' or '.join(one.__name__ for one in allowed)}, not {value!r}")
        found[key] = _words(value, f"{where}: {key}") if known[key] == "tuple[str, ...]" else value
    return found


def _words(value: Any, where: str) -> tuple[str, ...]:
    if not all(isinstance(word, str) and word.strip() for word in value):
        raise ScriptError(f"{where} is a list of words")
    return tuple(value)
