"""What does one socket of this protocol do with what its client sends?

`Wire` authenticates, reads messages and drives a `Conversation`. `outbound` is the way out,
`resume` what outlives the socket, `config` the settings.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.websockets import WebSocket

from server.agent.events import Event, HungUp, IdKind
from server.agent.hub import Hub, ResumableSession
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.tokens import Grant
from server.agent.wires.assemblyai.auth import authenticate, refusal
from server.agent.wires.assemblyai.config import Config, Refused
from server.agent.wires.assemblyai.messages import check_message, count_settings
from server.agent.wires.assemblyai.microphone import Microphone, decode_base64
from server.agent.wires.assemblyai.outbound import Outbound
from server.agent.wires.assemblyai.resume import Kept, hand_over, tell_settled
from server.agent.wires.assemblyai.stored import StoredAgents
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.line import converse
from server.agent.wires.timers import Timers

__all__ = ["Wire"]

# Section 5: what live sessions were told, whatever their cap.
_EXPIRES_IN_S = 3595
# How long a socket may be silent before its session is configured. The number is ours.
FIRST_MESSAGE_S = 30.0
_PREFIXES: Mapping[IdKind, str] = {"reply": "resp_", "item": "msg_", "call": "call_"}


def _make_id(kind: IdKind) -> str:
    return _PREFIXES[kind] + secrets.token_hex(16)


class Wire:
    """One socket.

    Everything goes out through `_telling`; `_session` is set once the session is configured or resumed.
    """

    def __init__(self, socket: WebSocket, hub: Hub, scenario: Scenario, record: Record, agents: StoredAgents) -> None:
        self._socket = socket
        self._hub = hub
        self._scenario = scenario
        self._record = record
        self._agents = agents
        self._outbound = Outbound(socket, record, scenario)
        self._outbox = self._outbound.outbox
        self._session: ResumableSession | None = None
        self._config: Config | None = None
        self._grant: Grant | None = None
        self._ended = False
        self._microphone: Microphone | None = None
        self._timers = Timers()

    # Life ------------------------------------------------------------------------------------------------------------

    async def run(self, token: str, authorization: str) -> None:
        self._outbox.saw("open")
        try:
            self._grant = authenticate(self._hub, self._scenario, token, authorization)
            if self._grant is None:
                if self._refuse_token():
                    await self._outbox.run()
                return
            if self._scenario.capacity or self._hub.open_sockets > self._hub.options.max_sessions:
                self._outbound.fail(
                    self._scenario.capacity or "at_capacity", "No capacity, try again later", closes=True
                )
                await self._outbox.run()
                return
            self._timers.later("first", FIRST_MESSAGE_S, self._waited_in_vain)
            await converse(self._socket, self._outbox, self._record, self._read, self._read_bytes)
        finally:
            self._timers.stop_all()
            self._leave()

    def _waited_in_vain(self) -> None:
        """Section 6: an agent that is not ready in time is given up. Nobody may hold a place and never use it."""
        if self._session is None:
            self._outbound.fail("agent_timeout", f"No session.update within {FIRST_MESSAGE_S:.0f} s", closes=True)

    def _refuse_token(self) -> bool:
        """Tell a bad token in the scenario's way; False when the connection is to be dropped with no word."""
        told, code = refusal(self._scenario)
        if told is not None:
            self._outbound.put("session.error", told)
        if code is None:
            self._record.close_code, self._record.closed_by = 1006, "agent"
            return False
        self._outbox.close(code, str(told["code"]) if told else "")
        return True

    def _leave(self) -> None:
        """The socket is over: keep the session for a resume, or end it."""
        session = self._session
        if session is None or session.wire_state.owner is not self:
            return
        session.wire_state.owner = None
        if self._ended:
            session.conversation.emit = lambda _event: None
            self._hub.end(session)
        else:
            hand_over(session, self._outbound)
            self._hub.lose(session)

    def _read_bytes(self, _data: bytes) -> None:
        # Section 2: text frames only.
        self._record.receive("(binary)")
        self._outbound.refuse(Refused("invalid_format", "Invalid JSON format."))

    def _read(self, text: str) -> None:
        try:
            message = parse(text)
        except NotAMessage:
            self._record.receive("(not a message)")
            self._outbound.refuse(Refused("invalid_format", "Invalid JSON format."))
            return
        kind = message.get("type")
        self._record.receive(kind if isinstance(kind, str) else "(no type)")
        try:
            self._handle(check_message(message), message)
        except Refused as refused:
            self._outbound.refuse(refused)
        if isinstance(kind, str):
            self._outbox.saw(f"< {kind}")

    # Messages in -----------------------------------------------------------------------------------------------------

    def _handle(self, kind: str, message: Mapping[str, Any]) -> None:
        if kind == "session.end":
            self._end()
        elif kind == "session.update":
            self._update(message.get("session"))
        elif kind == "session.resume":
            self._resume(message["session_id"])
        elif kind == "input.audio":
            self._audio(message["audio"])
        elif self._session is None:
            # Section 16: what the service answers to another first message is not known.
            raise Refused("invalid_format", "The first message must be session.update or session.resume")
        elif kind == "tool.result":
            self._tool_result(message)
        elif kind == "reply.create":
            self._session.conversation.create_reply(message.get("instructions"))
        elif kind == "reply.cancel":
            self._session.conversation.cancel_reply(message["reply_id"])
        # conversation.message is accepted and changes nothing, as seen live (section 4.5).

    def _update(self, given: Any) -> None:
        if self._config is not None and self._session is not None:
            refused = self._config.later(given, identical_is_error=self._scenario.immutable_identical == "error")
            for one in refused:
                self._outbound.refuse(one)
            if refused and len(refused) == count_settings(given):
                # Nothing was left to accept, so nothing is confirmed.
                return
            self._session.conversation.change(self._config.settings())
            self._outbound.put("session.updated", {"config": self._config.echo()})
            return
        session_id = "sess_" + secrets.token_hex(16)
        self._record.session_id = session_id
        config = Config(session_id)
        config.first(given, self._agents.find)
        self._open_session(session_id, config)

    def _open_session(self, session_id: str, config: Config) -> None:
        assert self._grant is not None
        settings = config.settings()
        conversation = Conversation(
            settings=settings,
            scenario=self._scenario,
            recognizer=self._hub.recognizer.seat(),
            voice=self._hub.voice,
            make_id=_make_id,
            now=lambda: datetime.now().astimezone(),
            emit=self._tell,
        )
        cap_s = self._scenario.cap_s or float(self._grant.max_session_s)
        now_s = time.monotonic()
        session = ResumableSession(
            session_id=session_id,
            account=self._grant.account,
            conversation=conversation,
            wire_state=Kept(config=config, owner=self),
            opened_s=now_s,
            ends_at_s=now_s + cap_s,
        )
        self._config, self._session = config, session
        self._outbound.config = config
        self._record.input_rate_hz = settings.input_rate_hz
        self._hub.keep(session)
        self._hub.recognizer.prewarm()
        if not self._scenario.omit_updated and not self._scenario.ready_before_updated:
            self._outbound.put("session.updated", {"config": config.echo()})
        if self._scenario.never_ready:
            return
        if self._scenario.slow_ready_ms:
            self._timers.later("ready", self._scenario.slow_ready_ms / 1000, lambda: self._become_ready(True))
        else:
            self._become_ready(True)

    def _become_ready(self, new: bool) -> None:
        assert self._session is not None
        assert self._config is not None
        resume_token = secrets.token_urlsafe(32)
        self._hub.resume_tokens[resume_token] = self._session.session_id
        message = {
            "session_id": self._session.session_id,
            "config": self._config.echo(),
            "expires_at": int(time.time()) + _EXPIRES_IN_S,
            "resume_token": resume_token,
        }
        self._outbound.put("session.ready", message)
        if self._scenario.ready_twice:
            self._outbound.put("session.ready", message)
        if new and self._scenario.ready_before_updated and not self._scenario.omit_updated:
            self._outbound.put("session.updated", {"config": self._config.echo()})
        enforced = self._scenario.audio_rate == "enforced"
        self._microphone = Microphone(self._config.input_encoding, self._record, self._outbound, enforced)
        self._outbound.rate_hz = self._config.settings().playout.rate_hz
        if self._scenario.cap != "ignored":
            self._timers.later("cap", self._session.ends_at_s - time.monotonic(), self._cap_reached)
        if new:
            self._session.conversation.begin()

    def _resume(self, session_id: str) -> None:
        """Section 10.

        The reply that was in flight is gone, the greeting is not repeated, a second socket evicts the first.
        """
        assert self._grant is not None
        if self._session is not None:
            raise Refused("invalid_format", "session.resume must be the first message")
        session = self._hub.find(session_id)
        if session is None:
            raise Refused("session_not_found", "Session not found", closes=True)
        if session.account != self._grant.account:
            raise Refused("session_forbidden", "Session belongs to another account", closes=True)
        if time.monotonic() >= session.ends_at_s and self._scenario.cap != "ignored":
            self._hub.end(session)
            raise Refused("session_expired", "Session duration limit reached", closes=True)
        kept: Kept = session.wire_state
        if kept.owner is not None:
            evicted, kept.owner = kept.owner, None
            evicted.evict(session)
        self._record.session_id, self._record.resumed = session_id, True
        self._session, self._config = session, kept.config
        self._record.input_rate_hz = kept.config.settings().input_rate_hz
        self._outbound.config = kept.config
        kept.owner = self
        session.conversation.emit = self._tell
        self._become_ready(False)
        tell_settled(kept, self._outbound)
        self._hub.regain(session)

    def evict(self, session: ResumableSession) -> None:
        """Another socket resumes the session that was this one's."""
        hand_over(session, self._outbound)
        self._outbox.drop_all()
        self._outbox.close(1008, "session resumed elsewhere")
        session.conversation.suspend()

    def _audio(self, encoded: str) -> None:
        data = decode_base64(encoded)
        if self._microphone is None or self._session is None:
            # Section 3: dropped without a word, clients do start early.
            self._record.audio_before_ready += 1
            return
        samples = self._microphone.take(data)
        if samples is not None and self._session.conversation.hear(samples):
            self._microphone.too_fast()

    def _tool_result(self, message: Mapping[str, Any]) -> None:
        assert self._session is not None
        call_id, result = message["call_id"], message["result"]
        if self._outbound.latest != "reply.done":
            # Section 9: the service says nothing, the test must know.
            self._record.violated(f"tool.result while {self._outbound.latest or 'nothing'} was the latest")
        is_error = bool(message.get("is_error", False))
        known = self._session.conversation.tool_result(call_id, result, is_error=is_error)
        if not known:
            self._record.violated("tool.result for a call that nobody waits for")
        self._record.tool_result(result, is_error=is_error, known=known)

    def _end(self) -> None:
        """Section 4.8."""
        self._ended = True
        opened_s = self._session.opened_s if self._session else time.monotonic()
        if self._session is not None:
            self._session.conversation.close()
            self._outbox.drop_unsent("reply.audio")
        duration = round(time.monotonic() - opened_s, 6)
        self._outbound.put("session.ended", {"session_duration_seconds": duration, "audio_duration_seconds": None})
        self._outbox.close(1000)

    def _cap_reached(self) -> None:
        """Section 6 and 14: the documents disagree on how the end of a session's time is told."""
        if self._scenario.cap == "ended":
            self._end()
            return
        self._ended = True
        if self._session is not None:
            self._session.conversation.close()
        self._outbound.fail("session_expired", "Session duration limit reached", closes=True)

    def _tell(self, event: Event) -> None:
        if isinstance(event, HungUp):
            self._end()
        else:
            self._outbound.tell(event)
