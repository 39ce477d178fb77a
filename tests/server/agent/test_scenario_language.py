"""The scenario language: what each sentence turns, what is not understood, and that the document says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.agent.options import AgentOptions
from server.agent.scenario_language import RULES, TIMES, listing, main
from server.agent.scenario_names import NAMED, scenario_from_text
from server.agent.scenarios import POINTS, Fault
from tests.server.support.agent_support import running_agent
from voice_browsers.local_agent import AgentRefused, LocalAgent

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "scenarios.md"


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("drops after 3 s", Fault(after="open", in_ms=3000, do="drop")),
        ("drops after 250ms", Fault(after="open", in_ms=250, do="drop")),
        ("drops after 20 messages", Fault(after="any", nth=20, do="drop")),
        ("closes with 1012 in the middle of a reply", Fault(after="sound", nth=20, do="close", code=1012)),
        ("stalls before ready", Fault(after="opening", do="stall")),
        ("pauses for 0.4 s when it answers", Fault(after="reply", do="sleep", ms=400)),
        ("fails with FORBIDDEN at the setup", Fault(after="< configure", do="error", code_name="FORBIDDEN")),
    ],
)
def test_a_sentence_is_a_fault_at_a_moment(sentence: str, fault: Fault) -> None:
    assert scenario_from_text(sentence).faults == (fault,)


def test_sentences_and_names_are_put_together_and_the_last_word_counts() -> None:
    scenario = scenario_from_text("live, drops after 3 s; stalls in a reply, is interrupted after 300 ms")
    assert scenario.token_reuse, "of `live`"
    assert scenario.barge_in_ms == 300
    assert [fault.do for fault in scenario.faults] == ["drop", "stall"]
    assert scenario_from_text('{"base": "is deaf, drop at open", "cap_s": 5}').hear is False


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.example)
def test_every_example_of_the_list_is_understood(rule: object) -> None:
    scenario = scenario_from_text(rule.example)  # type: ignore[attr-defined]
    assert scenario != scenario_from_text("default")


def test_every_moment_of_the_list_is_understood_and_is_one_of_the_wires() -> None:
    for time in TIMES:
        (fault,) = scenario_from_text(f"drops {time.example}").faults
        assert (fault.after, fault.nth) == (time.point, time.nth)
        assert fault.after in POINTS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("drop afer 3 s", "perhaps 'drops after 3 s'"),
        ("drops after three", "no moment 'after three'; there are after 3 s"),
        ("live, is def", "no scenario 'is def'; perhaps 'is deaf'"),
        ("explodes", "--list"),
        ("drops after 9000 s", "at most 600 s"),
        ("is interrupted after 1 ms", "barge_in_ms"),
    ],
)
def test_what_is_not_understood_is_told_with_the_nearest(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace(".", r"\.")):
        scenario_from_text(text)


def test_the_document_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """`python3 build.py agent --list`, below what the document says of it."""
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.strip() == listing(NAMED)
    assert DOCUMENT.read_text().endswith(printed)
    assert main(["drops after 3 s"]) == 0 and "drop 3000 ms after `open`" in capsys.readouterr().out
    assert main(["no such thing"]) == 2 and "no scenario" in capsys.readouterr().err


def test_a_test_drives_it_over_http() -> None:
    """What the fixture `local_agent` does, without a browser."""
    with running_agent(AgentOptions(allow_control=True, prewarm=False)) as running:
        agent = LocalAgent(running.url)
        with pytest.raises(AssertionError, match="no socket reached it"):
            agent.conversation()
        agent.scenario("is deaf, drops after 3 s", sessions=2)
        agent.scenario("burst", cap_s=5)
        agent.scenarios(["is deaf", {"tone_hz": 440}])
        agent.scenario()
        with pytest.raises(AgentRefused, match="perhaps 'is deaf'"):
            agent.scenario("is daef")
    with pytest.raises(AgentRefused, match="no agent at"):
        LocalAgent(running.url).scenario()
