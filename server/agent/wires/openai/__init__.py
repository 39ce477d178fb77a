"""The OpenAI Realtime protocol over a WebSocket, as a second reading of its documents.

Section numbers are the protocol file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.websockets import WebSocket

from server.agent.hub import Hub
from server.agent.scenarios import Scenario
from server.agent.wires.openai.auth import mint, visitor_of
from server.agent.wires.openai.config import DEFAULT_MODEL
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.wire import Wire

__all__ = ["mint", "serve"]

# Section 4: sound comes in a burst. The size of its pieces is ours.
_CHUNK_MS = 200


def _usual(scenario: Scenario) -> Scenario:
    """The scenario with this wire's own ways where it says nothing."""
    return replace(
        scenario,
        pace="burst" if scenario.pace == "usual" else scenario.pace,
        chunk_ms=scenario.chunk_ms or _CHUNK_MS,
        delta_spacing="leading" if scenario.delta_spacing == "live" else scenario.delta_spacing,
        # Deltas of a transcript only grow, and come when the turn is over: nothing would become of partials.
        partials=False,
    )


def _unknown_kind(query: Mapping[str, str]) -> Refused | None:
    """Section 2: an address may ask for another kind of session than a talking one.

    There is none here, so none is opened.
    """
    if "intent" in query:
        message = f"Sessions with intent={query['intent'][:100]!r} are not supported here, only talking ones."
        return Refused("invalid_value", message, "intent")
    if "call_id" in query:
        return Refused(
            "invalid_value", "There are no WebRTC or SIP calls here whose session could be joined.", "call_id"
        )
    return None


async def serve(socket: WebSocket, hub: Hub) -> None:
    """Run one socket to its end. The Origin was checked; the socket is not accepted yet."""
    visitor = visitor_of(socket)
    peeked = hub.secrets.peek(visitor.key)
    asked = socket.query_params.get("scenario", "") or (peeked.scenario if peeked else "")
    scenario = _usual(hub.take_scenario(asked))
    record = hub.records.open(scenario=scenario.name, keep_audio=hub.options.allow_control, wire="openai")
    await socket.accept(subprotocol=visitor.protocol)
    hub.open_sockets += 1
    try:
        bound = peeked.bound.get("model") if peeked else None
        refused = _unknown_kind(socket.query_params)
        model = socket.query_params.get("model", "")[:200] or bound or DEFAULT_MODEL
        await Wire(socket, hub, scenario, record, model).run(visitor, refused)
    finally:
        hub.open_sockets -= 1
