"""What did the user say, and is it to be answered? Protocol file sections 7, 8.1, 8.2 and 10.

Audio goes in, the user's turns come out as items, and `responses` is asked for an answer where the session wants that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.agent.events import SpeechBegan, SpeechEnded
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.wires.audio import AudioReader
from server.agent.wires.openai.config import Config
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.ids import make_id
from server.agent.wires.openai.items import Items, audio_item
from server.agent.wires.openai.messages import decode_audio, transcription_events
from server.agent.wires.openai.outbound import Outbound
from server.agent.wires.openai.response import ResponseRequest
from server.agent.wires.openai.responses import Responses
from server.agent.wires.timers import Timers

__all__ = ["Turns"]

# Section 9.
_LEAST_COMMIT_MS = 100
_ARE_YOU_THERE = 'Say exactly: "Are you still there?"'


class Turns:
    """The user's side of one socket. Starts the timer `idle`."""

    def __init__(
        self,
        *,
        items: Items,
        config: Config,
        scenario: Scenario,
        talk: Conversation,
        outbound: Outbound,
        record: Record,
        timers: Timers,
        responses: Responses,
    ) -> None:
        self._items = items
        self._config = config
        self._scenario = scenario
        self._talk = talk
        self._outbound = outbound
        self._record = record
        self._timers = timers
        self._responses = responses
        self._form = "audio/pcm"
        self._reader = AudioReader(self._form)
        self._speech_item = ""
        self._speech_ms = 0
        # Turns that the client ended itself are not answered unasked; the last other one is, when nothing
        # is in its way.
        self._by_hand: set[str] = set()
        self._owed = False
        self._manual_ms = 0.0

    # The microphone --------------------------------------------------------------------------------------------------

    def reconfigure(self) -> None:
        """The session's settings have changed."""
        form = self._config.input["format"]["type"]
        if form != self._form:
            self._form, self._reader = form, AudioReader(form)
        self._record.input_rate_hz = self._config.settings().input_rate_hz

    def append(self, encoded: str) -> None:
        """More audio, as base64. Raises Refused."""
        data = decode_audio(encoded)
        samples = self._reader.samples(data)
        if self._reader.holds_half:
            self._record.violated("an audio chunk ended in the middle of a sample")
        self._record.audio(samples, len(data))
        if self._config.turn_detection is None:
            self._manual_ms += len(samples) * 1000 / self._record.input_rate_hz
        if self._talk.hear(samples):
            message = "Audio was appended faster than it can be heard; what was too much is dropped."
            raise Refused("rate_limit_exceeded", message, "audio")

    def commit(self) -> None:
        """The client says that the turn ends here. Raises Refused."""
        waiting_ms = self._talk.waiting_ms
        if waiting_ms < _LEAST_COMMIT_MS:
            message = (
                "Error committing input audio buffer: buffer too small. "
                f"Expected at least {_LEAST_COMMIT_MS}ms of audio, but buffer only has {waiting_ms:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", message)
        item_id = self._talk.turn_item_id or make_id("item")
        self._by_hand.add(item_id)
        self._add_turn(item_id, waiting_ms)
        self._talk.commit(item_id)

    def clear(self) -> None:
        self._talk.clear_input()
        self._outbound.put("input_audio_buffer.cleared", {})

    # What is heard ---------------------------------------------------------------------------------------------------

    def began(self, event: SpeechBegan) -> None:
        self._timers.stop("idle")
        self._speech_item, self._speech_ms, self._owed = event.item_id, event.at_ms, False
        detection = self._config.turn_detection or {}
        start_ms = self._manual_ms + event.at_ms - detection.get("prefix_padding_ms", 300)
        fields = {"item_id": event.item_id, "audio_start_ms": max(0, round(start_ms))}
        self._outbound.put("input_audio_buffer.speech_started", fields)

    def ended(self, event: SpeechEnded) -> None:
        fields = {"item_id": self._speech_item, "audio_end_ms": round(self._manual_ms + event.at_ms)}
        self._outbound.put("input_audio_buffer.speech_stopped", fields)
        if event.item_id:
            self._add_turn(event.item_id, event.at_ms - self._speech_ms)

    def _add_turn(self, item_id: str, duration_ms: float) -> None:
        """A user's turn is settled as sound: sections 8.1 and 8.2."""
        item = audio_item(item_id, duration_ms)
        self._items.append(item)
        fields = {"item_id": item_id, "previous_item_id": self._items.previous(item)}
        self._outbound.put("input_audio_buffer.committed", fields)
        self._outbound.show_item(self._items, item)

    def understood(self, item_id: str, text: str, sure: bool) -> None:
        """A turn's words are there; an empty text means that nothing was understood."""
        item = self._items.find(item_id)
        transcription: Mapping[str, Any] | None = self._config.input["transcription"]
        if item is not None:
            item.understood(text, sure=sure, told=transcription is not None)
        if transcription is not None:
            seconds = item.audio_ms / 1000 if item else 0.0
            failed = self._scenario.transcription_fails
            events = transcription_events(item_id, text, transcription.get("model"), seconds, failed=failed)
            self._outbound.send(events)
        detection = self._config.turn_detection
        by_hand = item_id in self._by_hand
        self._by_hand.discard(item_id)
        if text and not by_hand and detection is not None and detection["create_response"]:
            self._owed = True
            self._pay()

    # What is owed ----------------------------------------------------------------------------------------------------

    def response_over(self, *, interrupted: bool) -> None:
        """A response has been told to its end."""
        if not interrupted:
            self._wait_for_speech()
        self._pay()

    def _pay(self) -> None:
        """Answer the turn that waits for it, unless a reply is in progress that may not be interrupted."""
        if self._owed and not self._responses.busy:
            self._owed = False
            self._responses.begin(ResponseRequest.read(None, self._config, self._items))

    def _wait_for_speech(self) -> None:
        """Section 7, timeout_triggered: when the reply has sounded and nobody speaks for a while."""
        idle_ms = (self._config.turn_detection or {}).get("idle_timeout_ms")
        if idle_ms:
            self._timers.later("idle", self._talk.audible_for + idle_ms / 1000, lambda: self._idle(idle_ms))

    def _idle(self, idle_ms: int) -> None:
        if self._talk.turn_item_id or self._responses.busy:
            return
        item_id = make_id("item")
        end_ms = round(self._record.audio_ms)
        fields = {"item_id": item_id, "audio_start_ms": max(0, end_ms - idle_ms), "audio_end_ms": end_ms}
        self._outbound.put("input_audio_buffer.timeout_triggered", fields)
        self._add_turn(item_id, idle_ms)
        self._responses.begin(ResponseRequest.read({"instructions": _ARE_YOU_THERE}, self._config, self._items))
