"""Small arithmetic that every bench needs, and the one error a bench may end with."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any


class BenchError(Exception):
    """A bench cannot be run here, or what it measured makes no sense; the text says what to do."""


def median(values: Iterable[float]) -> float:
    """The middle value. BenchError when there is none: an empty measurement is not a zero."""
    found = list(values)
    if not found:
        raise BenchError("nothing was measured")
    return float(statistics.median(found))


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """`{"p50", "p95", "p99"}` by the nearest rank, so that each is a value that was really seen.

    BenchError for none.
    """
    found = sorted(values)
    if not found:
        raise BenchError("nothing was measured")
    return {f"p{share}": float(found[math.ceil(share / 100 * len(found)) - 1]) for share in (50, 95, 99)}


def tidy(value: Any, digits: int = 4) -> Any:
    """`value` with every float in it cut to `digits` significant ones: more would be noise. Counts stay whole."""
    if isinstance(value, dict):
        return {key: tidy(inner, digits) for key, inner in value.items()}
    if isinstance(value, list):
        return [tidy(inner, digits) for inner in value]
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.{digits}g}")
    return value
