"""The table, walked from end to end."""

from __future__ import annotations

from itertools import product

import pytest

from pyclient.core import events
from pyclient.core.errors import LocalProtocolError
from pyclient.core.states import (
    ACTIVITIES,
    FROM_SERVER,
    HEARD,
    PRECEDENCE,
    TRANSITIONS,
    Activity,
    State,
    Trigger,
    activity_in,
    can,
    means_something,
    next_state,
)

# The same table a second time, as a list of sentences, so that a change must be meant.
LEGAL = {
    ("idle", "connect", "minting"),
    ("idle", "fault", "failed"),
    ("minting", "token", "connecting"),
    ("minting", "hang_up", "ended"),
    ("minting", "fault", "failed"),
    ("connecting", "open", "configuring"),
    ("connecting", "hang_up", "ended"),
    ("connecting", "fault", "failed"),
    ("configuring", "ready", "live"),
    ("configuring", "hang_up", "ending"),
    ("configuring", "finish", "ended"),
    ("configuring", "fault", "failed"),
    ("live", "hang_up", "ending"),
    ("live", "finish", "ended"),
    ("live", "fault", "failed"),
    ("live", "drop", "dropped"),
    ("ending", "finish", "ended"),
    ("ended", "connect", "minting"),
    ("ended", "fault", "failed"),
    ("failed", "connect", "minting"),
    ("failed", "fault", "failed"),
    ("dropped", "retry", "resuming"),
    ("dropped", "hang_up", "ended"),
    ("dropped", "fault", "failed"),
    ("resuming", "ready", "live"),
    ("resuming", "drop", "dropped"),
    ("resuming", "hang_up", "ending"),
    ("resuming", "finish", "ended"),
    ("resuming", "fault", "failed"),
}


@pytest.mark.parametrize(("state", "trigger"), list(product(State, Trigger)), ids=lambda item: item.value)
def test_every_pair_of_state_and_trigger_does_what_the_list_says(state: State, trigger: Trigger) -> None:
    """A pair that is not in the list raises and names both, so that the log says what happened where."""
    expected = {to for (at, by, to) in LEGAL if (at, by) == (state.value, trigger.value)}
    assert can(state, trigger) is bool(expected)
    if expected:
        assert {next_state(state, trigger).value} == expected
    else:
        with pytest.raises(LocalProtocolError, match=f"{trigger.value}.*{state.value}"):
            next_state(state, trigger)


def test_the_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.IDLE] = {}  # type: ignore[index]
    with pytest.raises(TypeError):
        ACTIVITIES[State.IDLE] = frozenset()  # type: ignore[index]


def test_every_state_can_be_reached_and_left() -> None:
    """A state that nothing leads to, or out of, is a bug in the table."""
    reached, frontier = {State.IDLE}, [State.IDLE]
    while frontier:
        for target in TRANSITIONS[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert reached == set(State)
    assert all(set(TRANSITIONS[state].values()) - {state} for state in State)


def test_from_every_state_the_session_can_end() -> None:
    """No trap: a person can always get out of a session, or is out of it."""
    over = {State.IDLE, State.ENDED, State.FAILED}
    leaving = {Trigger.HANG_UP, Trigger.FINISH, Trigger.FAULT}
    for state in set(State) - over:
        seen, frontier = {state}, [state]
        while frontier:
            now = frontier.pop()
            for trigger, target in TRANSITIONS[now].items():
                if trigger in leaving and target not in seen:
                    seen.add(target)
                    frontier.append(target)
        assert seen & over, state


@pytest.mark.parametrize("state", list(State), ids=lambda item: item.value)
def test_activity_follows_the_precedence_within_what_the_state_allows(state: State) -> None:
    """All 16 combinations of what can be true at once."""
    for bits in product([False, True], repeat=len(PRECEDENCE)):
        true_now = frozenset(activity for activity, bit in zip(PRECEDENCE, bits, strict=True) if bit)
        activity = activity_in(state, true_now)
        assert activity in ACTIVITIES[state]
        candidates = [one for one in PRECEDENCE if one in true_now and one in ACTIVITIES[state]]
        resting = Activity.LISTENING if state is State.LIVE else Activity.NONE
        assert activity is (candidates[0] if candidates else resting)


def test_a_person_who_speaks_outranks_an_agent_who_speaks() -> None:
    both = frozenset({Activity.AGENT_SPEAKING, Activity.USER_SPEAKING})
    assert activity_in(State.LIVE, both) is Activity.USER_SPEAKING


def test_only_a_session_with_a_socket_hears_the_server() -> None:
    assert set(HEARD) == {State.CONFIGURING, State.LIVE, State.ENDING, State.RESUMING}


def test_audio_means_nothing_before_the_server_is_ready_and_nothing_after_goodbye() -> None:
    audio = events.ReplyAudio(reply_id="r", pcm=b"\0\0")
    assert [state for state in State if means_something(state, audio)] == [State.LIVE]
    assert events.AudioCaptured not in FROM_SERVER
