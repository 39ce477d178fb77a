"""In the snapshot this stands for a module that Pyodide or asyncio imports, and a page hardly ever uses.

While the memory is made, every attribute is a promise to look it up later. Afterwards `forget_files.py` takes the
stand-in out of `sys.modules`: an import then finds the real module (see `pyclient.host.lazy_stdlib`), and so does
whoever kept the stand-in.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # the library's own way to name a type without importing `typing`
if TYPE_CHECKING:
    from typing import Any

__all__ = ()  # asyncio takes what is named here, from the module of its system's loops


class Deferred:
    """One attribute of a module that is not there yet: whatever is done to it is done to the real one."""

    __slots__ = ("_attribute", "_module")

    def __init__(self, module: str, attribute: str) -> None:
        self._module = module
        self._attribute = attribute

    def __call__(self, *values: object, **named: object) -> object:
        if _making(self._module):
            raise RuntimeError(f"{self._module} is used while it is imported: it cannot be deferred")
        return _real(self._module, self._attribute)(*values, **named)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        """Pyodide's event loop policy derives from that of the system, of which it uses only that it is one."""
        from asyncio import events

        return (events._BaseDefaultEventLoopPolicy,)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or _making(self._module):
            raise AttributeError(name)
        return getattr(_real(self._module, self._attribute), name)


def _making(module: str) -> bool:
    """Is the memory being made? Only then is the stand-in itself what an import finds."""
    return getattr(sys.modules.get(module), "Deferred", None) is Deferred


def _real(module: str, attribute: str) -> Any:
    import importlib

    return getattr(importlib.import_module(module), attribute)


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    if _making(__name__):
        return Deferred(__name__, name)
    return _real(__name__, name)
