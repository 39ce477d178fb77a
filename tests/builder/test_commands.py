"""`build.py` as a person meets it: help, wrong arguments, a busy port, a second start."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from builder import cli, commands, environment, fetch_runtime, node
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parents[2]


def build_py(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    "verb",
    [[], ["serve"], ["new"], ["build"], ["agent"], ["test"], ["bench"], ["doctor"], ["check"], ["format"], ["lock"]],
)
def test_every_verb_explains_itself(verb: list[str]) -> None:
    done = build_py(*verb, "--help")
    assert done.returncode == 0
    assert "usage:" in done.stdout


def test_without_a_verb_it_serves() -> None:
    assert cli.parse([]).command == "serve"
    assert cli.parse(["--port", "8123"]).port == 8123


def test_what_follows_test_goes_to_pytest_untouched() -> None:
    assert cli.parse(["test", "-k", "resampler", "--engines", "chromium"]).pytest == [
        "-k",
        "resampler",
        "--engines",
        "chromium",
    ]


@pytest.mark.parametrize("arguments", [["serve", "--port", "0"], ["serve", "--port", "x"], ["sevre"]])
def test_wrong_arguments_end_with_usage_and_not_with_a_traceback(arguments: list[str]) -> None:
    done = build_py(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_scenario_that_is_not_understood_starts_no_agent() -> None:
    done = build_py("agent", "--scenario", "drops aftr 3 s")
    assert done.returncode == 2 and "there is no moment 'aftr 3 s'" in done.stderr, done.stderr
    listed = build_py("agent", "--list")
    assert listed.returncode == 0 and "| `drops after 3 s` |" in listed.stdout


def test_a_busy_port_that_was_asked_for_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = build_py("serve", "--port", str(port))
    assert done.returncode == 2
    assert str(port) in done.stderr and "--port" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_serve_says_ready_once_answers_and_ends_cleanly_on_ctrl_c() -> None:
    """The whole of the first README command, on a port that is free; stderr must not show a traceback at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "build.py"), "serve", "--port", str(port)]
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as served:
        try:
            assert served.stdout is not None and served.stderr is not None
            line = served.stdout.readline()
            assert line == f"ready http://localhost:{port}/\n", (
                line + served.stderr.read() if served.poll() is not None else line
            )
            connection = http.client.HTTPConnection("localhost", port, timeout=10)
            connection.request("GET", "/")
            page = connection.getresponse()
            assert page.status == 200 and b"parley-config" in page.read()
            connection.close()
        finally:
            served.send_signal(signal.SIGINT)
            rest, errors = served.communicate(timeout=20)
    assert served.returncode == 0
    assert rest == ""
    assert "Traceback" not in errors


def test_programs_keep_bytecode_also_where_a_machine_wants_none(tmp_path: Path) -> None:
    """Elsewhere than among the sources then; what the person chose for it is theirs."""
    plain = environment.for_programs(tmp_path, {"HOME": "/home"})
    assert plain == {"HOME": "/home", "PYTHONPATH": str(tmp_path)}
    asked = environment.for_programs(tmp_path, {"PYTHONDONTWRITEBYTECODE": "1"})
    assert asked == {"PYTHONPATH": str(tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path / ".cache" / "bytecode")}
    chosen = environment.for_programs(tmp_path, {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/own"})
    assert chosen["PYTHONPYCACHEPREFIX"] == "/own"


def test_a_second_start_installs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Silent and offline: no pip, no network, no word."""

    def start() -> None:
        environment.ensure(ROOT, "test")
        environment.ensure(ROOT, "serve")
        fetch_runtime.fetch(ROOT)

    start()  # in a new clone no other test may have fetched the runtime yet
    capsys.readouterr()
    started = time.monotonic()
    start()
    assert capsys.readouterr().err == ""
    assert time.monotonic() - started < 60


def test_the_tests_plugin_is_installed_from_this_checkout_and_pytest_finds_it(pytestconfig: pytest.Config) -> None:
    """As in anybody's environment: no conftest names it."""
    found = metadata.distribution("pytest-voice-browsers")
    (entry,) = found.entry_points.select(group="pytest11")
    assert entry.value == "voice_browsers.plugin"
    plugin = pytestconfig.pluginmanager.get_plugin(entry.name)
    assert Path(getattr(plugin, "__file__", "")).is_relative_to(ROOT / "tests" / "harness")


def test_a_changed_lock_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull that moves a pin must not leave the old package in place."""
    (tmp_path / "builder" / "locks").mkdir(parents=True)
    for group in ("serve", "test"):
        (tmp_path / "builder" / "locks" / f"{group}.txt").write_text("pinned==1 --hash=sha256:00\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    calls = []

    def fake_run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", fake_run)
    environment.install(tmp_path, python, "test")
    environment.install(tmp_path, python, "serve")  # the test lock holds it already
    assert len(calls) == 1 and "--require-hashes" in calls[0]
    (tmp_path / "builder" / "locks" / "test.txt").write_text("pinned==2 --hash=sha256:00\n")
    environment.install(tmp_path, python, "test")
    assert len(calls) == 2


def test_a_failing_pip_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "builder" / "locks").mkdir(parents=True)
    (tmp_path / "builder" / "locks" / "test.txt").write_text("pinned==1 --hash=sha256:00\n")
    (tmp_path / "python").write_text("")

    def fake_run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "WARNING: noise\nERROR: no matching distribution")

    monkeypatch.setattr(subprocess, "run", fake_run)
    with pytest.raises(SetupError, match=r"(?s)no matching distribution.*online"):
        environment.install(tmp_path, tmp_path / "python", "test")


def test_a_runtime_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser runs this file: one wrong byte must stop the build."""
    text = re.sub(r"sha512-[^\"]+", "sha512-AAAA", (ROOT / "pyproject.toml").read_text())
    (tmp_path / "pyproject.toml").write_text(text)

    def fake_npm(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        (Path(command[-1]) / "pyodide.tgz").write_bytes(b"not the runtime")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", fake_npm)
    monkeypatch.setattr(node, "npm", lambda root: ["npm"])
    with pytest.raises(SetupError, match="not the pinned file"):
        fetch_runtime.fetch(tmp_path)


def test_every_lock_is_made_again_and_all_that_share_the_tested_versions_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: asked.append(command))
    assert commands.lock(cli.parse(["lock"])) == 0
    folder = ROOT / "builder" / "locks"
    made = {Path(command[-1]).name for command in asked if "-o" in command}
    assert made == {path.name for path in folder.glob("*.txt")}
    pins = {
        path.stem: set(re.findall(r"^[\w.-]+==[^ ]+", path.read_text(encoding="utf-8"), re.M))
        for path in folder.glob("*.txt")
    }
    assert pins["mint"] <= pins["serve"] <= pins["test"]


def test_a_lock_keeps_versions_unless_newer_ones_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv keeps what the file holds that it writes to.

    Else a lock for one new package would move certifi and pydantic.
    """
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(command))
    for words, upgrades in ((["lock"], False), (["lock", "--upgrade"], True)):
        ran.clear()
        assert commands.lock(cli.parse(words)) == 0
        compiled = [command for command in ran if "compile" in command]
        assert {Path(command[command.index("-o") + 1]).stem for command in compiled} == {
            "test", "serve", "mint", "node", "clients",
        }  # fmt: skip
        assert all(("--upgrade" in command) == upgrades for command in compiled)
