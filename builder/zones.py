"""Time zones: the pinned `tzdata` in one file for the page, only what `zoneinfo` reads.

The wheel's own form is six times as large for a browser: many zones are the same under several names, and tables for people, the
rules they were made of, and an archive's directory lie in between.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from builder.environment import SetupError

ZONE, LIST = "tzdata/zoneinfo/", "tzdata/zones"
MAGIC = b"TZif"
# Fewer than the least that any of its versions had: then the package is built in another way than the one that is known.
LEAST_ZONES = 400


def packed(wheel: Path) -> bytes:
    """A line of JSON, {path: [begin, end]}, and behind it what is in the files; equal ones share it. SetupError where the wheel is strange.

    `pyclient.lazy_stdlib` reads it.
    """
    with zipfile.ZipFile(wheel) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if name == LIST or name.startswith(ZONE)}
    wanted = {name: data for name, data in found.items() if name == LIST or data.startswith(MAGIC)}
    if LIST not in wanted or len(wanted) < LEAST_ZONES:
        raise SetupError(f"{wheel.name} does not hold the time zones in the way that is known")
    places: dict[bytes, list[int]] = {}
    content = bytearray()
    # Sorted by what is in them: what is alike stands together, and compresses better.
    for data in sorted(set(wanted.values())):
        places[data] = [len(content), len(content) + len(data)]
        content += data
    index = {name: places[data] for name, data in sorted(wanted.items())}
    return json.dumps(index, separators=(",", ":")).encode() + b"\n" + content
