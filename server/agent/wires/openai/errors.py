"""Errors of the OpenAI wire: how a wrong value is refused. Protocol file section 9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.agent.wires import checks
from server.agent.wires.checks import Check

__all__ = ["Refused", "fields", "text", "texts", "wrong"]

# A sanity limit of ours.
text = checks.text(200_000)
texts = checks.texts(1000, text)


@dataclass(slots=True)
class Refused(Exception):
    """An `error` event to send (section 9); `param` is the path of what is wrong. `kind` is the error's type."""

    code: str
    message: str
    param: str | None = None
    kind: str = "invalid_request_error"


def wrong(param: str, must: str) -> Refused:
    return Refused("invalid_value", f"Invalid value for '{param}': expected {must}.", param)


def fields(given: Any, checks: Mapping[str, Check], path: str) -> dict[str, Any]:
    """`given` when every key is known and every value allowed. Raises Refused."""
    if not isinstance(given, dict):
        raise wrong(path, "an object")
    for key, value in given.items():
        where = f"{path}.{key[:100]}"
        if key not in checks:
            raise Refused("unknown_parameter", f"Unknown parameter: '{where}'.", where)
        if not checks[key](value):
            raise wrong(where, "another type or value")
    return given
