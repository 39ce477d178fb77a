"""Is a run within the committed budget?

`budget.json` holds ratios, counts, decibels and byte sizes, never times: a time belongs to the machine it was taken on.

    {"figure": "start.*.ratio_to_stock", "limit": 0.28, "direction": "at most", "reason": "..."}

`*` stands for one whole step of the path (an engine, a pair of rates).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import BenchError

BUDGET = Path(__file__).with_name("budget.json")
DIRECTIONS = ("at most", "at least", "exactly")
# A key that says so, or stands below one that does (latency.chromium.capture_to_send_ms.p99).
_TIME = re.compile(r"(^|_)(ms|us|ns|s|rps)(_|$)|ns_per_sample")
_RATIO = re.compile(r"(^|_)(ratio|share)(_|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One line of the budget. `figure` is the path below the whole result, its steps joined by dots."""

    figure: str
    limit: float
    direction: str
    reason: str

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise BenchError(f"budget: {self.figure}: direction must be one of {', '.join(DIRECTIONS)}")
        if not self.reason.strip():
            raise BenchError(f"budget: {self.figure}: a limit needs its reason")
        if isinstance(self.limit, bool) or not isinstance(self.limit, int | float):
            raise BenchError(f"budget: {self.figure}: the limit must be a number")
        steps = self.figure.split(".")
        if any(_TIME.search(step) and not _RATIO.search(step) for step in steps):
            raise BenchError(f"budget: {self.figure} is a time; only ratios, counts and sizes can be promised")

    def keeps(self, value: float) -> bool:
        """Whether `value` is within the limit. What is not a number (NaN) never is."""
        if self.direction == "exactly":
            return value == self.limit
        return value <= self.limit if self.direction == "at most" else value >= self.limit


def load(path: Path = BUDGET) -> list[Limit]:
    """The committed limits. BenchError for a file that cannot be meant."""
    try:
        return [Limit(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["limits"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path.name} cannot be read: {error}") from None


def faults(figures: Mapping[str, Any], limits: Sequence[Limit], engines: Sequence[str]) -> list[str]:
    """A sentence for each figure over budget, and for each limit whose bench ran without measuring its figure.

    Limits of benches that were not run, and of an engine by name that was not asked for, say nothing.
    """
    told = []
    for limit in limits:
        steps = limit.figure.split(".")
        if steps[0] not in figures or (steps[1:2] and steps[1] in _ENGINES and steps[1] not in engines):
            continue
        found = list(_matches(figures, steps))
        if not found:
            told.append(f"{limit.figure} was not measured, and the budget has a limit for it")
        for path, value in found:
            if isinstance(value, bool) or not isinstance(value, int | float):
                told.append(f"{path} is {value!r}, not a number")
            elif not limit.keeps(value):
                told.append(f"{path} is {value:g}, allowed is {limit.direction} {limit.limit:g}: {limit.reason}")
    return told


_ENGINES = ("chromium", "firefox", "webkit")


def _matches(tree: Any, steps: Sequence[str], path: str = "") -> Iterator[tuple[str, Any]]:
    if not steps:
        yield path, tree
        return
    if not isinstance(tree, Mapping):
        return
    for name in tree if steps[0] == "*" else [steps[0]]:
        if name in tree:
            yield from _matches(tree[name], steps[1:], f"{path}.{name}" if path else name)
