"""What a person sees: the page fits where it is shown, and the orb is the voice that is heard (docs/design-language.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.pages import beep
from tests.harness.engines import Tab
from tests.harness.server import Parley
from tests.harness.speech import Speech
from tests.harness.talk import Call
from tests.harness.tape import poll

pytestmark = pytest.mark.browser

# What stands out to a side, innermost first, so that a failure says where to look.
TOO_WIDE = """() => {
  const root = document.scrollingElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const out = [...document.querySelectorAll("body *")].filter((it) => {
    const { left, right, width } = it.getBoundingClientRect();
    return width && !it.closest(".hidden, .skip") && (left < -1 || right > root.clientWidth + 1);
  });
  return [`${root.scrollWidth} of ${root.clientWidth} px`, ...out.reverse().map((it) => it.id || it.outerHTML.slice(0, 90))];
}"""
# Dots of the orb in the colour of one of the voices, as the style sheet has it at this moment.
COLOURED = """(token) => {
  const canvas = document.getElementById("orb");
  if (!canvas.width) return 0;
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  pen.fillStyle = getComputedStyle(canvas).getPropertyValue(token).trim();
  pen.fillRect(0, 0, 1, 1);
  const wanted = pen.getImageData(0, 0, 1, 1).data;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 128 && [0, 1, 2].every((c) => Math.abs(data[at + c] - wanted[c]) < 24)) count += 1;
  return count;
}"""


@pytest.mark.tab(size=(320, 640))
def test_no_panel_makes_a_narrow_page_scroll_sideways(tab: Tab, parley: Parley) -> None:
    """A phone of 320 px, every panel open, a notice that is one long word; then from right to left, then with letters twice the size."""
    tab.page.goto(parley.url)
    Call(tab, None).wait_booted()
    assert tab.page.evaluate("innerWidth") == 320
    tab.page.evaluate(
        """() => {
          for (const it of document.querySelectorAll("details")) it.open = true;
          document.getElementById("notice").hidden = false;
          document.getElementById("notice-hint").textContent = `wss://${"voice".repeat(20)}.example`;
        }"""
    )
    tab.page.get_by_text("Python started from").wait_for()
    assert tab.page.evaluate(TOO_WIDE) == []
    tab.page.evaluate("document.documentElement.dir = 'rtl'")
    assert tab.page.evaluate(TOO_WIDE) == []
    tab.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert tab.page.evaluate(TOO_WIDE) == []


def test_the_orb_has_the_colour_of_who_is_heard(call: Call, speech: Speech) -> None:
    def look() -> Any:
        return call.page.evaluate("document.getElementById('orb').dataset.look")

    def coloured(who: str) -> int:
        return int(call.page.evaluate(COLOURED, f"--parley-{who}"))

    call.wait_booted()
    assert poll(lambda: look() == "idle", 10), look()
    assert coloured("agent") == coloured("user") == 0
    beep(call)
    call.connect()
    assert poll(lambda: look() == "speaking" and coloured("agent") > 100, 20), look()
    call.wait_activity("listening")
    assert poll(lambda: coloured("agent") == 0, 10)
    call.say(speech.say("what time is it", tail_ms=700))
    assert poll(lambda: coloured("user") > 100, 10), look()
    call.hang_up()
    assert poll(lambda: look() == "ended" and coloured("agent") == coloured("user") == 0, 10), look()
