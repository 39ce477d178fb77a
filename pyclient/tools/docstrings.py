"""Docstring parser: the summary of a function, and what it says of each parameter.

Three styles are read: Google ("Args:" with indented lines), Sphinx (":param city: ...")
and NumPy ("Parameters" underlined).
"""

from __future__ import annotations

import re

_GOOGLE = re.compile(r"^\s*(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments):\s*$")
# Sections that end the summary, and the parameters, although there is nothing in them for an agent.
_OTHER = re.compile(
    r"^\s*(Returns?|Yields?|Raises|Examples?|Notes?|Warnings?|Warns|See Also|References|Attributes|Todo):\s*$"
)
_GOOGLE_LINE = re.compile(r"^(\s+)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
_SPHINX = re.compile(r"^\s*:(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_SPHINX_ANY = re.compile(r"^\s*:(?:param|parameter|arg|argument|key|keyword|type|returns?|rtype|raises?|except)\b.*:")
_UNDERLINE = re.compile(r"^\s*-{3,}\s*$")
_NUMPY_TITLES = frozenset({"parameters", "other parameters"})
_NUMPY_LINE = re.compile(r"^\*{0,2}(\w+)(?:\s*,\s*\w+)*\s*(?::.*)?$")


def summary(documentation: str) -> str:
    """The first paragraph, without a section that follows it without a blank line."""
    lines: list[str] = []
    all_lines = documentation.strip().splitlines()
    for number, line in enumerate(all_lines):
        titled = number + 1 < len(all_lines) and _UNDERLINE.match(all_lines[number + 1])
        if not line.strip() or titled or _GOOGLE.match(line) or _OTHER.match(line) or _SPHINX_ANY.match(line):
            break
        lines.append(line)
    return " ".join(" ".join(lines).split())


def parameters(documentation: str) -> dict[str, str]:
    """What is said of each parameter, in whichever of the three styles."""
    lines = documentation.splitlines()
    return {**_google(lines), **_sphinx(lines), **_numpy(lines)}


def _google(lines: list[str]) -> dict[str, str]:
    """`name: text`, continued on deeper lines, ended by a line at the margin of the title."""
    notes: dict[str, str] = {}
    start = next((number for number, line in enumerate(lines) if _GOOGLE.match(line)), None)
    if start is None:
        return notes
    margin = _indent(lines[start])
    current, indent = "", 0
    for line in lines[start + 1 :]:
        if not line.strip():
            continue
        if _indent(line) <= margin:
            break
        found = _GOOGLE_LINE.match(line)
        if found and (not current or len(found[1]) <= indent):
            current, indent = found[2], len(found[1])
            notes[current] = found[3].strip()
        elif current:
            notes[current] = f"{notes[current]} {line.strip()}".strip()
    return notes


def _sphinx(lines: list[str]) -> dict[str, str]:
    """`:param name: text` or `:param type name: text`, continued until the next field or a blank line."""
    notes: dict[str, str] = {}
    current = ""
    for line in lines:
        found = _SPHINX.match(line)
        if found:
            current = found[1]
            notes[current] = found[2].strip()
        elif not line.strip() or _SPHINX_ANY.match(line):
            current = ""
        elif current:
            notes[current] = f"{notes[current]} {line.strip()}".strip()
    return notes


def _numpy(lines: list[str]) -> dict[str, str]:
    """A title with dashes under it, then `name : type` lines with indented text below each."""
    notes: dict[str, str] = {}
    inside, margin, current = False, 0, ""
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and _UNDERLINE.match(lines[number + 1]):
            inside, margin, current = line.strip().lower() in _NUMPY_TITLES, _indent(line), ""
        elif inside and line.strip() and not _UNDERLINE.match(line):
            found = _NUMPY_LINE.match(line.strip()) if _indent(line) <= margin else None
            if found:
                current = found[1]
                notes[current] = ""
            elif current and _indent(line) > margin:
                notes[current] = f"{notes[current]} {line.strip()}".strip()
    return {name: text for name, text in notes.items() if text}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
