"""The token server runs where nothing is installed that the local agent hears and speaks with.

Those packages are made impossible to import here, whether they are installed or not. The vendors are the fake ones of
`server_support`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.server.support.server_support import (
    KEY,
    ROOT,
    FakeProvider,
    clean_environment,
    run_server,
    server_process,
)
from tests.server.support.vendors import VENDORS

pytestmark = pytest.mark.slow

ABSENT = ("numpy", "pocketsphinx", "espeakng_loader", "scipy")
# Python runs a `sitecustomize.py` that it finds before anything else.
BLOCK = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def without(tmp_path: Path) -> str:
    """A value for PYTHONPATH with which these packages are not there."""
    folder = tmp_path / "absent"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCK)
    return str(folder)


def test_it_starts_and_mints_for_every_vendor(tmp_path: Path, without: str, provider: FakeProvider) -> None:
    keys = {name: value for vendor in VENDORS.values() for name, value in vendor.environment(provider.url).items()}
    with server_process(tmp_path, PYTHONPATH=without, **keys) as server:
        with httpx.Client(base_url=f"http://localhost:{server.port}", trust_env=False, verify=False) as http:
            for name in VENDORS:
                answer = http.post("/api/token", json={"provider": name})
                assert (answer.status_code, answer.json()["provider"]) == (200, name), answer.text
            assert http.get("/healthz").status_code == 200
            assert http.get("/agent/v1/token").status_code == 404
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.stderr
    assert len(provider.calls) == len(VENDORS)


def test_it_imports_nothing_that_it_has_no_use_for(tmp_path: Path) -> None:
    """Each costs start-up time and memory: a file server without files, and the like."""
    needless = ("servestatic", "websockets", "rich", "limits", "redis", "dotenv", "server.agent")
    program = (
        "import sys, server.__main__ as main; from server.app import create_app; from server.settings import load_settings;"
        f"settings = load_settings(None, assemblyai_api_key={KEY!r}); main.config_for(create_app(settings), settings).load();"
        f"print([name for name in {needless} if name in sys.modules])"
    )
    environment = clean_environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("wanted", [{}, {"LOCAL_AGENT": "true"}], ids=["no key", "asked for"])
def test_a_local_agent_that_cannot_run_is_told_in_one_sentence(
    tmp_path: Path, without: str, wanted: dict[str, str]
) -> None:
    """And it shows that the packages are not there, in the test above."""
    done = run_server(tmp_path, "--port", "0", PYTHONPATH=without, **wanted)
    assert done.returncode == 2
    assert "the local agent needs a package that is not installed here (numpy)" in done.stderr
    assert "ASSEMBLYAI_API_KEY" in done.stderr and "Traceback" not in done.stderr
