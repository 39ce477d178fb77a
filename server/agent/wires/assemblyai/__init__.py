"""The AssemblyAI Voice Agent protocol, as a second reading of its documents.

Section numbers are the protocol file's.
"""

from __future__ import annotations

from starlette.websockets import WebSocket

from server.agent.hub import Hub
from server.agent.wires.assemblyai.agents import AgentRoutes
from server.agent.wires.assemblyai.stored import StoredAgents
from server.agent.wires.assemblyai.wire import Wire

__all__ = ["AgentRoutes", "StoredAgents", "serve"]


async def serve(socket: WebSocket, hub: Hub, agents: StoredAgents) -> None:
    """Run one socket to its end. `agents`: those that `agent_id` may name.

    The Origin was checked; the socket is not accepted yet.
    """
    asked = socket.query_params.get("scenario", "")
    token = socket.query_params.get("token", "")
    peeked = hub.tokens.peek(token)
    scenario = hub.take_scenario(asked or (peeked.scenario if peeked else ""))
    record = hub.records.open(scenario=scenario.name, keep_audio=hub.options.allow_control)
    await socket.accept()
    hub.open_sockets += 1
    try:
        wire = Wire(socket, hub, scenario, record, agents)
        await wire.run(token, socket.headers.get("authorization", ""))
    finally:
        hub.open_sockets -= 1
