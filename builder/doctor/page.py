"""What a fetched page says about itself: its files with their digests, its own policy, its settings."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

_ASSET = re.compile(r"assets/[\w.@/-]*[\w@-]")
_FINGERPRINT = re.compile(r"\.([0-9a-f]{12})\.[\w.]+$")
_GZIP = b"\x1f\x8b"
# A file of ours whose suffix is one of these is read by the browser itself, which looks at its type.
SCRIPTS, STYLES = (".js", ".mjs"), (".css",)


class NotOurs(Exception):
    """This is no page of Parley; the text says what is missing."""


@dataclass(slots=True, kw_only=True)
class File:
    """A file that the page names.

    `described`: what the page knows of it (bytes, part_bytes, sha256 of each part), if it does.
    """

    path: str
    url: str
    described: dict[str, Any] = field(default_factory=dict)
    integrity: str = ""

    @property
    def suffix(self) -> str:
        return "." + self.path.rpartition(".")[2].lower()

    def damage(self, content: bytes) -> str:
        """What is wrong with it; empty if it is what the build made, or nobody knows better."""
        content = unpacked(content)
        if self.described:
            size, step = int(self.described["bytes"]), int(self.described["part_bytes"])
            if len(content) != size:
                return f"has {len(content)} bytes instead of {size}"
            parts = [content[begin : begin + step] for begin in range(0, size, step)]
            if [_sha256(part) for part in parts] != self.described["sha256"]:
                return "has other bytes than the build"
        elif self.integrity and self.integrity != f"sha256-{_sha256(content)}":
            return "has other bytes than the page expects"
        elif (named := _FINGERPRINT.search(self.path)) and hashlib.sha256(content).hexdigest()[:12] != named[1]:
            return "has other bytes than its name says"
        return ""


@dataclass(slots=True, kw_only=True)
class Page:
    """A page of ours as it came. `policy`: its own, in its HTML. `scripts`: those that stand in it."""

    url: str
    config: dict[str, Any]
    policy: str
    scripts: list[str]
    files: list[File]

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def worker(self) -> str:
        """The path of the worker's script."""
        given = self.config["boot"]["worker"]
        return str(given["url"] if isinstance(given, dict) else given)

    @property
    def sign_in(self) -> str:
        """How it is known to its token server: "cookie", "bearer" or not at all."""
        return str(self.config["boot"].get("sign_in", ""))

    @property
    def settings(self) -> dict[str, Any]:
        """Of the service that the page offers first."""
        found: dict[str, Any] = self.config["choices"][0]["settings"]
        return found

    @property
    def token_url(self) -> str:
        return urljoin(self.url, str(self.settings["token_url"]))


def read(url: str, html: str) -> Page:
    """Raises `NotOurs`."""
    parser = _Reader()
    parser.feed(html)
    parser.close()
    try:
        config = json.loads(parser.config)
        page = Page(url=url, config=config, policy=parser.policy, scripts=parser.scripts, files=[])
        assert page.worker and page.settings
    except (ValueError, KeyError, IndexError, TypeError, AssertionError):
        missing = "settings of ours" if parser.config else "block of settings (parley-config)"
        raise NotOurs(f"the page at {url} holds no {missing}") from None
    described = dict(_described(config["boot"]))
    for path in dict.fromkeys(_ASSET.findall(html)):
        # A source map is for developer tools: no visitor misses it, so a host need not have it.
        if "." in path.rpartition("/")[2] and not path.endswith(".map"):
            file = File(path=path, url=urljoin(url, path), described=described.get(path, {}))
            file.integrity = parser.integrity.get(path, "")
            page.files.append(file)
    return page


def unpacked(content: bytes) -> bytes:
    """As the page reads it: a file may be compressed in itself."""
    if content.startswith(_GZIP):
        try:
            return gzip.decompress(content)
        except (OSError, EOFError, zlib.error, binascii.Error):
            return content
    return content


def _described(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, description) of every file that the settings describe with digests."""
    if isinstance(tree, dict):
        if isinstance(tree.get("url"), str) and isinstance(tree.get("sha256"), list):
            yield tree["url"], tree
        for inner in tree.values():
            yield from _described(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _described(inner)


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.config = ""
        self.policy = ""
        self.scripts: list[str] = []
        self.integrity: dict[str, str] = {}
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given.get("content", "")
        if "integrity" in given:
            self.integrity[given.get("src") or given.get("href", "")] = given["integrity"]
        if tag == "script" and "src" not in given:
            is_data = "json" in given.get("type", "")
            self._inside = "config" if given.get("id") == "parley-config" else "data" if is_data else "script"
            if self._inside == "script":
                self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside == "config":
            self.config += data
        elif self._inside == "script":
            self.scripts[-1] += data
