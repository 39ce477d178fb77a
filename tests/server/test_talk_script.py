"""Scripts of `build.py talk`: what is refused, how often one is played, and what leaves
as Prometheus text and JUnit.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.talk_rounds import Round, TurnResult, in_words, junit, play_all, prometheus
from tests.support.talk_script import Script, ScriptError, Turn, read

GOOD = """
times = 3
[[turn]]
say = "what time is it"
heard = ["time"]
[[turn]]
say = "tell me a long story"
latency_ratio = 2
[[turn]]
say = "stop"
interrupt_after_ms = 1500
stops_within_ms = 1500
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "script.toml"
    path.write_text(text)
    return path


def test_a_script_is_read(tmp_path: Path) -> None:
    script = read(written(tmp_path, GOOD))
    assert (script.times, script.connect, len(script.turn)) == (3, "Connect", 3)
    assert script.turn[0] == Turn(say="what time is it", heard=("time",))
    assert script.turn[1].latency_ratio == 2
    assert script.turn[2].interrupt_after_ms == 1500


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("times = ", "script.toml: "),
        ("times = 3", r"there is no \[\[turn\]\]"),
        ("tmies = 3", "no key 'tmies'; perhaps 'times'"),
        ("times = 0\n[[turn]]\nsay='a'", "times must be 1 to"),
        ("times = true\n[[turn]]\nsay='a'", "times is a int, not True"),
        ("turn = ['a']", r"turn 1: write \[\[turn\]\]"),
        ("[[turn]]\nsya='a'", "turn 1: there is no key 'sya'; perhaps 'say'"),
        ("[[turn]]\nheard=['a']", "one of say and wav"),
        ("[[turn]]\nsay=' '", "say is empty"),
        ("[[turn]]\nwav='no.wav'", "there is no file"),
        ("[[turn]]\nsay='a'\nheard='b'", "heard is a list, not 'b'"),
        ("[[turn]]\nsay='a'\nheard=[1]", "heard is a list of words"),
        ("[[turn]]\nsay='a'\ninterrupt_after_ms=10", "no reply before it"),
        ("[[turn]]\nsay='a'\nlatency_ratio=2", "this is it"),
        ("[[turn]]\nsay='a'\n[[turn]]\nsay='b'\nlatency_ratio=-1", "turn 2: latency_ratio must be above 0"),
        (
            "[[turn]]\nsay='a'\nexpect=['c']\n[[turn]]\nsay='b'\ninterrupt_after_ms=9",
            "turn 1: its reply is interrupted",
        ),
        ("[[turn]]\nsay='a'\n[[turn]]\nsay='b'\nstops_within_ms=9", "turn 2: stops_within_ms needs"),
    ],
)
def test_a_mistake_in_a_script_is_told_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ScriptError, match=says):
        read(written(tmp_path, text))


def a_round(number: int = 1, **differing: object) -> Round:
    turns = [
        TurnResult(said='say "a"', latency_ms=900),
        TurnResult(said="b", latency_ms=1800, latency_ratio=2.0, stopped_ms=300),
    ]
    fields = {"page": "Parley", "reached": True, "duration_s": 9.5, "turns": turns, **differing}
    return Round(number=number, engine="firefox", url="https://a.example/", **fields)  # type: ignore[arg-type]


def test_rounds_are_bounded_by_number_and_by_time() -> None:
    turn = (Turn(say="a"),)
    told: list[int] = []
    played = play_all(Script(turn=turn, times=3), a_round, lambda one: told.append(one.number))
    assert [one.number for one in played] == told == [1, 2, 3]
    late = Script(turn=turn, times=1000, every_s=3600, within_min=1)
    assert len(play_all(late, a_round, lambda _: None)) == 1, "the next would begin when it is over"


def test_the_last_round_is_gauges_and_all_are_counted() -> None:
    bad = a_round(2)
    bad.turns[1].wrong.append("too late")
    lines = prometheus([a_round(), bad]).splitlines()
    where = 'url="https://a.example/",engine="firefox"'
    assert f"voice_up{{{where}}} 0" in lines and f"voice_call{{{where}}} 1" in lines
    assert f"voice_rounds_total{{{where}}} 2" in lines and f"voice_rounds_failed_total{{{where}}} 1" in lines
    assert f'voice_turn_ok{{{where},turn="1",said="say \\"a\\""}} 1' in lines
    assert f'voice_turn_latency_seconds{{{where},turn="2",said="b"}} 1.8' in lines
    assert f'voice_turn_interruption_seconds{{{where},turn="2",said="b"}} 0.3' in lines
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families)), "each family stands together, once"


def test_every_turn_is_a_case_and_a_call_that_was_none_fails() -> None:
    bad = a_round(2, reached=False, turns=[], errors=["no call: refused"])
    spoiled = a_round(1)
    spoiled.turns[0].wrong.append("nothing was heard")
    top = ET.fromstring(junit([spoiled, bad]).partition("?>")[2])
    first, second = top.findall("testsuite")
    assert (first.get("tests"), first.get("failures")) == ("2", "1")
    assert [case.find("failure") is not None for case in first.findall("testcase")] == [True, False]
    (failure,) = second.iter("failure")
    assert failure.get("message") == "no call: refused"
    assert not bad.good and not spoiled.good and a_round().good
    assert "FAIL" in in_words(spoiled) and "no call: refused" in in_words(bad)
