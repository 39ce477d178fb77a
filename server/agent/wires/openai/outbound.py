"""Outbound messages: every event gets its id here, and the scenario's dialect."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.websockets import WebSocket

from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.wires.openai.dialect import Independent
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.items import Item, Items
from server.agent.wires.openai.response import Events
from server.agent.wires.outbox import Outbox

__all__ = ["Outbound"]

# The moments of a scenario's faults in this protocol's words.
_POINTS = {
    "session.created": "opening",
    "session.updated": "ready",
    "response.created": "reply",
    "response.output_audio.delta": "sound",
    "response.output_audio_transcript.delta": "word",
    "response.output_text.delta": "word",
    "conversation.item.input_audio_transcription.delta": "heard",
    "conversation.item.input_audio_transcription.completed": "understood",
    "< session.update": "< configure",
}


class Outbound:
    """One socket's events out."""

    def __init__(self, socket: WebSocket, record: Record, scenario: Scenario) -> None:
        self.outbox = Outbox(socket, record, scenario.faults, self._error_message, _POINTS)
        self._record = record
        self._dialect = Independent() if scenario.dialect == "independent" else None

    def send(self, events: Events, *, units: int = 1) -> None:
        """`units`: how much sound is in the events, in 10 ms."""
        for kind, fields in events:
            self.put(kind, fields, units=units if kind == "response.output_audio.delta" else 1)

    def put(self, kind: str, fields: dict[str, Any], *, units: int = 1) -> None:
        told = self._dialect.translate(kind, fields) if self._dialect else [(kind, fields)]
        for name, content in told:
            message = {"type": name, "event_id": "event_" + secrets.token_hex(12), **content}
            self.outbox.put(name, message, units=units)

    def show_item(self, items: Items, item: Item) -> None:
        """An item is in the conversation, and complete."""
        for kind in ("conversation.item.added", "conversation.item.done"):
            self.put(kind, {"previous_item_id": items.previous(item), "item": item.copy_shown()})

    def fail(self, refused: Refused, event_id: str | None = None) -> None:
        """`event_id` is the client's, of the event that was refused."""
        self._record.refused(refused.code)
        if self._dialect is not None and self._dialect.keeps_silent(refused.code):
            return
        error = {"type": refused.kind, "code": refused.code, "message": refused.message, "param": refused.param}
        self.put("error", {"error": {**error, "event_id": event_id}})

    def _error_message(self, code: str, message: str, param: str | None) -> dict[str, Any]:
        error = {"type": "server_error", "code": code, "message": message, "param": param, "event_id": None}
        return {"type": "error", "event_id": "event_" + secrets.token_hex(12), "error": error}
