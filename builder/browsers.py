"""Browser set-up for the tests: which browsers and which virtual sound card they need, and how they get onto this
machine.

`ensure` is silent and offline when everything is there. Otherwise, per engine: Playwright's own browser when it can be
downloaded, else the package of Debian. What is here already is asked of the harness itself (`python -m
voice_browsers`), so that the two never disagree.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.environment import SetupError

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("chromium", "firefox", "webkit")

_ROOMS = ("tests/browser", "tests/harness_selftest")  # where tests drive browsers
_PACKAGES = {
    "chromium": ("chromium",),
    "firefox": ("firefox-esr",),
    "webkit": (
        "gir1.2-webkit2-4.1",
        "python3-gi",
        "xdotool",  # presses keys that a page may trust
        "xvfb",
        # WebKit reaches the sound system through GStreamer only.
        "gstreamer1.0-pulseaudio",
        "gstreamer1.0-plugins-base",
        "gstreamer1.0-plugins-good",
        "gstreamer1.0-plugins-bad",
    ),
}
_SOUND = ("pulseaudio", "pulseaudio-utils", "espeak-ng")
_FIRST_SIGN_S = 20.0  # a proxy that swallows the download says nothing for ever
_DOWNLOAD_S = 900.0
_REFUSED_FOR_S = 24 * 3600.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What the harness found. `gtk`: WebKit is the system's. `sound`: a private PulseAudio can be started."""

    engines: frozenset[str]
    gtk: bool
    sound: bool


def wanted(pytest_arguments: Sequence[str]) -> tuple[str, ...]:
    """The engines that a pytest command line needs: none when it names other tests only.

    SetupError for unknown ones.
    """
    if not _selects_browser_tests(pytest_arguments):
        return ()
    chosen = option(pytest_arguments, "--engines")
    engines = tuple(name for name in chosen.split(",") if name) if chosen is not None else ENGINES
    if unknown := sorted(set(engines) - set(ENGINES)):
        raise SetupError(f"--engines does not know {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    return engines


def ensure(engines: Sequence[str], say: Say) -> None:
    """Install what is missing for `engines` and the virtual sound card. SetupError names what could not be had."""
    if not engines:
        return
    present = look()
    missing = [name for name in engines if name not in present.engines]
    if missing and _download(missing, say):
        present = look()
        missing = [name for name in engines if name not in present.engines]
    if not sys.platform.startswith("linux"):
        say(
            "PulseAudio is for Linux only: the tests feed the page an injected MediaStream here, and say so in their names"
        )
        if missing:
            raise SetupError(f"no {', '.join(missing)} here: run {_by_hand(missing)}")
        return
    packages = [package for name in missing for package in _PACKAGES[name]]
    if "webkit" in engines and present.gtk and shutil.which("dpkg-query"):
        packages += _missing(_PACKAGES["webkit"])  # without some of them it opens pages but hears nothing
    packages += [] if present.sound else _SOUND
    if not packages:
        return
    _install(packages, say)
    present = look()
    left = [name for name in engines if name not in present.engines] + ([] if present.sound else ["pulseaudio"])
    if left:
        raise SetupError(f"installed {' '.join(packages)}, but {', '.join(left)} still does not start")


def look() -> Present:
    """Ask the harness what this machine has. SetupError when the harness itself does not run."""
    done = subprocess.run(
        [sys.executable, "-m", "voice_browsers", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
        found = {str(name): str(said) for name, said in answer["engines"].items() if said}
        return Present(
            engines=frozenset(found), gtk="WebKitGTK" in found.get("webkit", ""), sound=bool(answer["sound"])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SetupError(f"the test harness does not run:\n{done.stderr[-1500:]}") from None


def _selects_browser_tests(arguments: Sequence[str]) -> bool:
    if "--fast" in arguments:
        return False
    expression = option(arguments, "-m")
    if expression is not None and "not browser" in expression:
        return False
    if "--collect-only" in arguments or "--co" in arguments:
        return False
    named = [(ROOT / word.split("::")[0]).resolve() for word in arguments if not word.startswith("-")]
    named = [path for path in named if path.exists() and path != ROOT]
    rooms = [ROOT / room for room in _ROOMS]
    return not named or any(path.is_relative_to(room) or room.is_relative_to(path) for path in named for room in rooms)


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value of `--name VALUE` or `--name=VALUE` in a command line that somebody else will parse."""
    for position, word in enumerate(arguments):
        if word == name and position + 1 < len(arguments):
            return arguments[position + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _download(engines: Sequence[str], say: Say) -> bool:
    """Try Playwright's own browsers; whether they arrived. A refusal is remembered for a day."""
    refused = ROOT / ".cache" / "playwright-refused"
    if refused.exists() and time.time() - refused.stat().st_mtime < _REFUSED_FOR_S:
        return False
    say(f"downloading {', '.join(engines)} with Playwright")
    process = subprocess.Popen(
        [sys.executable, "-m", "playwright", "install", *engines],
        cwd=ROOT,
        env={**os.environ, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    arriving = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        while block := os.read(process.stdout.fileno(), 4096):
            if b"% of" in block:  # its progress bar: bytes arrive
                arriving.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    began = time.monotonic()
    while process.poll() is None:
        limit_s = _DOWNLOAD_S if arriving.is_set() else _FIRST_SIGN_S
        if time.monotonic() - began > limit_s:
            process.kill()
        time.sleep(0.1)
    reader.join(5)
    if process.stdout is not None:
        process.stdout.close()
    if process.returncode == 0:
        refused.unlink(missing_ok=True)
        return True
    say("Playwright's browsers cannot be had here; trying the packages of the system")
    refused.parent.mkdir(exist_ok=True)
    refused.write_text(f"playwright install {' '.join(engines)} failed; tried again after a day, or delete this file\n")
    return False


def _install(packages: Sequence[str], say: Say) -> None:
    """Install Debian packages, or newer versions of those that are here."""
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if not shutil.which("apt-get"):
        raise SetupError(f"this system has no apt-get. Install by hand what Debian calls: {' '.join(packages)}")
    before = _as_root()
    if before is None:
        raise SetupError(f"the tests need more packages, and installing them needs root. Run: sudo {command}")
    say(f"installing {' '.join(packages)}; this needs the network once")
    # Lists that are here may be old, or lack the security updates, and with them the browsers that people have.
    listed = _apt([*before, "apt-get", "update"])
    done = _apt([*before, *command.split(), "-y"])
    if done.returncode != 0:
        tail = (listed.stderr if listed.returncode else "") + (done.stderr or done.stdout)[-1500:]
        raise SetupError(f"these packages could not be installed: {' '.join(packages)}\n{tail}\nTry: sudo {command}")


def _apt(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _as_root() -> list[str] | None:
    """What goes before a command to run it as root, or None where a password would be asked for."""
    if sys.platform == "win32":
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND,LC_ALL"]
    return None


def _missing(packages: Sequence[str]) -> list[str]:
    """Those that dpkg does not know as installed; all of them on a system without dpkg."""
    if not shutil.which("dpkg-query"):
        return list(packages)
    command = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def _by_hand(engines: Sequence[str]) -> str:
    return f"{sys.executable} -m playwright install {' '.join(engines)}"
