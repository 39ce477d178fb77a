"""What a call held is given back: audio contexts, worklet nodes and listeners, counted over many calls.

Engines differ in what can be counted. Chromium counts its own objects and collects garbage when asked; the others are
given reason to collect, and promise nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.talk import Call

pytestmark = pytest.mark.browser

# As many as it takes to tell one that is always kept from one that each call leaves. Where only what is still open can
# be counted, a single one would be too many.
CALLS = {"chromium": 6, "firefox": 3, "webkit": 3}

# Every call resumes its context and connects its nodes. What is kept here are weak references, so
# it keeps nothing alive.
WATCH = """() => {
  globalThis.kept = { contexts: [], nodes: [] };
  const resume = AudioContext.prototype.resume;
  AudioContext.prototype.resume = function () {
    if (!kept.contexts.some((ref) => ref.deref() === this)) kept.contexts.push(new WeakRef(this));
    return resume.call(this);
  };
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (...to) {
    if (this instanceof AudioWorkletNode) kept.nodes.push(new WeakRef(this));
    return connect.apply(this, to);
  };
}"""
COUNT = """() => ({
  made: kept.contexts.length,
  contexts: kept.contexts.filter((ref) => ref.deref()).length,
  open: kept.contexts.filter((ref) => ref.deref() && ref.deref().state !== "closed").length,
  nodes: kept.nodes.filter((ref) => ref.deref()).length,
})"""
LITTER = "() => { for (let n = 0; n < 60; n++) globalThis.litter = new Array(400_000).fill(n).map((x) => ({ x })); delete globalThis.litter; }"


def collect(call: Call) -> None:
    """A moment for what is on its way, then a collection of garbage: asked for, or provoked."""
    page = call.page
    page.wait_for_timeout(500)
    if call.tab.engine == "chromium":
        session = page.context.new_cdp_session(page)
        for _ in range(2):
            session.send("HeapProfiler.collectGarbage")
            page.wait_for_timeout(200)
        session.detach()
    else:
        for _ in range(3):
            page.evaluate(LITTER)
            page.wait_for_timeout(300)


def test_a_call_gives_back_what_it_held(call: Call, record_property: Any) -> None:
    call.wait_booted()
    call.page.evaluate(WATCH)
    calls = CALLS[call.tab.engine]
    for _ in range(calls):
        call.connect()
        call.hang_up()
    collect(call)
    counted = call.page.evaluate(COUNT)
    record_property("freed", f"{call.tab.engine}: {counted}")
    print(f"freed in {call.tab.engine}: {counted}")
    assert counted["made"] == calls, counted
    assert counted["open"] == 0, counted
    if call.tab.engine == "chromium":
        assert counted["contexts"] <= 1 and counted["nodes"] <= 2, counted
