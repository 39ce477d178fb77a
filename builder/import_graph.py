"""Import graph: which floor of `pyclient` imports which, drawn into docs/import-graph.md.

The floors are those of the `layers` contract in pyproject.toml. Raises SetupError where an arrow runs up or in a
circle, so a graph that is drawn has neither. `python -m builder.import_graph --check` compares with what is committed.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from builder import made_page
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "pyclient"
FILE = Path("docs", "import-graph.md")
STALE = f"{FILE} is not what the imports are now: run `python3 build.py graph`"

Imports = Mapping[str, frozenset[str]]


def text(root: Path) -> str:
    """The page, as it has to be. Raises SetupError."""
    floors = floors_of(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")))
    imports = imports_of(root)
    check(floors, imports)
    return page(floors, imports)


def floors_of(settings: Mapping[str, object]) -> list[list[str]]:
    """The names on each floor, from the top."""
    found: object = settings
    for key in ("tool", "importlinter", "contracts"):
        found = found[key] if isinstance(found, Mapping) else None
    for contract in found if isinstance(found, list) else []:
        if contract["type"] == "layers" and contract.get("containers") == [PACKAGE]:
            return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]
    raise SetupError(f"pyproject.toml has no layers contract for {PACKAGE}")


def imports_of(root: Path) -> Imports:
    """What each module imports of its own package. Nothing is run for it."""
    import grimp

    sys.path.insert(0, str(root))
    try:
        graph = grimp.build_graph(PACKAGE, cache_dir=None)
    finally:
        sys.path.remove(str(root))
    found = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules if module != PACKAGE}
    return {module: frozenset(imported - {PACKAGE}) for module, imported in found.items()}


def floor_of(module: str) -> str:
    return module.split(".")[1]


def check(floors: list[list[str]], imports: Imports) -> None:
    """Raises SetupError for an arrow that runs up or sideways between floors, and for a circle."""
    height = {name: len(floors) - number for number, names in enumerate(floors) for name in names}
    for module, imported in sorted(imports.items()):
        for other in sorted(imported):
            above, below = floor_of(module), floor_of(other)
            if above != below and height[above] <= height[below]:
                raise SetupError(f"{module} imports {other}, which does not stand below it")
    left = dict(imports)
    while left:
        free = [module for module, imported in left.items() if not imported & left.keys()]
        if not free:
            raise SetupError(f"imports run in a circle among {', '.join(sorted(left))}")
        for module in free:
            del left[module]


def page(floors: list[list[str]], imports: Imports) -> str:
    """Only arrows between floors: it changes when one comes or goes, and not with each import."""
    arrows = {(floor_of(module), floor_of(other)) for module, imported in imports.items() for other in imported}
    names = [name for layer in floors for name in layer]
    knows = {name: [other for other in names if other != name and (name, other) in arrows] for name in names}
    lines = [
        "# Import graph",
        "",
        "Made by `python3 build.py graph`; `python3 build.py check` fails where it is not current. Floors of `pyclient`, from",
        "the top. No circle and no arrow up: else the command draws nothing and says which import it is.",
        "",
        "A thick arrow leads to the highest floor that is known, a thin one to each of the others.",
        "",
        "```mermaid",
        "flowchart TD",
    ]
    lines += [f"    {name}" for name in names]
    for name, below in knows.items():
        lines += [f"    {name} {'==>' if other == below[0] else '-.->'} {other}" for other in below]
    lines += ["```", "", "| floor | knows |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{other}`' for other in below)} |" for name, below in knows.items()]
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    return made_page.main(words, ROOT / FILE, lambda: text(ROOT), STALE)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
