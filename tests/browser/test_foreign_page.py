"""A page that somebody else wrote after the SDK vendor's guide, on another origin than the server,
talks to the local agent.

A real browser, because nothing else applies the rules for other origins: a preflight for the token request with its
key, and the Origin of the socket. Chromium only, as those rules are the same in all. The microphone is a stream that
the test fills, and nobody listens to the speaker; real sound is what the tests of our own page are for.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from server.agent.options import AgentOptions
from server.agent.tts import synthesize
from tests.browser.support.plain_host import PlainHost
from tests.server.support.server_support import RunningServer, running_server
from tests.server.support.shared_recognizer import get_ready
from voice_browsers.engines import find
from voice_browsers.plugin import PlaywrightDriver
from voice_browsers.tape import poll

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PATIENCE_S = 40.0
# The page asks for a microphone and gets a stream that `say` plays into. It is silent, and not
# gone, between two sentences.
MICROPHONE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext();
  await context.resume();
  const stream = context.createMediaStreamDestination();
  window.say = (text) => new Promise((said) => {
    const samples = new Int16Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
    const buffer = context.createBuffer(1, samples.length, 16000);
    buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.onended = said;
    source.connect(stream);
    source.start();
  });
  return stream.stream;
};
"""


class Caller:
    """The page in its browser, and what the server has on record about its call."""

    def __init__(self, page: Page, server: RunningServer) -> None:
        self.page, self.server = page, server

    def call(self) -> None:
        self.page.locator("#call").click()

    def say(self, words: str) -> None:
        """Until the last word is spoken."""
        pcm = synthesize(words, voice="michael", rate_hz=16_000).samples.astype("<i2").tobytes()
        self.page.evaluate("(pcm) => say(pcm)", base64.b64encode(pcm).decode())

    def wait(self, expression: str) -> None:
        self.page.wait_for_function(expression, timeout=PATIENCE_S * 1000)

    def seen(self) -> dict[str, Any]:
        return dict(self.page.evaluate("seen"))

    def sessions(self) -> list[dict[str, Any]]:
        return list(self.server.http.get("/agent/_sessions").raise_for_status().json()["sessions"])

    def said(self, count: int) -> list[str]:
        """What the agent has said, once it is so many replies."""
        assert poll(lambda: len(self.sessions()[-1]["said"]) >= count, PATIENCE_S), self.sessions()
        return list(self.sessions()[-1]["said"])


@contextmanager
def caller(driver: PlaywrightDriver, *, allowed: bool) -> Iterator[Caller]:
    """The page is open; its origin is in ALLOWED_ORIGINS or is not."""
    with PlainHost(Path(__file__).parent / "support" / "foreign_page") as host:
        origins = (host.url.rstrip("/"),) if allowed else ("https://somebody.example",)
        agent = AgentOptions(allow_control=True, allowed_origins=origins)
        get_ready()
        with running_server(agent=agent, allowed_origins=origins) as server:
            args = ["--autoplay-policy=no-user-gesture-required"]
            if sys.platform != "win32" and os.geteuid() == 0:
                args.append("--no-sandbox")
            browser = driver.start().chromium.launch(executable_path=find("chromium").executable, args=args)
            try:
                page = browser.new_page()
                page.add_init_script(MICROPHONE)
                page.goto(f"{host.url}#{server.origin}/agent")
                yield Caller(page, server)
            finally:
                browser.close()


def test_a_call_from_a_page_of_another_origin(playwright_driver: PlaywrightDriver) -> None:
    """Greeted, answered, refused what needs a tool (this wire has none), and listened to while the agent speaks."""
    with caller(playwright_driver, allowed=True) as foreign:
        foreign.call()
        foreign.wait("state.textContent === 'agent_ready' && window.say !== undefined")
        assert foreign.said(1) == ["Hello, what can I do for you?"]
        foreign.wait("seen.playedMs > 1000")

        foreign.say("count to three")
        assert foreign.said(2)[1] == "One, two, three."
        foreign.say("what is the weather like in london")
        assert foreign.said(3)[2] == "I cannot do that here."

        before = len(foreign.seen()["frames"])
        foreign.say("can you tell me a long story")
        foreign.wait(f"seen.frames.length > {before + 100}")
        foreign.say("what is your name")
        *_, story, answer = foreign.said(5)
        assert story.startswith("Once upon a time"), story
        assert len(story.split()) < 60, "cut to what was heard"
        assert "agent" in answer

        foreign.page.locator("#hang-up").click()
        foreign.wait("seen.closed !== null")
        assert poll(lambda: foreign.sessions()[-1]["closed_by"] == "client", PATIENCE_S), foreign.sessions()
        seen, record = foreign.seen(), foreign.sessions()[-1]
        assert [message["type"] for message in seen["messages"]] == ["connected", "agent_ready"]
        assert set(seen["frames"]) == {640}
        assert record["heard"] == [
            "count to three",
            "what is the weather like in london",
            "can you tell me a long story",
            "what is your name",
        ]
        assert (record["violations"], set(record["frame_bytes"])) == ([], {"640"})


def test_a_page_that_is_not_allowed(playwright_driver: PlaywrightDriver) -> None:
    """The browser keeps the answer from it, and the server opens no socket for it, even with a good token."""
    with caller(playwright_driver, allowed=False) as foreign:
        foreign.call()
        foreign.wait("state.textContent.startsWith('refused')")
        assert foreign.page.locator("#state").text_content() == "refused: TypeError"
        minted = foreign.server.http.post(
            "/agent/api/v1/sdk/token", headers={"Authorization": "Bearer kiosk-key"}
        ).json()
        foreign.page.evaluate("({ token, ws_url }) => connect(token, ws_url)", minted)
        foreign.wait("seen.closed !== null")
        assert (foreign.seen()["closed"], foreign.seen()["messages"]) == (1006, [])
        assert foreign.sessions() == []
