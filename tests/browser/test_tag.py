"""`<voice-agent>` in a page of another origin, under that page's own strict policy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support.outer_page import OuterPage
from tests.browser.support.spoiled import SpoiledSite, write_tools
from tests.support import built
from tests.support.framed import FramedCall, agent_page_shown, in_page
from tests.support.talk import Call
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
# The heights of an agent that fills what is around it, and of its page: first nothing limits it, then 300 pixels do.
FULL = """() => {
  const style = new CSSStyleSheet();
  style.replaceSync("div { height: 300px }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, style];
  const tag = document.querySelectorAll("voice-agent")[1];
  tag.setAttribute("variant", "full");
  tag.open = true;
  const heights = () => ["div", "iframe"].map((name) => tag.shadowRoot.querySelector(name).clientHeight);
  const free = heights();
  const box = document.createElement("div");
  document.body.append(box);
  box.append(tag);
  return [...free, ...heights()];
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
        # Nobody speaks into the microphone before the call or between two sentences, which is worth a warning.
        early = {name for name, it in events[:began] if it.get("code") != "mic_silent"}
        assert early == {"state"}, "nothing was said before the call"
        names = [name for name, _ in events]
        assert names.count("end") == 1 and "state" not in names[names.index("end") :], names
        assert {it["code"] for name, it in events if name == "error"} <= {"mic_silent"}, events

        page.evaluate(f"{TAG}.remove()")
        assert page.evaluate("frames.length") == 0
        sound.wait_unused()


# A click of the page's own starts the call; `settled` becomes what `connect` promised.
CONNECT = f"""() => {{ document.querySelector("h1").onclick = () => {{
  globalThis.settled = null;
  {TAG}.connect().then(() => (settled = {TAG}.state), (error) => (settled = `${{error.name}} ${{error.code}}`));
}}; }}"""


def add_second(assets: Path) -> None:
    """A page as another agent of the site has it."""
    shutil.copyfile(assets.parent / "index.html", assets.parent / "second.html")


GROUND = "getComputedStyle(document.documentElement).getPropertyValue('--parley-ground').trim()"


def test_a_page_awaits_its_call_and_chooses_colours_and_language(tab: Any, sound: Any, spoiled: SpoiledSite) -> None:
    tab.errors.expect("Failed to load resource|502")
    tag = "<voice-agent greeting='I am Parley.' color-scheme='dark' language='de-AT'></voice-agent>"
    with OuterPage(spoiled.parley.url, tag) as outer:
        spoiled.spoil(outer.allow, add_second)
        page = tab.page
        page.goto(outer.url)
        page.wait_for_selector(LAUNCHER)
        page.evaluate(CONNECT)
        label = f"{TAG}.shadowRoot.querySelector('.label').textContent"
        assert page.evaluate(label) == "Sprechen Sie mit uns"

        def settled(after: str) -> None:
            found = poll(lambda: page.evaluate("globalThis.settled"), 40.0, lambda: page.wait_for_timeout(50))
            assert found == after, outer.events(tab)

        spoiled.parley.scenario("token_401")
        page.click("h1")
        settled("Error token_502")
        spoiled.parley.scenario()
        page.click("h1")
        settled("live")
        call = FramedCall(tab, sound)
        assert call.page.evaluate("document.documentElement.lang") == "de"
        assert call.page.evaluate(GROUND) == "#141315"
        page.evaluate(f"{TAG}.setAttribute('color-scheme', 'light')")
        assert poll(lambda: call.page.evaluate(GROUND) == "#faf9f7", 10.0)
        assert page.evaluate(f"{TAG}.state") == "live", "a change of colours ends no call"

        page.evaluate(f"{TAG}.setAttribute('language', 'en')")
        assert page.evaluate(f"{TAG}.state") == "loading", "another language is another page"
        assert page.evaluate(label) == "Close"
        page.evaluate(f"{TAG}.setAttribute('agent', 'second')")
        assert poll(lambda: page.evaluate(f"{TAG}.state") == "idle", 20.0), "that page answers, too"
        assert call.page.url == f"{spoiled.parley.url}second.html#embed&language=en&color-scheme=light"
        page.click("h1")
        page.evaluate(f"{TAG}.remove()")
        settled("Error embed_ended")
        code = page.evaluate("document.createElement('voice-agent').connect().catch(({ code }) => code)")
        assert code == "embed_no_page"


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
        call = in_page(Call(tab, sound))
        call.connect()
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
    return agent_page_shown(tab)


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
            postMessage({ type: 'state', detail: { state: 'live', activity: 'none', status: '', muted: false, paused: false } }, '*');
          }
        }"""
        tab.page.evaluate(forge)
        tab.page.wait_for_timeout(1000)
        assert tab.page.evaluate("got") == []
        assert [it["state"] for _, it in outer.events(tab)] == ["loading"]
        assert call.state == "idle"


def test_several_on_one_page_and_what_is_taken_out_is_gone(tab: Any, spoiled: SpoiledSite) -> None:
    tab.errors.expect("Fetch API cannot load")  # Chromium's words where a frame goes while its files are on their way
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
        assert page.evaluate(FULL) == [576, 576, 300, 300], "as high as what is around it, and never a slit"
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


# A hundred tags that go while their page is on its way, and a few that go when it is there.
MOUNTS = """async () => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const mount = async (seen) => {
    const tag = document.createElement("voice-agent");
    kept.push(new WeakRef(tag));
    tag.tools = { show: () => tag.state };
    tag.setAttribute("eager", "");
    document.body.append(tag);
    await seen(tag);
    tag.remove();
  };
  globalThis.kept = [];
  for (let i = 0; i < 100; i++) await mount(() => pause(15));
  for (let i = 0; i < 3; i++) await mount(async (tag) => { while (tag.state !== "idle") await pause(20); });
}"""


# What a tag takes of the page around it, counted where it takes it: ports that are open, timers that run, listeners.
COUNTING = """() => {
  const held = (globalThis.held = { ports: 0, timers: 0, listeners: 0 });
  globalThis.most = 0;
  const { MessageChannel, setTimeout, clearTimeout } = globalThis;
  globalThis.MessageChannel = class extends MessageChannel {
    constructor() {
      super();
      const { port1 } = this;
      const close = port1.close.bind(port1);
      most = Math.max(most, ++held.ports);
      port1.close = () => { port1.close = close; held.ports--; close(); };
    }
  };
  const running = new Set();
  const over = (id) => { if (running.delete(id)) held.timers--; };
  globalThis.setTimeout = (run, ms, ...given) => {
    const id = setTimeout(() => { over(id); run(...given); }, ms);
    held.timers += running.add(id) ? 1 : 0;
    return id;
  };
  globalThis.clearTimeout = (id) => { over(id); clearTimeout(id); };
  for (const place of [globalThis, document, document.body]) {
    const { addEventListener, removeEventListener } = place;
    place.addEventListener = (...given) => { held.listeners++; addEventListener.apply(place, given); };
    place.removeEventListener = (...given) => { held.listeners--; removeEventListener.apply(place, given); };
  }
}"""
# Only what somebody still holds outlives this; where no collector can be called, making garbage calls it.
KEPT = """() => {
  for (let i = 0; i < 10; i++) Array.from({ length: 200_000 }, (_, n) => ({ n }));
  return kept.filter((tag) => tag.deref()).length;
}"""


@pytest.mark.slow
def test_a_hundred_mounts_leave_nothing(tab: Any, spoiled: SpoiledSite) -> None:
    """No frame, port, timer and listener; no tag itself, but for Firefox.

    In Chromium, which counts its own objects, nothing at all.
    """
    tab.errors.expect("Fetch API cannot load")
    with OuterPage(spoiled.parley.url) as outer:
        spoiled.spoil(outer.allow)
        page = tab.page
        page.goto(outer.url)
        page.wait_for_selector(LAUNCHER)
        page.evaluate(f"{TAG}.remove()")
        page.evaluate("globalThis.events = { push() {} }")  # the page around keeps what it heard
        page.evaluate(COUNTING)
        before = left_over(tab)
        page.evaluate(MOUNTS)
        assert page.evaluate("[frames.length, document.querySelectorAll('voice-agent').length]") == [0, 0]
        assert page.evaluate("most") == 1, "the ports were counted"
        assert page.evaluate("held") == {"ports": 0, "timers": 0, "listeners": 0}
        assert poll(lambda: left_over(tab) == before, 20.0), (before, left_over(tab))
        if tab.engine != "firefox":  # it collects nodes in its own time, and nothing here makes it
            # WebKit takes what only looks like a reference on its stack for one.
            most = 3 if tab.engine == "webkit" else 0
            left = poll(lambda: int(page.evaluate(KEPT)) <= most, 30.0)
            assert left, f"{page.evaluate(KEPT)} of 103 tags are still there"


def left_over(tab: Any) -> dict[str, int]:
    """What Chromium counts after a collection of garbage, in the process of the page around; nothing elsewhere."""
    if tab.engine != "chromium":
        return {}
    session = tab.page.context.new_cdp_session(tab.page)
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
        tab.page.wait_for_timeout(200)
    counted: dict[str, int] = session.send("Memory.getDOMCounters")
    session.detach()
    return counted
