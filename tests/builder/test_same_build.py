"""Who builds, where, when and on what machine is in no file of a site: any two builds of the same sources are equal."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder import site
from tests.builder.support.sites import tree

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "agents",
    "builder",
    "pyclient",
    "templates",
    "worklets",
    "build.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
USER = "canary-of-a-user"
KEY = "canary-5f1c0de-never-published"
BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


def copy_of_everything(folder: Path) -> Path:
    """The sources and what was fetched for them; nothing that an earlier build made."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder)
    for path in folder.rglob("*"):  # a clone made with another umask
        path.chmod(0o700 if path.is_dir() else 0o600)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "runtime").symlink_to(ROOT / ".cache" / "runtime")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def forms(data: bytes, name: str = "") -> Iterator[tuple[str, bytes]]:
    """What a file says, in every form in which it may say it: as it is, unpacked, and what is written in base64."""
    yield name, data
    if name.endswith(".br"):  # which may begin like any other form
        import brotli

        yield from forms(brotli.decompress(data), f"{name[:-3]} unpacked")
        return
    if data[:2] == b"\x1f\x8b":
        yield from forms(gzip.decompress(data), f"{name} unpacked")
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                yield from forms(archive.read(entry), f"{name}/{entry}")
    for found in BASE64.findall(data) if len(data) < 2_000_000 else []:
        for begin in range(4):
            part = found[begin : begin + (len(found) - begin) // 4 * 4]
            try:
                yield f"{name} in base64", base64.b64decode(part)
            except binascii.Error:
                continue


def found_in(files: dict[str, bytes], words: list[str]) -> list[str]:
    """Which of `words` are in which files, also as UTF-16 and UTF-32, the forms of text in
    Python's and JavaScript's memory.
    """
    wanted = {word: [word.encode(code) for code in ("utf-8", "utf-16-le", "utf-32-le")] for word in words}
    found = []
    for name, data in files.items():
        for form, content in forms(data, name):
            found += [f"{form}: {word}" for word, codes in wanted.items() if any(code in content for code in codes)]
    return found


@pytest.mark.slow
@pytest.mark.timeout(
    1800
)  # behind browsers it has a tenth of the machine, and nothing of what a first build makes is there yet
@pytest.mark.skipif(sys.platform == "win32", reason="a umask, and links")
def test_builds_of_two_people_on_two_machines_are_equal_and_name_neither(tmp_path: Path) -> None:
    here = tree(site.build(ROOT, tmp_path / "here" / "dist", "demo"))
    home = tmp_path / USER
    there = copy_of_everything(home / "a folder of mine")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "USER": USER,
        "LOGNAME": USER,
        "LANG": "xq_XQ.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "Pacific/Chatham",
        "PYTHONHASHSEED": "4242",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOME_API_KEY": KEY,
        "NODE_OPTIONS": "--no-warnings",
    }
    # Without brotli's best, which takes minutes where the processors have other work, and says what the quick one says.
    build = (
        "import pathlib; from builder import site; root = pathlib.Path.cwd(); site.build(root, root / 'dist', 'demo')"
    )
    done = subprocess.run(
        [sys.executable, "-c", build],
        cwd=there,
        env=environ,
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    built = tree(there / "dist")
    assert sorted(built) == sorted(here)
    assert [name for name in built if built[name] != here[name]] == []
    words = [USER, KEY, str(ROOT), str(tmp_path), "xq_XQ", "xq-XQ", "UTC+1245", "UTC+1345"]
    words += [name for name in (socket.gethostname(), os.environ.get("USER", "")) if len(name) > 5]
    assert found_in(built, words) == []


def test_what_is_looked_for_would_be_found() -> None:
    """In each form; a search that finds nothing proves nothing otherwise."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("inner.txt", gzip.compress(USER.encode()))
    files = {
        "plain": b"x" + USER.encode(),
        "wide": USER.encode("utf-16-le"),
        "zip": archive.getvalue(),
        "page": b"<p>" + base64.b64encode(b"??" + USER.encode() * 2),
        "clean": b"canary-of-nobody",
    }
    assert {line.split(":")[0] for line in found_in(files, [USER])} == {
        "plain",
        "wide",
        "zip/inner.txt unpacked",
        "page in base64",
    }
