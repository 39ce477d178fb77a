"""One byte of one file is not what was built: the page starts in another way and says so, or says why it cannot."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

from builder.packing import PACKED
from tests.browser.support.damaged_site import PATIENCE_MS, WAYS, flipped, look, spoilt, without
from tests.browser.support.plain_host import Answer, PlainHost, plainly
from tests.browser.support.ways import NO_COPY
from voice_browsers.tape import poll

pytestmark = [pytest.mark.browser, pytest.mark.tab(init_scripts=[NO_COPY])]


@pytest.fixture
def host(built_site: Path) -> Iterator[PlainHost]:
    with PlainHost(built_site) as host:
        yield host


def is_harmless(path: Path, name: str, form: str) -> bool:
    """Some bytes of a compressed file say nothing of its content, such as a date."""
    body = path.with_name(f"{name}.br").read_bytes() if form == "brotli" else path.read_bytes()
    try:
        if form == "brotli":
            return bool(brotli.decompress(spoilt(body, name)) == brotli.decompress(body))
        return path.suffix in PACKED and gzip.decompress(spoilt(body, name)) == gzip.decompress(body)
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
        if tab.engine != "chromium" and way != "snapshot":
            break  # `is_sample` would take nothing of it
        right = look(tab, host, without(missing, flipped("", form)))
        assert (right.boot, right.way) == ("ready", way), right
        for name in sorted(right.asked - tried - {""}):
            path = next(built_site.rglob(name), built_site / "index.html")
            if path.suffix == ".html" or (form == "brotli" and not path.with_name(f"{name}.br").exists()):
                continue
            if form == "brotli" and path.suffix not in PACKED:
                continue  # a script is looked at when the browser has decoded it, in whichever form it came
            tried.add(name)
            if tab.engine != "chromium" and not is_sample(name):
                continue
            seen = look(tab, host, without(missing, flipped(name, form)))
            what = f"{name}, {form}, {way}: {seen}"
            assert seen.boot in ("ready", "failed"), what
            if seen.boot == "failed":
                assert seen.notice, what
            elif not is_harmless(path, name, form):
                complaints = [seen.why or "", *seen.said]
                assert any(word in said for said in complaints for word in ("damaged", "could not be fetched", name)), (
                    what
                )
                if seen.way != way:
                    assert seen.why, what
    assert len(tried) >= (3 if tab.engine != "chromium" else 7 if form == "brotli" else 12), tried


def as_webassembly(content: bytes) -> Answer:
    """As `plainly` does, but the WebAssembly of the start comes as hosts send it that know it: the page
    compiles it itself then.
    """

    def answered(path: Path, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        status, body, headers = plainly(path, data)
        if path.suffix == ".wasm":
            headers |= {"Content-Type": "application/wasm", "Content-Encoding": "br"}
            body = brotli.compress(content, quality=1)
        return status, body, headers

    return answered


def test_webassembly_that_the_page_compiles_itself_is_what_was_built(
    tab: Any, host: PlainHost, built_site: Path
) -> None:
    """Right; with one byte of its data changed, which no compiler minds; and as a host sends it that
    compresses what is packed.
    """
    tab.errors.expect(".*")
    (path,) = built_site.glob("assets/pyodide.asm.*.wasm")
    packed = path.read_bytes()
    right = gzip.decompress(packed)
    changed = right[:-1] + bytes([right[-1] ^ 1])
    for content, way in ((right, "snapshot"), (packed, "snapshot"), (changed, "stock")):
        seen = look(tab, host, as_webassembly(content))
        assert (seen.boot, seen.way) == ("ready", way), seen
        assert way == "snapshot" or "the runtime is damaged" in (seen.why or ""), seen


def test_webassembly_that_a_cache_has_spoilt_is_replaced(tab: Any, host: PlainHost, built_site: Path) -> None:
    """What the page asks for ahead is not one of the worker's two tries: the second goes past the browser's cache."""
    tab.errors.expect(".*")
    (path,) = built_site.glob("assets/pyodide.asm.*.wasm")
    right = gzip.decompress(path.read_bytes())
    contents = [right[:-1] + bytes([right[-1] ^ 1])]

    def answered(path: Path, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        content = right
        if path.suffix == ".wasm" and contents:
            content = contents.pop()
        status, body, headers = as_webassembly(content)(path, data)
        return status, body, headers | {"Cache-Control": "max-age=3600, immutable"}

    seen = look(tab, host, answered)
    assert not contents
    assert (seen.boot, seen.way, seen.why) == ("ready", "snapshot", None), seen


RUNS = "a changed script runs"


def test_a_script_that_was_changed_is_never_run(tab: Any, host: PlainHost, built_site: Path) -> None:
    """It would be heard of: browsers complain of it too, and that alone would not say that it was not run."""
    tab.errors.expect(".*")
    (changed,) = built_site.glob("assets/pyodide.asm.*.js")

    def answered(path: Path, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        return plainly(path, data + f';console.info("{RUNS}");'.encode() if path == changed else data)

    seen = look(tab, host, answered)
    assert (seen.boot, seen.way) == ("ready", "stock"), seen
    assert "is damaged" in (seen.why or "") and not any(RUNS in said for said in seen.said), seen


# Where in the page a byte is changed: what stands there, and how far behind it.
IN_THE_PAGE = {
    "a digest": ('"sha256":["', 5),
    "an address": ('"url":"assets/', 20),
    "the form of the settings": ('id="parley-config">', 0),
    "what is known of the settings": ('name="parley-check" content="', 2),
    "the script in the page": ("parleyGuard", 3),
}


def test_a_flipped_byte_in_the_page_itself_makes_no_wrong_start(tab: Any, host: PlainHost) -> None:
    """Nothing starts with settings that were changed. A script that the policy refuses has a second way, as a file."""
    tab.errors.expect(".*")
    for where, (after, further) in IN_THE_PAGE.items():
        if tab.engine != "chromium" and where not in ("a digest", "the form of the settings"):
            continue

        def answer(
            path: Path, data: bytes, at: bytes = after.encode(), by: int = further
        ) -> tuple[int, bytes, dict[str, str]]:
            if path.name == "index.html":
                place = data.index(at) + len(at) + by
                data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            return plainly(path, data)

        host.answer = answer
        tab.page.goto(host.url, wait_until="commit")
        if where == "the script in the page":
            # On a busy machine the page says "not started yet" for a while before its second way has come.
            tab.page.wait_for_selector("body[data-boot=ready]", timeout=PATIENCE_MS)
            continue
        tab.page.wait_for_selector("body[data-boot=ready], #notice", timeout=PATIENCE_MS, state="visible")
        assert tab.page.evaluate("() => document.body.dataset.boot") != "ready", where
        # Before its style sheet has come all of a page is shown, and then, for five seconds, not the notice.
        assert poll(lambda: bool(tab.page.inner_text("#notice-title")), 20.0), where


def test_worklets_with_a_flipped_byte_are_not_used(tab: Any, sound: Any, host: PlainHost, built_site: Path) -> None:
    tab.errors.expect(".*")
    (path,) = built_site.glob("assets/worklets.*.js")
    seen = look(tab, host, flipped(path.name, "plain"))
    assert (seen.boot, seen.why) == ("ready", None), seen
    tab.page.get_by_role("button", name="Connect", exact=True).click()
    tab.page.wait_for_selector("#notice[data-code=mic_no_worklet]", timeout=PATIENCE_MS)


def is_sample(name: str) -> bool:
    """In the other engines one script, the WebAssembly, the memory and the tools: each is checked by another path."""
    return name.startswith(("pyodide.asm.", "python.", "tools."))
