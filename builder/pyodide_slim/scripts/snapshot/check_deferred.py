"""Run in a browser's Python that was restored, with the library at hand: what was deferred comes from there
when it is used.
"""

import asyncio.base_events

from pyodide import _package_loader

from pyclient.host import lazy_stdlib


def library() -> bytes:
    with open("/tmp/library.zip", "rb") as file:
        return file.read()


if str(_package_loader.SITE_PACKAGES) != "/lib/python3.14/site-packages":
    raise RuntimeError("Pyodide would install packages into another folder")
lazy_stdlib.install(library, "/lib/python314.zip")
with _package_loader.ZipFile("/tmp/library.zip") as archive:
    import zipfile

    if not isinstance(archive, zipfile.ZipFile) or "zipfile/__init__.py" not in archive.namelist():
        raise RuntimeError("an archive opened by a deferred module is not the library's")
if asyncio.base_events.socket.SOCK_STREAM != 1:  # type: ignore[attr-defined]
    raise RuntimeError("asyncio does not find what was deferred")
if not _package_loader.SITE_PACKAGES.parent.name.startswith("python"):
    raise RuntimeError("a folder of packages is no path")
