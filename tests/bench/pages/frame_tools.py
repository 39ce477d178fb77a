"""Loaded by the product as a team's tools would be: the bench's way to ask the Python of a
running session about itself.
"""

import collections
import gc
import json
import time
from typing import Any

import js
from pyodide.ffi import create_proxy

_pauses_ms: list[float] = []
_before: list[Any] = [0, 0.0]
_kinds_before: dict[str, int] = {}


def _kinds() -> dict[str, int]:
    return dict(collections.Counter(type(one).__name__ for one in gc.get_objects()))


def _collecting(phase: str, info: dict[str, Any]) -> None:
    now = time.perf_counter()
    if phase == "start":
        _before[1] = now
    else:
        _pauses_ms.append((now - _before[1]) * 1000)


def begin() -> None:
    """Count what the collector knows when it has taken what is garbage, and time each collection from now on."""
    _pauses_ms.clear()
    gc.collect()
    _kinds_before.update(_kinds())
    _before[0] = len(gc.get_objects())
    gc.callbacks.append(_collecting)


def end() -> str:
    """What came of it, and how long a whole collection takes that is asked for."""
    gc.callbacks.remove(_collecting)
    began = time.perf_counter()
    gc.collect()
    full_ms = (time.perf_counter() - began) * 1000
    grown = len(gc.get_objects()) - _before[0]
    more = {kind: count - _kinds_before.get(kind, 0) for kind, count in _kinds().items()}
    return json.dumps(
        {
            "gc_pause_max_ms": max(_pauses_ms, default=0.0),
            "collections": len(_pauses_ms),
            "gc_full_ms": full_ms,
            "objects_grown": grown,
            "grown_kinds": {kind: count for kind, count in more.items() if count} if grown else {},
            "objects": _before[0],
        }
    )


js.pythonProbe = create_proxy({"begin": begin, "end": end})
