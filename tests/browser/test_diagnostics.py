"""The panel Diagnostics in a live call: the event list, the parts of the delay, the small plots, by keyboard too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.talk import Call
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser


def test_a_call_is_seen_as_events_parts_of_a_delay_and_plots(call: Call, speech: Speech) -> None:
    page = call.page
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    page.evaluate("document.getElementById('diagnostics').open = true")
    events = page.locator("#events > summary")
    events.focus()
    page.keyboard.press("Enter")
    rows = page.locator("#event-rows > li")
    expect(rows.filter(has_text="session.ready")).to_contain_text("received")
    expect(rows.filter(has_text=re.compile(r"session\.update\s"))).to_contain_text(
        re.compile(r"sent .*session\.update \d.* k?B")
    )
    audio = rows.filter(has_text=re.compile("sent audio"))
    expect(audio.first).to_contain_text(re.compile(r"× \d+, \d+\.\d s, "))
    call.ask(speech.say("what time is it", tail_ms=700), containing="time")
    call.wait_activity("listening")
    expect(rows.filter(has_text="reply.done").first).to_be_visible(timeout=10_000)

    filtering = page.get_by_label("Filter by type or text")
    filtering.fill("reply.done")
    assert {text.split()[2] for text in rows.all_inner_texts()} == {"reply.done"}
    row = rows.last.locator("summary")
    row.focus()
    page.keyboard.press("Enter")
    expect(rows.last.locator("pre")).to_contain_text('"type":"reply.done"')
    # Not `fill("")`: that presses a key, which WebKitGTK's driver cannot do so that the field believes it.
    filtering.evaluate("(it) => { it.value = ''; it.dispatchEvent(new Event('input')); }")
    page.get_by_label("Which").select_option(label="Sent only")
    assert {text.split()[1] for text in rows.all_inner_texts()} == {"sent"}
    page.get_by_label("Which").select_option(label="Everything")
    expect(rows.filter(has_text="configuring -> live")).to_contain_text("here")

    pause = page.locator("#event-list").get_by_role("button", name="Pause")  # the call has one of its own
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    shown = rows.count()
    call.type("hello")
    call.wait_turn("user", containing="hello")
    page.wait_for_timeout(1500)
    assert rows.count() == shown
    pause.click()
    expect(rows.filter(has_text="TextSubmitted")).to_have_count(1)

    parts = page.locator("#delay-parts")
    expect(parts).to_contain_text(re.compile(r"Until the service knew.*\d+ ms at the median"))
    expect(parts).to_contain_text(re.compile(r"Until it was heard.*\d+ ms at p95"))
    expect(parts).to_contain_text(re.compile(r"Network.*at most \d+ ms"))
    stats = call.snapshot()["stats"]  # type: ignore[index]
    measured = [stats[f"{name}_to_first_sound_ms"] for name in ("speech_end", "commit", "arrival")]
    assert measured == sorted(measured, reverse=True) and measured[-1] >= 0, measured
    call.wait_activity("agent_speaking", "listening")
    heard = re.compile(r"you -\d+ dBFS, the agent -[1-5]?\d dBFS")
    expect(page.locator("#level-words")).to_contain_text(heard)
    assert poll(lambda: re.search(r"at most [1-9]\d* ms", page.locator("#queue-words").inner_text()), 10)
    call.hang_up()


def test_what_is_selected_to_be_copied_stays_selected(call: Call) -> None:
    """Figures change while somebody takes hold of one: what has not changed is not made anew."""
    page = call.page
    call.wait_booted()
    page.evaluate("document.getElementById('diagnostics').open = true")
    page.locator("#all-counters").click()
    for shown in ("facts", "counters"):
        page.wait_for_selector(f"#{shown} dt")
        selected = page.evaluate(f"getSelection().selectAllChildren({shown}.firstElementChild), `${{getSelection()}}`")
        page.wait_for_timeout(1500)
        assert selected and page.evaluate("`${getSelection()}`") == selected


def test_a_closed_event_list_asks_the_worker_for_nothing(call: Call) -> None:
    asked = """() => {
      globalThis.asked = 0;
      const send = Worker.prototype.postMessage;
      Worker.prototype.postMessage = function (message, ...rest) {
        if (message.type === "record") globalThis.asked += 1;
        return send.call(this, message, ...rest);
      };
    }"""
    call.wait_booted()
    call.page.evaluate(asked)
    call.page.evaluate("document.getElementById('diagnostics').open = true")
    call.page.locator("#events > summary").click()
    assert poll(lambda: call.page.evaluate("asked") >= 2, 10)
    call.page.locator("#events > summary").click()
    call.page.wait_for_timeout(200)
    before = call.page.evaluate("asked")
    call.page.wait_for_timeout(2500)
    assert call.page.evaluate("asked") == before
