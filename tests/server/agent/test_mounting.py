"""Where is the local agent?

Only where it answers in the vendors' place; beside a vendor's key there is none (row 60).
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.agent.options import AgentOptions
from tests.server.support.server_support import ROOT, ServerProcess, server_process, wait_until
from tests.server.support.vendors import VENDORS

pytestmark = pytest.mark.slow

# What the local agent brings along: numerics, the recogniser, the synthesiser.
HEAVY = ("numpy", "pocketsphinx", "espeakng_loader")
HTTP_DOORS = (
    ("GET", "/agent/v1/token?expires_in_seconds=60"),
    ("GET", "/agent/v1/agents"),
    ("POST", "/agent/v1/realtime/client_secrets"),
    ("POST", "/agent/api/v1/sdk/token"),
    ("POST", "/agent/api/v1/sdk/heartbeat"),
    ("POST", "/agent/_scenario"),
    ("GET", "/agent/_sessions"),
    ("GET", "/agent"),
)
SOCKET_DOORS = ("/agent/v1/ws", "/agent/v1/voice", "/agent/v1/realtime", "/agent/api/v1/sdk/ws")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def with_key(name: str = "assemblyai", **more: str) -> dict[str, str]:
    """A vendor's key, and whatever else that vendor needs; control is asked for, and must not open anything."""
    return {**VENDORS[name].environment("http://127.0.0.1:9"), "PARLEY_AGENT_CONTROL": "1", **more}


def children_of(pid: int) -> list[int]:
    found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in found for child in text.split()]


def recognisers_of(pid: int) -> Counter[str]:
    """The programs of the recogniser that are children of it. One that has not become its program yet has no name."""
    lines = [Path(f"/proc/{child}/cmdline").read_bytes().decode() for child in children_of(pid)]
    return Counter(line.rstrip("\0").rpartition("server.agent.")[2] for line in lines)


def resident_kb(pid: int) -> int:
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1])


def libraries_in(server: ServerProcess) -> set[str]:
    """The heavy libraries whose shared objects are in the server's memory."""
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    return {name for name in HEAVY if f"/{name}" in maps}


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("switch", [{}, {"LOCAL_AGENT": "false"}], ids=["unset", "false"])
def test_row_60_beside_a_key_no_door_of_the_local_agent_is_there(
    tmp_path: Path, name: str, switch: dict[str, str]
) -> None:
    with server_process(tmp_path, **with_key(name, **switch)) as server:
        base = f"http://localhost:{server.port}"
        with httpx.Client(base_url=base, trust_env=False, headers={"Authorization": "Bearer anything"}) as http:
            for method, path in HTTP_DOORS:
                answer = http.request(method, path)
                assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), path
        for path in SOCKET_DOORS:
            with pytest.raises(InvalidStatus) as refused:
                connect(f"ws://localhost:{server.port}{path}?scenario=live", proxy=None)
            assert refused.value.response.status_code == 404, path


@LINUX
def test_row_60_beside_a_key_no_recogniser_runs_and_no_library_of_it_is_loaded(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with server_process(tmp_path, **with_key()) as server:
        assert children_of(server.process.pid) == []
        assert libraries_in(server) == set()
        alone_kb = resident_kb(server.process.pid)
    with server_process(tmp_path, **with_key(LOCAL_AGENT="true")) as server:
        # One that hears a turn while it is spoken (`asr_live.py`) stands beside those for finished ones.
        wanted = {"asr_worker": AgentOptions().recognizer_processes, "live_worker": 1}
        wait_until(lambda: recognisers_of(server.process.pid) == wanted)
        assert "numpy" in libraries_in(server)
        url = f"http://localhost:{server.port}/agent/v1/token?expires_in_seconds=60"
        assert httpx.get(url, headers={"Authorization": "any"}, trust_env=False).status_code == 200
        mounted_kb = resident_kb(server.process.pid) + sum(map(resident_kb, children_of(server.process.pid)))
    # For the reader: how much of the memory is saved belongs to the machine, that some is does not.
    record_property("resident memory, mounted to not mounted", round(mounted_kb / alone_kb, 1))
    assert alone_kb < mounted_kb


def test_row_60_the_server_is_imported_without_the_local_agent() -> None:
    """Nothing that `server.app` imports may bring it along."""
    program = (
        f"import sys, server.app, server.__main__; print([n for n in {HEAVY} + ('server.agent',) if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("settings", [{}, {"LOCAL_AGENT": "true"}], ids=["nothing set", "true"])
def test_row_60_without_a_key_it_is_there_as_before(tmp_path: Path, settings: dict[str, str]) -> None:
    with server_process(tmp_path, **settings) as server:
        url = f"http://localhost:{server.port}/agent/v1/token?expires_in_seconds=60"
        assert httpx.get(url, headers={"Authorization": "any"}, trust_env=False).status_code == 200
