"""The rest of the standard library comes when it is asked for: once, and only for what the library holds."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pyclient.host.lazy_stdlib import RestOfLibrary

LATE_IMPORT = """
import sys
sys.path.insert(0, sys.argv[1])
archive = sys.argv[2]
sys.path.append(archive)
for name in ("chunky", "chunky.inner"):
    sys.stdlib_module_names |= {name}
try:
    import chunky
except ImportError:
    pass
else:
    raise SystemExit("it was there before")
from pyclient.host import lazy_stdlib
calls = []
def fetch():
    calls.append(1)
    return open(sys.argv[3], "rb").read()
lazy_stdlib.install(fetch, archive)
import chunky.inner
import json
try:
    import no_such_module
except ImportError:
    pass
print(chunky.inner.VALUE, len(calls))
"""


def test_a_module_that_was_missing_is_imported_from_what_was_fetched(tmp_path: Path) -> None:
    """In a process of its own: import caches are the whole point, and a test must not spoil this one's."""
    full, empty = tmp_path / "full.zip", tmp_path / "library.zip"
    with zipfile.ZipFile(full, "w") as archive:
        archive.writestr("chunky/__init__.py", "")
        archive.writestr("chunky/inner.py", "VALUE = 42\n")
    zipfile.ZipFile(empty, "w").close()
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", LATE_IMPORT, root, str(empty), str(full)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["42", "1"], "")


@pytest.mark.parametrize("name", ["nt", "_winapi", "numpy", "agent_tools"])
def test_nothing_is_fetched_for_what_the_library_does_not_hold(name: str, tmp_path: Path) -> None:
    def fetch() -> bytes:
        raise AssertionError("fetched")

    assert RestOfLibrary(fetch, str(tmp_path / "library.zip")).find_spec(name, None) is None


def test_pyodides_own_packages_come_from_the_same_archive(tmp_path: Path) -> None:
    def fetch() -> bytes:
        raise OSError("asked for")

    with pytest.raises(OSError, match="asked for"):
        RestOfLibrary(fetch, str(tmp_path / "library.zip")).find_spec("pyodide.http", [])


def test_a_failed_fetch_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    def fetch() -> bytes:
        raise OSError("the page is offline")

    finder = RestOfLibrary(fetch, str(tmp_path / "library.zip"))
    with pytest.raises(OSError, match="offline"):
        finder.find_spec("turtle", None)
    assert finder.find_spec("turtle", None) is None


ZONES_WANTED = """
import sys
sys.path.insert(0, sys.argv[1])
import zoneinfo
zoneinfo.reset_tzpath([])
from pyclient.host import lazy_stdlib
calls = []
def fetch():
    calls.append(1)
    if len(calls) == 1:
        raise OSError("the page is offline")
    return open(sys.argv[3], "rb").read()
lazy_stdlib.install_zones(fetch, sys.argv[2])
try:
    zoneinfo.ZoneInfo("Europe/Nowhere")
except OSError as error:
    print(error)
import datetime
print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Nowhere")).utcoffset())
for key in ("Europe/Else", "Else/Where", "UTC"):
    try:
        zoneinfo.ZoneInfo(key)
    except zoneinfo.ZoneInfoNotFoundError:
        print(key)
try:
    import tzdata.nothing
except ImportError as error:
    print(error.name)
print(zoneinfo.available_timezones(), len(calls))
"""


def test_a_zone_is_found_in_what_was_fetched_once_the_fetch_works(tmp_path: Path) -> None:
    """The error of a failed fetch reaches the tool, and the next look-up tries again."""
    # RFC 8536: a header, no transitions, one type of local time of two hours ahead, and its name.
    counts = b"".join(number.to_bytes(4, "big") for number in (0, 0, 0, 0, 1, 4))
    zone = b"TZif\0" + bytes(15) + counts + (7200).to_bytes(4, "big") + b"\0\0" + b"XST\0"
    index = {"tzdata/zones": [0, 15], "tzdata/zoneinfo/Europe/Nowhere": [15, 15 + len(zone)]}
    packed = tmp_path / "zones.bin"
    packed.write_bytes(json.dumps(index).encode() + b"\nEurope/Nowhere\n" + zone)
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", ZONES_WANTED, root, str(tmp_path / "zones"), str(packed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = ["the page is offline", "2:00:00", "Europe/Else", "Else/Where", "UTC", "tzdata.nothing"]
    assert (done.stdout.splitlines(), done.stderr) == ([*expected, "{'Europe/Nowhere'} 2"], "")
