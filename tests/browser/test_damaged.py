"""One byte of one file is not what was built: the page starts in another way and says so, or says why it cannot."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import pytest

from tests.browser.plain_host import Answer, PlainHost, plainly
from tests.harness.server import build_site

pytestmark = pytest.mark.browser

PATIENCE_MS = 20_000
TOLD = "body[data-boot=ready], body[data-boot=failed]"
# What has to be missing so that a way is taken, and the files of that way are asked for.
WAYS = {"snapshot": (), "precompiled": ("python.",), "stock": ("python.", "precompiled.")}


@pytest.fixture(scope="module")
def built_site(shared_folder: Path) -> Path:
    return build_site(shared_folder)


@pytest.fixture
def host(built_site: Path) -> Iterator[PlainHost]:
    with PlainHost(built_site) as host:
        yield host


@dataclass(kw_only=True)
class Seen:
    """What became of a page."""

    boot: str
    way: str | None
    why: str | None
    notice: str
    said: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)


def look(tab: Any, host: PlainHost, answer: Answer) -> Seen:
    """Open the page anew and wait for what it comes to."""
    host.answer, host.asked = answer, []
    said: list[str] = []
    hear: Callable[[Any], None] = lambda message: said.append(message.text)  # noqa: E731
    tab.page.on("console", hear)
    tab.page.goto(host.url, wait_until="commit")
    tab.page.wait_for_selector(TOLD, timeout=PATIENCE_MS)
    facts = tab.page.evaluate("() => globalThis.parley?.facts() ?? {}")
    notice = tab.page.evaluate(
        "() => { const it = document.getElementById('notice'); return it.hidden ? '' : it.innerText }"
    )
    boot = tab.page.evaluate("() => document.body.dataset.boot")
    if boot == "ready":
        tab.page.wait_for_timeout(300)  # what comes after Python: it is only said in the console that it is wrong
    tab.page.remove_listener("console", hear)
    asked = {path.rsplit("/", 1)[-1].partition("?")[0] for path, status in host.asked if status == 200}
    return Seen(
        boot=boot,
        way=facts.get("Python started from"),
        why=facts.get("Not faster because"),
        notice=notice,
        said=said,
        asked=asked,
    )


def without(beginnings: tuple[str, ...], answer: Answer) -> Answer:
    def answered(path: Path, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        if path.name.startswith(beginnings or ("\0",)):
            return 404, b"gone", {"Content-Type": "text/plain"}
        return answer(path, data)

    return answered


def flipped(name: str, form: str) -> Answer:
    """As `plainly` does, or brotli where there is; of `name` one byte is another one."""

    def answered(path: Path, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        status, body, headers = plainly(path, data)
        copy = path.with_name(f"{path.name}.br")
        if form == "brotli" and copy.exists():
            body, headers = copy.read_bytes(), {**headers, "Content-Encoding": "br"}
        return status, spoilt(body, name) if path.name == name else body, headers

    return answered


def spoilt(body: bytes, name: str) -> bytes:
    at = zlib.crc32(name.partition(".")[0].encode()) % len(body)
    return body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :]


def is_harmless(path: Path, name: str, form: str) -> bool:
    """Some bytes of a compressed file say nothing of its content, such as a date."""
    body = path.with_name(f"{name}.br").read_bytes() if form == "brotli" else path.read_bytes()
    try:
        if form == "brotli":
            return brotli.decompress(spoilt(body, name)) == brotli.decompress(body)
        return path.suffix == ".bin" and gzip.decompress(spoilt(body, name)) == gzip.decompress(body)
    except (brotli.error, OSError, EOFError, zlib.error):
        return False


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("form", ["plain", "brotli"])
def test_no_flipped_byte_makes_a_wrong_start(tab: Any, host: PlainHost, built_site: Path, form: str) -> None:
    """Of every file that any of the ways asks for, each in turn. Which they are the page says itself, by asking."""
    tab.errors.expect(".*")
    tried: set[str] = set()
    for way, missing in WAYS.items():
        right = look(tab, host, without(missing, flipped("", form)))
        assert (right.boot, right.way) == ("ready", way), right
        for name in sorted(right.asked - tried - {""}):
            path = next(built_site.rglob(name), built_site / "index.html")
            if path.suffix == ".html" or (form == "brotli" and not path.with_name(f"{name}.br").exists()):
                continue
            tried.add(name)
            if tab.engine != "chromium" and not is_sample(tried, name, way):
                continue
            seen = look(tab, host, without(missing, flipped(name, form)))
            what = f"{name}, {form}, {way}: {seen}"
            if seen.boot == "failed":
                assert seen.notice, what
            elif not is_harmless(path, name, form):
                complaints = [seen.why or "", *seen.said]
                assert any(word in said for said in complaints for word in ("damaged", "could not be fetched", name)), (
                    what
                )
                if seen.way != way:
                    assert seen.why, what
    assert len(tried) > 12, tried


def is_sample(tried: set[str], name: str, way: str) -> bool:
    """In the other engines one script, the WebAssembly, the memory and the tools: each is checked by another path."""
    return way == "snapshot" and name.startswith(("pyodide.asm.", "python.", "tools."))
