"""Run in the browser's Python, in Node: pytest over an agent's folder. The last value is its exit code."""

import asyncio
import sys
import time
from collections.abc import Coroutine
from typing import Any


class Waiting:
    """Stands in for a selector: nothing but timers can happen."""

    def select(self, timeout_s: float | None) -> list[Any]:
        if timeout_s:
            time.sleep(timeout_s)
        return []


class Loop(asyncio.BaseEventLoop):
    """Event loop for `asyncio.run` in a test.

    That of a page cannot wait in this Node; this one knows timers and no sockets.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = Waiting()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run(main: Coroutine[Any, Any, Any], *, debug: bool | None = None, **_: object) -> Any:
    """`asyncio.run`, which Pyodide replaces by one that waits where the browser can."""
    asyncio.events._set_running_loop(None)
    with asyncio.Runner(debug=debug, loop_factory=Loop) as runner:
        return runner.run(main)


asyncio.run = run
sys.path.insert(0, "/lib/pytest")
sys.dont_write_bytecode = True

import pytest  # noqa: E402

options = ["-c", "/dev/null", "--rootdir", folder, "-p", "no:cacheprovider", "-p", "no:faulthandler", "--capture=sys"]  # type: ignore[name-defined]  # noqa: F821
int(pytest.main([*options, "-q", *words, folder]))  # type: ignore[name-defined]  # noqa: F821
