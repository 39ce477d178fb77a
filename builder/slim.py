"""Leave the comments out of what a browser is sent: they are a third of it, and the sources have them.

Only whole lines are taken: a comment that shares its line with code stays, so no string, pattern or address can be mistaken for
one. The one thing that could is a line of a text in backticks that looks like a comment; do not write one.
"""

from __future__ import annotations

import re

_WHOLE_LINES = re.compile(r"^[ \t]*/\*(?:[^*]|\*(?!/))*\*/[ \t]*\n|^[ \t]*//[^\n]*\n", re.MULTILINE)
_EMPTY_LINES = re.compile(r"^[ \t]*\n", re.MULTILINE)


def without_comments(text: str) -> str:
    """JavaScript or CSS without its comment lines and empty lines."""
    return _EMPTY_LINES.sub("", _WHOLE_LINES.sub("", text))
