"""What a page says of a microphone that cannot be used, before its Python is there to say it: the client's own words.

They are read from the source, because the build imports no other room.
"""

from __future__ import annotations

import ast
from pathlib import Path

from builder.environment import SetupError

TABLE = "_CAPTURE"


def of_the_microphone(root: Path) -> dict[str, tuple[str, str, bool]]:
    """Return (title, hint, whether Connect can help) by kind of fault; `unknown` for every other one. Raises SetupError."""
    file = root / "pyclient" / "notices.py"
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.target.id != TABLE:
            continue
        if isinstance(node.value, ast.Call) and len(node.value.args) == 1:
            table: dict[str, tuple[str, str, bool]] = ast.literal_eval(node.value.args[0])
            return table
    raise SetupError(f"pyclient/notices.py has no literal table {TABLE} any more, and the page needs its words")
