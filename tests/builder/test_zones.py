"""A tool can look up a time zone by its name, however Python was started, for few bytes and only when it asks."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import brotli
import pytest

from builder import fetch_runtime, node, wheel, zones
from builder.environment import SetupError
from builder.pyodide_slim import prune, snapshot

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).parent / "support" / "zones_driver.mjs"
# The names that the package lists in 2026; one that goes away stays as a link to another.
LEAST_NAMES = 590
BUDGET_BYTES = 50_000


def packed() -> bytes:
    return zones.packed(fetch_runtime.fetch(ROOT).tzdata)


def told(tmp_path: Path, **job: object) -> dict[str, Any]:
    (tmp_path / "zones.bin").write_bytes(packed())
    (tmp_path / "job.json").write_text(json.dumps({**job, "zones": str(tmp_path / "zones.bin")}))
    command = [node.node(ROOT), str(DRIVER), str(tmp_path / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def right(answer: dict[str, Any]) -> None:
    assert answer["found"] == {
        "Europe/Berlin": "2026-07-01 12:00:00+02:00",
        "America/Argentina/Ushuaia": "2026-07-01 12:00:00-03:00",
        "UTC": "2026-07-01 12:00:00+00:00",
        "Asia/Calcutta": "2026-07-01 12:00:00+05:30",
        "Mars/Olympus": "ZoneInfoNotFoundError",
        "Europe": "ZoneInfoNotFoundError",
        "Europe/Atlantis": "ZoneInfoNotFoundError",
    }
    assert answer["zones"] >= LEAST_NAMES and answer["before"] == 0


@pytest.mark.slow
def test_a_snapshot_of_tools_that_name_zoneinfo_fetches_the_zones_and_no_library(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("import zoneinfo\n")
    fetched = fetch_runtime.fetch(ROOT)
    runtime = prune.make(ROOT, fetched.pyodide, fetched.acorn)
    kept = snapshot.make(ROOT, fetched.pyodide, runtime, *wheel.build(ROOT), tmp_path / "tools.py")
    (tmp_path / "snapshot.bin").write_bytes(kept.blocks)
    (tmp_path / "snapshot.json").write_text(json.dumps(kept.meta))
    (tmp_path / "empty.zip").write_bytes(snapshot.EMPTY_ZIP)
    library = str(fetched.pyodide / "python_stdlib.zip")
    answer = told(tmp_path, runtime=f"{runtime}/", library=library, snapshot=str(tmp_path))
    right(answer)
    assert answer["fetched"] == ["zones"]


@pytest.mark.slow
def test_pyodides_own_files_with_our_client_know_the_zones_too(tmp_path: Path) -> None:
    fetched = fetch_runtime.fetch(ROOT)
    (tmp_path / "client.whl").write_bytes(wheel.build(ROOT)[1])
    library = str(fetched.pyodide / "python_stdlib.zip")
    job = {"runtime": f"{fetched.pyodide}/", "library": library, "wheel": str(tmp_path / "client.whl")}
    answer = told(tmp_path, snapshot=None, **job)
    right(answer)
    assert answer["fetched"] == ["zones"]


def test_the_file_is_small_and_the_same_every_time() -> None:
    data = packed()
    assert len(brotli.compress(data, quality=9)) <= BUDGET_BYTES
    assert data == packed()


def test_each_zone_of_the_package_is_in_the_file() -> None:
    index, _, content = packed().partition(b"\n")
    with zipfile.ZipFile(fetch_runtime.fetch(ROOT).tzdata) as archive:
        names = archive.read("tzdata/zones").decode().split()
        kept = json.loads(index)
        assert len(names) >= LEAST_NAMES
        for name in names:
            begin, end = kept[f"tzdata/zoneinfo/{name}"]
            assert content[begin:end] == archive.read(f"tzdata/zoneinfo/{name}"), name


def test_a_package_of_another_shape_stops_the_build(tmp_path: Path) -> None:
    file = tmp_path / "tzdata-9-py2.py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tzdata/zones", "UTC\n")
        archive.writestr("tzdata/data/UTC", b"TZif")
    with pytest.raises(SetupError, match=r"tzdata-9.*does not hold the time zones"):
        zones.packed(file)
