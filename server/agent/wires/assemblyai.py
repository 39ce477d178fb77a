"""The server side of the AssemblyAI Voice Agent protocol, as a second reading of its documents.

`serve` lives as long as one socket: it authenticates, reads messages, drives a `Conversation` and translates what happens.
Section numbers in comments are the protocol file's. Configuration is in `assemblyai_config.py`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.websockets import WebSocket

from server.agent.happenings import Happening, HungUp, ReplyAudio, ReplyDone, ReplyText, UserFinal
from server.agent.hub import Hub, KeptSession
from server.agent.pcm import Samples
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation, IdKind
from server.agent.tokens import Grant
from server.agent.wires.assemblyai_audio import AudioClock, AudioReader, decode_base64, encode_audio
from server.agent.wires.assemblyai_config import Config, Refused
from server.agent.wires.assemblyai_door import authenticate, refusal
from server.agent.wires.assemblyai_messages import check_message, count_settings, translate
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.line import converse
from server.agent.wires.outbox import Outbox

__all__ = ["serve"]

# Section 5: what live sessions were told, whatever their cap.
_EXPIRES_IN_S = 3595
# Section 9: a tool's result belongs after the last of these three.
_KEPT_VIOLATIONS = 50
_TURN_MARKS = ("reply.started", "input.speech.started", "reply.done")
_PREFIXES: Mapping[IdKind, str] = {"reply": "resp_", "item": "msg_", "call": "call_"}


def _make_id(kind: IdKind) -> str:
    return _PREFIXES[kind] + secrets.token_hex(16)


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
# Section 10 says nothing of messages that a drop has caught on their way. What is settled is sent after the resume: a
# client can do without a delta or without sound, but not without a final text, the end of a reply, or a call it must answer.
_SETTLED = frozenset({"transcript.user", "transcript.agent", "reply.done", "tool.call"})
_MAX_SETTLED = 200


@dataclass(slots=True)
class _State:
    """What a session keeps across sockets, besides the conversation. `settled` waits to be sent to the next socket."""

    config: Config
    wire: _Wire | None
    settled: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)


async def serve(socket: WebSocket, hub: Hub) -> None:
    """Run one socket to its end. The Origin was checked; the socket is not accepted yet."""
    asked = socket.query_params.get("scenario", "")
    token = socket.query_params.get("token", "")
    peeked = hub.tokens.peek(token)
    scenario = hub.take_scenario(asked or (peeked.scenario if peeked else ""))
    record = hub.records.open(scenario=scenario.name, keep_audio=hub.options.allow_control)
    await socket.accept()
    hub.open_sockets += 1
    try:
        wire = _Wire(socket, hub, scenario, record)
        await wire.run(token, socket.headers.get("authorization", ""))
    finally:
        hub.open_sockets -= 1


class _Wire:
    """One socket. Everything goes out through `_outbox`; `_session` is set once the session is configured or resumed."""

    def __init__(self, socket: WebSocket, hub: Hub, scenario: Scenario, record: Record) -> None:
        self._socket = socket
        self._hub = hub
        self._scenario = scenario
        self._record = record
        self._outbox = Outbox(socket, record, scenario.faults, self._error_message, _POINTS)
        self._session: KeptSession | None = None
        self._config: Config | None = None
        self._grant: Grant | None = None
        self._ready = False
        self._ended = False
        self._reader: AudioReader | None = None
        self._cap_timer: asyncio.TimerHandle | None = None
        self._ready_timer: asyncio.TimerHandle | None = None
        self._clock = AudioClock()
        self._audio_from_s = 0.0
        self._rate_hz = 24_000
        # Section 9: the latest of reply.started, input.speech.started and reply.done.
        self._latest = ""

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
                self._fail(self._scenario.capacity or "at_capacity", "No capacity, try again later", closes=True)
                await self._outbox.run()
                return
            await converse(self._socket, self._outbox, self._record, self._read, self._read_bytes)
        finally:
            for timer in (self._cap_timer, self._ready_timer):
                if timer is not None:
                    timer.cancel()
            self._leave()

    def _refuse_token(self) -> bool:
        """Tell a bad token in the scenario's way; False when the connection is to be dropped with no word."""
        told, code = refusal(self._scenario)
        if told is not None:
            self._put("session.error", told)
        if code is None:
            self._record.close_code, self._record.closed_by = 1006, "agent"
            return False
        self._outbox.close(code, str(told["code"]) if told else "")
        return True

    def _leave(self) -> None:
        """The socket is over: keep the session for a resume, or end it."""
        session = self._session
        if session is None or session.wire_state.wire is not self:
            return
        session.wire_state.wire = None
        if self._ended:
            session.conversation.emit = lambda _happening: None
            self._hub.end(session)
        else:
            self._hand_over(session)
            self._hub.lose(session)

    def _hand_over(self, session: KeptSession) -> None:
        """What is settled and did not leave, and what will be settled without a socket, waits for the next one."""
        settled = session.wire_state.settled

        def keep(happening: Happening) -> None:
            told = translate(happening, self._scenario, self._encode)
            if told is not None and told[0] in _SETTLED and len(settled) < _MAX_SETTLED:
                self._note(happening)
                settled.append(told)

        settled += [one for one in self._outbox.unsent() if one[0] in _SETTLED]
        session.conversation.emit = keep

    def _read_bytes(self, _data: bytes) -> None:
        # Section 2: text frames only.
        self._record.receive("(binary)")
        self._refuse(Refused("invalid_format", "Invalid JSON format."))

    def _read(self, text: str) -> None:
        try:
            message = parse(text)
        except NotAMessage:
            self._record.receive("(not a message)")
            self._refuse(Refused("invalid_format", "Invalid JSON format."))
            return
        kind = message.get("type")
        self._record.receive(kind if isinstance(kind, str) else "(no type)")
        try:
            self._handle(check_message(message), message)
        except Refused as refused:
            self._refuse(refused)
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
                self._refuse(one)
            if refused and len(refused) == count_settings(given):
                # Nothing was left to accept, so nothing is confirmed.
                return
            self._session.conversation.change(self._config.settings())
            self._put("session.updated", {"config": self._config.echo()})
            return
        session_id = "sess_" + secrets.token_hex(16)
        self._record.session_id = session_id
        config = Config(session_id)
        config.first(given)
        self._open_session(session_id, config)

    def _open_session(self, session_id: str, config: Config) -> None:
        assert self._grant is not None
        settings = config.settings()
        conversation = Conversation(
            settings=settings,
            scenario=self._scenario,
            ears=self._hub.ears,
            voice=self._hub.voice,
            make_id=_make_id,
            now=lambda: datetime.now().astimezone(),
            emit=self._tell,
        )
        cap_s = self._scenario.cap_s or float(self._grant.max_session_s)
        now_s = time.monotonic()
        session = KeptSession(
            session_id=session_id,
            account=self._grant.account,
            conversation=conversation,
            wire_state=_State(config=config, wire=self),
            opened_s=now_s,
            ends_at_s=now_s + cap_s,
        )
        self._config, self._session = config, session
        self._record.input_rate_hz = settings.input_rate_hz
        self._hub.keep(session)
        self._hub.ears.prewarm()
        if not self._scenario.omit_updated and not self._scenario.ready_before_updated:
            self._put("session.updated", {"config": config.echo()})
        if self._scenario.never_ready:
            return
        if self._scenario.slow_ready_ms:
            loop = asyncio.get_running_loop()
            self._ready_timer = loop.call_later(self._scenario.slow_ready_ms / 1000, self._become_ready, True)
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
        self._put("session.ready", message)
        if self._scenario.ready_twice:
            self._put("session.ready", message)
        if new and self._scenario.ready_before_updated and not self._scenario.omit_updated:
            self._put("session.updated", {"config": self._config.echo()})
        self._reader = AudioReader(self._config.input_encoding)
        self._rate_hz = self._config.settings().speaker.rate_hz
        self._ready = True
        self._audio_from_s = time.monotonic()
        if self._scenario.cap != "ignored":
            loop = asyncio.get_running_loop()
            self._cap_timer = loop.call_later(self._session.ends_at_s - time.monotonic(), self._cap_reached)
        if new:
            self._session.conversation.begin()

    def _resume(self, session_id: str) -> None:
        """Section 10. The reply that was in flight is gone, the greeting is not repeated, a second socket evicts the first."""
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
        state: _State = session.wire_state
        if state.wire is not None:
            evicted, state.wire = state.wire, None
            evicted._hand_over(session)
            evicted._outbox.drop_all()
            evicted._outbox.close(1008, "session resumed elsewhere")
            session.conversation.suspend()
        self._record.session_id, self._record.resumed = session_id, True
        self._session, self._config = session, state.config
        self._record.input_rate_hz = state.config.settings().input_rate_hz
        state.wire = self
        session.conversation.emit = self._tell
        self._become_ready(False)
        settled, state.settled = state.settled, []
        for kind, fields in settled:
            self._put(kind, {key: value for key, value in fields.items() if key not in ("type", "timestamp")})
        self._hub.regain(session)

    def _audio(self, encoded: str) -> None:
        data = decode_base64(encoded)
        if not self._ready or self._session is None or self._reader is None:
            # Section 3: dropped without a word, clients do start early.
            self._record.audio_before_ready += 1
            return
        samples = self._reader.samples(data)
        if self._reader.holds_half:
            self._violated("an audio chunk ended in the middle of a sample")
        self._record.audio(samples, len(data))
        if self._scenario.audio_rate == "enforced":
            duration_ms = len(samples) * 1000 / self._record.input_rate_hz
            wall_ms = (time.monotonic() - self._audio_from_s) * 1000
            surplus, news = self._clock.take(duration_ms, wall_ms)
            if news:
                self._fail("audio_rate_violation", "Audio arrives faster than real time")
            if surplus:
                return
        self._session.conversation.hear(samples)

    def _tool_result(self, message: Mapping[str, Any]) -> None:
        assert self._session is not None
        call_id, result = message["call_id"], message["result"]
        if self._latest != "reply.done":
            # Section 9: the service says nothing, the test must know.
            self._violated(f"tool.result while {self._latest or 'nothing'} was the latest")
        is_error = bool(message.get("is_error", False))
        known = self._session.conversation.tool_result(call_id, result, is_error=is_error)
        if not known:
            self._violated("tool.result for a call that nobody waits for")
        if len(self._record.tool_results) < 100:
            self._record.tool_results.append({"result": result[:2000], "is_error": is_error, "known": known})

    def _violated(self, rule: str) -> None:
        if len(self._record.violations) < _KEPT_VIOLATIONS:
            self._record.violations.append(rule)

    def _end(self) -> None:
        """Section 4.8."""
        self._ended = True
        opened_s = self._session.opened_s if self._session else time.monotonic()
        if self._session is not None:
            self._session.conversation.close()
            self._outbox.drop_unsent("reply.audio")
        duration = round(time.monotonic() - opened_s, 6)
        self._put("session.ended", {"session_duration_seconds": duration, "audio_duration_seconds": None})
        self._outbox.close(1000)

    def _cap_reached(self) -> None:
        """Section 6 and 14: the documents disagree on how the end of a session's time is told."""
        if self._scenario.cap == "ended":
            self._end()
            return
        self._ended = True
        if self._session is not None:
            self._session.conversation.close()
        self._fail("session_expired", "Session duration limit reached", closes=True)

    # Messages out ----------------------------------------------------------------------------------------------------

    def _tell(self, happening: Happening) -> None:
        """Send one happening, and note what a test may want to know."""
        if isinstance(happening, HungUp):
            self._end()
            return
        self._note(happening)
        told = translate(happening, self._scenario, self._encode)
        if told is None:
            return
        kind, fields = told
        if kind in _TURN_MARKS:
            self._latest = kind
        if isinstance(happening, ReplyDone) and happening.status == "interrupted":
            # What is still queued for a slow reader is taken back: an interruption means silence.
            self._outbox.drop_unsent("reply.audio")
        units = 1
        if isinstance(happening, ReplyAudio):
            units = max(1, len(happening.samples) * 100 // self._rate_hz)
        self._put(kind, fields, units=units)

    def _note(self, happening: Happening) -> None:
        match happening:
            case UserFinal(text=text):
                self._record.heard.append(text)
            case ReplyText(text=text):
                self._record.said.append(text)

    def _encode(self, samples: Samples) -> str:
        assert self._config is not None
        return encode_audio(samples, self._config.output_encoding, odd=self._scenario.odd_bytes)

    def _put(self, kind: str, fields: Mapping[str, Any], *, units: int = 1) -> None:
        self._outbox.put(kind, {"type": kind, **fields, **self._timestamp()}, units=units)

    def _timestamp(self) -> dict[str, Any]:
        match self._scenario.timestamps:
            case "epoch":
                return {"timestamp": time.time()}
            case "iso":
                return {"timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
        return {}

    def _refuse(self, refused: Refused) -> None:
        self._fail(refused.code, refused.message, param=refused.param, closes=refused.closes)

    def _fail(self, code: str, message: str, *, param: str | None = None, closes: bool = False) -> None:
        self._record.errors.append(code)
        del self._record.errors[200:]
        error = self._error_message(code, message, param)
        self._outbox.put(error["type"], error)
        if closes:
            self._outbox.close(1008, code)

    def _error_message(self, code: str, message: str, param: str | None) -> dict[str, Any]:
        """Section 6: protocol-level errors carry no param and no session_id, config-level errors both."""
        error: dict[str, Any] = {"type": self._scenario.error_event, "code": code, "message": message}
        if param is not None:
            error |= {"param": param, "session_id": self._record.session_id or None}
        return error | self._timestamp()
