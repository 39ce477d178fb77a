"""Time zones: the pinned `tzdata` in one file for the page, only what `zoneinfo` reads.

The wheel's own form is six times as large for a browser: many zones are the same under several names, and tables for
people, the rules they were made of, and an archive's directory lie in between.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from builder import flat_archive
from builder.environment import SetupError

ZONE, LIST = "tzdata/zoneinfo/", "tzdata/zones"
MAGIC = b"TZif"
# Fewer than the least that any of its versions had: then the package is built in another way than the
# one that is known.
LEAST_ZONES = 400


def packed(wheel: Path) -> bytes:
    """Return the zones and their list (see `bundle.py`). SetupError where the wheel is strange."""
    with zipfile.ZipFile(wheel) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if name == LIST or name.startswith(ZONE)}
    wanted = {name: data for name, data in found.items() if name == LIST or data.startswith(MAGIC)}
    if LIST not in wanted or len(wanted) < LEAST_ZONES:
        raise SetupError(f"{wheel.name} does not hold the time zones in the way that is known")
    return flat_archive.packed(wanted)
