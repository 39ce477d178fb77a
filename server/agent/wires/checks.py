"""What may one value in a client's message be? Predicates that no protocol owns; each wire refuses in its own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Check", "an_object", "anything", "flag", "is_int", "one_of", "or_null", "text", "texts", "whole", "within"]

Check = Callable[[Any], bool]


def is_int(value: Any) -> bool:
    """A bool is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def within(low: float, high: float) -> Check:
    # No `isfinite`: a whole number of 400 digits fits into no float. Of NaN no comparison is true.
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def whole(low: int, high: int) -> Check:
    return lambda value: is_int(value) and low <= value <= high


def text(limit: int) -> Check:
    """At most `limit` characters."""
    return lambda value: isinstance(value, str) and len(value) <= limit


def texts(limit: int, each: Check) -> Check:
    """A list of at most `limit` texts that pass `each`."""
    return lambda value: isinstance(value, list) and len(value) <= limit and all(map(each, value))


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def one_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def anything(_value: Any) -> bool:
    return True


def an_object(value: Any) -> bool:
    return isinstance(value, dict)


def or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)
