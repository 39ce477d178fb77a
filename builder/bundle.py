"""Bundler: joins each AudioWorklet, the worker and the page's script into one file each.

Static imports inside a worklet have no evidence of support in Safari and the Web Audio editors advise against them
(github.com/WebAudio/web-audio-api/issues/2194), so modules are joined here, dependencies first. The grammar is kept small
on purpose: named imports from `./x.js`, and `export` in front of a declaration.

The worker's reason is another: WebKitGTK now and then fails to load one of a worker's modules ("access control checks"), and
one file needs one request instead of a chain of four. So it is with the page's script, whose five parts would otherwise come
between Python and its files.
"""

from __future__ import annotations

import re
from pathlib import Path

from builder.environment import SetupError

ENTRIES = ("capture.js", "playback.js")
NAMED_IMPORT = re.compile(r"""^import\s*\{[^}]*\}\s*from\s*["']\./([\w-]+\.js)["'];?[ \t]*\n""", re.MULTILINE)
EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|class|const|let)\b)", re.MULTILINE)
LEFT_OVER = re.compile(r"^\s*(?:import(?!\s*\()|export)\b.*", re.MULTILINE)
DECLARED = re.compile(r"^(?:(?:async\s+)?function\s*\*?|class|const|let)\s+([\w$]+)", re.MULTILINE)


def members(folder: Path, entry: str) -> list[str]:
    """`entry` and everything it imports, dependencies first. Raises SetupError."""
    order: list[str] = []
    _visit(folder, entry, order, ())
    return order


def flatten(folder: Path, entry: str) -> str:
    """Return one script holding `entry` and everything it imports. Raises SetupError."""
    order = members(folder, entry)
    owner: dict[str, str] = {}
    parts = []
    for name in order:
        text = EXPORT.sub("", NAMED_IMPORT.sub("", (folder / name).read_text(encoding="utf-8")))
        left = LEFT_OVER.search(text)
        if left:
            raise SetupError(f"{folder.name}/{name}: the build cannot flatten '{left.group().strip()}'")
        for declared in DECLARED.findall(text):
            if owner.setdefault(declared, name) != name:
                raise SetupError(f"{folder.name}/{name} and {folder.name}/{owner[declared]} both declare '{declared}'")
        parts.append(f"// --- {name}\n{text.strip()}\n")
    return "\n".join(parts)


def _visit(folder: Path, name: str, order: list[str], path: tuple[str, ...]) -> None:
    if name in path:
        raise SetupError(f"worklets import each other in a ring: {' -> '.join((*path, name))}")
    if name in order:
        return
    if not (folder / name).exists():
        raise SetupError(f"worklets/{path[-1] if path else ''} imports '{name}', which does not exist")
    for wanted in NAMED_IMPORT.findall((folder / name).read_text(encoding="utf-8")):
        _visit(folder, wanted, order, (*path, name))
    order.append(name)
