"""The list of scenarios. A scenario is a name, a sentence, one function for every protocol that can, and a reason with
a proof of its own for every protocol that cannot.

    @scenario("text turn", "What the person types is answered.")
    async def text_turn(call: Call) -> None: ...

    @text_turn.cannot("sdk_voice", "there is no text message (section 3)")
    async def _(call: Call) -> None: ...

The reasons quote the protocol files by their sections. The function behind a reason asserts what
the client does instead.

`spoken=SPOKEN` says that somebody speaks, so that the agent's recogniser runs over sound; such a scenario is `slow`. A
call in which anybody speaks without it fails. `SPOKEN_WITHOUT_TEXT` is the same where questions cannot be typed.
`long=True` says that it waits for more than four seconds of sound in real time: it is `slow`, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from tests.contract.adapters import ADAPTERS
from tests.contract.call import Call

Run = Callable[[Call], Awaitable[None]]

SPOKEN = frozenset(ADAPTERS)
SPOKEN_WITHOUT_TEXT = frozenset({"sdk_voice"})


@dataclass(slots=True)
class Scenario:
    """`cannots`: by adapter, why not, and what proves it. `spoken`: the adapters with which somebody speaks."""

    name: str
    expected: str
    run: Run
    spoken: Collection[str] = frozenset()
    long: bool = False
    cannots: dict[str, tuple[str, Run]] = field(default_factory=dict)

    def cannot(self, adapter: str, reason: str, *, spoken: Collection[str] = frozenset()) -> Callable[[Run], Run]:
        assert adapter not in self.cannots, f"{self.name}: {adapter} twice"
        self.spoken = (set(self.spoken) - {adapter}) | ({adapter} & set(spoken))

        def add(proof: Run) -> Run:
            self.cannots[adapter] = (reason, proof)
            return proof

        return add

    def reason(self, adapter: str) -> str:
        """Why this protocol cannot; empty where it can."""
        return self.cannots[adapter][0] if adapter in self.cannots else ""

    async def play(self, adapter: str, call: Call) -> None:
        run = self.cannots[adapter][1] if adapter in self.cannots else self.run
        await run(call)


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str, expected: str, *, spoken: Collection[str] = frozenset(), long: bool = False
) -> Callable[[Run], Scenario]:
    assert name not in SCENARIOS, f"two scenarios are called {name!r}"

    def add(run: Run) -> Scenario:
        SCENARIOS[name] = made = Scenario(name=name, expected=expected, run=run, spoken=spoken, long=long)
        return made

    return add
