"""The page draws no more often than it shows frames, however fast its view changes (row 69)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.talk import Call

pytestmark = pytest.mark.browser

# A thousand live words as Python's worker would tell them, ten at a time; counted is how often the page
# wrote one of them.
WORDS = """async () => {
  const { worker } = parleyAhead.first;
  const view = parley.snapshot();
  const turn = { id: "flood", role: "agent", final: false, interrupted: false, heard_ms: null, sounding: false };
  const tell = (text) => {
    const update = { ...view, turns: [{ ...turn, text }], gone: [], order: ["flood"] };
    worker.onmessage(new MessageEvent("message", { data: { type: "view", call: 0, view: update } }));
  };
  const shown = () => document.querySelector("[data-turn=flood] .text")?.textContent;
  tell("word 0");
  while (shown() !== "word 0") await new Promise((next) => setTimeout(next, 10));

  let drawn = 0;
  let frames = 0;
  let running = true;
  const watched = new MutationObserver((changes) => { drawn += changes.length; });
  watched.observe(document.querySelector("[data-turn=flood] .text"), { childList: true });
  const count = () => { frames += 1; if (running) requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const begin = performance.now();
  for (let n = 1; n <= 1000; n++) {
    tell(`word ${n}`);
    if (n % 10 === 0) await new Promise((next) => setTimeout(next, 5));
  }
  while (shown() !== "word 1000") await new Promise((next) => setTimeout(next, 10));
  await new Promise((next) => setTimeout(next, 50));
  running = false;
  return { drawn, frames, seconds: (performance.now() - begin) / 1000 };
}"""


def test_row_69_a_flood_of_words_is_drawn_once_a_frame(call: Call) -> None:
    call.wait_booted()
    counted: dict[str, Any] = call.page.evaluate(WORDS)
    print(f"drawn in {call.tab.engine}: {counted}")
    # Where a page has no frames, in the background, it draws ten times a second. The first and the last may
    # be beside a count.
    assert 1 <= counted["drawn"] <= counted["frames"] + 10 * counted["seconds"] + 2, counted
    assert counted["drawn"] < 500, "else nothing was held together"
