"""What the page reports as heard against what came out of the speaker."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.support.pages import OPENAI, beep, choose
from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.listen import Sound, load, segments

pytestmark = pytest.mark.browser

INTERRUPTIONS = 8
TONE_HZ = 700.0


def sounding_ms(sound: Sound) -> float:
    """How long the tone sounds in all, without the gaps where a browser short of time had nothing to give out.

    Both ends are where it can just be heard, for there it is faded; a gap begins and ends where half of
    the power is gone.
    """
    period = round(sound.rate_hz / TONE_HZ)
    power = np.convolve(sound.samples**2, np.full(period, 1.0 / period), mode="same")
    audible = np.flatnonzero(power > 0.02**2)
    power = power[audible[0] : audible[-1] + 1]
    loud = np.flatnonzero(power > np.quantile(power, 0.9) / 2)
    missing = loud[-1] - loud[0] + 1 - loud.size
    return float(power.size - missing) * 1000.0 / sound.rate_hz


@pytest.mark.alone("webkit")  # which drops what a busy machine did not let it play in time
def test_what_was_heard_is_reported_to_ten_milliseconds(call: Call, sound: Any, parley: Parley, tmp_path: Path) -> None:
    """A tone of six seconds arrives in one burst and is cut off by the talk key at random moments.

    The truncation that the service is told must be the length of the tone on a tape that was
    recorded outside the browser.
    """
    parley.scenario(tone_hz=TONE_HZ, tone_ms=6_000, pace="burst", hear=False)
    choose(call, OPENAI)
    beep(call)
    call.page.get_by_label("Taking turns").select_option("push_to_talk")
    chance, page = random.Random(f"heard {call.tab.engine}"), call.page
    with sound.record(tmp_path / "heard.wav") as tape:
        call.connect()
        # The key and not the button: WebKitGTK's remote inspector gives pages no pointer events. It belongs to
        # what has the focus.
        page.evaluate("document.activeElement.blur()")
        quiet_ms = 0.0
        for _ in range(INTERRUPTIONS):
            begun_ms = tape.wait_sound(timeout_s=20, since_ms=quiet_ms)
            page.wait_for_timeout(chance.uniform(150, 1300))
            page.keyboard.down(" ")
            expect(page.locator("#talk-key")).to_have_attribute("aria-pressed", "true")
            quiet_ms = tape.wait_silence(for_ms=300, timeout_s=10, since_ms=begun_ms + 100)
            page.keyboard.up(" ")
    call.hang_up()
    reported = parley.sessions()[-1]["truncations_ms"]
    tape_of = load(tmp_path / "heard.wav")
    heard = [sounding_ms(tape_of.cut(part.start_ms - 30, part.end_ms + 30)) for part in segments(tape_of, join_ms=200)]
    assert len(reported) >= INTERRUPTIONS and len(heard) >= INTERRUPTIONS, (reported, heard)
    off = [round(told - tone, 1) for told, tone in zip(reported, heard, strict=False)][:INTERRUPTIONS]
    # A browser on a busy machine drops or repeats a buffer of its own: such a place says nothing of what was counted.
    assert sum(abs(one) <= 10 for one in off) >= INTERRUPTIONS - 2, (off, reported, heard)
    assert abs(np.median(off)) <= 2, (off, reported, heard)
