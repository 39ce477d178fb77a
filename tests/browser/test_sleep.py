"""What phones and the back button do to a page in a call: sound is taken away, a page is left and seen again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

# As iOS does in a phone call: the context stops by itself, and goes on only where `resume` is called in a gesture.
TAKEN_AWAY = """
globalThis.contexts = [];
globalThis.taken = false;
globalThis.gesture = false;
for (const kind of ["pointerdown", "pointerup", "keydown", "click"]) {
  addEventListener(kind, () => { gesture = true; setTimeout(() => { gesture = false; }, 0); }, true);
}
const Real = globalThis.AudioContext;
globalThis.AudioContext = class AudioContext extends Real {
  constructor(options) { super(options); contexts.push(this); }
  resume() { return taken && !gesture ? Promise.reject(new DOMException("interrupted", "InvalidStateError")) : super.resume(); }
};
"""


@pytest.mark.tab(init_scripts=[TAKEN_AWAY])
def test_sound_that_the_system_took_away_comes_back_with_a_tap_in_the_same_session(call: Call, parley: Parley) -> None:
    page = call.page
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    session = (call.snapshot() or {})["session_id"]
    page.evaluate("() => { taken = true; return contexts.at(-1).suspend(); }")
    notice = page.locator("#notice")
    expect(notice).to_have_attribute("data-code", "mic_paused")
    expect(notice).to_contain_text("Tap")
    page.keyboard.press("Shift")  # WebKitGTK's inspector gives pages no pointer events
    expect(notice).to_be_hidden()
    assert page.evaluate("contexts.at(-1).state") == "running"
    page.evaluate("taken = false")
    call.type("what time is it")
    call.wait_turn("agent", containing="it is")
    assert (call.snapshot() or {})["session_id"] == session == parley.sessions()[-1]["id"]
    call.wait_activity("listening")
    call.hang_up()


def test_a_page_that_was_left_in_a_call_and_comes_back_can_call_again(call: Call, parley: Parley) -> None:
    """By the browser's back button: in WebKit the very page, out of its cache, in the others one that loads anew."""
    page = call.page
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    page.goto("about:blank")
    assert poll(lambda: parley.sessions()[-1]["closed_by"] != "", 20.0), "the call is over when nobody sees its page"
    page.go_back(wait_until="commit")
    call.wait_booted()
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_enabled(timeout=30_000)
    before = parley.sessions()[-1]
    call.connect()
    call.wait_turn("agent", containing="parley")
    now = parley.sessions()[-1]
    assert now["id"] != before["id"] and not now["resumed"]
    call.wait_activity("listening")
    call.hang_up()
