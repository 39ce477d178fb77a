"""Safe JSON: parses messages from the network with limits on size and depth.

Everything is checked **before** `json.loads` sees the text, because there is no recovering afterwards: in Pyodide a few
thousand nested brackets overflow the WebAssembly stack, which is fatal for the whole runtime
and not a `RecursionError`.

Rules, each refused with a sentence that names it:

1. size: at most `Limits.max_bytes` as UTF-8;
2. containers: at most `MAX_CONTAINERS`, so that checking stays cheap;
3. nesting: at most `Limits.max_depth` levels, brackets inside strings not counted;
4. numbers: finite, and of a length that can mean something;
5. shape: an object with a string `type`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

# The largest honest message is a session's echo of its own settings with all its tool schemas: some hundreds.
MAX_CONTAINERS = 50_000

# 2**64 has 20 digits; a double needs at most 17 significant ones, but may be written out at length.
MAX_NUMBER_CHARS = 64

# Possessive repeats: a string is matched once and never re-tried, so hostile text costs linear time.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class UnsafeMessage(ValueError):
    """The message was refused; the text says by which rule. Never leaves a codec: it becomes `MessageRejected`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an inbound message may be. `max_bytes` counts UTF-8 bytes, `max_depth` nested objects and arrays."""

    max_bytes: int = 1 << 20
    max_depth: int = 64

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or not 1 <= self.max_depth <= 200:
            raise ValueError("max_bytes must be positive and max_depth between 1 and 200")


def decode_object(data: str, limits: Limits) -> dict[str, Any]:
    """One JSON object with a string `type`, or `UnsafeMessage`. Lone surrogates become U+FFFD.

    A lone surrogate is legal in JSON but cannot be turned into a JavaScript string or into UTF-8, so it would
    raise much later, far from whoever sent it.
    """
    _check_size(data, limits)
    _check_nesting(data, limits)
    try:
        value = _DECODER.decode(data)
    except ValueError as error:  # JSONDecodeError, and our own number guards
        raise UnsafeMessage(str(error) if isinstance(error, UnsafeMessage) else "not JSON") from None
    if not isinstance(value, dict):
        raise UnsafeMessage("not a JSON object")
    fields: dict[str, Any] = _without_surrogates(value) if "\\u" in data else value
    if not isinstance(fields.get("type"), str):
        raise UnsafeMessage("no type")
    return fields


def nesting_depth(data: str, stop_above: int) -> int:
    """Deepest nesting of `data`; counting stops at the first level above `stop_above`. Text need not be valid JSON."""
    depth = deepest = 0
    for match in _TOKENS.finditer(data):
        token = data[match.start()]
        if token in "[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > stop_above:
                    break
        elif token in "]}":
            depth -= 1
    return deepest


def _check_size(data: str, limits: Limits) -> None:
    too_large = len(data) > limits.max_bytes
    if not too_large and not data.isascii():
        try:
            too_large = len(data.encode()) > limits.max_bytes
        except UnicodeEncodeError:
            raise UnsafeMessage("not Unicode text") from None
    if too_large:
        raise UnsafeMessage(f"larger than {limits.max_bytes} bytes")


def _check_nesting(data: str, limits: Limits) -> None:
    # Nesting cannot exceed the number of opening brackets: two C-speed counts settle nearly every message.
    openings = data.count("{") + data.count("[")
    if openings <= limits.max_depth:
        return
    if openings > MAX_CONTAINERS:
        raise UnsafeMessage(f"more than {MAX_CONTAINERS} objects and arrays")
    if nesting_depth(data, limits.max_depth) > limits.max_depth:
        raise UnsafeMessage(f"nested deeper than {limits.max_depth}")


def _int(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARS:
        raise UnsafeMessage("a number that is too long")
    return int(text)


def _float(text: str) -> float:
    if len(text) > MAX_NUMBER_CHARS:
        raise UnsafeMessage("a number that is too long")
    value = float(text)
    if not math.isfinite(value):
        raise UnsafeMessage("a number that is not finite")
    return value


def _constant(name: str) -> float:
    raise UnsafeMessage(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_int, parse_float=_float, parse_constant=_constant)


def _without_surrogates(value: Any) -> Any:
    """A copy with lone surrogates replaced. Recursion is bounded by `Limits.max_depth`, checked before."""
    if isinstance(value, str):
        return _LONE_SURROGATES.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
