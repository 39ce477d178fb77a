"""The server side of the OpenAI Realtime protocol over a WebSocket, as a second reading of its documents.

`serve` lives as long as one socket. Client events are handled here; `openai_config` holds the session, `openai_items` the
conversation, `openai_response` tells a response, `openai_mind` finds its words. Section numbers are the protocol file's.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from starlette.websockets import WebSocket

from server.agent.brain import Facts, Reply
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
    UserUnclear,
)
from server.agent.hub import Hub
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Asked, Conversation, IdKind
from server.agent.tokens import Grant
from server.agent.wires.assemblyai_audio import AudioReader, encode_audio
from server.agent.wires.guard import NotAMessage, parse
from server.agent.wires.line import converse
from server.agent.wires.openai_config import DEFAULT_MODEL, Config, Refused
from server.agent.wires.openai_dialect import Independent
from server.agent.wires.openai_door import Visitor, authenticate, visitor_of
from server.agent.wires.openai_items import Item, Items, audio_item, checked_item
from server.agent.wires.openai_messages import check_event, decode_audio, transcription_events
from server.agent.wires.openai_mind import compose
from server.agent.wires.openai_response import Events, Reason, ResponseRequest, Story, shortened
from server.agent.wires.outbox import Outbox

__all__ = ["serve"]

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
# Section 4: sound comes in a burst. The size of its pieces is ours.
_CHUNK_MS = 200
# Section 3: one event may carry 15 MiB of audio, in base64, with some JSON around it.
_MAX_EVENT = (15 << 20) * 4 // 3 + 4096
# Section 9.
_LEAST_COMMIT_MS = 100
_PREFIXES: Mapping[IdKind, str] = {"reply": "resp_", "item": "item_", "call": "call_"}
_ARE_YOU_THERE = 'Say exactly: "Are you still there?"'


def _make_id(kind: IdKind) -> str:
    return _PREFIXES[kind] + secrets.token_hex(12)


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
        model = socket.query_params.get("model", "")[:200] or bound or DEFAULT_MODEL
        await _Wire(socket, hub, scenario, record, model).run(visitor)
    finally:
        hub.open_sockets -= 1


class _Wire:
    """One socket, which is one session: there is no resume (section 3)."""

    def __init__(self, socket: WebSocket, hub: Hub, scenario: Scenario, record: Record, model: str) -> None:
        self._socket = socket
        self._hub = hub
        self._scenario = scenario
        self._record = record
        self._outbox = Outbox(socket, record, scenario.faults, self._error_message, _POINTS)
        self._dialect = Independent() if scenario.dialect == "independent" else None
        self._cap_s = scenario.cap_s or 3600.0
        record.session_id = "sess_" + secrets.token_hex(12)
        self._config = Config(record.session_id, model, int(time.time() + self._cap_s))
        self._conversation_id = "conv_" + secrets.token_hex(12)
        self._items = Items()
        self._stories: dict[str, Story] = {}
        # The item that the reply in progress would speak in, as the conversation named it.
        self._spoken_item: dict[str, str] = {}
        self._cancelling: Reason = "turn_detected"
        self._speech_item = ""
        self._speech_ms = 0
        # Turns that the client ended itself are not answered unasked; the last other one is, when nothing is in its way.
        self._by_hand: set[str] = set()
        self._owed = False
        self._has_spoken = False
        self._manual_ms = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._talk = self._make_conversation()
        self._input_form = "audio/pcm"
        self._reader = AudioReader(self._input_form)

    def _make_conversation(self) -> Conversation:
        return Conversation(
            settings=self._config.settings(),
            scenario=self._scenario,
            ears=self._hub.ears,
            voice=self._hub.voice,
            make_id=_make_id,
            now=lambda: datetime.now().astimezone(),
            emit=self._tell,
        )

    # Life ------------------------------------------------------------------------------------------------------------

    async def run(self, visitor: Visitor) -> None:
        self._outbox.saw("open")
        try:
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
                self._fail(Refused(code, "No capacity, try again later.", kind=code))
                self._outbox.close(1011 if code == "server_error" else 1008, code)
                await self._outbox.run()
                return
            self._open(grant)
            await converse(self._socket, self._outbox, self._record, self._read, self._read_bytes)
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._talk.close()

    async def _refuse_key(self) -> None:
        """Section 3: the handshake succeeds, then comes an error and close 3000; or what the scenario wants."""
        if self._scenario.auth == "drop":
            self._record.close_code, self._record.closed_by = 1006, "agent"
            return
        if self._scenario.auth != "close_1008":
            self._fail(Refused("invalid_api_key", "Incorrect API key provided."))
        code = 1008 if self._scenario.auth == "close_1008" else 3000
        self._outbox.close(code, "invalid_request_error.invalid_api_key")
        await self._outbox.run()

    def _open(self, grant: Grant) -> None:
        if grant.bound:
            # It was checked when the key was minted.
            self._config.update(grant.bound)
            self._configure()
        self._record.input_rate_hz = self._config.settings().input_rate_hz
        self._hub.ears.prewarm()
        self._put("session.created", {"session": self._config.echo()})
        if self._scenario.cap != "ignored":
            self._later("cap", min(self._cap_s, grant.max_session_s), self._cap_reached)

    def _later(self, name: str, delay_s: float, act: Any) -> None:
        self._stop(name)
        self._timers[name] = asyncio.get_running_loop().call_later(delay_s, act)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _cap_reached(self) -> None:
        """Section 3."""
        self._talk.close()
        if self._scenario.cap == "enforced":
            message = "Your session hit the maximum duration of 60 minutes."
            self._fail(Refused("session_expired", message))
        self._outbox.close(1001, "session_expired")

    # Messages in -----------------------------------------------------------------------------------------------------

    def _read_bytes(self, _data: bytes) -> None:
        self._record.receive("(binary)")
        self._fail(Refused("invalid_event", "Binary messages are not supported."))

    def _read(self, text: str) -> None:
        try:
            event = parse(text, max_bytes=_MAX_EVENT)
        except NotAMessage:
            self._record.receive("(not a message)")
            self._fail(Refused("invalid_json", "We could not parse the JSON of your event."))
            return
        kind = event.get("type")
        self._record.receive(kind if isinstance(kind, str) else "(no type)")
        event_id = event.get("event_id")
        try:
            self._handle(check_event(event), event)
        except Refused as refused:
            self._fail(refused, event_id if isinstance(event_id, str) else None)
        if isinstance(kind, str):
            self._outbox.saw(f"< {kind}")

    def _handle(self, kind: str, event: Mapping[str, Any]) -> None:
        match kind:
            case "session.update":
                self._update(event["session"])
            case "input_audio_buffer.append":
                self._append(event["audio"])
            case "input_audio_buffer.commit":
                self._commit()
            case "input_audio_buffer.clear":
                self._talk.clear_input()
                self._put("input_audio_buffer.cleared", {})
            case "conversation.item.create":
                self._create_item(event)
            case "conversation.item.retrieve":
                item = self._item(event["item_id"], "retrieve")
                self._put("conversation.item.retrieved", {"item": item.copy_shown()})
            case "conversation.item.delete":
                item = self._item(event["item_id"], "delete")
                self._items.delete(item.item_id)
                self._put("conversation.item.deleted", {"item_id": item.item_id})
            case "conversation.item.truncate":
                self._truncate(event)
            case "response.create":
                self._respond(ResponseRequest.read(event.get("response"), self._config, self._items))
            case "response.cancel":
                self._cancel(event.get("response_id"))

    def _update(self, given: Any) -> None:
        self._config.update(given, voice_locked=self._has_spoken)
        self._configure()
        if self._scenario.omit_updated or self._scenario.never_ready:
            return
        if self._scenario.slow_ready_ms and "ready" not in self._timers:
            self._later("ready", self._scenario.slow_ready_ms / 1000, self._tell_updated)
            return
        self._tell_updated()
        if self._scenario.ready_twice:
            self._tell_updated()

    def _tell_updated(self) -> None:
        self._put("session.updated", {"session": self._config.echo()})

    def _configure(self) -> None:
        self._talk.change(self._config.settings())
        form = self._config.input["format"]["type"]
        if form != self._input_form:
            self._input_form, self._reader = form, AudioReader(form)
        self._record.input_rate_hz = self._config.settings().input_rate_hz

    def _append(self, encoded: str) -> None:
        data = decode_audio(encoded)
        samples = self._reader.samples(data)
        if self._reader.holds_half:
            self._violated("an audio chunk ended in the middle of a sample")
        self._record.audio(samples, len(data))
        if self._config.turn_detection is None:
            self._manual_ms += len(samples) * 1000 / self._record.input_rate_hz
        self._talk.hear(samples)

    def _commit(self) -> None:
        waiting_ms = self._talk.waiting_ms
        if waiting_ms < _LEAST_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. "
                f"Expected at least {_LEAST_COMMIT_MS}ms of audio, but buffer only has {waiting_ms:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", message)
        item_id = self._talk.turn_item_id or _make_id("item")
        self._by_hand.add(item_id)
        self._add_turn(item_id, waiting_ms)
        self._talk.commit(item_id)

    def _add_turn(self, item_id: str, duration_ms: float) -> None:
        """A user's turn is settled as sound: sections 8.1 and 8.2."""
        item = audio_item(item_id, duration_ms)
        self._items.append(item)
        self._put("input_audio_buffer.committed", {"item_id": item_id, "previous_item_id": self._items.previous(item)})
        self._show_item(item)

    def _show_item(self, item: Item) -> None:
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._put(kind, {"previous_item_id": self._items.previous(item), "item": item.copy_shown()})

    def _create_item(self, event: Mapping[str, Any]) -> None:
        item = checked_item(event["item"], _make_id("item"))
        self._items.add(item, event.get("previous_item_id"))
        self._record.items[f"{item.role} {item.kind}".strip()] += 1
        if item.kind == "function_call_output" and len(self._record.tool_results) < 100:
            known = any(one.kind == "function_call" and one.shown["call_id"] == item.shown["call_id"]
                        for one in self._items.all())  # fmt: skip
            self._record.tool_results.append({"result": item.text[:2000], "is_error": False, "known": known})
            if not known:
                self._violated("function_call_output for a call that nobody made")
        self._show_item(item)

    def _item(self, item_id: str, action: str) -> Item:
        item = self._items.find(item_id)
        if item is None:
            message = f"Error {action[:-1]}ing item: the item with id '{item_id[:100]}' does not exist."
            raise Refused(f"item_{action}_invalid_item_id", message, "item_id")
        return item

    def _truncate(self, event: Mapping[str, Any]) -> None:
        """Section 6: cut to what was heard; the transcript goes, as nobody knows where it ends."""
        item = self._item(event["item_id"], "truncate")
        if item.role != "assistant" or event["content_index"] != 0 or not item.audio_ms:
            raise Refused("invalid_value", "Only the audio of an assistant's message can be truncated.", "item_id")
        end_ms = event["audio_end_ms"]
        if not 0 <= end_ms <= item.audio_ms:
            message = f"Audio content of {item.audio_ms:.0f}ms is already shorter than {end_ms}ms."
            raise Refused("invalid_value", message, "audio_end_ms")
        item.audio_ms = end_ms
        item.shown["content"] = [{"type": "output_audio", "transcript": None}]
        self._talk.hush()
        fields = {"item_id": item.item_id, "content_index": 0, "audio_end_ms": end_ms}
        self._put("conversation.item.truncated", fields)

    # Responses -------------------------------------------------------------------------------------------------------

    def _respond(self, request: ResponseRequest) -> None:
        active = next((one for one in self._stories.values() if one.request.in_band and not one.done), None)
        if request.in_band and active is not None:
            message = (
                f"Conversation already has an active response in progress: {active.response_id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise Refused("conversation_already_has_active_response", message)
        self._stop("idle")
        # Of the finished ones the last is kept: its sound may still be on the way.
        for response_id in [key for key, one in self._stories.items() if one.done]:
            del self._stories[response_id]
        response_id = _make_id("reply")
        context = self._items.all() if request.context is None else request.context
        tokens = sum(len(item.text.split()) for item in context) + 20
        items = self._items if request.in_band else None
        story = Story(response_id, request, items, self._conversation_id, tokens)
        self._stories[response_id] = story

        async def words() -> Reply:
            turns = sum(item.role == "user" for item in self._items.all())
            facts = Facts(now=datetime.now().astimezone(), tools=request.tools, turn=max(0, turns - 1))
            if self._scenario.reply_fails:
                story.failure = self._scenario.reply_fails
                return Reply(skill="none", sentences=())
            reply = await compose(context, request.instructions, facts)
            cut = shortened(reply, request.max_tokens) if reply.tool is None else None
            story.incomplete = cut is not None
            return cut or reply

        voice = self._config.speaking_voice(request.voice)
        self._talk.ask(Asked(reply_id=response_id, compose=words, voice=voice, text_only=request.text_only))

    def _cancel(self, response_id: str | None) -> None:
        story = self._stories.get(response_id) if response_id else None
        if response_id is None:
            story = next((one for one in self._stories.values() if one.request.in_band and not one.done), None)
        if story is None or story.done:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        self._cancelling = "client_cancelled"
        if self._talk.withdraw(story.response_id):
            self._send(story.begun() + story.ended("client_cancelled"))
        else:
            self._talk.cancel_reply(story.response_id)
        self._cancelling = "turn_detected"

    def _cancelled(self, story: Story) -> None:
        self._outbox.drop_unsent("response.output_audio.delta")
        self._send(story.ended(self._cancelling))

    # Happenings ------------------------------------------------------------------------------------------------------

    def _tell(self, happening: Happening) -> None:
        match happening:
            case SpeechBegan(at_ms=at_ms, item_id=item_id):
                self._stop("idle")
                self._speech_item, self._speech_ms, self._owed = item_id, at_ms, False
                detection = self._config.turn_detection or {}
                start_ms = self._manual_ms + at_ms - detection.get("prefix_padding_ms", 300)
                fields = {"item_id": item_id, "audio_start_ms": max(0, round(start_ms))}
                self._put("input_audio_buffer.speech_started", fields)
            case SpeechEnded(at_ms=at_ms, item_id=item_id):
                fields = {"item_id": self._speech_item, "audio_end_ms": round(self._manual_ms + at_ms)}
                self._put("input_audio_buffer.speech_stopped", fields)
                if item_id:
                    self._add_turn(item_id, at_ms - self._speech_ms)
            case UserFinal(item_id=item_id, text=text, sure=sure):
                self._record.heard.append(text)
                self._understood(item_id, text, sure)
            case UserUnclear(item_id=item_id):
                self._understood(item_id, "", True)
            case ToolCalled(reply_id=reply_id):
                self._send(self._stories[reply_id].called(_make_id("item"), happening))
            case HungUp():
                self._outbox.close(1000)
            case ReplyStarted() | ReplyWord() | ReplyAudio() | ReplyText() | ReplyDone():
                story = self._stories.get(happening.reply_id)
                if story is not None:
                    self._tell_reply(story, happening)

    def _tell_reply(
        self, story: Story, happening: ReplyStarted | ReplyWord | ReplyAudio | ReplyText | ReplyDone
    ) -> None:
        match happening:
            case ReplyStarted(item_id=item_id):
                self._spoken_item = {story.response_id: item_id}
                self._send(story.begun())
            case ReplyWord(item_id=item_id, text=text):
                self._send(story.word(item_id, text))
            case ReplyAudio(samples=samples):
                self._has_spoken = True
                form = story.request.format["type"]
                duration_ms = len(samples) / (24 if form == "audio/pcm" else 8)
                encoded = encode_audio(samples, form, odd=self._scenario.odd_bytes)
                item_id = self._spoken_item.get(story.response_id, "")
                self._send(story.sound(item_id, encoded, duration_ms), units=max(1, round(duration_ms / 10)))
            case ReplyText(item_id=item_id, text=text, interrupted=interrupted):
                self._record.said.append(text)
                if not interrupted:
                    self._send(story.whole_text(item_id, text))
            case ReplyDone(status=status):
                if status == "interrupted":
                    self._cancelled(story)
                else:
                    self._send(story.ended(None))
                    self._wait_for_speech()
                self._put("rate_limits.updated", {"rate_limits": _RATE_LIMITS})
                self._pay()

    def _understood(self, item_id: str, text: str, sure: bool) -> None:
        item = self._items.find(item_id)
        transcription = self._config.input["transcription"]
        if item is not None:
            item.understood(text, sure=sure, told=transcription is not None)
        if transcription is not None:
            seconds = item.audio_ms / 1000 if item else 0.0
            failed = self._scenario.transcription_fails
            self._send(transcription_events(item_id, text, transcription.get("model"), seconds, failed=failed))
        detection = self._config.turn_detection
        by_hand = item_id in self._by_hand
        self._by_hand.discard(item_id)
        if text and not by_hand and detection is not None and detection["create_response"]:
            self._owed = True
            self._pay()

    def _pay(self) -> None:
        """Answer the turn that waits for it, unless a reply is in progress that may not be interrupted."""
        if self._owed and not self._busy():
            self._owed = False
            self._respond(ResponseRequest.read(None, self._config, self._items))

    def _busy(self) -> bool:
        return any(one.request.in_band and not one.done for one in self._stories.values())

    def _wait_for_speech(self) -> None:
        """Section 7, timeout_triggered: when the reply has sounded and nobody speaks for a while."""
        idle_ms = (self._config.turn_detection or {}).get("idle_timeout_ms")
        if idle_ms:
            self._later("idle", self._talk.audible_for + idle_ms / 1000, lambda: self._idle(idle_ms))

    def _idle(self, idle_ms: int) -> None:
        if self._talk.turn_item_id or self._busy():
            return
        item_id = _make_id("item")
        end_ms = round(self._record.audio_ms)
        fields = {"item_id": item_id, "audio_start_ms": max(0, end_ms - idle_ms), "audio_end_ms": end_ms}
        self._put("input_audio_buffer.timeout_triggered", fields)
        self._add_turn(item_id, idle_ms)
        request = ResponseRequest.read({"instructions": _ARE_YOU_THERE}, self._config, self._items)
        self._respond(request)

    # Messages out ----------------------------------------------------------------------------------------------------

    def _send(self, events: Events, *, units: int = 1) -> None:
        for kind, fields in events:
            self._put(kind, fields, units=units if kind == "response.output_audio.delta" else 1)

    def _put(self, kind: str, fields: dict[str, Any], *, units: int = 1) -> None:
        told = self._dialect.translate(kind, fields) if self._dialect else [(kind, fields)]
        for name, content in told:
            message = {"type": name, "event_id": "event_" + secrets.token_hex(12), **content}
            self._outbox.put(name, message, units=units)

    def _fail(self, refused: Refused, event_id: str | None = None) -> None:
        self._record.errors.append(refused.code)
        del self._record.errors[200:]
        if self._dialect is not None and self._dialect.keeps_silent(refused.code):
            return
        error = {"type": refused.kind, "code": refused.code, "message": refused.message, "param": refused.param}
        self._put("error", {"error": {**error, "event_id": event_id}})

    def _violated(self, rule: str) -> None:
        if len(self._record.violations) < 50:
            self._record.violations.append(rule)

    def _error_message(self, code: str, message: str, param: str | None) -> dict[str, Any]:
        error = {"type": "server_error", "code": code, "message": message, "param": param, "event_id": None}
        return {"type": "error", "event_id": "event_" + secrets.token_hex(12), "error": error}


_RATE_LIMITS = [
    {"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 60.0},
    {"name": "tokens", "limit": 200_000, "remaining": 199_000, "reset_seconds": 60.0},
]
