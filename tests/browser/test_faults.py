"""What a person sees when something is missing, refused or breaks: words that say what to do, and nothing left running.

Several faults share one page where they can: each page load starts a Python runtime.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.support.bundles import holds, saved
from tests.browser.support.pages import expect_notice, greet
from tests.browser.support.spoiled import SpoiledSite, write_tools
from tests.support.server import Parley
from tests.support.talk import Call, CallFailed
from voice_browsers import quirk_scripts
from voice_browsers.local_agent import LocalAgent
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser


def test_each_reason_for_no_sound_has_its_own_words(call: Call) -> None:
    """One page, one fault after the other; the last takes the microphone's interface away altogether.

    A context that never runs is Firefox's without an output device: `resume()` never settles, so nobody may wait for it
    without an end.
    """
    texts = set()
    for script, code in (
        (quirk_scripts.context_never_resumes(), "mic_context_suspended"),
        (quirk_scripts.microphone_error("NotFoundError"), "mic_not_found"),
        (quirk_scripts.microphone_error("NotReadableError"), "mic_busy"),
        (quirk_scripts.microphone_error("OverconstrainedError"), "mic_overconstrained"),
        (quirk_scripts.no_audio_worklet(), "mic_no_worklet"),
        (quirk_scripts.insecure_page(), "mic_insecure"),
    ):
        call.page.evaluate(f"() => {{ {script} }}")
        call.press("Connect")
        expect_notice(call, code)
        texts.add(call.page.get_by_role("alert").inner_text())
        call.sound.wait_unused()
    assert len(texts) == 6


def test_each_refusal_is_told_in_words_and_the_next_click_works(call: Call, parley: Parley) -> None:
    """Every status of the token route, a server that is away, a refused token, and a refusal that the
    browser only calls 1006.

    The microphone is let go each time.
    """
    call.tab.errors.expect(
        r"\b(403|429|500|502|504)\b|Failed to load resource|ERR_|NetworkError|access control|cancelled|aborted|Load failed"
        "|WebSocket|was interrupted while the page was loading"
    )
    call.wait_booted()
    titles = set()
    for status in (403, 429, 500, 502, 504):
        body = '{"error": {"code": "some_code", "message": "Some message."}}'
        call.page.unroute_all()
        call.page.route(
            "**/api/token", partial(Route.fulfill, status=status, body=body, content_type="application/json")
        )
        call.press("Connect")
        expect_notice(call, f"token_{status}")
        view = call.snapshot()
        assert view is not None and view["state"] == "failed"
        titles.add((view["notice"]["title"], view["notice"]["hint"]))
        call.sound.wait_unused()
    assert len(titles) == 5, titles

    call.page.unroute_all()
    call.page.route("**/api/token", lambda route: route.abort())
    call.press("Connect")
    expect_notice(call, "token_unreachable")
    expect(call.page.get_by_role("alert")).to_contain_text(re.compile("server|network|connection", re.IGNORECASE))
    call.sound.wait_unused()
    call.page.unroute_all()

    for scenario, code, words in (
        ("unauthorized", "fault_auth", "token|refused|Connect"),
        ("unauthorized_1006", "closed_1006", "token|refused|connection"),
    ):
        parley.scenario(scenario)
        with pytest.raises(CallFailed) as failed:
            call.connect()
        assert failed.value.code == code
        expect_notice(call, code)
        expect(call.page.get_by_role("alert")).to_contain_text(re.compile(words, re.IGNORECASE))
        call.sound.wait_unused()
        parley.scenario()

    call.connect()
    call.wait_turn("agent", containing="parley")
    call.hang_up()


def test_a_line_that_breaks_in_mid_call_is_taken_up_again(call: Call, local_agent: LocalAgent, speech: Speech) -> None:
    """The same session, no second greeting, and what is said next is heard."""
    call.tab.errors.expect("WebSocket")
    local_agent.scenario("closes with 1011 in a reply")
    call.page.evaluate(
        "() => { const field = document.getElementById('typed-text'); window.changes = [true]; new MutationObserver("
        "() => field.disabled === window.changes.at(-1) || window.changes.push(field.disabled)).observe(field, { attributes: true }); }"
    )
    call.connect()
    session = call.snapshot()["session_id"]  # type: ignore[index]
    # It may be back before anybody looks: the first attempt waits for half a second at most.
    assert poll(lambda: call.snapshot()["stats"]["reconnects"] == 1, 30.0, lambda: call.page.wait_for_timeout(50))  # type: ignore[index]
    call.wait_state("live", timeout_s=30)
    assert call.snapshot()["session_id"] == session  # type: ignore[index]
    call.wait_activity("listening")
    assert call.page.evaluate("window.changes") == [True, False], (
        "what somebody is typing is taken from under their hands"
    )
    call.ask(speech.say("what time is it", tail_ms=700), containing="what time")
    greetings = [turn for turn in call.transcript() if turn.role == "agent" and turn.text.startswith("I am")]
    assert len(greetings) == 1, call.transcript()
    assert not [turn for turn in call.transcript() if turn.role == "mark"]
    first, second = local_agent.conversations()[-2:]
    assert (first.closed_by, first.close_code) == ("agent", 1011)
    assert second.raw["resumed"] and "what time" in second.heard[-1]
    call.hang_up()


def test_a_hostile_message_is_refused_and_the_call_goes_on(call: Call, parley: Parley) -> None:
    """Six thousand brackets kill Pyodide for good if they reach the parser."""
    for scenario in ("deep_message", "huge_message", "binary_frame", "flood"):
        parley.scenario(scenario)
        call.connect()
        call.wait_turn("agent", containing="parley")
        view = call.snapshot()
        assert view and view["stats"]["rejected_messages"] + view["stats"]["ignored_messages"] > 0, scenario
        call.hang_up()


def deadly_tool(assets: Path) -> None:
    """A tool that kills Pyodide: a real fatal error, in real Python, in the real worker."""
    write_tools(
        assets,
        "import json\nfrom pyclient.tools import tool\n\n"
        "@tool\ndef get_weather(city: str) -> str:\n"
        '    """Get the weather of a city."""\n'
        "    return json.loads('[' * 200_000 + ']' * 200_000)\n",
    )


def test_a_python_that_died_is_noticed_told_and_started_again(tab: Any, sound: Any, spoiled: SpoiledSite) -> None:
    """The person loses the call, reads why, and can call again without loading the page again."""
    tab.errors.expect("parley: Python failed|fatal|stack|recursion|Traceback|worker|console: Error ")
    call = Call(tab, sound)
    call.open(spoiled.spoil(deadly_tool))
    greet(call)
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.type("what is the weather in paris")
    expect(call.page.get_by_role("alert")).to_have_attribute("data-code", "worker_died", timeout=60_000)
    call.page.evaluate("document.getElementById('diagnostics').open = true")
    assert holds(saved(call), "configuring -> live"), "what went before is what one wants to know then"
    sound.wait_unused()
    call.wait_booted()
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.hang_up()
