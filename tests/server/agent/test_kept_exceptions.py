"""No exception object outlives its use (row 62).

An exception that is raised again keeps every frame of every time, with all that their variables held: 300 refused
messages of 900 kB each stayed in memory until the process ended. So nothing at module level may be one.
"""

from __future__ import annotations

import importlib
import pkgutil
import tracemalloc
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import pytest

import pyclient
import server
from server.agent.wires.assemblyai.config import Config, Refused

# These need a browser's Python.
NOT_IMPORTABLE = {"pyclient.host.pyodide_host"}
# Every way in which a `session.update` has the wrong form.
MALFORMED: tuple[Any, ...] = (
    [],
    {"nonsense": 1},
    {"greeting": None},
    {"system_prompt": 5},
    {"input": 5},
    {"input": {"nonsense": 1}},
    {"input": {"format": 5}},
    {"output": {"nonsense": 1}},
    {"output": {"voice": 5}},
    {"tools": [{"name": "a", "nonsense": 1}]},
)


def modules() -> Iterator[ModuleType]:
    for package in (server, pyclient):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name not in NOT_IMPORTABLE and not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def exceptions_in(value: Any, path: str, depth: int = 4) -> Iterator[str]:
    """Paths of exception objects in a module's value: itself, in a container, a class's
    attributes, a function's defaults.
    """
    if isinstance(value, BaseException):
        yield path
    elif depth == 0:
        return
    elif isinstance(value, Mapping):
        for key, one in list(value.items()):
            yield from exceptions_in(one, f"{path}[{key!r}]", depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for number, one in enumerate(value):
            yield from exceptions_in(one, f"{path}[{number}]", depth - 1)
    elif isinstance(value, FunctionType):
        yield from exceptions_in((value.__defaults__, value.__kwdefaults__), f"{path}()", depth - 1)
    elif isinstance(value, type) and value.__module__.split(".")[0] in ("server", "pyclient"):
        for name, one in list(vars(value).items()):
            yield from exceptions_in(one, f"{path}.{name}", depth - 1)


def test_row_62_no_module_keeps_an_exception() -> None:
    seen = list(modules())
    assert len(seen) > 80, "the packages are not all looked at"
    kept = [
        where
        for module in seen
        for name, value in list(vars(module).items())
        if not name.startswith("__")
        for where in exceptions_in(value, f"{module.__name__}.{name}")
    ]
    assert kept == []


def test_the_search_finds_what_it_looks_for() -> None:
    class Holder:
        refusal = ValueError("kept")

    Holder.__module__ = "server.example"

    def defaulted(error: Exception = ValueError("kept")) -> None:  # noqa: B008 - the mistake looked for
        raise error

    for value in (ValueError("kept"), {"a": [ValueError("kept")]}, Holder, defaulted):
        assert list(exceptions_in(value, "x")), value


@pytest.mark.parametrize("given", MALFORMED, ids=str)
def test_row_62_each_refusal_is_a_new_one(given: Any) -> None:
    refusals = []
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            Config("sess_a").first(given)
        refusals.append(refused.value)
    assert refusals[0] is not refusals[1]
    assert refusals[0].code == "invalid_format"


def test_row_62_refused_updates_leave_no_memory_behind() -> None:
    size = 200_000

    def refuse(times: int) -> None:
        for number in range(times):
            with pytest.raises(Refused):
                Config("sess_a").first({"nonsense": f"{number}" * size})

    refuse(3)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        refuse(20)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < size
