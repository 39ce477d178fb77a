"""Lazy standard library: fetches the part that is not in the snapshot at the first import that needs it.

A browser that starts from a snapshot has in memory what the client imports, and no library on its disk. What a tool
wants beyond that is fetched, once and whole, at the moment of the first import that misses.

So are the time zones. `zoneinfo` looks for them on the disk of its system, and then in a package named `tzdata`.

Packages that an agent's tools import are fetched with the runtime, and put where Python looks for them before
the tools are imported.
"""

from __future__ import annotations

import json
import os
import site
import sys
import zipimport
from collections.abc import Callable, Sequence
from importlib import invalidate_caches
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Modules of other systems, which the library tries to import and does without.
_FOREIGN = frozenset({"nt", "winreg", "msvcrt", "winsound", "_winapi", "_wmi", "_overlapped", "_msi", "_scproxy"})

# Pyodide's own packages lie in the same archive.
_BESIDE = frozenset({"pyodide", "_pyodide"})


class RestOfLibrary(MetaPathFinder):
    """The last finder to be asked.

    `fetch` returns the library's zip, as a JavaScript buffer in a browser; `path` is where Python looks for it.
    """

    def __init__(self, fetch: Callable[[], Any], path: str) -> None:
        self._fetch = fetch
        self._path = path
        self._fetched = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root = fullname.partition(".")[0]
        known = root in sys.stdlib_module_names or root in _BESIDE
        if self._fetched or root in _FOREIGN or not known:
            return None
        self._fetched = True  # also when it fails: the page is offline, and every further import would try again
        with open(self._path, "wb") as file:
            file.write(_bytes(self._fetch()))
        _forget(self._path)
        return PathFinder.find_spec(fullname, path, target)


class TimeZones(MetaPathFinder):
    """Finds `tzdata` and what is below it.

    `fetch` returns what `builder.zones` has packed; `folder` is where it is unpacked, once.
    """

    def __init__(self, fetch: Callable[[], Any], folder: str) -> None:
        self._fetch = fetch
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "tzdata":
            return None
        if not os.path.isdir(self._folder):  # a fetch that failed is tried again: no other import would
            _unpack(_bytes(self._fetch()), self._folder)
        place = os.path.join(self._folder, *fullname.split("."))
        if not os.path.isdir(place):
            return None
        # It names no folder to search: what is below is to be found here too, and not by the finder of folders.
        return ModuleSpec(fullname, DataFolder(place), is_package=True)


class DataFolder(Loader):
    """A package of files. There is nothing in it to run, so Python's compiler need not be brought."""

    def __init__(self, place: str) -> None:
        self.path = os.path.join(place, "__init__.py")  # by this the reader knows the folder

    def exec_module(self, module: ModuleType) -> None:
        """A package with nothing in it."""

    def get_resource_reader(self, fullname: str) -> Any:
        from importlib.resources.readers import FileReader

        with_path: Any = self  # of a loader it wants no more than that
        return FileReader(with_path)


def install(fetch: Callable[[], Any], path: str) -> None:
    """Ask `fetch` for the library's zip when an import misses. Call once, before any tool is imported."""
    sys.meta_path.append(RestOfLibrary(fetch, path))


def install_zones(fetch: Callable[[], Any], folder: str) -> None:
    """Ask `fetch` for the time zones when one is looked up. A `tzdata` that somebody has installed comes first."""
    sys.meta_path.append(TimeZones(fetch, folder))


def install_packages(data: Any, folder: str | None = None) -> None:
    """Put the packages of the agent's tools, in one file that the build made, where Python looks for
    packages (or into `folder`).
    """
    _unpack(_bytes(data), folder or site.getsitepackages()[0])
    invalidate_caches()  # what Python remembers of the folder is that there is nothing in it


def _unpack(data: bytes, folder: str) -> None:
    index, _, content = data.partition(b"\n")
    for name, (begin, end) in json.loads(index).items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content[begin:end])


def _bytes(data: Any) -> bytes:
    """What was fetched: a JavaScript buffer in a browser."""
    return data if isinstance(data, bytes) else data.to_bytes()


def _forget(path: str) -> None:
    """Drop what Python remembers of the archive that was there before."""
    caches: tuple[dict[str, object], ...] = (
        getattr(zipimport, "_zip_directory_cache", {}),
        sys.path_importer_cache,  # type: ignore[assignment]
    )
    for cache in caches:
        for name in [name for name in cache if name.startswith(path)]:
            del cache[name]
