"""What must hold in every conversation, searched for: see `worlds`.

At most one reply is heard; no more is heard than came; every tool call is answered exactly once; every question that
the page took is answered or told as lost; no timer and no notice outlives its cause; the page's list is the list;
memory is bounded.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.support import worlds

# A search with drawn numbers: seconds of a processor, and what it found once has a test of its own that is fast.
pytestmark = pytest.mark.slow

numbers = st.integers(0, (1 << 16) - 1)


def machine_of(kind: type[worlds.World]) -> type[RuleBasedStateMachine]:
    """Everything that can happen in one world, as rules."""

    class Machine(RuleBasedStateMachine):
        world: worlds.World

        @initialize(style=st.integers(0, len(worlds.STYLES) - 1))
        def begin(self, style: int) -> None:
            number = worlds.WORLDS.index(kind) + len(worlds.WORLDS) * style
            self.world = worlds.world_of(number)
            for _ in range(4):
                self.world.go_on(0)

        def teardown(self) -> None:
            if hasattr(self, "world"):
                self.world.settled()

    names = dict.fromkeys(step.__name__ for step in kind().steps)
    for name in names:

        def act(self: Any, detail: int, name: str = name) -> None:
            before = self.world.host.session.state
            getattr(self.world, name)(detail)
            self.world.check(before)

        setattr(Machine, name, rule(detail=numbers)(act))
    return Machine


@pytest.mark.parametrize("kind", worlds.WORLDS, ids=lambda kind: kind.__name__)
def test_invariants(kind: type[worlds.World]) -> None:
    run_state_machine_as_test(
        machine_of(kind),
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_many_thrown_sequences() -> None:
    worlds.sequences(150, 20_261_128)


def test_mutated_messages() -> None:
    worlds.mutations(3_000, 20_261_128)
