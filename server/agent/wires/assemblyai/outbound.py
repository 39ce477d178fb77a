"""Outbound messages: how a conversation's events are sent to this protocol's client.

Everything that leaves the socket goes through here and then through the outbox, which keeps the order.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.websockets import WebSocket

from server.agent.events import Event, ReplyAudio, ReplyDone, ReplyText, UserFinal
from server.agent.pcm import Samples
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.wires.assemblyai.config import Config, Refused
from server.agent.wires.assemblyai.messages import translate
from server.agent.wires.audio import encode_audio
from server.agent.wires.outbox import Outbox

__all__ = ["Outbound"]

# The moments of a scenario's faults in this protocol's words.
_POINTS = {
    "session.updated": "opening",
    "session.ready": "ready",
    "reply.started": "reply",
    "reply.audio": "sound",
    "transcript.agent.delta": "word",
    "transcript.user.delta": "heard",
    "transcript.user": "understood",
    "< session.update": "< configure",
}
_TURN_MARKS = ("reply.started", "input.speech.started", "reply.done")


class Outbound:
    """One socket's messages out. `config` and `rate_hz` are set once the session is configured or resumed."""

    def __init__(self, socket: WebSocket, record: Record, scenario: Scenario) -> None:
        self.outbox = Outbox(socket, record, scenario.faults, self._error_message, _POINTS)
        self.config: Config | None = None
        self.rate_hz = 24_000
        # Section 9: the latest of reply.started, input.speech.started and reply.done.
        self.latest = ""
        self._record = record
        self._scenario = scenario

    def tell(self, event: Event) -> None:
        """Send one event, and note what a test may want to know."""
        self.note(event)
        told = self.translated(event)
        if told is None:
            return
        kind, fields = told
        if kind in _TURN_MARKS:
            self.latest = kind
        if isinstance(event, ReplyDone) and event.status == "interrupted":
            # What is still queued for a slow reader is taken back: an interruption means silence.
            self.outbox.drop_unsent("reply.audio")
        units = 1
        if isinstance(event, ReplyAudio):
            units = max(1, len(event.samples) * 100 // self.rate_hz)
        self.put(kind, fields, units=units)

    def note(self, event: Event) -> None:
        match event:
            case UserFinal(text=text):
                self._record.hears(text)
            case ReplyText(text=text):
                self._record.says(text)

    def translated(self, event: Event) -> tuple[str, dict[str, Any]] | None:
        """See `messages.translate`."""
        return translate(event, self._scenario, self._encode)

    def _encode(self, samples: Samples) -> str:
        assert self.config is not None
        return encode_audio(samples, self.config.output_encoding, odd=self._scenario.odd_bytes)

    def put(self, kind: str, fields: Mapping[str, Any], *, units: int = 1) -> None:
        self.outbox.put(kind, {"type": kind, **fields, **self._timestamp()}, units=units)

    def _timestamp(self) -> dict[str, Any]:
        match self._scenario.timestamps:
            case "epoch":
                return {"timestamp": time.time()}
            case "iso":
                return {"timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        return {}

    def refuse(self, refused: Refused) -> None:
        self.fail(refused.code, refused.message, param=refused.param, closes=refused.closes)

    def fail(self, code: str, message: str, *, param: str | None = None, closes: bool = False) -> None:
        self._record.refused(code)
        error = self._error_message(code, message, param)
        self.outbox.put(error["type"], error)
        if closes:
            self.outbox.close(1008, code)

    def _error_message(self, code: str, message: str, param: str | None) -> dict[str, Any]:
        """Section 6: protocol-level errors carry no param and no session_id, config-level errors both."""
        error: dict[str, Any] = {"type": self._scenario.error_event, "code": code, "message": message}
        if param is not None:
            error |= {"param": param, "session_id": self._record.session_id or None}
        return error | self._timestamp()
