"""A second visit takes a decoded copy of Python's memory out of Cache Storage; whatever is wrong with
it costs time only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.engines import Tab
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

COPIES = """async () => {
  const store = await caches.open("parley decoded");
  const found = {};
  for (const { url } of await store.keys()) {
    const answer = await store.match(url);
    if (!answer) continue; // deleted at this moment
    const data = await answer.arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    found[url] = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  return found;
}"""
PUT = """async ([url, size]) => {
  const store = await caches.open("parley decoded");
  await store.put(url, new Response(new Uint8Array(size)));
}"""
ASKED_FOR = "() => performance.getEntriesByType('resource').map(({ name }) => name.split('/').pop())"


def test_a_second_visit_takes_the_decoded_copy_and_a_wrong_one_costs_time_only(
    open_tab: Callable[..., Tab], sound: Any, parley: Parley, tmp_path: Path
) -> None:
    tab = open_tab(profile=tmp_path)
    page = tab.page
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    call = Call(tab, sound)

    def visit() -> list[str]:
        """Returns the snapshots that the page asked for; the page has started from one."""
        said.clear()
        call.open(parley.url)
        call.wait_booted()
        facts = call.facts()
        assert (facts["Python started from"], facts["Not faster because"]) == ("snapshot", None), said
        return [name for name in page.evaluate(ASKED_FOR) if name.startswith("python.") and name.endswith(".bin")]

    def copies() -> dict[str, str]:
        return dict(page.evaluate(COPIES))

    assert len(visit()) == 1
    assert poll(lambda: len(copies()) == 1, 30.0, lambda: page.wait_for_timeout(200)), copies()
    ((key, digest),) = copies().items()
    # Of an earlier build of this site, and of another site beside it.
    old, other = key.replace("python.", "python.0"), key.replace("/assets/", "/another/assets/")
    for url in (old, other):
        page.evaluate(PUT, [url, 10])

    if tab.engine == "webkit":
        # WebKitGTK as it is driven here may forget what a page kept as soon as that page is left.
        assert len(visit()) <= 1
        return
    assert visit() == [], "it was fetched, and so decoded, again"
    assert poll(lambda: old not in copies(), 30.0, lambda: page.wait_for_timeout(200))
    assert other in copies()

    page.evaluate(PUT, [key, 8 << 20])
    visit()
    assert any("is damaged; trying once more" in line for line in said), said
    assert poll(lambda: copies().get(key) == digest, 30.0, lambda: page.wait_for_timeout(200)), "mended"
