"""Verification of a finished `dist/`: nothing missing, nothing foreign, nothing secret."""

from __future__ import annotations

import base64
import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

from builder.environment import SetupError
from builder.packing import PACKED, unpacked

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
SHORTEST_SECRET = 8
# In our own scripts and styles an address stands in quotes or in url().
FOREIGN = re.compile(r"""(?:["'`]|url\(\s*)((?:https?|wss?):)?//[\w.-]+[^"'`)\s]*""")
STYLE_URL = re.compile(r"""url\(\s*["']?(?!data:)([^"')\s]+)""")
MODULE_URL = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.{0,2}/[^"']+)["']""")
COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
# Its scripts are not ours, and name its own addresses.
PYODIDE = ("assets/pyodide.", "assets/stock.")
ASSET_NAME = re.compile(r"assets/[\w.@/-]+")


def check(dist: Path, connect: tuple[str, ...] = ()) -> None:
    """Raise SetupError with every fault found."""
    faults = [*_references(dist, connect), *_secrets(dist, os.environ)]
    if faults:
        raise SetupError("the built site is not fit to ship:\n  " + "\n  ".join(faults))


class _Links(HTMLParser):
    """Collects every attribute that makes a browser fetch or go somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action", "poster", "data") and value:
                self.found.append((tag, value))


def _references(dist: Path, connect: tuple[str, ...]) -> Iterator[str]:
    for path in sorted(dist.rglob("*")):
        name = path.relative_to(dist).as_posix()
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            links = _Links()
            links.feed(text)
            for tag, url in links.found:
                if tag == "a" and url.startswith(("https://", "/")):
                    continue  # a person may follow a link; the page itself fetches nothing there
                yield from _target(dist, path.parent, name, url)
            for url in ASSET_NAME.findall(text):
                yield from _target(dist, dist, name, url)
        elif path.suffix in (".js", ".css") and not name.startswith(PYODIDE):
            text = COMMENT.sub("", path.read_text(encoding="utf-8"))
            for match in FOREIGN.finditer(text):
                if not any(origin in match.group() for origin in connect):
                    yield f"{name} refers to another origin: {match.group().strip()[:80]}"
            for url in (STYLE_URL if path.suffix == ".css" else MODULE_URL).findall(text):
                yield from _target(dist, path.parent, name, url)


def _target(dist: Path, base: Path, name: str, url: str) -> Iterator[str]:
    if re.match(r"(https?:)?//", url):
        yield f"{name} refers to another origin: {url[:80]}"
        return
    if url.startswith(("#", "data:")):
        return
    target = (base / re.split(r"[?#]", url)[0]).resolve()
    if not target.is_relative_to(dist.resolve()) or not target.exists():
        yield f"{name} refers to '{url}', which is not in the build"


def secrets_in(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment's secrets by name: what must never be in a file that we publish."""
    return {
        name: value for name, value in environ.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET
    }


def _secrets(dist: Path, environ: Mapping[str, str]) -> Iterator[str]:
    forms: dict[bytes, str] = {}
    for name, value in secrets_in(environ).items():
        raw = value.encode()
        for form in (raw, raw[::-1], raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")):
            forms[form] = name
    if not forms:
        return
    for path in sorted(dist.rglob("*")):
        if path.is_file():
            for where, data in _contents(path):
                for form, name in forms.items():
                    if form in data:
                        yield f"{path.relative_to(dist)}{where} holds the value of {name}"


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    data = unpacked(path.read_bytes()) if path.suffix in PACKED else path.read_bytes()
    yield "", data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield f"!{member}", archive.read(member)
