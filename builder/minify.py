"""Minifier: leaves comments and indentation out of what a browser is sent: a third of it even when compressed.

Only whole lines are taken: a comment that shares its line with code stays, so no string, pattern or address can be mistaken for
one. The one thing that could is a text in backticks over several lines; do not write one.
"""

from __future__ import annotations

import re

_WHOLE_LINES = re.compile(r"^[ \t]*/\*(?:[^*]|\*(?!/))*\*/[ \t]*\n|^[ \t]*//[^\n]*\n", re.MULTILINE)
_INDENTATION = re.compile(r"^\s+", re.MULTILINE)


def slimmed(text: str) -> str:
    """JavaScript or CSS without its comment lines, empty lines and indentation."""
    return _INDENTATION.sub("", _WHOLE_LINES.sub("", text))
