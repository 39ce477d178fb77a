"""In the snapshot this stands for `pyodide._package_loader`, which a page needs only when it loads a package: the real
one comes then.

Pyodide itself asks it at every start for two folders, and for what is installed already, which is nothing. The real one
would bring `pathlib`, `shutil` and `glob`.
"""

from __future__ import annotations

import sys
from site import getsitepackages

from pyodide_js import loadedPackages  # type: ignore[import-not-found] # noqa: F401 - a memory that is kept has to know of it

TYPE_CHECKING = False  # the library's own way to name a type without importing `typing`
if TYPE_CHECKING:
    from typing import Any


class Folder:
    """A path as text; whatever else is asked of it is asked of the real one."""

    __slots__ = ("_name", "_path")

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._path = path

    def __str__(self) -> str:
        return self._path

    def __fspath__(self) -> str:
        return self._path

    def __getattr__(self, name: str) -> object:
        return getattr(getattr(_real(), self._name), name)


SITE_PACKAGES = Folder("SITE_PACKAGES", getsitepackages()[0])
DSO_DIR = Folder("DSO_DIR", "/usr/lib")


def init_loaded_packages() -> None:
    """Nothing is installed in a page that has just started."""


def _real() -> Any:
    import importlib

    if sys.modules.get(__name__) is _STAND_IN:
        del sys.modules[__name__]
    return importlib.import_module(__name__)


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(_real(), name)


_STAND_IN = sys.modules[__name__]
