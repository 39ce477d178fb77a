"""JSON schema of a Python annotation, and the check whether a value fits it.

Covers what a voice agent's tool needs: str, int, float, bool, list, dict, Literal, Enum, Optional and Annotated
descriptions. Anything else is refused when the tool is defined, never in a call.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pyclient.core.errors import ToolArgumentError, ToolDefinitionError

Schema = dict[str, Any]

_SCALARS: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_NONE = type(None)
MAX_SHOWN_CHARS = 60


def schema_of(annotation: Any, where: str) -> Schema:
    """The schema of one annotation. `where` names the parameter in the `ToolDefinitionError`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *notes = get_args(annotation)
        schema = schema_of(inner, where)
        text = next((note for note in notes if isinstance(note, str)), "")
        return {**schema, "description": text} if text else schema
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    if annotation is Any:
        return {}
    if annotation is dict or origin is dict:
        return _dict_schema(annotation, where)
    if annotation is list or origin is list:
        inner = get_args(annotation) or (Any,)
        if len(inner) != 1:
            raise ToolDefinitionError(
                f"{where}: {annotation!r} names {len(inner)} types; a list has one, as in list[str]"
            )
        return {"type": "array", "items": schema_of(inner[0], f"{where}[]")}
    if origin is Literal:
        return _enumeration(list(get_args(annotation)), where)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enumeration([member.value for member in annotation], where)
    if origin in (Union, types.UnionType):
        return schema_of(_optional(annotation, where), where)
    raise ToolDefinitionError(
        f"{where}: {annotation!r} cannot be described to an agent; use str, int, float, bool, list, dict, "
        "Literal, an Enum, or one of these | None"
    )


def convert(annotation: Any, value: Any, where: str) -> Any:
    """`value`, as JSON gave it, as the function wants it. Raises `ToolArgumentError` naming `where`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return convert(get_args(annotation)[0], value, where)
    if origin in (Union, types.UnionType):
        return None if value is None else convert(_optional(annotation, where), value, where)
    if annotation is Any:
        return value
    if annotation in _SCALARS:
        return _scalar(annotation, value, where)
    if annotation is dict or origin is dict:
        if not isinstance(value, dict):
            raise _misfit(where, "an object", value)
        inner = get_args(annotation)
        return {key: convert(inner[1], item, f"{where}.{key}") for key, item in value.items()} if inner else value
    if annotation is list or origin is list:
        if not isinstance(value, list):
            raise _misfit(where, "a list", value)
        (item_type,) = get_args(annotation) or (Any,)
        return [convert(item_type, item, f"{where}[{index}]") for index, item in enumerate(value)]
    if origin is Literal:
        return _member({choice: choice for choice in get_args(annotation)}, value, where)
    return _member({member.value: member for member in annotation}, value, where)


def is_optional(annotation: Any) -> bool:
    """May the value be None?"""
    if get_origin(annotation) is Annotated:
        return is_optional(get_args(annotation)[0])
    return get_origin(annotation) in (Union, types.UnionType) and _NONE in get_args(annotation)


def _dict_schema(annotation: Any, where: str) -> Schema:
    inner = get_args(annotation)
    if not inner:
        return {"type": "object"}
    if len(inner) != 2 or inner[0] is not str:
        raise ToolDefinitionError(f"{where}: the keys of a dict must be str, as in dict[str, int], not {annotation!r}")
    return {"type": "object", "additionalProperties": schema_of(inner[1], f"{where}.*")}


def _enumeration(values: list[Any], where: str) -> Schema:
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or not kinds <= {str, int}:
        raise ToolDefinitionError(f"{where}: choices must be all str or all int, not {values!r:.60}")
    return {"type": _SCALARS[kinds.pop()], "enum": values}


def _optional(annotation: Any, where: str) -> Any:
    inner = [arg for arg in get_args(annotation) if arg is not _NONE]
    if len(inner) != 1:
        raise ToolDefinitionError(
            f"{where}: of unions only `X | None` can be described to an agent, not {annotation!r}"
        )
    return inner[0]


def _scalar(wanted: Any, value: Any, where: str) -> Any:
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)  # JSON has one kind of number: a model may write 3.0
    if isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)):
        return value
    raise _misfit(where, {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[wanted], value)


def _member(choices: Mapping[Any, Any], value: Any, where: str) -> Any:
    for choice, member in choices.items():
        if type(choice) is type(value) and choice == value:
            return member
    raise _misfit(where, "one of: " + ", ".join(str(choice) for choice in choices), value)


def _misfit(where: str, wanted: str, value: Any) -> ToolArgumentError:
    shown = repr(value)
    if len(shown) > MAX_SHOWN_CHARS:
        shown = shown[:MAX_SHOWN_CHARS] + "…"
    return ToolArgumentError(f"{where} must be {wanted}, not {shown}")
