"""Settings change as a part alone: what can be changed now, and what waits."""

from __future__ import annotations

import pytest

from pyclient.connection.settings_change import SettingsChange
from pyclient.core.events import SettingsChanged
from pyclient.core.states import State
from pyclient.part import LineBack
from tests.support.parts import call_in, sent, told


def test_in_a_live_call_it_is_sent_at_once() -> None:
    part = SettingsChange(call_in(State.LIVE))
    told(part, SettingsChanged(system_prompt="Be brief."))
    assert sent(part) == ["update"] and part.call.config.system_prompt == "Be brief."


@pytest.mark.parametrize("state", [State.MINTING, State.CONNECTING])
def test_before_anything_was_sent_the_session_starts_with_it(state: State) -> None:
    part = SettingsChange(call_in(state))
    told(part, SettingsChanged(voice="anna"))
    assert sent(part) == [] and part.call.config.voice == "anna"


def test_while_the_line_is_down_it_waits_for_the_same_session() -> None:
    part = SettingsChange(call_in(State.DROPPED))
    told(part, SettingsChanged(voice="anna"))
    told(part, SettingsChanged(system_prompt="Be brief."))
    assert sent(part) == [] and part.call.config.voice != "anna"
    part.call.state = State.LIVE
    part.line_back(0, LineBack(same=True))
    part.line_back(0, LineBack(same=True))
    assert sent(part) == ["update"], "both in one message, and once"
    assert (part.call.config.voice, part.call.config.system_prompt) == ("anna", "Be brief.")


def test_or_for_the_opening_of_a_new_one() -> None:
    part = SettingsChange(call_in(State.RESUMING))
    told(part, SettingsChanged(turn_detection={"interrupt_response": False}))
    part.session_begins()
    assert not part.call.interruptible
    part.call.state = State.LIVE
    part.line_back(0, LineBack(same=False))
    assert sent(part) == []


def test_a_value_that_cannot_be_is_told_and_changes_nothing() -> None:
    part = SettingsChange(call_in(State.LIVE))
    before = part.call.config
    told(part, SettingsChanged(volume=1_000.0))
    assert part.call.config is before and sent(part) == []
    assert part.call.notice is not None and part.call.notice.code == "bad_setting"
