"""Inbound messages are bounded before they are parsed."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["MAX_BYTES", "MAX_DEPTH", "NotAMessage", "parse"]

# One message may carry 10 s of audio; a stock websockets server would take 1 MiB too.
MAX_BYTES = 1 << 20
MAX_DEPTH = 64


class NotAMessage(ValueError):
    """The text is too large, too deep, not JSON, or not an object."""


def parse(text: str, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """The object in `text`. Raises NotAMessage; never recurses deeper than MAX_DEPTH."""
    if len(text) > max_bytes:
        raise NotAMessage("too large")
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise NotAMessage("too deep")
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotAMessage("not JSON") from error
    if not isinstance(value, dict):
        raise NotAMessage("not an object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


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
