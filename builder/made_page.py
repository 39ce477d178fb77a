"""Made page: writes a page of docs/ that is made of something else, or says that the committed one is not current."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from builder.environment import SetupError


def main(words: list[str], path: Path, text: Callable[[], str], stale: str) -> int:
    """Write `text()` to `path`; with `--check` compare only.

    Returns the exit code: 1 where it differs or cannot be made.
    """
    try:
        wanted = text()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    if words == ["--check"]:
        if not path.exists() or path.read_text(encoding="utf-8") != wanted:
            print(stale, file=sys.stderr)
            return 1
        return 0
    path.write_text(wanted, encoding="utf-8")
    print(f"wrote {path.parent.name}/{path.name}")
    return 0
