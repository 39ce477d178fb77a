"""Tools of a page that tell what Python can do there: one line in the console for each thing.

`{SAID}` begins each of them.
"""

import asyncio
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from js import console
from pyodide.ffi import can_run_sync, run_sync

from pyclient.tools import tool


async def soon(value: object) -> object:
    await asyncio.sleep(0.01)
    return value


def slept() -> bool:
    begin_s = time.monotonic()
    time.sleep(0.05)
    return time.monotonic() - begin_s >= 0.04


def given(call: Callable[[Coroutine[Any, Any, object]], object], value: object) -> bool:
    """`call` may refuse to run what it is given, which then has to be closed."""
    waiting = soon(value)
    try:
        return call(waiting) == value
    finally:
        waiting.close()


def zone() -> tuple[object, ...]:
    import datetime

    shown = [time.strftime("%Z %z", time.localtime(at)) for at in (1767225600, 1783000000)]
    moved = [str(datetime.datetime.fromtimestamp(at).astimezone()) for at in (1767225600, 1783000000)]
    return shown, moved, time.tzname, time.timezone, time.altzone, time.daylight


def language() -> tuple[object, ...]:
    import locale

    return os.environ["LANG"], locale.getlocale(), locale.setlocale(locale.LC_ALL)


def log_is_young() -> bool:
    import logging

    return 0 <= logging.LogRecord("", 0, "", 0, "", (), None).relativeCreated < 600_000


def written() -> bool:
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "note.txt"
        path.write_text("kept")
        return path.read_text() == "kept"


def in_a_thread() -> bool:
    import threading

    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    return True


def zone_by_name() -> str:
    import datetime
    import zoneinfo

    return str(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")))


def package(name: str) -> bool:
    __import__(name)
    return True


def other_process() -> bool:
    import subprocess

    return subprocess.run(["true"]).returncode == 0


def surroundings() -> tuple[object, ...]:
    return dict(os.environ), sys.executable, sys.argv, os.getcwd(), os.path.expanduser("~")


def chances() -> bool:
    import random
    import secrets
    import uuid

    return random.random() != random.random() and len(secrets.token_hex(4)) == 8 and uuid.uuid4() != uuid.uuid4()


MODULES = [
    "array",
    "base64",
    "bisect",
    "bz2",
    "calendar",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "ctypes",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "email",
    "enum",
    "fractions",
    "functools",
    "graphlib",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http.client",
    "io",
    "itertools",
    "json",
    "locale",
    "logging",
    "lzma",
    "math",
    "pathlib",
    "pickle",
    "pprint",
    "queue",
    "random",
    "re",
    "sched",
    "secrets",
    "shelve",
    "shutil",
    "socket",
    "sqlite3",
    "ssl",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "timeit",
    "tomllib",
    "traceback",
    "typing",
    "unicodedata",
    "unittest",
    "urllib.parse",
    "urllib.request",
    "uuid",
    "wave",
    "xml.etree.ElementTree",
    "zipfile",
    "zlib",
    "zoneinfo",
    "pyodide.code",
    "pyodide.console",
    "pyodide.http",
    "curses",
    "dbm",
    "multiprocessing",
    "readline",
    "tkinter",
    "turtle",
]
THINGS: dict[str, Callable[[], object]] = {
    "time.sleep()": slept,
    "pyodide.ffi.run_sync()": lambda: given(run_sync, 7),
    "asyncio.run() in a tool": lambda: given(asyncio.run, 7),
    "pyodide.ffi.can_run_sync()": can_run_sync,
    "the visitor's time zone": zone,
    "the visitor's language": language,
    "the age of the log": log_is_young,
    "environment, program, folders": surroundings,
    "files, until the page is closed": written,
    "random, secrets, uuid": chances,
    "threads": in_a_thread,
    "other programs": other_process,
    'ZoneInfo("Europe/Berlin")': zone_by_name,
    "text hashes that differ from page to page": lambda: sys.flags.hash_randomization == 1,
    "import micropip": lambda: package("micropip"),
    "import numpy": lambda: package("numpy"),
    **{f"import {name}": functools.partial(package, name) for name in MODULES},
}


def tell(thing: str, outcome: object) -> None:
    console.info("{SAID}" + json.dumps([thing, outcome]))


@tool
async def get_weather(city: str) -> str:
    """Get the weather of a city."""
    for thing, attempt in THINGS.items():
        try:
            tell(thing, repr(attempt()))
        except Exception as error:
            tell(thing, f"{type(error).__name__}: {error}".partition("\n")[0])
    try:
        from pyodide.http import pyfetch

        tell("await pyodide.http.pyfetch()", (await pyfetch("./")).status)
    except Exception as error:
        tell("await pyodide.http.pyfetch()", f"{type(error).__name__}: {error}".partition("\n")[0])
    tell("end", True)
    return "21 degrees"
