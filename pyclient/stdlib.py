"""Where is the rest of the standard library?

A browser that starts from a snapshot has in memory what the client imports, and no library on its disk. What a tool wants
beyond that is fetched, once and whole, at the moment of the first import that misses.
"""

from __future__ import annotations

import sys
import zipimport
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Modules of other systems, which the library tries to import and does without.
_FOREIGN = frozenset({"nt", "winreg", "msvcrt", "winsound", "_winapi", "_wmi", "_overlapped", "_msi", "_scproxy"})

# Pyodide's own packages lie in the same archive.
_BESIDE = frozenset({"pyodide", "_pyodide"})


class RestOfLibrary(MetaPathFinder):
    """The last finder to be asked. `fetch` returns the library's zip, as a JavaScript buffer in a browser; `path` is where Python looks for it."""

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
        data = self._fetch()
        with open(self._path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.to_bytes())
        _forget(self._path)
        return PathFinder.find_spec(fullname, path, target)


def install(fetch: Callable[[], Any], path: str) -> None:
    """Ask `fetch` for the library's zip when an import misses. Call once, before any tool is imported."""
    sys.meta_path.append(RestOfLibrary(fetch, path))


def _forget(path: str) -> None:
    """Drop what Python remembers of the archive that was there before."""
    caches: tuple[dict[str, object], ...] = (
        getattr(zipimport, "_zip_directory_cache", {}),
        sys.path_importer_cache,  # type: ignore[assignment]
    )
    for cache in caches:
        for name in [name for name in cache if name.startswith(path)]:
            del cache[name]
