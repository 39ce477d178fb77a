"""The product under test: built once per run, served by its own process per worker.

    with Parley(site=build_site(cache)) as parley:
        tab.page.goto(parley.url)
        parley.scenario("close_1011")                # what the local agent shall do in the next session
        parley.sessions()                            # what it has seen

The server gets a clean environment: no key of this machine, no `.env`, so every run talks to the local agent.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from voice_browsers.processes import end, spawn

ROOT = Path(__file__).resolve().parents[2]

# What a program needs to run at all. Everything else, keys above all, stays outside.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX")


class ServerError(RuntimeError):
    """The server did not start, or refused a control request; the message holds the end of its log."""


def build_site(cache: Path, *, python: str = sys.executable) -> Path:
    """Build the site into `cache` once per run, also with several workers; return its folder.

    `PARLEY_TEST_SITE=/a/folder` in the environment uses that folder instead of building.
    """
    if given := os.environ.get("PARLEY_TEST_SITE"):
        if not (Path(given) / "index.html").is_file():
            raise ServerError(f"PARLEY_TEST_SITE={given} holds no index.html")
        return Path(given)
    return build_once(cache / "site", functools.partial(build, python=python))


def build(site: Path, *, python: str = sys.executable) -> Path:
    """Build the site as it is now. ServerError with the end of what the build said when it fails."""
    command = [python, str(ROOT / "build.py"), "build", "--out", str(site)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise ServerError(f"the site could not be built:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return site


def copy_of_sources(folder: Path) -> Path:
    """Copy what a build reads into `folder`, to be changed there and built in-process; the cache is this checkout's.

    Returns `folder`.
    """
    for room in ("templates", "agents", "worklets", "pyclient"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    cache = ROOT / ".cache"
    # A fresh clone on a machine that has browsers has none yet, and a link to nothing is no folder.
    cache.mkdir(exist_ok=True)
    (folder / ".cache").symlink_to(cache)
    return folder


def build_once(site: Path, build: Callable[[Path], object]) -> Path:
    """Have `build(site)` make a site where it is not there yet; other workers wait for it. Returns `site`."""
    with _alone(site.with_name(site.name + ".lock")):
        if not (site / "index.html").is_file():
            build(site)
    return site


class Parley:
    """One server process. `env` adds variables; `arguments` adds command line arguments."""

    def __init__(
        self,
        *,
        site: Path,
        host: str = "127.0.0.1",
        env: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        python: str = sys.executable,
    ) -> None:
        self.url = ""
        self.site = site
        self._command = [python, "-m", "server", "--host", host, "--port", "0", "--site", str(site), *arguments]
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._env = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "PARLEY_AGENT_CONTROL": "1",
            **(env or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="parley-server-")
        self._log = Path(self._folder.name) / "server.log"
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        log = self.log
        code = self.stop()
        if kind is None and code:
            raise ServerError(f"the server ended with code {code}:\n{log[-4000:]}")

    def start(self, *, timeout_s: float = 60.0) -> Self:
        """Start and wait for the `ready` line. Raises ServerError with the log when it does not come."""
        with self._log.open("wb") as log:
            # An empty folder as working directory, so that no `.env` is found.
            self._process = spawn(
                self._command, env=self._env, stdout=subprocess.PIPE, stderr=log, cwd=Path(self._folder.name)
            )
        self._reader = threading.Thread(target=self._read, name="server output", daemon=True)
        self._reader.start()
        deadline = time.monotonic() + timeout_s
        while not self._ready.wait(0.05):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"the server did not become ready:\n{self.log[-4000:]}")
        return self

    def stop(self) -> int | None:
        """End the server as a service manager would; return its exit code (0 is the only good one)."""
        code = None
        if self._process is not None:
            if self._process.poll() is None:
                self._process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(10)
            if self._reader is not None:
                self._reader.join(5)
            code = end(self._process)
            self._process = None
        self._folder.cleanup()
        return code

    @property
    def log(self) -> str:
        """Everything it wrote to the error stream so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def scenario(self, name: str = "", *, sessions: int = 1, **switches: Any) -> Any:
        """Tell the local agent how to behave in the next `sessions` sessions: a scenario's name, or switches, or a name
        and switches that differ from it. Without arguments: as usual again. See `server/agent/scenarios.py`.
        """
        if not name and not switches:
            return self.request("POST", "/agent/_scenario", {"scenario": "default", "sessions": 0})
        wanted: Any = {**({"base": name} if name else {}), **switches} if switches else name
        return self.request("POST", "/agent/_scenario", {"scenario": wanted, "sessions": sessions})

    def scenarios(self, wanted: Sequence[str | Mapping[str, Any]]) -> Any:
        """Tell the local agent how to behave in each of the next sessions: names, or mappings of switches."""
        return self.request("POST", "/agent/_scenario", {"scenario": list(wanted)})

    def sessions(self) -> list[dict[str, Any]]:
        """What the local agent has to tell about its sessions, oldest first."""
        told: list[dict[str, Any]] = self.request("GET", "/agent/_sessions")["sessions"]
        return told

    def request(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """One request to the server; the decoded JSON answer. Raises ServerError for any status but 2xx."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(self.url.rstrip("/") + path, data=data, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ServerError(f"{method} {path}: {error.code} {error.read(500)!r}") from None
        return json.loads(text) if text else None

    def _read(self) -> None:
        pipe = self._process.stdout if self._process else None
        assert pipe is not None
        for line in pipe:
            words = line.decode(errors="replace").split()
            if words[:1] == ["ready"] and len(words) > 1:
                self.url = words[1]
                self._ready.set()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Only one process at a time is inside."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        if sys.platform == "win32":
            yield  # without workers there is nobody to wait for
            return
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        yield
