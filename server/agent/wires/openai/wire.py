"""What does one socket of this protocol do with what its client sends?

`Wire` authenticates, reads events and drives a `Conversation`. `config` holds the session, `turns` the user's side,
`responses` the agent's, `item_requests` what the client does to the conversation; `outbound` is the way out.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.websockets import WebSocket

from server.agent.events import (
    Event,
    HungUp,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    ReplyWord,
    SpeechBegan,
    SpeechEnded,
    ToolCalled,
    UserFinal,
    UserUnclear,
)
from server.agent.hub import Hub
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.tokens import Grant
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.line import converse
from server.agent.wires.openai.auth import Visitor, authenticate
from server.agent.wires.openai.config import Config
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.ids import make_id
from server.agent.wires.openai.item_requests import ItemRequests
from server.agent.wires.openai.items import Items
from server.agent.wires.openai.messages import check_event
from server.agent.wires.openai.outbound import Outbound
from server.agent.wires.openai.response import ResponseRequest
from server.agent.wires.openai.responses import Responses
from server.agent.wires.openai.turns import Turns
from server.agent.wires.timers import Timers

__all__ = ["Wire"]

# Section 3: one event may carry 15 MiB of audio, in base64, with some JSON around it.
_MAX_EVENT = (15 << 20) * 4 // 3 + 4096


class Wire:
    """One socket, which is one session: there is no resume (section 3)."""

    def __init__(self, socket: WebSocket, hub: Hub, scenario: Scenario, record: Record, model: str) -> None:
        self._socket = socket
        self._hub = hub
        self._scenario = scenario
        self._record = record
        self._outbound = Outbound(socket, record, scenario)
        self._outbox = self._outbound.outbox
        self._timers = Timers()
        self._cap_s = scenario.cap_s or 3600.0
        record.session_id = "sess_" + secrets.token_hex(12)
        self._config = Config(record.session_id, model, int(time.time() + self._cap_s))
        self._items = Items()
        self._talk = Conversation(
            settings=self._config.settings(),
            scenario=scenario,
            recognizer=hub.recognizer.seat(),
            voice=hub.voice,
            make_id=make_id,
            now=lambda: datetime.now().astimezone(),
            emit=self._tell,
        )
        self._responses = Responses(
            items=self._items,
            conversation_id="conv_" + secrets.token_hex(12),
            config=self._config,
            scenario=scenario,
            talk=self._talk,
            outbound=self._outbound,
            record=record,
            timers=self._timers,
        )
        self._item_requests = ItemRequests(self._items, self._outbound, record, self._talk, self._responses.end_of)
        self._turns = Turns(
            items=self._items,
            config=self._config,
            scenario=scenario,
            talk=self._talk,
            outbound=self._outbound,
            record=record,
            timers=self._timers,
            responses=self._responses,
        )

    # Life ------------------------------------------------------------------------------------------------------------

    async def run(self, visitor: Visitor, refused: Refused | None = None) -> None:
        """`refused`: what the address asks for is not to be had here, whoever asks."""
        self._outbox.saw("open")
        try:
            if refused is not None:
                self._outbound.fail(refused)
                self._outbox.close(1008, f"{refused.kind}.{refused.code}")
                await self._outbox.run()
                return
            if visitor.beta:
                self._outbox.close(4000, "invalid_request_error.beta_api_shape_disabled")
                await self._outbox.run()
                return
            grant = authenticate(self._hub, self._scenario, visitor.key)
            if grant is None:
                await self._refuse_key()
                return
            if self._scenario.capacity or self._hub.open_sockets > self._hub.options.max_sessions:
                code = "server_error" if self._scenario.capacity == "server_error" else "rate_limit_exceeded"
                self._outbound.fail(Refused(code, "No capacity, try again later.", kind=code))
                self._outbox.close(1011 if code == "server_error" else 1008, code)
                await self._outbox.run()
                return
            self._open(grant)
            await converse(self._socket, self._outbox, self._record, self._read, self._read_bytes)
        finally:
            self._timers.stop_all()
            self._talk.close()

    async def _refuse_key(self) -> None:
        """Section 3: the handshake succeeds, then comes an error and close 3000; or what the scenario wants."""
        if self._scenario.auth == "drop":
            self._record.close_code, self._record.closed_by = 1006, "agent"
            return
        if self._scenario.auth != "close_1008":
            self._outbound.fail(Refused("invalid_api_key", "Incorrect API key provided."))
        code = 1008 if self._scenario.auth == "close_1008" else 3000
        self._outbox.close(code, "invalid_request_error.invalid_api_key")
        await self._outbox.run()

    def _open(self, grant: Grant) -> None:
        if grant.bound:
            # It was checked when the key was minted.
            self._config.update(grant.bound)
            self._configure()
        self._record.input_rate_hz = self._config.settings().input_rate_hz
        self._hub.recognizer.prewarm()
        self._outbound.put("session.created", {"session": self._config.echo()})
        if self._scenario.cap != "ignored":
            self._timers.later("cap", min(self._cap_s, grant.max_session_s), self._cap_reached)

    def _cap_reached(self) -> None:
        """Section 3."""
        self._talk.close()
        if self._scenario.cap == "enforced":
            message = "Your session hit the maximum duration of 60 minutes."
            self._outbound.fail(Refused("session_expired", message))
        self._outbox.close(1001, "session_expired")

    # Messages in -----------------------------------------------------------------------------------------------------

    def _read_bytes(self, _data: bytes) -> None:
        self._record.receive("(binary)")
        self._outbound.fail(Refused("invalid_event", "Binary messages are not supported."))

    def _read(self, text: str) -> None:
        try:
            event = parse(text, max_bytes=_MAX_EVENT)
        except NotAMessage:
            self._record.receive("(not a message)")
            self._outbound.fail(Refused("invalid_json", "We could not parse the JSON of your event."))
            return
        kind = event.get("type")
        self._record.receive(kind if isinstance(kind, str) else "(no type)")
        event_id = event.get("event_id")
        try:
            self._handle(check_event(event), event)
        except Refused as refused:
            self._outbound.fail(refused, event_id if isinstance(event_id, str) else None)
        if isinstance(kind, str):
            self._outbox.saw(f"< {kind}")

    def _handle(self, kind: str, event: Mapping[str, Any]) -> None:
        match kind:
            case "session.update":
                self._update(event["session"])
            case "input_audio_buffer.append":
                self._turns.append(event["audio"])
            case "input_audio_buffer.commit":
                self._turns.commit()
            case "input_audio_buffer.clear":
                self._turns.clear()
            case "conversation.item.create":
                self._item_requests.create(event)
            case "conversation.item.retrieve":
                self._item_requests.retrieve(event)
            case "conversation.item.delete":
                self._item_requests.delete(event)
            case "conversation.item.truncate":
                self._item_requests.truncate(event)
            case "response.create":
                self._responses.begin(ResponseRequest.read(event.get("response"), self._config, self._items))
            case "response.cancel":
                self._responses.cancel(event.get("response_id"))

    def _update(self, given: Any) -> None:
        self._config.update(given, voice_locked=self._responses.has_spoken)
        self._configure()
        if self._scenario.omit_updated or self._scenario.never_ready:
            return
        if self._scenario.slow_ready_ms and not self._timers.runs("ready"):
            self._timers.later("ready", self._scenario.slow_ready_ms / 1000, self._tell_updated)
            return
        self._tell_updated()
        if self._scenario.ready_twice:
            self._tell_updated()

    def _tell_updated(self) -> None:
        self._outbound.put("session.updated", {"session": self._config.echo()})

    def _configure(self) -> None:
        self._talk.change(self._config.settings())
        self._turns.reconfigure()

    # Happenings ------------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        match event:
            case SpeechBegan():
                self._turns.began(event)
            case SpeechEnded():
                self._turns.ended(event)
            case UserFinal(item_id=item_id, text=text, sure=sure):
                self._record.hears(text)
                self._turns.understood(item_id, text, sure)
            case UserUnclear(item_id=item_id):
                self._turns.understood(item_id, "", True)
            case ToolCalled():
                self._responses.called(event)
            case HungUp():
                self._outbox.close(1000)
            case ReplyStarted() | ReplyWord() | ReplyAudio() | ReplyText() | ReplyDone():
                known = self._responses.tell(event)
                if known and isinstance(event, ReplyDone):
                    self._turns.response_over(interrupted=event.status == "interrupted")
