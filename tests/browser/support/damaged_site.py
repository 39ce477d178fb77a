"""A page that is shown by a plain host whose files are missing or damaged, and what became of it."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.support.plain_host import Answer, PlainHost, plainly

PATIENCE_MS = 60_000
TOLD = "body[data-boot=ready], body[data-boot=failed]"
# What has to be missing so that a way is taken, and the files of that way are asked for.
WAYS = {"snapshot": (), "precompiled": ("python.",), "stock": ("python.", "precompiled.")}


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
    with contextlib.suppress(PlaywrightTimeout):  # what is shown then says more than a time-out
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
