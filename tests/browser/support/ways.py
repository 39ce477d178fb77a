"""The ways in which Python starts, and how a test takes one: what is removed from the site, and
whether Python works then.
"""

from __future__ import annotations

from pathlib import Path

from tests.browser.support.pages import greet
from tests.browser.support.spoiled import Change, SpoiledSite
from tests.support.talk import Call


def ask_weather(call: Call, spoiled: SpoiledSite, expected: str) -> None:
    """By keyboard. What is asked is whether Python works: the agent beeps, which is sooner said than words."""
    spoiled.parley.scenario(tone_hz=440, tone_ms=150, hear=False)
    greet(call)
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.type("what is the weather in paris")
    call.wait_turn("agent", containing=expected)
    call.hang_up()


def remove_snapshot(assets: Path) -> None:
    next(assets.glob("python.*.bin")).unlink()


def remove_both(assets: Path) -> None:
    remove_snapshot(assets)
    next(assets.glob("precompiled.*.bin")).unlink()


# What is removed so that a way is taken, by what the page calls it.
# An init script: a decoded copy of an earlier visit would start a page whose file is damaged or missing
# now, and rightly so.
NO_COPY = "delete globalThis.caches;"
CHANGES: dict[str, tuple[Change, ...]] = {"snapshot": (), "precompiled": (remove_snapshot,), "stock": (remove_both,)}
