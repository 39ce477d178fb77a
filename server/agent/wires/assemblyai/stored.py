"""Stored agents: what `agent_id` names, and the routes that make, show, change and delete them
(protocol file section 12).

They are kept in memory, for as long as the process lives, and whoever has a key may see and change all of them.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from server.agent.wires.assemblyai.values import LONG_TEXT, Refused

__all__ = ["StoredAgents", "checked_agent", "session_of", "shown"]

_KEYS = frozenset(
    {"name", "system_prompt", "voice", "greeting", "input", "output", "tools", "llm", "webhook", "pre_connect_requests"}
)
# What the service fills in, and a client may send back.
_FILLED_IN = ("id", "created_at", "updated_at")
# A sanity limit of ours.
_MAX_AGENTS = 200


class StoredAgents:
    """The agents by id, oldest first."""

    def __init__(self) -> None:
        self._agents: dict[str, dict[str, Any]] = {}

    def find(self, agent_id: str) -> Mapping[str, Any] | None:
        return self._agents.get(agent_id)

    def all(self) -> list[Mapping[str, Any]]:
        return list(self._agents.values())

    def add(self, agent: Mapping[str, Any]) -> Mapping[str, Any]:
        """The new agent with its id. Raises Refused when there are too many."""
        if len(self._agents) >= _MAX_AGENTS:
            raise Refused("agent_limit_reached", f"At most {_MAX_AGENTS} agents are kept; delete one first")
        agent_id = "agent_" + secrets.token_hex(16)
        now = _now()
        self._agents[agent_id] = {"id": agent_id, **agent, "created_at": now, "updated_at": now}
        return self._agents[agent_id]

    def replace(self, agent_id: str, agent: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The changed agent; None when there is no such one."""
        before = self._agents.get(agent_id)
        if before is None:
            return None
        self._agents[agent_id] = {"id": agent_id, **agent, "created_at": before["created_at"], "updated_at": _now()}
        return self._agents[agent_id]

    def delete(self, agent_id: str) -> bool:
        return self._agents.pop(agent_id, None) is not None


def checked_agent(given: Any) -> dict[str, Any]:
    """The keys of a stored agent that are not also a session's, checked. Raises Refused."""
    if not isinstance(given, dict):
        raise Refused("validation_error", "The body must be an object")
    agent = {key: value for key, value in given.items() if key not in _FILLED_IN and value is not None}
    for key in agent:
        if key not in _KEYS:
            raise Refused("validation_error", f"'{key[:100]}' is not a known field", key[:100])
    for key in ("name", "system_prompt"):
        if key not in agent:
            raise Refused("validation_error", f"'{key}' is required", key)
        if not LONG_TEXT(agent[key]):
            raise Refused("validation_error", f"'{key}' must be a string", key)
    if not agent["name"].strip() or len(agent["name"]) > 200:
        raise Refused("validation_error", "'name' must have 1 to 200 characters", "name")
    voice = agent.get("voice")
    if not isinstance(voice, dict) or set(voice) != {"voice_id"} or not isinstance(voice["voice_id"], str):
        raise Refused("validation_error", "'voice' must be an object with 'voice_id'", "voice")
    for key in ("input", "output"):
        if not isinstance(agent.get(key, {}), dict):
            raise Refused("validation_error", f"'{key}' must be an object", key)
    _check_llm(agent.get("llm", []))
    return agent


def _check_llm(given: Any) -> None:
    known = {"base_url", "model", "api_key"}
    fine = isinstance(given, list) and len(given) <= 1
    for one in given if fine else ():
        fine = isinstance(one, dict) and set(one) <= known and all(isinstance(value, str) for value in one.values())
    if not fine:
        raise Refused("validation_error", "'llm' must be a list of at most one model", "llm")


def session_of(agent: Mapping[str, Any]) -> dict[str, Any]:
    """The same as a session's settings, in the words of `session.update`."""
    agent = shown(agent)
    session: dict[str, Any] = {
        key: agent[key] for key in ("system_prompt", "greeting", "tools", "input", "webhook") if key in agent
    }
    output = {**agent.get("output", {}), "voice": agent["voice"]["voice_id"]}
    return {**session, "output": output, "llm": agent.get("llm", [])}


def shown(agent: Mapping[str, Any]) -> dict[str, Any]:
    """As it may be read: what is secret was written and does not come back."""
    copied = copy.deepcopy(dict(agent))
    tools = copied.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        http = tool.get("http") if isinstance(tool, dict) else None
        headers = http.get("headers") if isinstance(http, dict) else None
        for header in headers if isinstance(headers, list) else ():
            if isinstance(header, dict):
                header["value"] = ""
    for model in copied.get("llm", ()):
        model.pop("api_key", None)
    return copied


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
