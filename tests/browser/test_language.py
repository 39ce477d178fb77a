"""The page in its reader's language: in three engines no English text is left in a German page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from builder import texts
from tests.browser.support.pages import greet
from tests.support.server import Parley
from tests.support.talk import Call
from tests.support.texts import ENGLISH, LANGUAGES

pytestmark = pytest.mark.browser

GERMAN = texts.read(LANGUAGES / "de.toml")
IN_GERMAN = 'Object.defineProperty(navigator, "languages", { get: () => ["de-AT", "fr", "en"] })'
IN_FRENCH = 'Object.defineProperty(navigator, "languages", { get: () => ["fr"] })'
# What is read, and read out, apart from what people, the agent, the team and machines say.
READ = """() => {
  const others = "script, style, noscript, .top, dd, #service, #voice, #greeting, #system-prompt, [data-turn] .text";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (!node.parentElement.closest(others) && node.nodeValue.trim()) found.push(node.nodeValue.trim());
  for (const name of ["aria-label", "placeholder", "title", "alt", "label"])
    for (const it of document.querySelectorAll(`[${name}]`)) found.push(it.getAttribute(name));
  return found;
}"""


def english_in(read: list[str]) -> list[str]:
    """The texts that are English and not German too."""
    own = [text for key, text in ENGLISH.items() if text != GERMAN[key]]
    forms = [
        re.compile(r"(?<!\w)" + r".+".join(map(re.escape, re.split(r"\{\w+\}", text))) + r"(?!\w)") for text in own
    ]
    return sorted({it for it in read for form in forms if form.search(it)})


@pytest.mark.tab(init_scripts=[IN_GERMAN])
def test_nothing_in_a_german_page_is_english(untouched: Call) -> None:
    """Before a call, with every panel open, in a call, and after it."""
    page = untouched.page
    untouched.wait_booted()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert english_in(page.evaluate(READ)) == []
    page.evaluate("() => { for (const it of document.querySelectorAll('details')) it.open = true; }")
    page.get_by_role("button", name=GERMAN["diagnostics.counters"]).wait_for()
    expect(page.locator("#delays")).to_have_text(GERMAN["diagnostics.no_answer"])
    expect(page.get_by_role("button", name=GERMAN["call.connect"], exact=True)).to_be_enabled()
    read = page.evaluate(READ)
    assert {GERMAN["settings.turns"], GERMAN["sound.your_level"], GERMAN["diagnostics.state"]} <= set(read)
    assert english_in(read) == []
    greet(untouched)
    page.get_by_role("button", name=GERMAN["call.connect"], exact=True).click()
    untouched.wait_state("live")
    untouched.wait_turn("agent", final=True)
    untouched.wait_activity("listening")
    expect(page.locator("#status")).to_have_text(GERMAN["status.listening"])
    assert english_in(page.evaluate(READ)) == []
    page.locator("#typed-text").fill("goodbye")
    page.locator("#typed-send").click()
    untouched.wait_turn("agent", after=2)
    assert english_in(page.evaluate(READ)) == []
    page.get_by_role("button", name=GERMAN["call.hang_up"], exact=True).click()
    untouched.wait_state("ended")
    expect(page.locator("#status")).to_have_text(GERMAN["status.ended"])
    assert english_in(page.evaluate(READ)) == []


@pytest.mark.tab(init_scripts=[IN_FRENCH])
def test_without_a_language_of_theirs_people_read_english(untouched: Call, parley: Parley) -> None:
    untouched.wait_booted()
    read: Any = untouched.page.evaluate(READ)
    expect(untouched.page.locator("html")).to_have_attribute("lang", "en")
    assert {ENGLISH["call.connect"], ENGLISH["conversation.empty"]} <= set(read)
    asked: list[str] = untouched.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert not [url for url in asked if "language-" in url]
