"""Check what a team edits, at build time, so that a mistake never shows in a visitor's browser.

Settings are checked by the client itself, for every provider of the page's picker. Tools are imported
by the browser's own Python, in Node: no other Python knows whether a page could. What was checked once
is not checked again (`.cache/checked`).
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import build_cache
from builder.environment import SetupError, for_programs, say

CHECKER = Path(__file__).parent / "agent_checker"
# An honest import takes milliseconds; a browser would show nothing for as long.
IMPORT_LIMIT_S = 10
NODE_LIMIT_S = 600
MAX_SHOWN_CHARS = 60
LONGEST_CALL_S = 1800  # where agent.toml does not say; as the client has it


def settings(root: Path, file: str, raw: Mapping[str, Any], choices: Sequence[Mapping[str, Any]]) -> None:
    """Have the client check the settings of each choice.

    SetupError with the file, the key, what was given and what is allowed.

    `raw` is agent.toml as it was read, to say in which of its sections the key stands.
    """
    check_together(file, raw, choices, checked_settings(root, file, choices))


def checked_settings(root: Path, file: str, choices: Sequence[Mapping[str, Any]]) -> list[dict[str, str] | None]:
    """What the client says of the settings of each choice: nothing, or {key, problem}. SetupError where it cannot."""
    command = [sys.executable, str(CHECKER / "check_settings.py")]
    given = json.dumps([choice["settings"] for choice in choices])
    environ = for_programs(root, os.environ)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=environ, timeout=60)
    if done.returncode != 0:
        raise SetupError(f"{file}: the settings could not be checked.\n{done.stderr.strip()[-500:]}")
    found: list[dict[str, str] | None] = json.loads(done.stdout)
    return found


def check_together(
    file: str, raw: Mapping[str, Any], choices: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, str] | None]
) -> None:
    """`found`: what the client says of each choice. Then what no single setting shows, but two of them together."""
    for choice, told in zip(choices, found, strict=True):
        problem = told or _at_odds(choice["settings"])
        if problem is not None:
            provider = str(choice["settings"]["provider"])
            raise SetupError(setting_words(file, raw, provider, choice["settings"], problem["key"], problem["problem"]))


def _at_odds(settings: Mapping[str, Any]) -> dict[str, str] | None:
    """What the client would take and nobody can have meant. All values are of the right type by now."""
    longest = settings.get("max_session_duration_seconds", LONGEST_CALL_S)
    if settings.get("idle_seconds", 0) >= longest:
        problem = f"must be less than max_session_duration_seconds, which is {longest}, or 0 for never"
        return {"key": "idle_seconds", "problem": problem}
    for key in ("voice", "agent_id"):
        if settings.get(key, "") != settings.get(key, "").strip():
            return {"key": key, "problem": 'must not begin or end with a space; "" is none'}
    ids = [voice["id"] for voice in settings.get("known_voices", ())]
    if twice := next((it for it in ids if ids.count(it) > 1), None):
        return {"key": f"known_voices[{ids.index(twice, ids.index(twice) + 1)}]", "problem": f"'{twice}' stands twice"}
    if set(settings.get("cost", ())) == {"currency"}:
        return {"key": "cost", "problem": "names no rate; add one, such as per_minute"}
    return None


def stored_agent(file: str, choices: Sequence[Mapping[str, Any]], tools: Path) -> None:
    """Say what becomes of tools where the agent is stored at the service; that is no mistake, but nobody expects it."""
    if tools.exists() and any(choice["settings"].get("agent_id") for choice in choices):
        problem = (
            "agent_id: the service is not told of tools.py; a stored agent calls only the tools that it names itself"
        )
        say(f"{file}: {problem}")


def setting_words(
    file: str, raw: Mapping[str, Any], provider: str, chosen: Mapping[str, Any], key: str, problem: str
) -> str:
    """One sentence about one wrong setting: where it stands, what it says, what is allowed, and
    the nearest right spelling.
    """
    path = re.findall(r"[^.\[\]]+", key)
    value: Any = chosen
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            break
    unknown = "is not known" in problem or "is not a setting" in problem
    wrong = path[-1] if unknown else value
    shown = "" if unknown else f" (given: {shown_value(value)})"
    hint = "" if "did you mean" in problem or not isinstance(wrong, str) else nearest(wrong, _allowed(problem))
    where = _section(raw, provider, path)
    named = path[1:] if len(path) > 1 and where.endswith(f"[{path[0]}] ") else path
    if named == path and where.endswith(f"[{path[0]}] "):
        named, where = [], where.removesuffix(" ")
    shown_key = re.sub(r"\.([0-9]+)", r"[\1]", ".".join(named))
    if "is missing" in problem:
        shown = ""
    return f"{file}: {where}{shown_key}: {problem}{shown}{hint}"


def nearest(given: str, allowed: Sequence[str]) -> str:
    """ "; did you mean ...?" where one of `allowed` is close to what was given."""
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def shown_value(value: Any) -> str:
    """A value as a person wrote it, in few characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[: MAX_SHOWN_CHARS - 1]}…"


def tools(
    root: Path, stock: Path, wheel: bytes, file: Path, zones: bytes, packages: bytes | None = None
) -> tuple[str, ...]:
    """Import a page's tools in the browser's Python.

    SetupError with file, line, tool and cure for each mistake; warnings are said.

    `zones` are the time zones, for tools that look one up while they are imported; `packages` are those that agent.toml
    names. Returns the modules of the standard library that they and these packages import.
    """
    if not file.exists():
        return ()
    name = file.relative_to(root) if file.is_relative_to(root) else file
    what = Imported(stock=stock, wheel=wheel, zones=zones, packages=packages)
    told = checked_tools(root, what, str(name), [file.read_bytes()])[0]
    found = told["found"]
    lines = {kind: [said(name, it) for it in found if it["kind"] == kind] for kind in ("error", "warning")}
    for text in lines["warning"]:
        say(text)
    if lines["error"]:
        raise SetupError("\n".join(lines["error"]))
    return tuple(told["imported"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a page's Python has beside the tools."""

    stock: Path
    wheel: bytes
    zones: bytes
    packages: bytes | None = None


def checked_tools(root: Path, what: Imported, name: str, contents: Sequence[bytes]) -> list[dict[str, Any]]:
    """What the browser's Python says of each of these files, as check_tools.mjs writes it; none knows of the others.

    SetupError.
    """
    sources = [path.read_bytes() for path in sorted(CHECKER.iterdir()) if path.is_file()]
    given = [what.stock.name.encode(), what.wheel, what.zones, what.packages or b"", *contents, *sources]
    folder = root / ".cache" / "checked" / build_cache.digest(given)

    def command(work: Path, out: Path) -> list[str]:
        (work / "client.whl").write_bytes(what.wheel)
        (work / "zones.bin").write_bytes(what.zones)
        if what.packages is not None:
            (work / "packages.bin").write_bytes(what.packages)
        files = [work / f"tools-{number}.py" for number in range(len(contents))]
        for path, content in zip(files, contents, strict=True):
            path.write_bytes(content)
        job = {
            "stock": str(what.stock),
            "packages": None if what.packages is None else str(work / "packages.bin"),
            "wheel": str(work / "client.whl"),
            "zones": str(work / "zones.bin"),
            "tools": [str(path) for path in files],
            "seconds": IMPORT_LIMIT_S,
            "out": str(out),
        }
        (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        return [str(CHECKER / "check_tools.mjs"), str(work / "job.json")]

    failure = f"{name}: the browser's Python could not import it."
    with build_cache.missing(folder) as wanting:
        if wanting:
            say(f"importing {name} in the browser's Python (once per change of it)")
            try:
                build_cache.make(root, folder, command, failure, timeout_s=NODE_LIMIT_S)
            except build_cache.TooLongError:
                raise SetupError(f"{name}: importing it does not end (given up after {NODE_LIMIT_S} s)") from None
            build_cache.forget_oldest(folder.parent)
    told: list[dict[str, Any]] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return told


def said(name: object, problem: Mapping[str, Any]) -> str:
    at = f", line {problem['line']}" if problem["line"] else ""
    return f"{name}{at}: {problem['text']}"


def _allowed(problem: str) -> list[str]:
    """The words after "one of:" in what the client says."""
    _, found, words = problem.partition("one of: ")
    return [word.strip() for word in words.split(",")] if found else []


def _section(raw: Mapping[str, Any], provider: str, path: Sequence[str]) -> str:
    """The section of agent.toml in which a setting stands, or would stand."""
    special = raw.get("provider", {})
    own = special.get(provider, {}) if isinstance(special, dict) else {}
    if isinstance(own, dict) and path[0] in own:
        return f"[provider.{provider}] "
    if len(path) > 1 and isinstance(raw.get(path[0]), dict):
        return f"[{path[0]}] "
    for section in ("agent", "session", "audio", "server"):
        table = raw.get(section, {})
        if isinstance(table, dict) and path[0] in table:
            return f"[{section}] "
    return f"[{path[0]}] " if isinstance(raw.get(path[0]), dict) else ""
