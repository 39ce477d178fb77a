"""The same scenarios over the three wires. What each wire cannot do is written beside it, and proved as well.

`--contract-table=docs/contract.md` writes what came of it.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.contract import (  # noqa: F401 - they fill the book
    scenarios_bad_messages,
    scenarios_interrupting,
    scenarios_line,
    scenarios_tools,
    scenarios_turns,
)
from tests.contract.adapters import ADAPTERS
from tests.contract.book import SCENARIOS
from tests.contract.call import Call
from tests.contract.table import PROPERTY, cell
from tests.server.support.server_support import RunningServer

PLAYED = [
    pytest.param(chosen.name, adapter, marks=[pytest.mark.slow] if chosen.long or adapter in chosen.spoken else [])
    for chosen in SCENARIOS.values()
    for adapter in ADAPTERS
]


@pytest.mark.parametrize(("name", "adapter"), PLAYED)
def test_contract(house: RunningServer, name: str, adapter: str, request: pytest.FixtureRequest) -> None:
    chosen = SCENARIOS[name]
    request.node.user_properties.append((PROPERTY, cell(chosen, ADAPTERS[adapter])))

    async def run() -> None:
        url, spoken = f"http://127.0.0.1:{house.port}", adapter in chosen.spoken
        async with Call(url, ADAPTERS[adapter], spoken=spoken) as call:
            await chosen.play(adapter, call)

    asyncio.run(run())


def test_every_reason_names_an_adapter_and_its_section() -> None:
    for chosen in SCENARIOS.values():
        for adapter, (reason, _) in chosen.cannots.items():
            assert adapter in ADAPTERS and "(section " in reason, (chosen.name, adapter, reason)
        assert set(chosen.cannots) != set(ADAPTERS), f"{chosen.name}: nobody can"
