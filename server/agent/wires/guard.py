"""Inbound messages are bounded before they are parsed."""

from __future__ import annotations

import json
import math
import re
from typing import Any

__all__ = ["MAX_BYTES", "MAX_DEPTH", "NotAMessage", "parse"]

# One message may carry 10 s of audio; a stock websockets server would take 1 MiB too.
MAX_BYTES = 1 << 20
MAX_DEPTH = 64


# Half of a character, or what JSON writes for it.
_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")


class NotAMessage(ValueError):
    """The text is too large, too deep, not JSON, not an object, or holds half a character or a
    number beyond all bounds.
    """


def parse(text: str, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The object in `text`. Raises NotAMessage; never recurses deeper than MAX_DEPTH."""
    if len(text) > max_bytes:
        raise NotAMessage("too large")
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise NotAMessage("too deep")
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        if _SURROGATE.search(text):
            # Pairs are characters. A half is none: no UTF-8 can carry it, and no answer could repeat it.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise NotAMessage("not JSON") from error
    if not isinstance(value, dict):
        raise NotAMessage("not an object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("JSON has no infinity, and none may be echoed")
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest
