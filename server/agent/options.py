"""Options: what can be set about the local agent from outside, and nothing else.

The agent never reads the server's settings: whoever mounts it hands over one
`AgentOptions`. Next: `routes.create_router`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.agent.scenario_names import scenario_from_text
from server.agent.scenarios import Scenario

__all__ = ["AgentOptions", "from_env"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """How the local agent behaves for every session.

    `allowed_origins`: full origins (`https://example.org`) that may open sockets besides the agent's own host.
    `api_keys`: the keys that the token route accepts; empty means any key that is not empty.
    `scenario`: the switches of a session for which nothing else was chosen.
    `allow_control`: opens `_scenario` and `_sessions`; they show what people said, so they are for tests alone.
    `allow_scenario_query`: whether a client may choose its scenario by `?scenario=`.
    `resume_window_ms`: how long a session is kept after a drop (protocol file section 10).
    `recognizer_processes`: how many processes recognise speech; each holds about 200 MB. One more listens along with
    one turn at a time.

    Raises ValueError for a count or a window that makes no sense.
    """

    allowed_origins: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    scenario: Scenario = field(default_factory=Scenario)
    allow_control: bool = False
    allow_scenario_query: bool = True
    max_sessions: int = 32
    resume_window_ms: int = 30_000
    recognizer_processes: int = 2
    prewarm: bool = True

    def __post_init__(self) -> None:
        if self.max_sessions < 1:
            raise ValueError("max_sessions must be at least 1")
        if self.resume_window_ms < 0:
            raise ValueError("resume_window_ms must not be negative")
        if not 1 <= self.recognizer_processes <= 16:
            raise ValueError("recognizer_processes must be 1 to 16")
        for origin in self.allowed_origins:
            if "://" not in origin or origin.endswith("/"):
                raise ValueError(f"allowed_origins holds {origin!r}, which is not scheme://host[:port]")


def from_env(
    environ: Mapping[str, str] | None = None, *, allowed_origins: tuple[str, ...] = (), allow_control: bool = False
) -> AgentOptions:
    """Options with the scenario of `PARLEY_AGENT_SCENARIO` (a name, or JSON as `scenario_from_text` reads it).

    `PARLEY_AGENT_CONTROL=1` opens the control routes as `allow_control` does. Raises ValueError naming the variable.
    """
    env = os.environ if environ is None else environ
    text = env.get("PARLEY_AGENT_SCENARIO", "")
    try:
        scenario = scenario_from_text(text) if text else Scenario()
    except ValueError as error:
        raise ValueError(f"PARLEY_AGENT_SCENARIO: {error}") from error
    return AgentOptions(
        allowed_origins=allowed_origins,
        scenario=scenario,
        allow_control=allow_control or env.get("PARLEY_AGENT_CONTROL", "") == "1",
    )
