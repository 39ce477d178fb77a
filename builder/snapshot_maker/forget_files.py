"""Run in the browser's Python before its memory is kept: the file system is no part of it, so what is remembered of files is wrong.

What only takes room goes too: stand-ins (`deferred_module.py`), caches, and the bytes that freed objects left behind.
"""

import gc
import os
import random
import re
import sys
import typing
import zipimport

CHUNK_BYTES = [1 << power for power in range(19, 9, -1)]
BYTES_PER_CHUNK_SIZE = 300_000
SMALL_OBJECTS = 300


def overwrite_freed_memory() -> None:
    """New bytes are zeros, and lie where something was before: zeros cost nothing on the wire."""
    [[bytes(size) for _ in range(SMALL_OBJECTS)] for size in range(0, 480, 16)]
    [[bytearray(size) for _ in range(BYTES_PER_CHUNK_SIZE // size)] for size in CHUNK_BYTES]


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
random.seed(0)  # a browser seeds it anew
gc.collect()
overwrite_freed_memory()
gc.collect()
