"""Field readers: one field of a message that may be missing, null or something else entirely.

`Fields` is one JSON object that `pyclient.core.safejson` has let pass. What cannot be taken raises `UnsafeMessage`,
which never leaves the codec: it becomes `MessageRejected`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pyclient.core.safejson import UnsafeMessage

MAX_ID_CHARS = 256
MAX_TEXT_CHARS = 500
MAX_NUMBER = 10**15

Fields = Mapping[str, Any]
Key = TypeVar("Key")
Value = TypeVar("Value")


def text(fields: Fields, key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise UnsafeMessage(f"{key} must be text")
    return value


def optional_text(fields: Fields, key: str, limit: int) -> str:
    value = fields.get(key)
    return value[:limit] if isinstance(value, str) else ""


def identifier(fields: Fields, key: str) -> str:
    """An id, or "" where it is absent.

    One that is too long to be an id is refused rather than cut: it must stay unique.
    """
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_ID_CHARS:
        raise UnsafeMessage(f"{key} must be text of at most {MAX_ID_CHARS} characters")
    return value


def required_id(fields: Fields, key: str) -> str:
    value = identifier(fields, key)
    if not value:
        raise UnsafeMessage(f"no {key}")
    return value


def index(fields: Fields, key: str) -> int:
    """Position among the parts of an item; 0 where a server leaves it out."""
    value = fields.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000 else 0


def number(fields: Fields, key: str) -> float | None:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_NUMBER:
        return None  # a number that nothing here can count to is as good as none
    return float(value)


def milliseconds(fields: Fields, key: str) -> int | None:
    value = number(fields, key)
    return None if value is None else int(value)


def inner(fields: Fields, key: str) -> Fields:
    """An object inside the message; empty where it is missing, null or no object."""
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def objects(fields: Fields, key: str) -> list[Fields]:
    """The objects of a list inside the message."""
    value = fields.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def remember(memory: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    """Keep `value`; of more than `limit` the oldest goes. A long session must not grow for ever."""
    memory[key] = value
    if len(memory) > limit:
        del memory[next(iter(memory))]
