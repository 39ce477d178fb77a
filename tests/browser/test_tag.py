"""`<voice-agent>` in a page of another origin, under that page's own strict policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.support.outer_page import OuterPage
from tests.browser.support.spoiled import SpoiledSite, write_tools
from tests.support import built
from tests.support.framed import FramedCall
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

# Its name and types are those that the local agent knows what to say about.
TOOLS = """
from typing import Literal

from pyclient.tools import tool


@tool(page=True, approve="Switch the light in the {room} {state}?")
def set_light(state: Literal["on", "off"], room: str = "living room") -> dict[str, object]:
    \"\"\"Switch a light on or off.\"\"\"
"""

FETCHED = "performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1))"
LAUNCHER = "voice-agent button"
TAG = "document.querySelector('voice-agent')"
FRAMES = "[...document.querySelectorAll('voice-agent')].map((it) => it.shadowRoot.querySelectorAll('iframe').length)"
# A page's own style, which its policy allows as little as an inline one, and what it makes of the tags.
LOOK = """() => {
  const style = new CSSStyleSheet();
  style.replaceSync(`voice-agent { --voice-agent-accent: rgb(1, 2, 3); --voice-agent-z-index: 7; }
    voice-agent::part(launcher) { border-top-left-radius: 3px; }`);
  document.adoptedStyleSheets = [style];
  const [first, second] = document.querySelectorAll("voice-agent");
  second.setAttribute("variant", "inline");
  const launcher = getComputedStyle(first.shadowRoot.querySelector("button"));
  const [outer, inline] = [first, second].map((it) => getComputedStyle(it));
  return [launcher.backgroundColor, launcher.borderTopLeftRadius, outer.zIndex, outer.position, inline.position];
}"""
# What a page finds of the engine's own refusal to show a frame, or to hand a message to what stands there instead.
REFUSED = (
    "frame-ancestors|[Rr]efused|load in a frame|Content-Security-Policy|blocked|violat"
    "|does not match the recipient|Recipient has origin null"
)


def test_one_click_and_the_agent_answers_what_is_said(
    tab: Any, sound: Any, spoiled: SpoiledSite, speech: Speech
) -> None:
    with OuterPage(spoiled.parley.url) as outer:
        spoiled.spoil(outer.allow)
        page = tab.page
        page.goto(outer.url)
        page.wait_for_selector(LAUNCHER)
        assert sorted(page.evaluate(FETCHED)) == ["shop.js", "voice-agent.js"]
        assert page.evaluate(FRAMES) == [0], "nothing is fetched before somebody shows interest"
        page.focus(LAUNCHER)
        assert page.evaluate(FRAMES) == [1]

        page.click(LAUNCHER)
        outer.wait_state(tab, "live")
        outer.wait(tab, lambda name, it: name == "transcript" and it["final"] and "Parley" in it["text"])
        call = FramedCall(tab, sound)
        call.wait_activity("listening")
        call.ask(speech.say("what time is it", tail_ms=700), containing="time")
        page.evaluate(f"{TAG}.setVolume(0.5); {TAG}.mute(); {TAG}.sendText('what is the weather in Paris')")
        outer.wait(tab, lambda name, it: name == "state" and it["muted"])
        outer.wait(tab, lambda name, it: name == "tool" and it["final"] and "Paris" in it["text"])
        said = page.evaluate(f"{TAG}.transcript.map(({{ role, text }}) => role + ': ' + text)")
        assert said[0].startswith("agent: I am Parley") and any("time" in text for text in said), said

        page.evaluate(f"{TAG}.disconnect()")
        outer.wait(tab, lambda name, it: name == "end" and it["state"] == "ended")
        events = outer.events(tab)
        told = [it["state"] for name, it in events if name == "state"]
        states = [it for at, it in enumerate(told) if it != told[at - 1] or at == 0]
        assert states[:3] == ["loading", "idle", "opening"] and states[-1] == "ended", states
        began = next(at for at, (name, it) in enumerate(events) if name == "state" and it["state"] == "live")
        assert {name for name, _ in events[:began]} == {"state"}, "nothing was said before the call"
        names = [name for name, _ in events]
        assert names.count("end") == 1 and "state" not in names[names.index("end") :], names
        # Nobody speaks into the microphone between two sentences, which is worth a warning.
        assert {it["code"] for name, it in events if name == "error"} <= {"mic_silent"}, events

        page.evaluate(f"{TAG}.remove()")
        assert page.evaluate("frames.length") == 0
        sound.wait_unused()


def name_visitor(assets: Path) -> None:
    """What `[variables]` in agent.toml does."""
    with built.told(assets.parent) as config:
        config["variables"] = {"first_name": "there"}
        config["choices"][0]["templates"] = {"greeting": "Hello {{first_name}}."}


def test_a_tool_of_the_page_is_called_by_voice_and_its_result_is_spoken(
    tab: Any, sound: Any, spoiled: SpoiledSite, speech: Speech
) -> None:
    tag = "<voice-agent data-first-name='Ada' data-secret='x'></voice-agent>"
    with OuterPage(spoiled.parley.url, tag) as outer:
        spoiled.spoil(outer.allow, lambda assets: write_tools(assets, TOOLS), name_visitor)
        page = tab.page
        page.goto(outer.url)
        # Set while the tag's script may still be on its way.
        page.evaluate(f"{TAG}.tools = {{ set_light: async (given) => (globalThis.given = given) }}")
        page.click(LAUNCHER)
        call = FramedCall(tab, sound)
        outer.wait(tab, lambda name, it: name == "transcript" and it["final"] and it["text"] == "Hello Ada.")
        call.wait_activity("listening")

        call.say(speech.say("switch on the light please", tail_ms=700))
        question = call.page.locator("#approval-text")
        call.until(lambda: question.text_content() == "Switch the light in the living room on?", 30.0, "to ask")
        assert page.evaluate("globalThis.given") is None, "nobody has allowed it"
        call.press("Allow")
        outer.wait(tab, lambda name, it: name == "transcript" and "light is on" in it["text"])
        assert page.evaluate("given") == {"state": "on", "room": "living room"}

        page.evaluate(f"{TAG}.sendText('switch off the light')")
        call.until(lambda: question.text_content() == "Switch the light in the living room off?", 30.0, "to ask")
        call.press("Do not allow")
        outer.wait(tab, lambda name, it: name == "transcript" and "refused" in it["text"])
        assert page.evaluate("given.state") == "on"
        page.evaluate(f"{TAG}.remove()")


def shown(tab: Any) -> bool:
    """Is the agent's page there?"""
    tab.page.wait_for_timeout(100)
    return any(frame.query_selector("#connect") for frame in tab.page.frames[1:])


def test_who_is_not_named_gets_nothing(tab: Any, spoiled: SpoiledSite) -> None:
    """By the host's header, and where a host sends none by the page itself. What is forged is no message either."""
    tab.errors.expect(REFUSED)
    with OuterPage(spoiled.parley.url) as outer:
        spoiled.spoil()
        tab.page.goto(outer.url)
        tab.page.click(LAUNCHER)
        tab.page.wait_for_timeout(1500)
        assert not shown(tab)
        assert [it["state"] for _, it in outer.events(tab)] == ["loading"]

        spoiled.spoil(outer.show)
        tab.page.goto(outer.url)
        tab.page.click(LAUNCHER)
        assert poll(lambda: shown(tab), 20.0)
        call = FramedCall(tab, None)
        call.wait_booted()
        forge = """() => {
          const frame = document.querySelector('voice-agent').shadowRoot.querySelector('iframe').contentWindow;
          globalThis.got = [];
          for (const data of ['parley-embed-1', { type: 'connect' }, ['parley-embed-1']]) {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = (event) => got.push(event.data);
            frame.postMessage(data, '*', [port2]);
            port1.postMessage({ type: 'connect' });
            postMessage({ type: 'state', detail: { state: 'live', activity: 'none', status: '', muted: false } }, '*');
          }
        }"""
        tab.page.evaluate(forge)
        tab.page.wait_for_timeout(1000)
        assert tab.page.evaluate("got") == []
        assert [it["state"] for _, it in outer.events(tab)] == ["loading"]
        assert call.state == "idle"


def test_several_on_one_page_and_what_is_taken_out_is_gone(tab: Any, spoiled: SpoiledSite) -> None:
    with OuterPage(spoiled.parley.url, "<voice-agent></voice-agent>" * 2) as outer:
        spoiled.spoil(outer.allow)
        page = tab.page
        page.goto(outer.url)
        page.wait_for_selector(LAUNCHER)
        for number, event in enumerate(("pointerenter", "touchstart")):
            page.locator(LAUNCHER).nth(number).evaluate("(it, event) => it.dispatchEvent(new Event(event))", event)
            assert page.evaluate(FRAMES) == [1, number]
        idle = "[...document.querySelectorAll('voice-agent')].every(({ state }) => state === 'idle')"
        assert poll(lambda: page.evaluate(FRAMES) == [1, 1] and page.evaluate(idle), 20.0), outer.events(tab)
        assert page.evaluate(LOOK) == ["rgb(1, 2, 3)", "3px", "7", "fixed", "static"]
        page.evaluate("""async () => {
          for (let i = 0; i < 8; i++) {
            const [tag] = document.querySelectorAll('voice-agent');
            tag.setAttribute('eager', '');
            tag.remove();
            await new Promise((done) => setTimeout(done, 20));
            document.body.append(tag);
          }
          for (const tag of document.querySelectorAll('voice-agent')) tag.remove();
        }""")
        assert page.evaluate("[frames.length, document.querySelectorAll('iframe').length]") == [0, 0]
