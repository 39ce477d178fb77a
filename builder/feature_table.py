"""Feature table: what Parley and its peers can do, made from docs/features.toml into docs/features.md.

A feature that Parley has names the test that shows it or the file that does it. Raises SetupError where it names none
that is there. `python -m builder.feature_table --check` compares with what is committed.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder import made_page
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parent.parent
SOURCE = Path("docs", "features.toml")
FILE = Path("docs", "features.md")
STALE = f"{FILE} is not what {SOURCE} says now: run `python3 build.py features`"
OURS = ("yes", "partly", "no")
_CELLS = {"Y": "yes", "P": "partly", "N": "", "-": "–", "?": "?"}
_KEYS = {"name", "peers", "parley", "where"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One row. `peers`: a letter for each peer.

    `where`: a path in the repository, and `::test` in it where it is one test.
    """

    group: str
    name: str
    peers: str
    parley: str
    where: str


def text(root: Path) -> str:
    """The page, as it has to be. Raises SetupError."""
    table = tomllib.loads((root / SOURCE).read_text(encoding="utf-8"))
    peers: dict[str, str] = table["peers"]
    features = list(read(table["group"], peers))
    for feature in features:
        if feature.parley != "no" and not shown(root, feature.where):
            raise SetupError(f"{SOURCE}: {feature.name}: {feature.where!r} is no test or file that is there")
    return page(peers, features)


def read(groups: Iterable[dict[str, object]], peers: dict[str, str]) -> Iterable[Feature]:
    """The rows, checked. Raises SetupError for one that is not whole."""
    for group in groups:
        rows = group["features"]
        assert isinstance(rows, list)
        for row in rows:
            if row.keys() != _KEYS:
                raise SetupError(f"{SOURCE}: {row.get('name', row)}: has {sorted(row)}, wants {sorted(_KEYS)}")
            feature = Feature(group=str(group["name"]), **row)
            if feature.parley not in OURS:
                raise SetupError(
                    f"{SOURCE}: {feature.name}: parley is {feature.parley!r}, not one of {', '.join(OURS)}"
                )
            if len(feature.peers) != len(peers) or set(feature.peers) - _CELLS.keys():
                raise SetupError(
                    f"{SOURCE}: {feature.name}: {feature.peers!r} is not one of YPN-? for each of {len(peers)} peers"
                )
            yield feature


def shown(root: Path, where: str) -> bool:
    path, _, test = where.partition("::")
    if not path or not (root / path).exists():
        return False
    return not test or f"def {test}(" in (root / path).read_text(encoding="utf-8")


def page(peers: dict[str, str], features: list[Feature]) -> str:
    count = Counter(feature.parley for feature in features)
    best = {code: sum(feature.peers[at] == "Y" for feature in features) for at, code in enumerate(peers)}
    most = max(best, key=lambda code: best[code])
    lines = [
        "# Features, beside the peers'",
        "",
        f"Made by `python3 build.py features` from [features.toml](features.toml). Of {len(features)} features Parley has {count['yes']},",
        f"{count['partly']} partly, {count['no']} not; the peer with the most, {most}, has {best[most]}. Each yes leads to the test that shows it,",
        "or to the file that does it. Peers were read from their public repositories in August 2026: an empty cell means that it",
        "was not found there, `–` that it does not apply, `?` that nobody looked.",
        "",
        *(f"- **{code}**: {name}" for code, name in peers.items()),
    ]
    for group in dict.fromkeys(feature.group for feature in features):
        lines += [
            "",
            f"## {group}",
            "",
            f"| | Parley | where | {' | '.join(peers)} |",
            f"|---|---|---|{'---|' * len(peers)}",
        ]
        for feature in features:
            if feature.group == group:
                path = feature.where.partition("::")[0]
                where = f"[{Path(path).name}](../{path})" if path else ""
                cells = " | ".join(_CELLS[letter] for letter in feature.peers)
                lines.append(f"| {feature.name} | {feature.parley} | {where} | {cells} |")
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    return made_page.main(words, ROOT / FILE, lambda: text(ROOT), STALE)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
