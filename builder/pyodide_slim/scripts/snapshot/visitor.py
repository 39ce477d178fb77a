"""In the snapshot this is the module `_visitor`: what a page calls so that Python is its visitor's, and
no longer the builder's.

Started from nothing, Python asks for all this while it starts. A memory that was kept holds the answers of the machine
that built it.
"""

import _locale
import os
import random
import sys
import time

_YEAR_S = (365 * 24 + 6) * 3600


def settle(language: str) -> None:
    """Take over the visitor's `language` (as in LANG), zone and clock. C's own zone has to be the visitor's already."""
    os.environ["LANG"] = language
    _locale.setlocale(_locale.LC_CTYPE, "")
    random.seed()
    _settle_zone()
    logging = sys.modules.get("logging")
    if logging is not None:
        logging._startTime = time.time_ns()  # type: ignore[attr-defined]


def _settle_zone() -> None:
    """Python asks once, as it starts, for the zone of a day in winter and of one in summer."""
    begin = int(time.time()) // _YEAR_S * _YEAR_S
    january, july = time.localtime(begin), time.localtime(begin + _YEAR_S // 2)
    # South of the equator it is summer in January, and summer time is the one that is further ahead.
    standard, summer = sorted((january, july), key=lambda it: it.tm_gmtoff)
    time.timezone, time.altzone = -standard.tm_gmtoff, -summer.tm_gmtoff
    time.daylight = int(standard.tm_gmtoff != summer.tm_gmtoff)
    time.tzname = (standard.tm_zone, summer.tm_zone)
