"""An error that a time limit raised between two lines has no line there, and pytest ends on it: it gets the one where
its function begins.

A signal may come in at an instruction that belongs to no line (CPython 3.11 and later: `tb_lineno` is None). pytest 9.2
counts with it, and the TypeError ends the whole process of tests: seen in CI, where no more had happened than that a
test took too long.
"""

from __future__ import annotations

import types
from collections.abc import Iterator


def give_lines(error: BaseException) -> bool:
    """Give every place of `error` and of what led to it a line. Was one missing?"""
    lacking = [it for it in _all(error) if any(_line(place) is None for place in _places(it.__traceback__))]
    for it in lacking:
        outer = None
        for place in reversed(list(_places(it.__traceback__))):
            line = _line(place) or place.tb_frame.f_code.co_firstlineno
            outer = types.TracebackType(outer, place.tb_frame, place.tb_lasti, line)
        it.__traceback__ = outer
    return bool(lacking)


def _places(traceback: types.TracebackType | None) -> Iterator[types.TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _line(place: types.TracebackType) -> int | None:
    return place.tb_lineno  # typeshed says that there always is one


def _all(error: BaseException) -> list[BaseException]:
    found = [error]
    for one in found:  # grows meanwhile
        for it in (one.__cause__, one.__context__):
            if it is not None and not any(it is known for known in found):
                found.append(it)
    return found
