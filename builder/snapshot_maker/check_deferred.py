"""Run in a browser's Python that was restored, with the library at hand: what was deferred comes from there when it is used."""

import asyncio.base_events
from pathlib import Path

from pyclient import stdlib

stdlib.install(lambda: Path("/tmp/library.zip").read_bytes(), "/lib/python314.zip")
from pyodide import _package_loader  # noqa: E402

with _package_loader.ZipFile("/tmp/library.zip") as archive:
    import zipfile

    if not isinstance(archive, zipfile.ZipFile) or "zipfile/__init__.py" not in archive.namelist():
        raise RuntimeError("an archive opened by a deferred module is not the library's")
if asyncio.base_events.socket.SOCK_STREAM != 1:  # type: ignore[attr-defined]
    raise RuntimeError("asyncio does not find what was deferred")
