"""What a person sees: the page fits where it is shown, and the orb is the voice that is
heard (docs/design-language.md).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import beep
from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.engines import Tab
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

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
    """A phone of 320 px, every panel open, a notice that is one long word; then from right to left, then with letters
    twice the size.
    """
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
    tab.page.get_by_role("button", name="All counters").click()
    tab.page.get_by_text("frames sent", exact=True).wait_for()
    # Panels that come later, and a message that is one long word.
    tab.page.get_by_role("button", name="Save a session bundle").wait_for()
    tab.page.evaluate(
        """() => {
          document.getElementById("events").open = true;
          const row = document.createElement("li");
          row.textContent = `0:00.000 received ${"voice".repeat(20)} 1.0 kB`;
          row.append(Object.assign(document.createElement("pre"), { textContent: "voice".repeat(40) }));
          document.getElementById("event-rows").append(row);
          const part = Object.assign(document.createElement("dt"), { textContent: "Until the service knew" });
          const help = Object.assign(document.createElement("dd"), { textContent: "1000 ms at the median, 2000 ms at p95" });
          document.getElementById("delay-parts").append(part, help);
        }"""
    )
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
    timer = call.page.locator("#timer")
    expect(timer).to_have_text(re.compile(r"0:0[1-9]|0:[1-5]\d"))
    call.wait_turn("user")
    save_as_text = call.page.get_by_role("button", name="Text", exact=True)
    call.page.get_by_text("Save", exact=True).click()
    if call.tab.engine == "chromium":  # the others' drivers tell nothing of a download
        with call.page.expect_download() as download:
            save_as_text.click()
        assert "You: " in Path(download.value.path()).read_text()
    else:
        save_as_text.click()
    expect(call.page.locator("#saved")).to_have_text("Saved")
    call.page.evaluate("document.getElementById('diagnostics').open = true")
    expect(call.page.locator("#delays")).to_contain_text(re.compile(r"first sound: \d+ ms at the median.*over [1-9]"))
    heard = re.compile(r"times you spoke [1-9]\d*, times the agent spoke [2-9]")
    expect(call.page.locator("#timeline")).to_have_attribute("aria-label", heard)
    call.hang_up()
    expect(timer).to_be_visible()
    assert poll(lambda: look() == "ended" and coloured("agent") == coloured("user") == 0, 10), look()


def test_a_panel_whose_script_did_not_come_asks_again_when_it_is_opened_again(
    tab: Tab, sound: Any, parley: Parley
) -> None:
    call = Call(tab, sound)
    tab.errors.expect("404|Failed to load resource|[iI]ntegrity")
    said: list[str] = []
    tab.page.on("console", lambda message: said.append(message.text))
    # WebKit holds requests back only in a process that has shown a page of the site already.
    tab.page.goto(f"{parley.url}404.html")
    tab.page.route("**/assets/transcript_file.*", lambda route: route.fulfill(status=404, body="gone"))
    call.open(parley.url)
    call.wait_booted()
    opened = "(open) => { document.getElementById('save').open = open; }"
    tab.page.evaluate(opened, True)
    told = poll(
        lambda: any("a panel is not whole" in line for line in said), 20, lambda: tab.page.wait_for_timeout(100)
    )
    assert told, said
    tab.page.unroute("**/assets/transcript_file.*")
    for now in (False, True):
        tab.page.evaluate(opened, now)
        tab.page.wait_for_timeout(200)
    expect(tab.page.locator("#save-forms button")).to_have_count(5)
