"""Scenarios are data: names, JSON, and clear words for what is not understood."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from server.agent.options import AgentOptions, from_env
from server.agent.scenario_names import NAMED, scenario_from_text
from server.agent.scenarios import POINTS, Fault, Scenario


def test_a_scenario_is_found_by_its_name() -> None:
    assert scenario_from_text("burst").pace == "burst"
    assert all(name == scenario.name for name, scenario in NAMED.items())


def test_switches_can_be_given_as_json_on_top_of_a_named_one() -> None:
    text = json.dumps({"base": "live", "cap_s": 5, "faults": [{"after": "reply.audio", "nth": 3, "do": "drop"}]})
    scenario = scenario_from_text(text)
    assert scenario.token_reuse, "from the base"
    assert scenario.cap_s == 5
    assert scenario.faults == (Fault(after="reply.audio", nth=3, do="drop"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no-such", "no scenario"),
        ("{", "name or a JSON object"),
        ('{"pase": "burst"}', "no switch 'pase'"),
        ('{"pace": "quick"}', "pace is one of"),
        ('{"chunk_ms": "10"}', "chunk_ms is a int"),
        ('{"token_reuse": 1}', "token_reuse is a bool"),
        ('{"cap_s": "soon"}', "cap_s"),
        ('{"faults": [{"after": "open", "do": "explode"}]}', "explode"),
        ('{"faults": [{"do": "drop"}]}', "faults"),
        ('{"barge_in_ms": 1}', "barge_in_ms"),
    ],
)
def test_a_wrong_scenario_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        scenario_from_text(text)


def test_every_switch_is_used_by_a_named_scenario() -> None:
    """A switch that no named scenario turns is one that nobody will find."""
    default = Scenario()
    turned = {
        item.name
        for item in fields(Scenario)
        for scenario in NAMED.values()
        if getattr(scenario, item.name) != getattr(default, item.name)
    }
    unused = {item.name for item in fields(Scenario)} - turned
    assert unused <= {"partials", "delta_spacing", "lead_ms", "tone_ms"}, unused


def test_the_environment_chooses_the_scenario_of_a_process() -> None:
    assert from_env({"PARLEY_AGENT_SCENARIO": "burst"}).scenario.pace == "burst"
    assert from_env({}).scenario == Scenario()
    assert from_env({"PARLEY_AGENT_CONTROL": "1"}).allow_control
    with pytest.raises(ValueError, match="PARLEY_AGENT_SCENARIO"):
        from_env({"PARLEY_AGENT_SCENARIO": "no-such"})


@pytest.mark.parametrize(
    "wrong", [{"max_sessions": 0}, {"allowed_origins": ("example.org",)}, {"recognizer_processes": 0}]
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must be|allowed_origins"):
        AgentOptions(**wrong)  # type: ignore[arg-type]


def test_keys_do_not_appear_in_the_options_text() -> None:
    assert "canary" not in repr(AgentOptions(api_keys=("canary",)))


def test_a_drop_after_any_number_of_messages_has_a_name() -> None:
    assert scenario_from_text("drop_after_12").faults == (Fault(after="any", nth=12, do="drop"),)
    with pytest.raises(ValueError, match="no scenario"):
        scenario_from_text("drop_after_0")


def test_the_named_faults_hold_on_every_wire() -> None:
    """They speak of common moments, or say by their names whose they are."""
    for scenario in NAMED.values():
        for fault in scenario.faults:
            assert fault.after in POINTS, scenario.name
