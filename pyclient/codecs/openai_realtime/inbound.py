"""What does the Realtime API say to us? One message in, normal events out; nothing here raises.

Protocol file section 7, names of the general release only: the preview's are unknown types like any other. What a
deviating server was seen to do (section 12) is taken too. The parts: `hearing` keeps the user's words, `speaking` the
agent's responses, `placing` the order of turns, `faults` has the words for errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pyclient.codecs.fields import MAX_ID_CHARS, Fields, identifier, inner, number, optional_text
from pyclient.codecs.messages import read
from pyclient.codecs.openai_realtime.faults import fault
from pyclient.codecs.openai_realtime.hearing import Hearing
from pyclient.codecs.openai_realtime.placing import Placing
from pyclient.codecs.openai_realtime.speaking import Speaking
from pyclient.core.events import (
    Event,
    ReplyNeeded,
    SessionConfigured,
    SessionReady,
    UserSpeechStarted,
    UserSpeechStopped,
)
from pyclient.core.safejson import Limits


class Inbound:
    """The reading half of one session's codec."""

    def __init__(self) -> None:
        self._limits = Limits()
        self._ready = False
        self._session_id = ""
        self._expires_at: float | None = None
        self.hearing = Hearing()
        self.placing = Placing()
        self.speaking = Speaking()
        self.instructions = ""  # of the last request for a reply that had any
        self.server_replies = True  # to the end of a turn, unasked

    def decode(self, data: str | bytes, limits: Limits) -> list[Event]:
        """See `Codec.decode`."""
        self._limits = limits
        return read(self, _READERS, data, limits)

    # --- the session -------------------------------------------------------------------------------------------------

    def _created(self, fields: Fields) -> list[Event]:
        """Section 2: unprompted, before or after our first message. Its settings are not ours yet."""
        return [SessionConfigured(config=self._config(fields))]

    def _updated(self, fields: Fields) -> list[Event]:
        """The answer to each of our updates. The first one means that the session is as we want it."""
        events: list[Event] = [SessionConfigured(config=self._config(fields))]
        if not self._ready:
            self._ready = True
            events.append(SessionReady(session_id=self._session_id, expires_at=self._expires_at))
        return events

    def _config(self, fields: Fields) -> dict[str, object] | None:
        session = inner(fields, "session")
        self._session_id = optional_text(session, "id", MAX_ID_CHARS) or self._session_id
        self._expires_at = number(session, "expires_at") or self._expires_at  # 0 where none was set
        return dict(session) or None

    def _error(self, fields: Fields) -> list[Event]:
        return [fault(inner(fields, "error"), self._ready, self.instructions)]

    def _nothing(self, fields: Fields) -> list[Event]:
        """Known, and no news."""
        return []

    # --- the user ----------------------------------------------------------------------------------------------------

    def _speech_started(self, fields: Fields) -> list[Event]:
        item_id = identifier(fields, "item_id")
        return [UserSpeechStarted(item_id=item_id)]

    def _speech_stopped(self, fields: Fields) -> list[Event]:
        return [UserSpeechStopped()]

    def _committed(self, fields: Fields) -> list[Event]:
        placed = self.placing.committed(fields)
        return placed if self.server_replies else [*placed, ReplyNeeded()]

    def _user_delta(self, fields: Fields) -> list[Event]:
        self.placing.worded(fields)
        return self.hearing.delta(fields)

    def _user_segment(self, fields: Fields) -> list[Event]:
        self.placing.worded(fields)
        return self.hearing.segment(fields)

    def _user_completed(self, fields: Fields) -> list[Event]:
        self.placing.worded(fields)
        return self.hearing.completed(fields)

    def _user_failed(self, fields: Fields) -> list[Event]:
        self.placing.worded(fields)
        return self.hearing.failed(fields)

    def _item_added(self, fields: Fields) -> list[Event]:
        return self.placing.added(fields, inner(fields, "item"))

    # --- the agent ---------------------------------------------------------------------------------------------------

    def _response_created(self, fields: Fields) -> list[Event]:
        return self.speaking.created(fields)

    def _output_added(self, fields: Fields) -> list[Event]:
        item_id = identifier(inner(fields, "item"), "id")
        reply_id = self.speaking.reply_id(fields)
        return self.placing.of_response(item_id, reply_id) if item_id and reply_id else []

    def _output_done(self, fields: Fields) -> list[Event]:
        item = inner(fields, "item")
        if item.get("type") == "function_call":
            self.speaking.call(self.speaking.reply_id(fields), item)
        return []

    def _audio(self, fields: Fields) -> list[Event]:
        return self.speaking.audio(fields)

    def _audio_done(self, fields: Fields) -> list[Event]:
        return self.speaking.audio_done(fields)

    def _words_delta(self, fields: Fields) -> list[Event]:
        return self.speaking.words_delta(fields)

    def _transcript_done(self, fields: Fields) -> list[Event]:
        return self.speaking.transcript_done(fields)

    def _text_done(self, fields: Fields) -> list[Event]:
        return self.speaking.text_done(fields)

    def _call_done(self, fields: Fields) -> list[Event]:
        self.speaking.call(self.speaking.reply_id(fields), fields)
        return []

    def _response_done(self, fields: Fields) -> list[Event]:
        return self.speaking.done(fields, self._limits)


_READERS: Mapping[str, Callable[[Inbound, Fields], list[Event]]] = MappingProxyType(
    {
        "error": Inbound._error,
        "session.created": Inbound._created,
        "session.updated": Inbound._updated,
        "conversation.created": Inbound._nothing,
        "conversation.item.added": Inbound._item_added,
        "conversation.item.created": Inbound._item_added,
        "conversation.item.done": Inbound._item_added,
        "conversation.item.retrieved": Inbound._nothing,
        "conversation.item.deleted": Inbound._nothing,
        "conversation.item.truncated": Inbound._nothing,
        "conversation.item.input_audio_transcription.delta": Inbound._user_delta,
        "conversation.item.input_audio_transcription.segment": Inbound._user_segment,
        "conversation.item.input_audio_transcription.completed": Inbound._user_completed,
        "conversation.item.input_audio_transcription.failed": Inbound._user_failed,
        "input_audio_buffer.committed": Inbound._committed,
        "input_audio_buffer.cleared": Inbound._nothing,
        "input_audio_buffer.speech_started": Inbound._speech_started,
        "input_audio_buffer.speech_stopped": Inbound._speech_stopped,
        "input_audio_buffer.timeout_triggered": Inbound._nothing,
        "response.created": Inbound._response_created,
        "response.output_item.added": Inbound._output_added,
        "response.output_item.done": Inbound._output_done,
        "response.content_part.added": Inbound._nothing,
        "response.content_part.done": Inbound._nothing,
        "response.output_audio.delta": Inbound._audio,
        "response.output_audio.done": Inbound._audio_done,
        "response.output_audio_transcript.delta": Inbound._words_delta,
        "response.output_audio_transcript.done": Inbound._transcript_done,
        "response.output_text.delta": Inbound._words_delta,
        "response.output_text.done": Inbound._text_done,
        "response.function_call_arguments.delta": Inbound._nothing,
        "response.function_call_arguments.done": Inbound._call_done,
        "response.done": Inbound._response_done,
        "response.cancelled": Inbound._response_done,
        "rate_limits.updated": Inbound._nothing,
    }
)
