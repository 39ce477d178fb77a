"""The agent's text follows its voice: what was not heard yet is paler, and what was cut off goes."""

from __future__ import annotations

import itertools

import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import OPENAI, greet, select
from tests.support.talk import Call
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

LONG = "Good day. I can tell you the time, count to ten, or talk about the weather in a city that you like."
TURN = "#transcript [data-role=agent] .text"
# What of the last turn is drawn as heard, and what as not heard yet.
DRAWN = """(selector) => {
  const text = [...document.querySelectorAll(selector)].at(-1);
  const rest = text?.querySelector(".unheard")?.textContent ?? "";
  return text ? [text.textContent.slice(0, text.textContent.length - rest.length), rest] : ["", ""];
}"""


def test_text_becomes_ink_as_it_is_heard_and_ends_where_the_voice_was_cut(untouched: Call) -> None:
    """Over two wires, one call after the other: each has its own way to say which text belongs to which sound."""
    for service in ("AssemblyAI Voice Agent", OPENAI):
        follows(untouched, service)


def follows(call: Call, service: str) -> None:
    page = call.page
    select(call, service)
    greet(call, LONG)
    page.evaluate("document.getElementById('announcer').textContent = ''")  # what was read out of a call before
    call.connect()

    def drawn() -> tuple[str, str]:
        heard, rest = page.evaluate(DRAWN, TURN)
        return heard, rest

    seen: list[str] = []

    def grows() -> bool:
        heard, rest = drawn()
        if rest and heard and heard not in seen:
            seen.append(heard)
        return len(seen) >= 3

    assert poll(grows, 20), (seen, drawn())
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(seen)), seen
    expect(page.locator("#announcer")).to_be_empty()
    call.press("Stop talking")
    assert poll(lambda: not drawn()[1], 10), drawn()
    kept = drawn()[0]
    assert LONG.startswith(kept) and len(kept) < len(LONG), kept
    assert kept.startswith(seen[-1].rstrip()), (seen, kept)
    assert LONG[len(kept)] == " ", f"{kept!r} ends in the middle of a word"
    expect(page.locator("#announcer")).to_contain_text(kept)
    call.hang_up()
