"""What a page does with sound and what its authors are told: one mistake at a time, in a page that is ours."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from voice_browsers.advice import advice
from voice_browsers.injected import INJECTION
from voice_browsers.observer import facts, facts_in_words
from voice_browsers.speech import tone
from voice_browsers.tape import poll
from voice_browsers.voice import Microphone, Recording, Speaker

pytestmark = pytest.mark.slow

SECRET = "a word that nobody may keep"


@pytest.fixture
def service() -> Iterator[str]:
    """The address of a service that sends a tone once it is sent sound, and an error for what it cannot read."""
    from websockets.sync.server import serve

    # Half a second at the very start was seen to be lost in WebKitGTK on a busy machine.
    pcm = np.round(tone(700, seconds=3.0) * 16_000).astype("<i2")
    parts = [base64.b64encode(part.tobytes()).decode() for part in np.array_split(pcm, 20)]

    def answer(socket: Any) -> None:
        told = False
        for text in socket:
            message = {"audio": text} if isinstance(text, bytes) else json.loads(text)
            if "audio" not in message:
                socket.send(json.dumps({"type": "error", "code": "bad", "message": "field audio is missing"}))
                return
            if not told:
                socket.send(json.dumps({"type": "greeting", "text": SECRET}))
                for part in parts:
                    socket.send(json.dumps({"type": "audio.out", "audio": part}))
            told = True

    with serve(
        answer, "127.0.0.1", 0, process_request=lambda socket, asked: _refuse(socket, asked.path), compression=None
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join(5)


def _refuse(socket: Any, path: str) -> Any:
    return None if path == "/" else socket.respond(404, "nothing here\n")


def opened(page: Page, site: str, service: str, broken: str = "", **more: str) -> None:
    page.goto(f"{site}caller.html?{urlencode({'socket': service, 'broken': broken, **more})}")
    page.get_by_role("button", name="Call").click()


def told_soon(page: Page, engine: str, words: str, recording: Recording | None = None) -> list[str]:
    """What the authors are told, as soon as it begins with `words`, or after a while."""
    told: list[str] = []

    def asked() -> bool:
        told[:] = advice(facts(page, recording), engine)
        return bool(told) and words in told[0]

    poll(asked, 8.0, lambda: page.wait_for_timeout(100))
    return told


def test_of_a_page_that_works_nothing_is_told_but_what_it_did(
    page: Page, recording: Recording, speaker: Speaker, engine: str, site: str, service: str
) -> None:
    opened(page, site, service)
    assert speaker.heard().duration_ms > 100
    seen = facts(page, recording)
    told = advice(seen, engine)
    assert [sentence for sentence in told if "No call failed in the page" not in sentence] == []
    lines = "\n".join(facts_in_words(seen))
    assert "came: `audio.out` ×20 (base64 in `audio`), `greeting` ×1" in lines
    assert (
        "AudioWorkletNode 'play': was given 20 messages with samples, gave 0 messages, leads to a destination" in lines
    )
    assert "hears the microphone" in lines
    assert SECRET not in lines + str(seen)


# What is wrong in the page, and words of the sentence that its authors are told first.
MISTAKES = {
    "file": "addModule('no-such-file.js') failed with AbortError",
    "name": "new AudioWorkletNode(context, 'plya') failed with",
    "not connected": "From AudioWorkletNode 'play', which was given 20 messages with samples, no way led",
    "constraint": "(deviceId): no microphone here meets what was asked for",
    "address": "nowhere did not open (closed with 1006)",
    "field": "answered with an error: 'bad: field audio is missing'. The page had sent `audio.in` ×",
    "type": "20 messages with sound (`audio.out` ×20 (base64 in `audio`)), and passed on none of it",
    "handler": ", 20 times, while it handled the message `audio.out` from ws://127.0.0.1",
    # These two are heard at the speaker, and whoever was heard is not told of sound that went nowhere.
    "track": "`track.enabled` is false",
    "microphone": "(createMediaStreamSource) leads to no AudioWorkletNode; the page has made 'play', 'take'",
}


def test_a_mistake_is_named_first(
    page: Page, recording: Recording, tab: Any, engine: str, site: str, service: str
) -> None:
    """The first sentence is the one that a stranger reads. One page after the other in one browser: each
    start of one costs seconds.
    """
    tab.errors.expect(r"(?i)socket|connection to the server|404|forEach|caller\.js|no-such-file|undefined")
    missed = {}
    for broken, words in MISTAKES.items():
        opened(page, site, service, broken)
        told = told_soon(page, engine, words, recording)
        if not told or words not in told[0]:
            missed[broken] = told
    assert missed == {}


@pytest.mark.only_browser("chromium", "webkit")  # Firefox lets it run after the click
def test_a_context_made_before_the_click_is_named_first(
    page: Page, recording: Recording, engine: str, site: str, service: str
) -> None:
    opened(page, site, service, "made early")
    assert "is suspended; it was made before anybody had clicked" in told_soon(page, engine, "suspended", recording)[0]


@pytest.mark.parametrize(("more", "kind"), [({}, "audio.in"), ({"frames": "1"}, "binary")], ids=["base64", "binary"])
def test_digital_silence_is_told_where_somebody_spoke(
    page: Page,
    recording: Recording,
    microphone: Microphone,
    engine: str,
    site: str,
    service: str,
    more: dict[str, str],
    kind: str,
) -> None:
    opened(page, site, service, "track", **more)
    expect(page.locator("#status")).to_have_text("playing")
    microphone.say("hello")
    told = advice(facts(page, recording), engine)
    assert any(f"messages with sound that the page sent were digital silence: `{kind}`" in it for it in told), told


@pytest.mark.tab(init_scripts=[INJECTION])
def test_an_injected_microphone_is_seen_as_the_page_sees_it(
    page: Page, recording: Recording, engine: str, site: str, service: str
) -> None:
    """What stands in for the sound system has a context of its own, which is none of the page's."""
    opened(page, site, service)
    expect(page.locator("#status")).to_have_text("playing")
    seen = facts(page)
    assert seen["elsewhere"] == []
    assert len(seen["contexts"]) == 1 and seen["contexts"][0]["mic"] == "connected"
    assert [item["wrong"] for item in seen["microphones"]] == [""]
    assert not any("never asked" in sentence for sentence in advice(seen, engine))


def test_a_promise_that_the_page_forgot_stays_a_complaint(
    page: Page, recording: Recording, tab: Any, engine: str, site: str
) -> None:
    """Whoever watches a promise must not count as the one who has handled its rejection."""
    page.goto(f"{site}caller.html")
    tab.errors.expect("404|nothing.wav|NotSupportedError")
    page.evaluate("() => { new Audio('nothing.wav').play(); }")
    assert poll(lambda: any(one.kind == "rejection" for one in tab.errors.all), 5.0, lambda: page.wait_for_timeout(50))
    assert "<audio>.play() was refused with" in advice(facts(page, recording), engine)[0]
