"""What a team decides for its visitors: what they agree to before a call, and what of the agent they may change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from builder import site
from tests.support.server import Parley, build_once, copy_of_sources
from tests.support.talk import Call
from voice_browsers.engines import Tab

pytestmark = pytest.mark.browser

CONSENT = """
[consent]
text = "Your voice goes to the voice service."
link = "https://site.example/privacy"
"""
# Counts what takes a microphone, by whichever way, and what plays sound.
COUNTED = """
globalThis.opened = { microphones: 0, contexts: 0 };
for (const [of, name] of [[globalThis.MediaDevices?.prototype, "getUserMedia"], [Navigator.prototype, "webkitGetUserMedia"]]) {
  const real = of?.[name];
  if (real) of[name] = function (...wanted) { opened.microphones += 1; return real.apply(this, wanted); };
}
const Context = globalThis.AudioContext;
globalThis.AudioContext = class extends Context { constructor(...all) { super(...all); opened.contexts += 1; } };
"""


@pytest.fixture(scope="module")
def closed(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parley]:
    """An agent that names nothing a visitor may change, and asks for consent."""
    root = copy_of_sources(tmp_path_factory.mktemp("closed") / "root")
    file = root / "agents" / "demo" / "agent.toml"
    text = re.sub(r"\nmay_change = .*\n", "\n", file.read_text())
    file.write_text(text + CONSENT)
    with Parley(site=build_once(shared_folder / "closed", lambda folder: site.build(root, folder, "demo"))) as parley:
        yield parley


def opened(page: Page) -> dict[str, int]:
    found: dict[str, int] = page.evaluate("opened")
    return found


def sessions(server: Parley) -> set[str]:
    return {session["id"] for session in server.sessions()}


@pytest.mark.tab(init_scripts=[COUNTED])
def test_nothing_is_opened_or_connected_before_the_person_agrees(tab: Tab, sound: Any, closed: Parley) -> None:
    earlier = sessions(closed)  # another engine's calls are remembered for a while
    call = Call(tab, sound)
    call.open(closed.url)
    call.wait_booted()
    page = tab.page
    dialog = page.get_by_role("dialog", name="Before you talk")
    connect = page.get_by_role("button", name="Connect", exact=True)
    expect(dialog).to_be_hidden()
    connect.click()
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Your voice goes to the voice service.")
    expect(dialog.get_by_role("link", name="More about this")).to_have_attribute("href", "https://site.example/privacy")
    assert page.evaluate("document.activeElement.id") == "consent-title", "neither a link nor a button"
    page.get_by_role("button", name="No, thank you").click()
    expect(dialog).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "connect"
    connect.click()
    if tab.engine == "webkit":  # its inspector gives a page no keys that the engine itself would act on
        page.get_by_role("button", name="No, thank you").click()
    else:
        page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert opened(page) == {"microphones": 0, "contexts": 0} and call.state == "idle"
    assert sessions(closed) <= earlier
    connect.click()
    page.get_by_role("button", name="I agree").click()
    call.wait_state("live")
    assert opened(page)["microphones"] == 1 and sessions(closed) - earlier
    call.hang_up()
    page.reload()
    call.wait_booted()
    connect.click()
    call.wait_state("live")
    expect(dialog).to_be_hidden()
    call.hang_up()


def test_a_visitor_sees_and_changes_nothing_that_is_not_named(tab: Tab, sound: Any, closed: Parley) -> None:
    call = Call(tab, sound)
    call.open(closed.url)
    call.wait_booted()
    page = tab.page
    page.evaluate("document.getElementById('settings').open = true")
    expect(page.get_by_label("Keys M, P and Space")).to_be_visible()
    for label in ("Taking turns", "Voice", "Greeting", "System prompt"):
        expect(page.get_by_label(label, exact=True)).to_be_hidden()
    for name in ("Apply to this call", "Call without a microphone"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert page.locator("#service").count() == 0
    page.evaluate("document.getElementById('greeting').value = 'Nobody may say this.'")
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("button", name="I agree").click()
    greeting = call.wait_turn("agent", final=True)
    assert "Parley" in greeting.text and "Nobody" not in greeting.text
    call.hang_up()
