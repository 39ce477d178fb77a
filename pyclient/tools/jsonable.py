"""Tool results as JSON: plain values as they are, common Python values as people expect them.

Dates and times become ISO 8601 text, decimals numbers, time spans seconds, enums their values, dataclasses and named
tuples objects, sets lists. Anything else is refused with the key and the type. The core imports no `datetime` and no
`decimal`, so their values are known by where they come from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pyclient.core.errors import ToolArgumentError

# Deeper than any useful result, and far from where recursion is fatal in a browser.
MAX_DEPTH = 40


def to_json(value: Any) -> str:
    """JSON text, with characters as they are; half a surrogate pair becomes U+FFFD. Raises `ToolArgumentError`."""
    text = json.dumps(_plain(value, "result", 0), ensure_ascii=False, allow_nan=False)
    return clean(text)


def clean(text: str) -> str:
    """Without halves of surrogate pairs: neither JavaScript nor UTF-8 can take them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_halves(text) else text


def _has_halves(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ToolArgumentError(f"The tool's {where[:80]} is nested too deep, or contains itself")
    if isinstance(value, Enum):
        return _plain(value.value, where, depth + 1)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ToolArgumentError(f"The tool's {where} is {value}, which JSON has no word for")
        return float(value)
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: _plain(getattr(value, item.name), f"{where}.{item.name}", depth + 1) for item in fields(value)
        }
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {
            name: _plain(item, f"{where}.{name}", depth + 1) for name, item in zip(value._fields, value, strict=True)
        }
    if isinstance(value, set | frozenset):
        return sorted(
            (_plain(item, f"{where}[]", depth + 1) for item in value), key=lambda item: (str(type(item)), str(item))
        )
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    return _known(value, where, depth)


def _known(value: Any, where: str, depth: int) -> Any:
    """Values of the standard library, and what a browser's own objects turn into."""
    kind, home = type(value).__name__, type(value).__module__
    if home == "datetime" and kind == "timedelta":
        return value.total_seconds()
    if hasattr(value, "isoformat"):  # also of subclasses
        return str(value.isoformat())
    if home in ("decimal", "_decimal", "_pydecimal") and kind == "Decimal":
        if not value.is_finite():
            raise ToolArgumentError(f"The tool's {where} is {value}, which JSON has no word for")
        return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)
    if home == "fractions" and kind == "Fraction":
        return float(value)
    if home == "uuid" and kind == "UUID":
        return str(value)
    if hasattr(value, "to_py") and home.startswith("pyodide"):
        return _plain(value.to_py(), where, depth + 1)
    raise ToolArgumentError(f"The tool's {where} is a value of type {kind}, which cannot be written as JSON")


def _key(key: Any, where: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key)
    if hasattr(key, "isoformat"):
        return str(key.isoformat())
    raise ToolArgumentError(
        f"The tool's {where} has a key of type {type(key).__name__}, which cannot be written as JSON"
    )
