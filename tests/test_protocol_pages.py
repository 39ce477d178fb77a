"""Every section number that the code cites stands in the protocol page of its wire."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "protocols"
# Which wire a file belongs to, by a word in its path.
WIRES = {
    "assemblyai": "assemblyai.md",
    "openai": "openai-realtime.md",
    "realtime": "openai-realtime.md",
    "sdk_voice": "sdk-voice.md",
}
SOURCES = ("pyclient", "server", "tests", "worklets", "templates")
# Sections of an RFC are not ours.
CITED = re.compile(r"(?<!RFC \d{4} )(?<!RFC \d{4}, )\b[Ss]ections? (\d+(?:\.\d+)*)")
HEADING = re.compile(r"^#+ (\d+(?:\.\d+)*)\.? ", re.MULTILINE)
NUMBERED = re.compile(r"^(?:\| )?(\d+(?:\.\d+)*)[. ]", re.MULTILINE)


def sections(page: str) -> set[str]:
    """The numbers of a page's headings, of its numbered table rows, and of the points in its lists (`15.8`)."""
    text = (PAGES / page).read_text(encoding="utf-8")
    found = set(HEADING.findall(text))
    for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        chapter = block.partition(".")[0]
        points = NUMBERED.findall(block.partition("\n")[2])
        found |= {point if "." in point else f"{chapter}.{point}" for point in points}
    return found


def cited() -> list[tuple[str, str, str]]:
    found = []
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in (".py", ".js", ".mjs", ".jsonl") or "__pycache__" in path.parts:
                continue
            name = path.relative_to(ROOT).as_posix()
            page = next((page for word, page in WIRES.items() if word in name), None)
            found += [(name, number, page or "") for number in CITED.findall(path.read_text(encoding="utf-8"))]
    return found


@pytest.mark.parametrize(("name", "number", "wire"), sorted(set(cited())))
def test_a_cited_section_exists(name: str, number: str, wire: str) -> None:
    """In a file that serves all wires the number must stand in one of the pages."""
    pages = [wire] if wire else sorted(set(WIRES.values()))
    assert any(number in sections(one) for one in pages), f"{name} cites section {number} of {' or '.join(pages)}"
