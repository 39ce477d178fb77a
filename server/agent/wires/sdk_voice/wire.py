"""The server side of the SDK-style voice protocol: binary 16 kHz frames both ways, four text messages, nothing else.

`serve` lives as long as one socket. There are no transcripts, no turn events and no tools on this wire; all that a
client gets of the conversation is its sound. Section numbers are the protocol file's.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.websockets import WebSocket

from server.agent.conversation_settings import ConversationSettings
from server.agent.events import Event, HungUp, IdKind, ReplyAudio, ReplyDone, ReplyText, UserFinal
from server.agent.hub import Hub
from server.agent.pcm import Samples
from server.agent.playout import PlayoutSettings
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.tts import DEFAULT_VOICE
from server.agent.turns import TurnSettings
from server.agent.wires.audio import AudioReader
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.line import converse
from server.agent.wires.outbox import Outbox
from server.agent.wires.timers import Timers

__all__ = ["serve"]

_RATE_HZ = 16_000
_FRAME_MS = 20
_FRAME_BYTES = 640
# Section 3, the table of errors.
_CLOSES = {"AUTH_TIMEOUT": 4001, "INVALID_AUTH": 4002, "AUTH_FAILED": 4003, "SESSION_SETUP_FAILED": 4500}
_POINTS = {"connected": "opening", "agent_ready": "ready", "(audio)": "sound", "< (token)": "< configure"}
# The agent comes into the room a little after the client; section 2 does not say how much.
_READY_AFTER_MS = 150


def _make_id(kind: IdKind) -> str:
    return f"{kind}_{secrets.token_hex(8)}"


def _usual(scenario: Scenario) -> Scenario:
    """The scenario with this wire's own ways where it says nothing."""
    return replace(scenario, chunk_ms=scenario.chunk_ms or _FRAME_MS, partials=False)


async def serve(socket: WebSocket, hub: Hub) -> None:
    """Run one socket to its end. The Origin was checked; the socket is not accepted yet."""
    scenario = _usual(hub.take_scenario(socket.query_params.get("scenario", "")))
    record = hub.records.open(scenario=scenario.name, keep_audio=hub.options.allow_control, wire="sdk_voice")
    await socket.accept()
    hub.open_sockets += 1
    try:
        await _Wire(socket, hub, scenario, record).run()
    finally:
        hub.open_sockets -= 1


class _Wire:
    """One socket, which is one session. `_talk` exists from `connected` on."""

    def __init__(self, socket: WebSocket, hub: Hub, scenario: Scenario, record: Record) -> None:
        self._socket = socket
        self._hub = hub
        self._scenario = scenario
        self._record = record
        record.session_id, record.input_rate_hz = "sdk_" + secrets.token_hex(12), _RATE_HZ
        self._outbox = Outbox(socket, record, scenario.faults, self._error_message, _POINTS)
        self._talk: Conversation | None = None
        self._refused = False
        self._reader = AudioReader("audio/pcm")
        self._rest = b""
        self._timers = Timers()

    # Life ------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        self._outbox.saw("open")
        self._timers.later("token", self._scenario.auth_timeout_ms / 1000, self._waited_in_vain)
        try:
            await converse(self._socket, self._outbox, self._record, self._read, self._read_bytes)
        finally:
            self._timers.stop_all()
            if self._talk is not None:
                self._talk.close()

    def _waited_in_vain(self) -> None:
        if self._talk is None:
            self._refuse("AUTH_TIMEOUT", "No token within the time allowed")

    def _refuse(self, code: str, message: str) -> None:
        """Section 3: the error comes before the close."""
        self._refused = True
        self._record.refused(code)
        self._put("error", {"code": code, "message": message})
        self._outbox.close(_CLOSES[code])

    # Messages in -----------------------------------------------------------------------------------------------------

    def _read(self, text: str) -> None:
        if self._refused:
            return
        if self._talk is not None:
            # Section 3: unsure, so they are ignored; a client should send none.
            self._record.receive("(text)")
            self._record.violated("a text frame after the token")
            return
        self._record.receive("(token)")
        try:
            token = parse(text).get("token")
        except NotAMessage:
            token = None
        if not isinstance(token, str) or not token:
            self._refuse("INVALID_AUTH", "The first message must hold a token")
            return
        self._authenticate(token)
        self._outbox.saw("< (token)")

    def _authenticate(self, token: str) -> None:
        grant = self._hub.signed.redeem(token, now_s=time.time(), reusable=self._scenario.token_reuse)
        if grant is None or self._scenario.refuse:
            self._refuse("AUTH_FAILED", "Invalid or expired token")
            return
        if self._scenario.capacity or self._hub.open_sockets > self._hub.options.max_sessions:
            self._refuse("SESSION_SETUP_FAILED", "The voice session could not be set up, try again shortly")
            return
        self._talk = self._make_conversation()
        self._hub.recognizer.prewarm()
        self._put("connected", {})
        delay_ms = self._scenario.slow_ready_ms or _READY_AFTER_MS
        if not self._scenario.never_ready:
            self._timers.later("ready", delay_ms / 1000, self._become_ready)
        cap_s = self._scenario.cap_s or float(grant.max_session_s)
        if self._scenario.cap != "ignored":
            self._timers.later("cap", cap_s, self._end)

    def _make_conversation(self) -> Conversation:
        settings = ConversationSettings(
            turns=TurnSettings(adaptive=True),
            playout=PlayoutSettings(voice=DEFAULT_VOICE, rate_hz=_RATE_HZ),
            input_rate_hz=_RATE_HZ,
            greeting=self._scenario.greeting or None,
            page_tools=False,
        )
        return Conversation(
            settings=settings,
            scenario=self._scenario,
            recognizer=self._hub.recognizer.seat(),
            voice=self._hub.voice,
            make_id=_make_id,
            now=lambda: datetime.now().astimezone(),
            emit=self._tell,
        )

    def _become_ready(self) -> None:
        assert self._talk is not None
        self._put("agent_ready", {})
        if self._scenario.ready_twice:
            self._put("agent_ready", {})
        self._talk.begin()

    def _read_bytes(self, data: bytes) -> None:
        if self._refused:
            return
        if self._talk is None:
            # Section 2: sound before the token is a wrong first message.
            self._record.receive("(audio before the token)")
            self._refuse("INVALID_AUTH", "The first message must hold a token")
            return
        self._record.receive("(audio)")
        if len(data) != _FRAME_BYTES:
            self._record.violated(f"a frame of {len(data)} bytes, not {_FRAME_BYTES}")
        samples = self._reader.samples(data)
        self._record.audio(samples, len(data))
        if self._talk.hear(samples):
            # Section 3 knows no message that would tell it.
            self._record.violated("audio faster than it can be heard; what was too much is dropped")

    # Messages out ----------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        match event:
            case UserFinal(text=text):
                self._record.hears(text)
            case ReplyText(text=text):
                self._record.says(text)
            case ReplyAudio(samples=samples):
                self._sound(samples)
            case ReplyDone(status=status):
                self._finish_sound(interrupted=status == "interrupted")
            case HungUp():
                self._end()

    def _sound(self, samples: Samples) -> None:
        """Frames of one size, whatever the pieces that the speaker gives (section 4)."""
        size = self._scenario.frame_bytes
        data = self._rest + samples.astype("<i2").tobytes()
        whole = len(data) // size * size
        for at in range(0, whole, size):
            self._put_frame(data[at : at + size])
        self._rest = data[whole:]

    def _finish_sound(self, *, interrupted: bool) -> None:
        """The end of a reply fills its last frame with silence; after an interruption nothing more is heard."""
        if interrupted:
            self._outbox.drop_unsent("(audio)")
        elif self._rest:
            self._put_frame(self._rest + bytes(self._scenario.frame_bytes - len(self._rest)))
        self._rest = b""

    def _put_frame(self, frame: bytes) -> None:
        self._outbox.put("(audio)", frame, units=max(1, len(frame) // (_FRAME_BYTES // 2)))

    def _end(self) -> None:
        if self._talk is not None:
            self._talk.close()
        self._refused = True
        self._outbox.drop_unsent("(audio)")
        self._put("session_ended", {"reason": self._scenario.end_reason})
        self._outbox.close(1000)

    def _put(self, kind: str, fields: Mapping[str, Any]) -> None:
        self._outbox.put(kind, {"type": kind, **fields})

    def _error_message(self, code: str, message: str, _param: str | None) -> dict[str, Any]:
        return {"type": "error", "code": code, "message": message}
