"""Tool rounds alone: counted per reply, forgiven when the person acts, refused in words when there are too many."""

from __future__ import annotations

import pytest

from pyclient.core.errors import ToolError
from pyclient.tools.rounds import MORE_ROUNDS, Rounds
from tests.support.parts import call_in


def rounds() -> Rounds:
    return Rounds(call_in(max_tool_rounds=2, max_tool_calls_per_reply=2))


def test_calls_of_one_reply_are_one_round() -> None:
    made = rounds()
    for reply in ("a", "a", "b", "b"):
        if reply == "b":
            made.new_reply()
        made.called(reply)
        made.check()
    assert not made.circling


def test_more_rounds_than_allowed_are_refused_until_the_person_acts() -> None:
    made = rounds()
    for reply in ("a", "b", "c"):
        made.new_reply()
        made.called(reply)
    assert made.circling and not made.hopeless
    with pytest.raises(ToolError, match="in 2 replies in a row"):
        made.check()
    made.person_acted()
    made.new_reply()
    made.called("c")
    made.check()
    assert not made.circling


def test_too_many_calls_of_one_reply_are_refused_and_count_as_rounds() -> None:
    """Else a server that never ends its reply would call for ever."""
    made = rounds()
    made.called("a")
    made.called("a")
    made.check()
    made.called("a")
    with pytest.raises(ToolError, match="At most 2 tool calls"):
        made.check()
    for _ in range(MORE_ROUNDS + 1):
        made.called("a")
    assert made.hopeless
