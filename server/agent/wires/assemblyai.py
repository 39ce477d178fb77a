"""The server side of the AssemblyAI Voice Agent protocol, as a second reading of its documents.

`serve` lives as long as one socket: it authenticates, reads messages, drives a `Conversation` and translates what happens.
Section numbers in comments are the protocol file's. Configuration is in `assemblyai_config.py`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from starlette.websockets import WebSocket

from server.agent.happenings import (
    Happening,
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
    UserPartial,
)
from server.agent.hub import Hub, KeptSession
from server.agent.pcm import Samples, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation, IdKind
from server.agent.tokens import Grant, account_of
from server.agent.wires.assemblyai_config import Config, Refused, wrong_format
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.outbox import Outbox

__all__ = ["serve"]

_log = logging.getLogger("parley.agent.wire")

# Section 5: what live sessions were told, whatever their cap.
_EXPIRES_IN_S = 3595
# Section 6: more than about a second of audio per wall second; this much may be ahead at any moment.
_AUDIO_BURST_MS = 2000.0
_PREFIXES: Mapping[IdKind, str] = {"reply": "resp_", "item": "msg_", "call": "call_"}


def _make_id(kind: IdKind) -> str:
    return _PREFIXES[kind] + secrets.token_hex(16)


@dataclass(slots=True)
class _State:
    """What a session keeps across sockets, besides the conversation."""

    config: Config
    wire: _Wire | None


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
        self._outbox = Outbox(socket, record, scenario.faults, self._error_message)
        self._session: KeptSession | None = None
        self._config: Config | None = None
        self._grant: Grant | None = None
        self._ready = False
        self._ended = False
        self._odd_byte = b""
        self._cap_timer: asyncio.TimerHandle | None = None
        self._ready_timer: asyncio.TimerHandle | None = None
        # The audio clock of section 6: how far the received audio is ahead of the wall.
        self._audio_from_s = 0.0
        self._audio_seen_ms = 0.0
        self._violating = False
        # Section 9: the latest of reply.started, input.speech.started and reply.done.
        self._latest = ""

    # Life ------------------------------------------------------------------------------------------------------------

    async def run(self, token: str, authorization: str) -> None:
        sender = asyncio.create_task(self._outbox.run())
        self._outbox.saw("open")
        receiver: asyncio.Task[None] | None = None
        try:
            self._grant = self._authenticate(token, authorization)
            if self._grant is None:
                if self._refuse_token():
                    await sender
                return
            if self._scenario.capacity or self._hub.open_sockets > self._hub.options.max_sessions:
                self._fail(self._scenario.capacity or "at_capacity", "No capacity, try again later", closes=True)
                await sender
                return
            receiver = asyncio.create_task(self._receive())
            await asyncio.wait((sender, receiver), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for timer in (self._cap_timer, self._ready_timer):
                if timer is not None:
                    timer.cancel()
            tasks = [task for task in (sender, receiver) if task is not None]
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    _log.error("a socket's task failed", exc_info=result)
            self._leave()

    def _authenticate(self, token: str, authorization: str) -> Grant | None:
        """Section 1.2 and 2: a token in the query, or a key (or resume token) in the header."""
        now_s = time.time()
        if self._scenario.refuse:
            return None
        if token:
            granted = self._hub.tokens.redeem(token, now_s=now_s, reusable=self._scenario.token_reuse)
            return granted or self._from_resume_token(token, now_s)
        scheme, _, rest = authorization.partition(" ")
        key = (rest if scheme.lower() == "bearer" else authorization).strip()
        allowed = self._hub.options.api_keys
        if not key or (allowed and key not in allowed):
            return self._from_resume_token(key, now_s)
        return Grant(account=account_of(key), expires_at_s=now_s + 60, max_session_s=10_800)

    def _from_resume_token(self, token: str, now_s: float) -> Grant | None:
        session_id = self._hub.resume_tokens.pop(token, None)
        session = self._hub.find(session_id) if session_id else None
        if session is None:
            return None
        return Grant(account=session.account, expires_at_s=now_s, max_session_s=10_800)

    def _refuse_token(self) -> bool:
        """Tell a bad token in the scenario's way; False when the connection is to be dropped with no word."""
        match self._scenario.auth:
            case "live":
                self._put("session.error", self._auth_error("unauthorized"))
                self._outbox.close(1008, "unauthorized")
            case "upper":
                self._put("session.error", self._auth_error("UNAUTHORIZED"))
                self._outbox.close(1008, "UNAUTHORIZED")
            case "close_1008":
                self._outbox.close(1008)
            case "drop":
                self._record.close_code, self._record.closed_by = 1006, "agent"
                return False
        return True

    @staticmethod
    def _auth_error(code: str) -> dict[str, Any]:
        return {"code": code, "message": "Authentication failed", "session_id": None, "param": None}

    def _leave(self) -> None:
        """The socket is over: keep the session for a resume, or end it."""
        session = self._session
        if session is None or session.wire_state.wire is not self:
            return
        session.wire_state.wire = None
        session.conversation.emit = lambda _happening: None
        if self._ended:
            self._hub.end(session)
        else:
            self._hub.lose(session)

    async def _receive(self) -> None:
        while True:
            try:
                message = await self._socket.receive()
            except RuntimeError:
                return
            if message["type"] == "websocket.disconnect":
                if self._record.close_code is None:
                    self._record.close_code, self._record.closed_by = int(message.get("code") or 1005), "client"
                return
            text = message.get("text")
            if text is None:
                # Section 2: text frames only.
                self._record.receive("(binary)")
                self._refuse(Refused("invalid_format", "Invalid JSON format."))
                continue
            self._read(text)

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
            self._handle(kind, message)
        except Refused as refused:
            self._refuse(refused)
        if isinstance(kind, str):
            self._outbox.saw(f"< {kind}")

    # Messages in -----------------------------------------------------------------------------------------------------

    def _handle(self, kind: Any, message: Mapping[str, Any]) -> None:
        if not isinstance(kind, str) or kind not in _FIELDS:
            shown = kind if isinstance(kind, str) else "None"
            raise Refused("invalid_format", f"Unknown message type: {shown[:100]}")
        _check_fields(kind, message)
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
            evicted._outbox.close(1008, "session resumed elsewhere")
            session.conversation.suspend()
        self._record.session_id, self._record.resumed = session_id, True
        self._session, self._config = session, state.config
        self._record.input_rate_hz = state.config.settings().input_rate_hz
        state.wire = self
        session.conversation.emit = self._tell
        self._hub.regain(session)
        self._become_ready(False)

    def _audio(self, encoded: str) -> None:
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused("invalid_audio", "Invalid audio data") from error
        if not self._ready or self._session is None or self._config is None:
            # Section 3: dropped without a word, clients do start early.
            self._record.audio_before_ready += 1
            return
        samples = self._decode(data)
        self._record.audio(samples, len(data))
        if self._scenario.audio_rate == "enforced" and self._too_fast(samples):
            return
        self._session.conversation.hear(samples)

    def _decode(self, data: bytes) -> Samples:
        assert self._config is not None
        match self._config.input_encoding:
            case "audio/pcmu":
                return ulaw_decode(data)
            case "audio/pcma":
                return alaw_decode(data)
        # Half a sample at the end of a chunk belongs to the next one.
        data = self._odd_byte + data
        whole = len(data) // 2 * 2
        self._odd_byte = data[whole:]
        if self._odd_byte:
            self._record.violations.append("an audio chunk ended in the middle of a sample")
            del self._record.violations[50:]
        return np.frombuffer(data[:whole], dtype="<i2").astype(np.int16)

    def _too_fast(self, samples: Samples) -> bool:
        """Section 6: surplus audio is dropped and told once per excess."""
        self._audio_seen_ms += len(samples) * 1000 / self._record.input_rate_hz
        wall_ms = (time.monotonic() - self._audio_from_s) * 1000
        if self._audio_seen_ms <= wall_ms + _AUDIO_BURST_MS:
            # Time without audio (mute) earns no credit.
            self._audio_seen_ms = max(self._audio_seen_ms, wall_ms - _AUDIO_BURST_MS)
            self._violating = False
            return False
        self._audio_seen_ms = wall_ms + _AUDIO_BURST_MS
        if not self._violating:
            self._violating = True
            self._fail("audio_rate_violation", "Audio arrives faster than real time", param=None)
        return True

    def _tool_result(self, message: Mapping[str, Any]) -> None:
        assert self._session is not None
        call_id, result = message["call_id"], message["result"]
        if self._latest != "reply.done":
            # Section 9: the service says nothing, the test must know.
            self._record.violations.append(f"tool.result while {self._latest or 'nothing'} was the latest")
        is_error = bool(message.get("is_error", False))
        known = self._session.conversation.tool_result(call_id, result, is_error=is_error)
        if not known:
            self._record.violations.append("tool.result for a call that nobody waits for")
        if len(self._record.tool_results) < 100:
            self._record.tool_results.append({"result": result[:2000], "is_error": is_error, "known": known})
        del self._record.violations[50:]

    def _end(self) -> None:
        """Section 4.8."""
        self._ended = True
        opened_s = self._session.opened_s if self._session else time.monotonic()
        if self._session is not None:
            self._session.conversation.close()
            self._outbox.drop_unsent(lambda kind, _message: kind == "reply.audio")
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
        """Translate one happening (section 5)."""
        match happening:
            case SpeechBegan():
                self._latest = "input.speech.started"
                self._put("input.speech.started", {})
            case SpeechEnded():
                self._put("input.speech.stopped", {})
            case UserPartial(item_id=item_id, text=text):
                self._put("transcript.user.delta", {"item_id": item_id, "text": text})
            case UserFinal(item_id=item_id, text=text):
                self._record.heard.append(text)
                self._put("transcript.user", {"item_id": item_id, "text": text})
            case ReplyStarted(reply_id=reply_id, item_id=item_id):
                self._latest = "reply.started"
                self._put("reply.started", {"reply_id": reply_id, "item_id": item_id})
            case ReplyAudio(reply_id=reply_id, samples=samples):
                data = base64.b64encode(self._encode(samples)).decode("ascii")
                ids = {} if self._scenario.omit_reply_id else {"reply_id": reply_id}
                self._put("reply.audio", {**ids, "data": data})
            case ReplyWord(reply_id=reply_id, item_id=item_id, text=text, start_ms=start_ms, end_ms=end_ms):
                times = {"start_ms": start_ms, "end_ms": end_ms}
                self._put("transcript.agent.delta", {"reply_id": reply_id, "item_id": item_id, "delta": text, **times})
            case ReplyText(reply_id=reply_id, item_id=item_id, text=text, interrupted=interrupted):
                self._record.said.append(text)
                ids = {"reply_id": reply_id, "item_id": item_id}
                self._put("transcript.agent", {**ids, "text": text, "interrupted": interrupted})
            case ReplyDone(reply_id=reply_id, status=status):
                self._latest = "reply.done"
                if status == "interrupted":
                    # What is still queued for a slow reader is taken back: an interruption means silence.
                    self._outbox.drop_unsent(lambda kind, _message: kind == "reply.audio")
                fields = {} if self._scenario.bare_reply_done else {"reply_id": reply_id, "status": status}
                self._put("reply.done", fields)
            case ToolCalled(call_id=call_id, name=name, arguments=arguments):
                self._put("tool.call", {"call_id": call_id, "name": name, "arguments": dict(arguments)})
            case HungUp():
                self._end()

    def _encode(self, samples: Samples) -> bytes:
        assert self._config is not None
        match self._config.output_encoding:
            case "audio/pcmu":
                return ulaw_encode(samples)
            case "audio/pcma":
                return alaw_encode(samples)
        data = samples.astype("<i2").tobytes()
        return data + b"\x00" if self._scenario.odd_bytes else data

    def _put(self, kind: str, fields: Mapping[str, Any]) -> None:
        self._outbox.put(kind, {"type": kind, **fields, **self._timestamp()})

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


# Section 4: the fields of each client message, and what they must be. True: required.
_FIELDS: Mapping[str, Mapping[str, tuple[bool, type | tuple[type, ...]]]] = {
    "session.update": {"session": (False, (dict, type(None)))},
    "session.resume": {"session_id": (True, str)},
    "session.end": {},
    "input.audio": {"audio": (True, str)},
    "tool.result": {"call_id": (True, str), "result": (True, str), "is_error": (False, (bool, type(None)))},
    "reply.create": {"instructions": (False, (str, type(None)))},
    "reply.cancel": {"reply_id": (True, str)},
    "conversation.message": {"role": (True, str), "content": (True, str)},
}


def _check_fields(kind: str, message: Mapping[str, Any]) -> None:
    """Raises Refused for a missing or wrong field. Extra keys beside them are let pass, as no document forbids them."""
    for name, (required, types) in _FIELDS[kind].items():
        if name not in message:
            if required:
                raise wrong_format(kind)
        elif not isinstance(message[name], types):
            raise wrong_format(kind)
    if kind == "conversation.message" and message["role"] not in ("user", "system"):
        raise wrong_format(kind)
