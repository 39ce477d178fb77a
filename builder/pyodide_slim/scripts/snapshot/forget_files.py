"""Run in the browser's Python before its memory is kept: the file system is no part of it, so what is remembered of
files is wrong.

What only takes room goes too: stand-ins (`deferred_module.py`), caches, and the bytes that freed objects left behind.
"""

import contextlib
import gc
import io
import os
import random
import re
import sys
import typing
import zipimport
from types import FunctionType, ModuleType

from plain_code import on_one_line, without_docstring  # type: ignore[import-not-found]

SMALL_STEP, SMALL_BYTES, LARGE_BYTES = 16, 512, 1 << 17
SHRINK = 0.93


def forget_texts() -> None:
    """Docstrings and lines of what was not compiled by us: Python's frozen modules, and
    methods that dataclasses write.
    """
    for it in gc.get_objects():
        if isinstance(it, FunctionType) and it.__code__.co_filename.startswith("<"):
            it.__code__ = on_one_line(without_docstring(it.__code__))
            it.__doc__ = None
        elif isinstance(it, ModuleType | type) and isinstance(it.__dict__.get("__doc__"), str):
            with contextlib.suppress(AttributeError, TypeError):  # a type that is written in C
                it.__doc__ = None


def overwrite_buffers() -> None:
    """Those of the standard streams are large, and lie where something was before."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        stream.buffer.write(bytes(io.DEFAULT_BUFFER_SIZE - 1))
        stream.flush()
    sys.stdin.buffer.peek(io.DEFAULT_BUFFER_SIZE)  # type: ignore[union-attr]
    sys.stdin.buffer.read(io.DEFAULT_BUFFER_SIZE)


def overwrite_freed_memory() -> None:
    """New bytes are zeros, and lie where something was before: zeros cost nothing on the wire.

    Of each size as many are taken as fit into what was freed: until they lie above all that was there before.
    """
    top = max(id(bytes(size)) for size in (SMALL_BYTES, LARGE_BYTES))
    size = LARGE_BYTES
    taken = []
    while size > SMALL_BYTES:
        taken.append(filled(size, top))
        size = int(size * SHRINK)
    for size in range(SMALL_BYTES, 0, -SMALL_STEP):
        taken.append(filled(size, top))


def filled(size: int, top: int) -> list[bytes]:
    """As many objects of `size` as fit below the address `top`."""
    found = []
    for _ in range(100_000):
        found.append(bytes(max(size - bytes.__basicsize__, 2)))
        if id(found[-1]) > top:
            break
    return found


forget_texts()
del sys.modules["plain_code"]
del os.environ["PYTHONHASHSEED"]
sys.path.remove("")  # Pyodide puts it there again
for name in [name for name, module in sys.modules.items() if "Deferred" in getattr(module, "__dict__", {})]:
    del sys.modules[name]
zipimport._zip_directory_cache.clear()  # type: ignore[attr-defined]
sys.path_importer_cache.clear()
re.purge()
for clear in typing._cleanups:  # type: ignore[attr-defined]
    clear()
sys._clear_internal_caches()  # type: ignore[attr-defined]
random.setstate((3, (1, *[0] * 623, 624), None))  # a browser seeds it anew; zeros cost nothing on the wire
overwrite_buffers()
gc.collect()
overwrite_freed_memory()
gc.collect()
gc.freeze()  # it stays for good: else a page's first collection, before it is ready, would look at all of it
