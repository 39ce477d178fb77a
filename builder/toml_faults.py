"""Says where a text stops being TOML: the library names the end of the document where something was
left open before it.
"""

from __future__ import annotations

import re
import tomllib

_AT = re.compile(r" \(at line (\d+), column (\d+)\)$")


def told(text: str, problem: str) -> tuple[str, str]:
    """(", line N", what is wrong there), from the text and what the library says of it."""
    words = re.sub(r" \(at end of document\)$", "", problem)
    if found := _AT.search(problem):
        return f", line {found[1]}", f"{words.removesuffix(found[0])} (column {found[2]})"
    return f", line {_left_open(text)}", words


def _left_open(text: str) -> int:
    """The line after the last beginning of the text that is TOML by itself."""
    lines = text.splitlines()
    for count in range(len(lines) - 1, -1, -1):
        try:
            tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        return count + 1
    return 1
