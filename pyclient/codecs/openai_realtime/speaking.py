"""What does the agent say, and how much of it has come?

Protocol file sections 7 and 8. "Response" is the vendor's word for a reply. Of each one is kept what a later message
can be about: the sound received per part (for truncation), its words, and its tool calls.

* Words may also come after the end of the response, or stand only in it; both are taken.
* Words: the vendor's deltas are tokens that end in the middle of words, and bring their own spaces. `ReplyTranscribed`
  knows no such pieces, so whole words are handed on, and the exact text once at the end. A reply that was interrupted
  gets no such settled text: what of it counts is what was heard, and that the session knows.
* Tool calls are told with the end of the response, because those of a cancelled one must not run (section 8.5) and no
  result may ask for the next response while this one is being made (section 8.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyclient.codecs.fields import (
    MAX_ID_CHARS,
    Fields,
    identifier,
    index,
    inner,
    number,
    objects,
    optional_text,
    remember,
    text,
)
from pyclient.codecs.messages import audio_bytes, tool_arguments
from pyclient.codecs.openai_realtime.faults import failed_reply
from pyclient.core.events import Event, ReplyAudio, ReplyDone, ReplyStarted, ReplyTranscribed, ToolCalled
from pyclient.core.graphemes import is_spaceless
from pyclient.core.safejson import Limits
from pyclient.core.server_events import Usage

BYTES_PER_MS = 48  # section 4: PCM16 mono at 24 kHz
MAX_RESPONSES = 64
MAX_PARTS = 256
MAX_CALLS = 128  # in one response
MAX_REMEMBERED_CALLS = 1_024
MAX_CHARS = 50_000

Part = tuple[str, int]  # item id, content index


@dataclass(slots=True)
class _Sound:
    received: int = 0  # bytes
    half_sample: bytes = b""
    whole: bool = False  # the server made all of it


@dataclass(slots=True)
class _Words:
    told: int = 0  # characters handed on as deltas
    text: str = ""

    def untold(self, *, all_of_it: bool) -> str:
        """The words that can be handed on now. The last one may not be whole yet."""
        rest = self.text[self.told :]
        end = len(rest) if all_of_it else _last_break(rest)
        if not rest[:end].strip():
            return ""
        self.told += end
        return rest[:end]


@dataclass(slots=True)
class _Response:
    sounds: dict[Part, _Sound] = field(default_factory=dict)  # in the order in which they are heard
    words: dict[Part, _Words] = field(default_factory=dict)
    calls: dict[str, tuple[str, str]] = field(default_factory=dict)  # call id -> name, arguments as JSON text
    over: bool = False
    interrupted: bool = False


class Speaking:
    """The responses of one session."""

    def __init__(self) -> None:
        self._responses: dict[str, _Response] = {}
        self._current = ""
        self._called: dict[str, None] = {}  # call ids that were told
        self.has_sounded = False  # section 5: from the first sound on the voice is fixed

    def __len__(self) -> int:
        """How many responses are remembered."""
        return len(self._responses)

    def created(self, fields: Fields) -> list[Event]:
        reply_id = identifier(inner(fields, "response"), "id")
        self._current = reply_id
        self._response(reply_id)
        return [ReplyStarted(reply_id=reply_id)]

    def reply_id(self, fields: Fields) -> str:
        """The response that a message is about; the newest one where a server leaves the id out."""
        return identifier(fields, "response_id") or self._current

    # --- sound -------------------------------------------------------------------------------------------------------

    def audio(self, fields: Fields) -> list[Event]:
        """`response.output_audio.delta`: the hot path of a conversation. Chunks have any length (section 4)."""
        reply_id, part = self.reply_id(fields), _part(fields)
        pcm = audio_bytes(fields.get("delta"))
        response = self._response(reply_id)
        if response.interrupted:
            return []  # section 8.3: late
        sound = response.sounds.get(part)
        if sound is None:
            sound = _Sound()
            remember(response.sounds, part, sound, MAX_PARTS)
        sound.received += len(pcm)
        pcm = sound.half_sample + pcm
        whole = len(pcm) & ~1
        sound.half_sample = pcm[whole:]
        if not whole:
            return []
        self.has_sounded = True
        return [ReplyAudio(reply_id=reply_id, pcm=pcm[:whole], item_id=part[0])]

    def audio_done(self, fields: Fields) -> list[Event]:
        sound = self._response(self.reply_id(fields)).sounds.get(_part(fields))
        if sound is not None:
            sound.whole = True
        return []

    def truncations(self, reply_id: str, heard_ms: int) -> list[tuple[str, int, int]]:
        """Item id, content index and the millisecond at which to cut, for each part that was not heard to its end.

        Section 8.3: between 0 and what was received. A part that was heard whole is left alone, because truncating it
        would still take its transcript from the server. What is cut here counts as received from now on.
        """
        response = self._responses.get(reply_id)
        cuts: list[tuple[str, int, int]] = []
        if response is None:
            return cuts
        before = 0
        newest = next(reversed(response.sounds), None)
        for part, sound in response.sounds.items():
            start_ms = before // BYTES_PER_MS
            before += sound.received
            length_ms = sound.received // BYTES_PER_MS
            end_ms = min(max(heard_ms - start_ms, 0), length_ms)
            being_made = part == newest and not (sound.whole or response.over)
            if end_ms < length_ms or (being_made and length_ms):
                item_id, content_index = part
                cuts.append((item_id, content_index, end_ms))
                sound.received, sound.half_sample, sound.whole = end_ms * BYTES_PER_MS, b"", True
        return cuts

    # --- words -------------------------------------------------------------------------------------------------------

    def words_delta(self, fields: Fields) -> list[Event]:
        """`response.output_audio_transcript.delta` and `response.output_text.delta`."""
        delta = text(fields, "delta")
        words = self._words(fields)
        if words is None or len(words.text) >= MAX_CHARS:
            return []
        words.text += delta
        if self._response(self.reply_id(fields)).over:
            return self._late_words(self.reply_id(fields))
        return self._tell(fields, words, all_of_it=False)

    def transcript_done(self, fields: Fields) -> list[Event]:
        return self._words_done(fields, text(fields, "transcript"))

    def text_done(self, fields: Fields) -> list[Event]:
        return self._words_done(fields, text(fields, "text"))

    def _words_done(self, fields: Fields, whole: str) -> list[Event]:
        """The exact text of one part. Others may follow, so it does not settle the reply."""
        words = self._words(fields)
        if words is None:
            return []
        if self._response(self.reply_id(fields)).over:
            words.text = whole[:MAX_CHARS]
            return self._late_words(self.reply_id(fields))
        if words.text == "":
            words.text = whole[:MAX_CHARS]
        told = self._tell(fields, words, all_of_it=True)
        words.text = whole[:MAX_CHARS]
        words.told = len(words.text)
        return told

    def _late_words(self, reply_id: str) -> list[Event]:
        """The response is over, and more of its words came: all of them once more, because the turn is settled."""
        return self._last_words(reply_id, self._response(reply_id))

    def _words(self, fields: Fields) -> _Words | None:
        response = self._response(self.reply_id(fields))
        if response.interrupted:
            return None
        part = _part(fields)
        words = response.words.get(part)
        if words is None:
            words = _Words()
            remember(response.words, part, words, MAX_PARTS)
        return words

    def _tell(self, fields: Fields, words: _Words, *, all_of_it: bool) -> list[Event]:
        more = words.untold(all_of_it=all_of_it)
        if not more:
            return []
        return [ReplyTranscribed(reply_id=self.reply_id(fields), text=more, delta=True, item_id=_part(fields)[0])]

    # --- tool calls --------------------------------------------------------------------------------------------------

    def call(self, reply_id: str, source: Fields) -> None:
        """A function call, from any of the three places that tell of it. Told when the response is done."""
        call_id, name = identifier(source, "call_id"), identifier(source, "name")
        arguments = source.get("arguments")
        calls = self._response(reply_id).calls
        if call_id and (isinstance(arguments, str) or call_id not in calls):
            remember(calls, call_id, (name, arguments if isinstance(arguments, str) else ""), MAX_CALLS)

    # --- the end -----------------------------------------------------------------------------------------------------

    def done(self, fields: Fields, limits: Limits) -> list[Event]:
        """`response.done`, or the `response.cancelled` of one document (section 8.3)."""
        ended = inner(fields, "response")
        reply_id = identifier(ended, "id") or self.reply_id(fields)
        response = self._response(reply_id)
        if response.over:
            return []
        details = inner(ended, "status_details")
        status = optional_text(ended, "status", 40)
        reason = optional_text(details, "reason", 40)
        response.over = True
        response.interrupted = (
            status == "cancelled"
            or fields.get("type") == "response.cancelled"
            or (status == "incomplete" and reason in ("turn_detected", "client_cancelled"))
        )
        if self._current == reply_id:
            self._current = ""
        self._words_of_output(objects(ended, "output"), response)
        events = self._last_words(reply_id, response)
        if status in ("completed", "") and not response.interrupted:
            for item in objects(ended, "output"):
                if item.get("type") == "function_call":
                    self.call(reply_id, item)
            events += self._calls(reply_id, response, limits)
        failed = status == "failed" or (status == "incomplete" and not response.interrupted)
        if failed:
            events.append(failed_reply(details))
        response.calls.clear()
        if sum(len(words.text) for words in response.words.values()) > MAX_CHARS:
            response.words.clear()  # kept only for late words, and not at any price
        usage = _usage(inner(ended, "usage"))
        return [*events, ReplyDone(reply_id=reply_id, interrupted=response.interrupted, failed=failed, usage=usage)]

    def _words_of_output(self, output: list[Fields], response: _Response) -> None:
        """Words that stand in the end of the response alone. What came before is more exact, or the same."""
        known = {item_id for (item_id, _), words in response.words.items() if words.text}
        for item in output:
            item_id = optional_text(item, "id", MAX_ID_CHARS)
            if item.get("type") != "message" or item_id in known or (known and not item_id):
                continue
            for at, part in enumerate(objects(item, "content")[:MAX_PARTS]):
                whole = optional_text(part, "transcript", MAX_CHARS) or optional_text(part, "text", MAX_CHARS)
                if whole:
                    remember(response.words, (item_id, at), _Words(text=whole), MAX_PARTS)

    def _last_words(self, reply_id: str, response: _Response) -> list[Event]:
        if not response.interrupted:
            whole = " ".join(words.text.strip() for words in response.words.values() if words.text.strip())
            return [ReplyTranscribed(reply_id=reply_id, text=whole, delta=False)] if whole else []
        rest = [(item_id, words.untold(all_of_it=True)) for (item_id, _), words in response.words.items()]
        return [
            ReplyTranscribed(reply_id=reply_id, text=more, delta=True, item_id=item_id)
            for item_id, more in rest
            if more
        ]

    def _calls(self, reply_id: str, response: _Response, limits: Limits) -> list[Event]:
        events: list[Event] = []
        for call_id, (name, arguments) in response.calls.items():
            if call_id not in self._called:
                remember(self._called, call_id, None, MAX_REMEMBERED_CALLS)
                events.append(
                    ToolCalled(
                        call_id=call_id, name=name, arguments=tool_arguments(arguments, limits), reply_id=reply_id
                    )
                )
        return events

    def _response(self, reply_id: str) -> _Response:
        response = self._responses.get(reply_id)
        if response is None:
            response = _Response()
            remember(self._responses, reply_id, response, MAX_RESPONSES)
        return response


def _part(fields: Fields) -> Part:
    return identifier(fields, "item_id"), index(fields, "content_index")


def _last_break(piece: str) -> int:
    """Where the last whole word of `piece` ends. In scripts without spaces each character may be one."""
    for position in range(len(piece) - 1, -1, -1):
        char = piece[position]
        if char.isspace():
            return position
        if is_spaceless(char):
            return position + 1
    return 0


def _usage(fields: Fields) -> Usage | None:
    """Section 7.

    Cached tokens are a part of the text and the audio; where it is not said of which, they are taken for text.
    """
    if not fields:
        return None
    told, made = inner(fields, "input_token_details"), inner(fields, "output_token_details")
    cached = inner(told, "cached_tokens_details")
    cached_audio = _tokens(cached, "audio_tokens")
    all_cached = _tokens(told, "cached_tokens")
    return Usage(
        input_text=max(0, _tokens(told, "text_tokens") - (all_cached - cached_audio)),
        input_audio=max(0, _tokens(told, "audio_tokens") - cached_audio),
        input_cached=all_cached,
        output_text=_tokens(made, "text_tokens"),
        output_audio=_tokens(made, "audio_tokens"),
    )


def _tokens(fields: Fields, key: str) -> int:
    return max(0, int(number(fields, key) or 0))
