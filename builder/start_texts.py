"""Microphone faults: what a page must know of a microphone before its Python has started.

It is the client's own table, read from the source, because the build imports no other room.
"""

from __future__ import annotations

import ast
from pathlib import Path

from builder.environment import SetupError

TABLE = "CAPTURE"


def of_the_microphone(root: Path) -> dict[str, bool]:
    """Return whether Connect can help, by kind of fault; `unknown` for every other one. Raises SetupError."""
    file = root / "pyclient" / "page" / "notice_texts.py"
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.target.id != TABLE:
            continue
        if isinstance(node.value, ast.Call) and len(node.value.args) == 1:
            table: dict[str, bool] = ast.literal_eval(node.value.args[0])
            return table
    raise SetupError(f"pyclient/page/notice_texts.py has no literal table {TABLE} any more, and the page needs it")
