"""People who see little, who see no colours, who use no mouse: axe-core in each state of a call, and a
call by keyboard alone.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from builder import npm_tools
from tests.browser.support import pictures
from tests.browser.support.pages import beep, greet
from tests.browser.support.spoiled import SpoiledSite
from tests.support.server import Parley
from tests.support.talk import Call, CallFailed
from voice_browsers.engines import Tab

pytestmark = pytest.mark.browser

SHORT: dict[str, Any] = {"tone_hz": 440, "tone_ms": 150, "hear": False}
LONG: dict[str, Any] = {"tone_hz": 440, "tone_ms": 20_000, "hear": False}
# What axe-core is sure of. Its "incomplete" are questions to a person, such as the contrast of text over a picture.
AUDIT = """async () => {
  const { violations, passes } = await axe.run(document, { resultTypes: ["violations"] });
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, any }) => `${id}: ${help}: ${target.join(" ")}: ${any.map((it) => it.message).join("; ")}`));
  return [passes.length, found];
}"""
# The accessible name of what has the focus, near enough for our own page: a label, its text, or its identity.
FOCUSED = """() => {
  const it = document.activeElement;
  return it.labels?.[0]?.textContent.trim() || it.textContent.trim() || it.id;
}"""

# As Python's worker would tell of them: of every kind, and so many that the older ones stand in a box of their own.
MANY_TURNS = """() => {
  const view = parley.snapshot();
  const turns = Array.from({ length: 60 }, (_, n) => (
    { id: `t${n}`, role: ["user", "agent", "tool", "system"][n % 4], text: `Sentence ${n}.`, final: n % 3 > 0,
      interrupted: n % 5 === 0, heard_chars: n % 7 ? null : 4, sounding: false }));
  const update = { ...view, status: "not_connected", notice: null, turns, gone: [], order: turns.map(({ id }) => id) };
  parleyAhead.first.worker.onmessage(new MessageEvent("message", { data: { type: "view", call: 1e6, view: update } }));
}"""


class Auditor:
    """Asks axe-core about the page, and keeps what it found until `report`: one failure says everything."""

    def __init__(self, call: Call, config: pytest.Config) -> None:
        self.call, self.config = call, config
        self.found: list[str] = []

    def audit(self, state: str) -> None:
        page = self.call.page
        pictures.keep(self.config, self.call.tab, state)
        if not page.evaluate("'axe' in window"):
            # From the page's own server: WebKitGTK's inspector takes no message of its length.
            page.evaluate("import('/assets/axe.min.js').then(() => true)")
        rules, found = page.evaluate(AUDIT)
        assert rules > 10, f"{state}: axe-core looked at {rules} rules only"
        self.found += [f"{state}: {one}" for one in found]

    def open_panels(self, opened: bool) -> None:
        self.call.page.evaluate(
            "(open) => { for (const it of document.querySelectorAll('details')) it.open = open }", opened
        )

    def report(self) -> None:
        assert not self.found, "\n".join(self.found)


# Chromium has both; what axe-core finds is the page's own doing, and each of the others has one of them.
@pytest.mark.skip_browser("webkit")
@pytest.mark.tab(size=(1280, 800))
def test_nothing_is_in_the_way_of_anybody_in_any_state(
    tab: Tab, sound: Any, spoiled: SpoiledSite, request: pytest.FixtureRequest
) -> None:
    audit_each_state(tab, sound, spoiled, request, "light")


@pytest.mark.skip_browser("firefox")
@pytest.mark.tab(size=(390, 844), colors="dark")
def test_nothing_is_in_the_way_of_anybody_on_a_dark_and_narrow_page(
    tab: Tab, sound: Any, spoiled: SpoiledSite, request: pytest.FixtureRequest
) -> None:
    audit_each_state(tab, sound, spoiled, request, "dark")


def audit_each_state(tab: Tab, sound: Any, spoiled: SpoiledSite, request: pytest.FixtureRequest, scheme: str) -> None:
    call, parley = Call(tab, sound), spoiled.parley
    tab.errors.expect("WebSocket|401|[Uu]nauthori")
    see = Auditor(call, request.config)
    axe = npm_tools.program(Path(__file__).resolve().parents[2], "axe")

    def add_axe(assets: Path) -> None:
        shutil.copy(axe, assets)

    call.open(spoiled.spoil(add_axe))
    call.wait_booted()
    assert tab.page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    see.audit("idle")
    beep(call)

    parley.scenario(**SHORT, slow_ready_ms=4000)
    call.press("Connect")
    call.wait_state("configuring")
    see.audit("connecting")
    assert call.state == "configuring", "the state was over before it was looked at"
    call.wait_state("live")
    call.wait_turn("agent")
    call.wait_activity("listening")
    see.audit("listening")
    call.hang_up()
    see.audit("ended")

    parley.scenario(**LONG)
    call.connect()
    call.wait_activity("agent_speaking")
    see.audit("speaking")
    see.open_panels(True)
    tab.page.get_by_role("button", name="All counters").click()
    see.audit("panels")
    see.open_panels(False)
    call.press("Stop talking")
    call.until(lambda: call.transcript()[-1].interrupted, 10.0, "to mark what was cut")
    see.audit("interrupted")
    call.hang_up()

    # Lost, and the service takes nobody for a while.
    parley.scenarios([{"base": "drop_after_4", **SHORT}, *["server_error"] * 2, SHORT])
    call.press("Connect")
    call.wait_state("dropped", "resuming")
    see.audit("reconnecting")
    call.wait_state("live")
    call.hang_up()

    parley.scenario("unauthorized")
    with pytest.raises(CallFailed):
        call.connect()
    see.audit("failed")

    tab.page.evaluate(MANY_TURNS)
    tab.page.wait_for_selector("#transcript > div > li[data-turn=t0]")
    see.audit("long")
    see.report()


def tab_to(call: Call, name: str, key: str = "Tab") -> None:
    """Press Tab until what is called `name` has the focus, at most once around the page."""
    passed: list[str] = []
    for _ in range(40):
        call.tab.press(key)
        passed.append(str(call.page.evaluate(FOCUSED))[:40])
        if passed[-1] == name:
            return
    raise AssertionError(f"Tab does not come to {name!r}: {json.dumps(passed)}")


def test_a_call_from_the_first_key_to_hanging_up_without_a_pointer(call: Call, parley: Parley) -> None:
    """Nothing is clicked and nothing is focused by the test: Tab, Enter and letters."""
    parley.scenario(**SHORT)
    greet(call, "Beep.")
    call.wait_booted()
    press = call.tab.press
    tab_to(call, "Skip to the conversation")
    press("Enter")
    tab_to(call, "Connect")
    press("Enter")
    call.wait_state("live")
    call.wait_turn("agent")
    press("m")
    expect(call.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    press("m")
    expect(call.page.locator("#mute")).to_have_attribute("aria-pressed", "false")
    tab_to(call, "Type instead of speaking")
    for letter in "what time is it":
        press(letter)
    press("Enter")
    assert "time" in call.wait_turn("user").text
    call.wait_turn("agent", after=len(call.transcript()) - 1)
    tab_to(call, "Hang up", "Shift+Tab")
    press("Enter")
    call.wait_state("ended")
    call.sound.wait_unused()
