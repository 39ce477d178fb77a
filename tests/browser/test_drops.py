"""A line that breaks anywhere: the same words in the end where a session can be resumed, an honest
mark where it cannot.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from tests.browser.support.pages import OPENAI, SDK, beep, choose
from tests.support.server import Parley
from tests.support.talk import Call

pytestmark = pytest.mark.browser

# What the engines say of a socket that is cut off.
BROKEN = "WebSocket|was interrupted while the page was loading"
# other places in each engine; that no place is special the client's own tests show
# (tests/pyclient/test_property_drops.py)
DROPS = 8
MARKED_DROPS = 3  # on the wires that cannot resume; tests/contract has them drop everywhere
PER_CALL = 2  # the waits between attempts grow: more of them in one call would cost more time than another call
TYPED = ("repeat after me a red door", "repeat after me the quiet street")
# Tones instead of words, and short ones: what is tested is text, and where in the sound the line breaks.
BRIEF: dict[str, Any] = {"tone_hz": 440, "tone_ms": 150, "hear": False, "chunk_ms": 50}


def reconnects(call: Call) -> int:
    return int(call.snapshot()["stats"]["reconnects"])  # type: ignore[index]


def told(call: Call) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in call.transcript()]


def typed_turn(call: Call, text: str) -> None:
    """Type, and wait for the answer, wherever the line breaks. It is heard out: typing over it would cut its text."""
    shown = len(call.transcript())
    call.type(text)

    def answered() -> bool:
        return any(turn.role == "agent" and turn.final and turn.text for turn in call.transcript()[shown:])

    call.until(answered, 30.0, f"to show an answer to {text!r}")
    call.wait_activity("listening")


def conversation(call: Call) -> list[tuple[str, str]]:
    call.connect()
    call.wait_turn("agent", containing="beep")
    for text in TYPED:
        typed_turn(call, text)
    return told(call)


def messages_sent(parley: Parley) -> int:
    return sum(tally["count"] for tally in parley.sessions()[-1]["sent"].values())


def break_points(chance: random.Random, length: int) -> list[int]:
    """After how many messages each socket of one call drops."""
    points = sorted(chance.sample(range(2, length), PER_CALL))
    return [points[0], *(after - before for before, after in itertools.pairwise(points))]


def test_no_word_is_lost_or_doubled_wherever_the_line_breaks(call: Call, parley: Parley) -> None:
    """Random places, the same in every run of an engine: each call ends with the transcript of the call that held."""
    call.tab.errors.expect(BROKEN)
    beep(call)
    parley.scenario(**BRIEF)
    whole = conversation(call)
    call.hang_up()
    length = messages_sent(parley)
    chance, dropped = random.Random(f"drops {call.tab.engine}"), 0
    while dropped < DROPS:
        points = break_points(chance, length)
        parley.scenarios([{"base": f"drop_after_{point}", **BRIEF} for point in points] + [BRIEF])
        broken = conversation(call)
        assert broken == whole, (points, broken)
        assert reconnects(call) > 0, (points, "the line held")
        dropped += reconnects(call)
        call.hang_up()


def test_a_service_that_cannot_resume_says_so_wherever_the_line_breaks(call: Call, parley: Parley) -> None:
    """A new session each time, and a mark in the transcript for each: nobody may believe that the agent remembers."""
    call.tab.errors.expect(BROKEN)
    scenario = {**BRIEF, "tone_ms": 400, "greeting": "Beep."}
    chance = random.Random(f"marks {call.tab.engine}")
    for service in (OPENAI, SDK):
        choose(call, service)
        beep(call)
        points = [chance.randint(2, 16) for _ in range(MARKED_DROPS)]
        parley.scenarios([{"base": f"drop_after_{point}", **scenario} for point in points] + [scenario])
        call.connect()
        if service == OPENAI:
            # Sockets that broke late in the greeting leave nothing to say for the next one but an answer.
            for text in TYPED:
                typed_turn(call, text)
        call.until(
            lambda: reconnects(call) == MARKED_DROPS and call.state == "live",
            30.0,
            f"to be live again over {service} after {points}",
        )
        marks = [turn for turn in call.transcript() if turn.role == "mark"]
        assert len(marks) == MARKED_DROPS, (service, points, call.transcript())
        if service == OPENAI:
            typed_turn(call, TYPED[0])
            assert told(call)[-1] == ("agent", "A red door."), points
        call.hang_up()
