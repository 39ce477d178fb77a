"""The Dockerfile and the systemd unit: what can be tried of them without an engine and without a booted systemd.

The files that the Dockerfile copies are laid out in an empty folder, and the server is started there by its ENTRYPOINT
with its ENV; the unit's ExecStart runs too, and systemd's own tool reads the unit where it is installed.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server.support.server_support import DEADLINE_S, ROOT, FakeProvider, clean_environment
from tests.server.support.vendors import VENDORS

FOLDER = ROOT / "server" / "deploy"
UNIT = FOLDER / "parley-token.service"
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts; a unit without hardening has 9.6


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, in order."""
    text = re.sub(r"(?m)^#.*\n", "", (FOLDER / "Dockerfile").read_text())
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(index for index, (name, _) in enumerate(found) if name == "FROM") :]


def lay_out(home: Path) -> None:
    """What the last stage's COPY lines bring from the repository, at the same places below `home`."""
    for name, arguments in last_stage():
        if name != "COPY" or arguments.startswith("--from"):
            continue
        source, target = arguments.split()
        found = list(ROOT.glob(source))
        assert found, source
        for path in found:
            place = home / target.strip("/")
            if path.is_dir():
                shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)


@contextmanager
def started(command: list[str], cwd: Path, variables: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = clean_environment(**variables)
    environment.pop("PYTHONPATH", None)
    with subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.slow
def test_what_the_dockerfile_copies_is_enough_to_mint_and_to_stop(tmp_path: Path, provider: FakeProvider) -> None:
    lay_out(tmp_path)
    home = tmp_path / dict(last_stage())["WORKDIR"].strip("/")
    assert not (home / "server" / "agent").exists()
    variables = dict(part.split("=", 1) for part in shlex.split(dict(last_stage())["ENV"]))
    assert variables["HOST"] == "0.0.0.0" and dict(last_stage())["EXPOSE"] == variables["PORT"]
    entry = json.loads(dict(last_stage())["ENTRYPOINT"])
    variables |= VENDORS["assemblyai"].environment(provider.url) | {"ALLOW_NO_ORIGIN": "true"}
    with started([sys.executable, *entry[1:], "--port", "0"], home, variables) as (process, ready):
        port = int(ready.rsplit(":", 1)[1].strip("/\n"))
        answer = httpx.post(f"http://127.0.0.1:{port}/api/token", trust_env=False, timeout=DEADLINE_S)
        assert answer.status_code == 200
        # The health check's own program, at the port of this test.
        check = json.loads(dict(last_stage())["HEALTHCHECK"].partition("CMD ")[2])
        program = check[2].replace(":8001/", f":{port}/")
        assert subprocess.run([sys.executable, "-c", program], timeout=DEADLINE_S, check=False).returncode == 0
        process.send_signal(signal.Signals[dict(last_stage())["STOPSIGNAL"]])
        assert process.wait(DEADLINE_S) == 0


def test_the_image_installs_hashes_only_and_runs_as_nobody_of_power() -> None:
    installs = [arguments for name, arguments in instructions() if name == "RUN" and "pip install" in arguments]
    assert len(installs) == 1
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(installs[0].split())
    assert ("COPY", "builder/locks/mint.txt /tmp/mint.txt") in instructions()
    user = int(dict(last_stage())["USER"])
    assert user > 0 and f"--uid {user} " in " ".join(arguments for name, arguments in last_stage() if name == "RUN")
    names = [name for name, _ in last_stage()]
    assert "RUN" not in names[names.index("USER") :], "nothing is written behind it"


def settings_of_the_unit() -> dict[str, str]:
    lines = [line for line in UNIT.read_text().splitlines() if re.match(r"[A-Za-z]+=", line)]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.slow
def test_the_units_command_starts_and_stops(tmp_path: Path, provider: FakeProvider) -> None:
    words = shlex.split(settings_of_the_unit()["ExecStart"])
    words[0], words[words.index("--port") + 1] = sys.executable, "0"
    variables = VENDORS["assemblyai"].environment(provider.url)
    (tmp_path / "server").symlink_to(ROOT / "server")
    with started(words, tmp_path, variables) as (process, ready):
        assert ready.startswith("ready http://localhost:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@needs_systemd
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    """The unit with the command of this machine in it: a program that is not there is a fault of its own."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/parley/venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert done.returncode == 0 and said == [], done.stderr


@needs_systemd
def test_the_unit_leaves_little_to_an_intruder() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level.*?: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED
