"""`build.py talk --script`: many turns with expectations, on Parley and on a page of somebody else, as
a deployment is watched.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import ROOT, Parley

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PARLEY = """
[[turn]]
say = "what time is it"
heard = ["time"]

[[turn]]
say = "can you tell me a long story"
heard = ["story"]
latency_ratio = 5

[[turn]]
say = "what is your name"
interrupt_after_ms = 1500
stops_within_ms = 4000
"""
PARROT = """
times = 2
connect = "Connect"
[[turn]]
say = "turn on the kitchen light"
expect = ["kitchen", "light"]
[[turn]]
say = "tell me a joke about seven elephants"
expect = ["joke", "seven", "elephants", "banana"]
"""


def talk(folder: Path, script: str, engine: str, url: str) -> tuple[int, list[dict[str, Any]]]:
    (folder / "script.toml").write_text(script)
    command = [sys.executable, "-m", "tests.support.talk_command", "--engine", engine, "--url", url, "--json"]
    command += ["--script", "script.toml", "--prometheus", "metrics.prom", "--junit", "junit.xml"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=170
    )
    assert done.stdout.startswith("["), done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.only_browser("firefox")
def test_a_script_talks_to_parley_and_interrupts_it(engine: str, parley: Parley, tmp_path: Path) -> None:
    parley.scenario("burst")
    code, (told,) = talk(tmp_path, PARLEY, engine, parley.url)
    assert told["page"] == "Parley" and told["reached"], told
    assert [turn["said"] for turn in told["turns"]] == [
        "what time is it",
        "can you tell me a long story",
        "what is your name",
    ]
    assert told["turns"][1]["latency_ratio"] is not None and told["turns"][2]["stopped_ms"] is not None, told
    assert code == 0 and told["good"], told
    assert 'turn="3"' in (tmp_path / "metrics.prom").read_text()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def parrot() -> Iterator[str]:
    """A page that is not ours: it says again what it heard."""
    folder = ROOT / "tests" / "harness_selftest" / "site"
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/parrot.html"
        server.shutdown()
        thread.join(5)


@pytest.mark.only_browser("chromium")
def test_a_script_talks_to_another_page_and_tells_what_did_not_come(engine: str, parrot: str, tmp_path: Path) -> None:
    code, rounds = talk(tmp_path, PARROT, engine, parrot)
    assert code == 1 and [one["page"] for one in rounds] == ["a page with a button 'Connect'"] * 2
    for one in rounds:
        first, second = one["turns"]
        assert first["agent_heard"] is None, one
        (why,) = second["wrong"]
        assert why.startswith("not heard in the answer: ") and "banana" in why and second["latency_ratio"], one
    # The page is without mercy and repeats half a word where a busy machine tore its sound: once is enough.
    firsts = [one["turns"][0]["wrong"] for one in rounds]
    assert [] in firsts, rounds
    assert "voice_rounds_failed_total" in (tmp_path / "metrics.prom").read_text()
    told = len(list(ET.parse(tmp_path / "junit.xml").getroot().iter("failure")))
    assert told == 2 + sum(bool(wrong) for wrong in firsts)

    code, (refused,) = talk(tmp_path, PARROT.replace('"Connect"', '"Begin"').replace("times = 2", ""), engine, parrot)
    assert code == 2 and "nothing like a button 'Begin'" in refused["errors"][0]
