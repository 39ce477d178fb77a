"""One real server for all scenarios of a process: our own app, its token route, and the local agent on three wires."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server.agent.options import AgentOptions
from server.settings import Settings
from tests.server.support.server_support import RunningServer, running_server


@pytest.fixture(scope="session")
def house() -> Iterator[RunningServer]:
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:  # nothing of the developer's own settings may reach a test
            patch.delenv(name.upper(), raising=False)
            patch.delenv(name, raising=False)
        agent = AgentOptions(allow_control=True)
        rates: dict[str, Any] = {"token_rate_per_client_per_minute": 100_000, "token_rate_total_per_minute": 100_000}
        with running_server(agent=agent, local_agent=True, **rates) as server:
            yield server
