"""The servers that tests need beside ours: Debian's nginx, Apache, Caddy and lighttpd for a built site, and
Redis for shared limits.

Their packages are unpacked into `.cache/webservers/` and not installed. So nothing of this machine changes:
no service begins to listen on port 80, now or at the next start of the system, and no rights are needed.
The tests start the programs there as plain processes, with a port of theirs; the web servers
(`tests/hosts/`) with Debian's own configuration.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from builder.environment import SetupError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "webservers"
PROGRAMS = {
    "nginx": "usr/sbin/nginx",
    "apache": "usr/sbin/apache2",
    "caddy": "usr/bin/caddy",
    "lighttpd": "usr/sbin/lighttpd",
    "redis": "usr/bin/redis-server",
}
# Each by its name, also where it is installed here already: what was installed may have been changed since.
_PACKAGES = (
    *("nginx", "nginx-common", "libnginx-mod-http-brotli-static"),
    *("apache2", "apache2-bin", "caddy", "lighttpd", "lighttpd-mod-deflate", "media-types"),
    # The server's program is in the tools' package.
    *("redis-server", "redis-tools"),
)
_USED_BY = ("tests/browser/test_hosts.py", "tests/builder/test_hosts.py", "tests/server/test_shared_limits.py")

Say = Callable[[str], None]


def wanted(pytest_arguments: Sequence[str]) -> bool:
    """Whether a pytest command line runs tests that need them: all of them do, unless others are named."""
    if {"--collect-only", "--co", "--fast"} & set(pytest_arguments):
        return False
    named = [(ROOT / word.split("::")[0]).resolve() for word in pytest_arguments if not word.startswith("-")]
    named = [path for path in named if path.exists()]
    return not named or any((ROOT / user).is_relative_to(path) for path in named for user in _USED_BY)


def present() -> bool:
    """Whether all of them have been unpacked here, for this release of the system and from this list of packages."""
    stamp = FOLDER / "complete"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _stamp()


def possible() -> bool:
    """Whether this system has the packages at all. Elsewhere the tests that need them are skipped, and say why."""
    return sys.platform.startswith("linux") and all(map(shutil.which, ("apt-get", "dpkg-deb")))


def ensure(say: Say) -> None:
    """Unpack them unless they are there.

    SetupError when the packages cannot be had; silent and offline when they are there.
    """
    if present():
        return
    if not possible():
        say("the servers of Debian cannot be had on this system: tests that need them are skipped")
        return
    say("unpacking nginx, Apache, Caddy, lighttpd and Redis into .cache; this needs the network once")
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as folder:
        staging = Path(folder) / "root"
        for package in _download(Path(folder)):
            _run(["dpkg-deb", "--extract", str(package), str(staging)])
        (staging / "complete").write_text(_stamp(), encoding="utf-8")
        shutil.rmtree(FOLDER, ignore_errors=True)
        staging.rename(FOLDER)
    for name, path in PROGRAMS.items():
        if not (FOLDER / path).is_file():
            shutil.rmtree(FOLDER)
            raise SetupError(f"the packages of {name} hold no {path}: the tests do not know this system")


def environ() -> dict[str, str]:
    """The variables for starting one: where their libraries are."""
    libraries = [str(path) for path in sorted(FOLDER.glob("usr/lib/*-linux-gnu*"))]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}


def _stamp() -> str:
    release = Path("/etc/os-release")
    return " ".join(_PACKAGES) + "\n" + (release.read_text(encoding="utf-8") if release.exists() else "")


def _download(folder: Path) -> list[Path]:
    """Fetch the packages and the libraries that this system lacks.

    Lists and files are kept in `folder`, so no rights are needed.
    """
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    options = [
        *("-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}"),
        *("-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="),
    ]
    _run(["apt-get", *options, "update"])
    _run(
        [
            *("apt-get", *options, "install", "--download-only", "--reinstall"),
            *("--no-install-recommends", "--yes", *_PACKAGES),
        ]
    )
    return sorted((folder / "archives").glob("*.deb"))


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = (done.stderr or done.stdout)[-1500:]
        raise SetupError(f"the servers for the tests could not be had ({' '.join(command[:1])}):\n{tail}")
