"""Flat archive: many small files in one for a page's Python, an index and their contents; smaller compressed
than an archive's entries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping


def packed(files: Mapping[str, bytes]) -> bytes:
    """A line of JSON, {path: [begin, end]}, and behind it what is in the files; equal ones share it.

    `pyclient.host.lazy_stdlib` reads it.
    """
    places: dict[bytes, list[int]] = {}
    content = bytearray()
    # Sorted by what is in them: what is alike stands together, and compresses better.
    for data in sorted(set(files.values())):
        places[data] = [len(content), len(content) + len(data)]
        content += data
    index = {name: places[data] for name, data in sorted(files.items())}
    return json.dumps(index, separators=(",", ":")).encode() + b"\n" + content
