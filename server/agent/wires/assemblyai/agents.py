"""The routes of stored agents: `/v1/agents` and `/v1/agents/{id}` (protocol file section 12)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from server.agent.hub import Hub
from server.agent.wires.assemblyai.auth import refused_key
from server.agent.wires.assemblyai.config import Config
from server.agent.wires.assemblyai.stored import StoredAgents, checked_agent, shown
from server.agent.wires.assemblyai.values import Refused
from server.agent.wires.guard import NotAMessage, parse

__all__ = ["AgentRoutes"]

_MAX_BODY = 256 << 10
_NO_STORE = {"Cache-Control": "no-store"}


class AgentRoutes:
    """Each method answers one request."""

    def __init__(self, hub: Hub, agents: StoredAgents) -> None:
        self._hub = hub
        self._agents = agents

    async def collection(self, request: Request) -> Response:
        """GET /v1/agents and POST /v1/agents."""
        refused = refused_key(request, self._hub)
        if refused is not None:
            return refused
        if request.method == "GET":
            listed = [_entry(agent) for agent in self._agents.all()]
            return _answer({"agents": listed, "has_more": False, "response_metadata": {"next_cursor": ""}})
        try:
            return _answer(shown(self._agents.add(await _agent_in(request))), 201)
        except Refused as problem:
            return _error(422, problem)

    async def one(self, request: Request) -> Response:
        """GET, PUT and DELETE /v1/agents/{agent_id}."""
        refused = refused_key(request, self._hub)
        if refused is not None:
            return refused
        agent_id = request.path_params["agent_id"]
        found: Mapping[str, Any] | None = self._agents.find(agent_id)
        if found is None:
            return _error(404, Refused("agent_not_found", "Agent not found", "agent_id"))
        if request.method == "DELETE":
            self._agents.delete(agent_id)
            return Response(status_code=204, headers=_NO_STORE)
        if request.method == "PUT":
            try:
                given = await _agent_in(request)
            except Refused as problem:
                return _error(422, problem)
            # It may have been deleted while the body came.
            found = self._agents.replace(agent_id, given) or found
        return _answer(shown(found))


async def _agent_in(request: Request) -> dict[str, Any]:
    """The agent in the body, checked as a session that uses it would be. Raises Refused."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MAX_BODY:
            raise Refused("validation_error", f"The body may have at most {_MAX_BODY} bytes")
    try:
        agent = checked_agent(parse(data.decode("utf-8", errors="replace")))
    except NotAMessage as error:
        raise Refused("validation_error", "The body must be a JSON object") from error
    Config("sess_none").be(agent)
    return agent


def _entry(agent: Mapping[str, Any]) -> dict[str, Any]:
    return {key: agent[key] for key in ("id", "name", "created_at", "updated_at")}


def _answer(body: Mapping[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(body, status_code=status, headers=_NO_STORE)


def _error(status: int, problem: Refused) -> JSONResponse:
    code = "validation_error" if status == 422 and problem.code != "agent_limit_reached" else problem.code
    detail = [{"message": problem.message, "param": problem.param}]
    body = {"code": code, "message": problem.message, "param": problem.param, "errors": detail, "detail": detail}
    return _answer({**body, "request_id": "req_" + secrets.token_hex(12)}, status)
