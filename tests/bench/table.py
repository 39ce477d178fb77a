"""The figures for a person: on the screen, and as `docs/bench.md`. Nothing in that file is written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.cli import BENCHES

HEAD = """# What it costs

Written by `python3 build.py bench NAME --table docs/bench.md`; do not edit it. A section stays as it is until its bench
is run again, and says when that was. Both sides of every comparison were measured in the same run, in turns. Times
belong to the machine they were taken on; ratios are what `tests/bench/budget.json` holds. `noise` is how far a round lay
from the median, as a share of it.
"""


def write(path: Path, figures: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write the Markdown file, or into it: what it says of other benches stays.

    `about`: per bench, when, how often and on what it was measured.
    """
    sections = _sections(path) | {name: _section(name, tree, about.get(name, {})) for name, tree in figures.items()}
    names = [*(name for name in BENCHES if name in sections), *(name for name in sections if name not in BENCHES)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEAD, *(sections[name] for name in names)]), encoding="utf-8")


def _sections(path: Path) -> dict[str, str]:
    """By bench, what an earlier table says of it."""
    if not path.exists():
        return {}
    _, *found = path.read_text(encoding="utf-8").split("\n## ")
    return {text.partition("\n")[0]: f"## {text.rstrip()}\n" for text in found}


def _section(name: str, tree: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    head, body = _layout(name, tree)
    lines = [
        f"## {name}",
        "",
        _circumstances(about),
        "",
        _line(head),
        _line(["---"] * len(head)),
        *map(_line, body),
        "",
    ]
    return "\n".join(lines)


def text(name: str, tree: Mapping[str, Any]) -> str:
    """One bench as aligned lines."""
    head, body = _layout(name, tree)
    table = [[name, *head[1:]], *body]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def _layout(name: str, tree: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    return line_grid(tree) if name == "line" else grid(tree)


def line_grid(tree: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """(head, rows) of `bench line`: one row for each engine, line and kind, so that what is compared
    stands below each other.

    What belongs to a line as a whole (how ours compares, the noise) stands in the row of its first kind.
    """
    compared: dict[str, None] = {}
    measured: dict[str, None] = {}
    for _, _, kinds, whole in _lines(tree):
        compared |= dict.fromkeys(whole)
        measured |= {name: None for row in kinds.values() for name in row}
    body = []
    for engine, line, kinds, whole in _lines(tree):
        for kind, row in kinds.items():
            body.append([engine, line, kind, *(_number(row[name]) if name in row else "–" for name in measured)])
            body[-1] += [_number(whole[name]) if name in whole else "" for name in compared]
            whole = {}
    return ["engine", "line", "what", *measured, *compared], body


def _lines(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """(engine, line, figures of each kind, figures of the line as a whole)."""
    for engine, lines in tree.items():
        for line, found in lines.items():
            kinds = {name: value for name, value in found.items() if isinstance(value, Mapping)}
            yield engine, line, kinds, {name: value for name, value in found.items() if name not in kinds}


def grid(tree: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """(head, rows). Where the tree's branches are alike (engines, pairs of rates), each is a column of its own."""
    branches = list(tree.values())
    alike = all(isinstance(branch, Mapping) and branch and not _is_spread(branch) for branch in branches)
    if not alike or not branches:
        return ["figure", "value"], [list(row) for row in rows(tree)]
    columns = [dict(rows(branch)) for branch in branches]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    return ["figure", *tree], [[label, *(column.get(label, "–") for column in columns)] for label in labels]


def rows(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, value) of every figure, in the order measured."""
    if isinstance(tree, Mapping) and not _is_spread(tree):
        for name, inner in tree.items():
            yield from rows(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, Mapping):
        yield f"{path} p50 / p95 / p99", " / ".join(_number(tree[key]) for key in _SPREAD)
    elif isinstance(tree, list):
        yield path, ", ".join(map(_number, tree))
    else:
        yield path, _number(tree)


_SPREAD = ("p50", "p95", "p99")


def _is_spread(tree: Mapping[str, Any]) -> bool:
    return set(tree) == set(_SPREAD)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _number(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", " ")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _circumstances(about: Mapping[str, Any]) -> str:
    measured = f"commit {about['commit']}, " if "commit" in about else ""
    parts = [
        f"{about.get('date', 'no date')}, {measured}{about.get('rounds', '?')} rounds, {about.get('machine', 'machine unknown')}"
    ]
    parts += [f"* {engine}" for engine in about.get("engines", [])]
    return "\n".join(parts[:1] + (["", *parts[1:]] if parts[1:] else []))
