"""Run in a browser's Python: what it says of its surroundings, as JSON. The same however it was started."""

import asyncio
import datetime
import json
import locale
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from pyodide.ffi import can_run_sync, run_sync

WINTER, SUMMER = 1767225600, 1783000000


async def wait() -> None:
    await asyncio.sleep(0)


def said(what: Callable[[Coroutine[Any, Any, None]], object]) -> str:
    waiting = wait()
    try:
        return repr(what(waiting))
    except RuntimeError as error:
        return str(error)
    finally:
        waiting.close()


zones = [time.strftime("%Z %z", time.localtime(at)) for at in (WINTER, SUMMER)]
zones += [str(datetime.datetime.fromtimestamp(at).astimezone().tzinfo) for at in (WINTER, SUMMER)]
age_ms = logging.LogRecord("", 0, "", 0, "", (), None).relativeCreated
json.dumps(
    {
        "environment": dict(os.environ),
        "zones": [zones, time.tzname, time.timezone, time.altzone, time.daylight],
        "locale": [locale.getlocale(), locale.setlocale(locale.LC_ALL), locale.getencoding()],
        "programs": [sys.executable, sys.argv, sys.orig_argv, sys.path, sys.prefix],
        "folders": [os.getcwd(), os.path.expanduser("~")],
        "log is young": 0 <= age_ms < 60_000,
        "can suspend": [can_run_sync(), said(run_sync), said(asyncio.run)],
    }
)
