"""Ways of taking turns beside speaking freely, with real sound: typing without any microphone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import expect_notice, greet
from tests.support.talk import Call

pytestmark = pytest.mark.browser

# Counts who asks for a microphone, by whichever way.
COUNTING = """
globalThis.asked = 0;
for (const [of, name] of [[globalThis.MediaDevices?.prototype, "getUserMedia"], [Navigator.prototype, "webkitGetUserMedia"]]) {
  const real = of?.[name];
  if (real) of[name] = function (...wanted) { asked += 1; return real.apply(this, wanted); };
}
"""
WITHOUT = "Call without a microphone"


@pytest.mark.tab(mic="deny", init_scripts=[COUNTING])
def test_a_call_without_a_microphone_asks_for_none_and_a_typed_message_is_answered_aloud(
    call: Call, sound: Any, tmp_path: Path
) -> None:
    """Here nobody could have one, as the failed call before shows, whose notice stands beside the other way to call."""
    page = call.page
    call.press("Connect")
    expect_notice(call, "mic_denied")
    assert page.evaluate("asked") == 1, "the count sees what the page asks for"
    call.press(WITHOUT)
    call.wait_state("live")
    expect(page.get_by_label("Type instead of speaking")).to_be_focused()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    expect(page.locator("#status")).to_have_text("Type a message")
    for name in ("Mute", WITHOUT):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_hidden()
    with sound.record(tmp_path / "typed.wav") as tape:
        shown = len(call.transcript())
        page.keyboard.type("what time is it")
        page.keyboard.press("Enter")
        call.wait_turn("agent", after=shown + 1, containing="it is")
        tape.wait_sound(timeout_s=20)
    call.wait_activity("listening")
    call.hang_up()
    assert page.evaluate("asked") == 1

    # The same by the settings, and the next call has a choice again.
    page.evaluate("document.getElementById('settings').open = true")
    page.get_by_label("Taking turns").select_option("text")
    greet(call)
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.hang_up()
    assert page.evaluate("asked") == 1
    expect(page.get_by_role("button", name=WITHOUT, exact=True)).to_be_visible()
