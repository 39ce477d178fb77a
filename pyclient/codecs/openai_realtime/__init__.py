"""What we say to the OpenAI Realtime API (general release), and the codec that holds both directions together.

Text JSON in both directions, audio as base64 inside it. Section numbers are those of the protocol file.
`inbound.py` reads what the server says, `settings.py` makes its `session` object, `faults.py` has words for its errors.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pyclient.codecs.base import BaseCodec, CloseReason, Features, Message, SessionSettings, SettingsUpdate
from pyclient.codecs.messages import socket_address, write
from pyclient.codecs.openai_realtime import settings as wanted
from pyclient.codecs.openai_realtime.faults import (
    CANCEL_EVENT_ID,
    INSTRUCTED_EVENT_ID,
    TRUNCATE_EVENT_ID,
    close_reason,
)
from pyclient.codecs.openai_realtime.inbound import Inbound
from pyclient.codecs.openai_realtime.speaking import BYTES_PER_MS
from pyclient.core.errors import RemoteProtocolError
from pyclient.core.events import Event, TokenGranted
from pyclient.core.safejson import Limits

# There is no greeting on this wire, only a reply that is told what to say.
GREETING_INSTRUCTIONS = "Begin the conversation. Say exactly this, word for word, and nothing else: "

# Section 9: less than this cannot be committed.
MIN_UTTERANCE_MS = 100

# Section 2: the token is a part of a sub-protocol, which may hold no other characters (RFC 6455, RFC 9110 "token").
_SUBPROTOCOL = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class OpenAIRealtimeCodec(BaseCodec):
    """See `BaseCodec` for the contract of each method.

    Not there (section 3): a resume, only a new session and `history`; a goodbye, for closing the socket is the end.
    """

    name = "openai_realtime"
    wire_rate_hz = 24_000  # section 4: the only rate of audio/pcm
    # The buffer takes audio as fast as it comes (section 3 knows a limit per message only).
    features = Features(push_to_talk=True, history=True, reply_cancel=True, results_need_asking=True, catch_up=8)

    def __init__(self) -> None:
        self.inbound = Inbound()
        self._system_prompt = ""
        self._push_to_talk = False
        self._held_bytes = 0  # microphone audio since the key was pressed

    def check(self, settings: SessionSettings) -> None:
        wanted.check(settings)

    def connect(self, grant: TokenGranted) -> tuple[str, tuple[str, ...]]:
        """Section 2: the address is used as it comes, with its `?model=`; the token is the second sub-protocol."""
        url = socket_address(grant)
        if not _SUBPROTOCOL.fullmatch(grant.token):
            raise RemoteProtocolError("The token server answered without a token that a browser can send.")
        return url, ("realtime", f"openai-insecure-api-key.{grant.token}")

    def opening(self, settings: SessionSettings) -> list[Message]:
        """Sections 2 and 5: the settings, sent without waiting for `session.created`, as other clients do.

        The greeting follows at once. The server takes messages in order, so it answers the update first
        (`session.updated`, our "ready") and begins the reply after it, with these settings.
        """
        self.inbound = Inbound()
        self._system_prompt = settings.system_prompt
        self._push_to_talk = settings.turn_style == "push_to_talk"
        self._held_bytes = 0
        self._server_replies(settings.turn_detection)
        messages: list[Message] = [write({"type": "session.update", "session": wanted.session_object(settings)})]
        if settings.greeting:
            response = {"instructions": self._in_character(GREETING_INSTRUCTIONS + settings.greeting)}
            messages.append(write({"type": "response.create", "response": {**response, "tool_choice": "none"}}))
        return messages

    def decode(self, data: Message, limits: Limits) -> list[Event]:
        return self.inbound.decode(data, limits)

    def encode_audio(self, pcm: bytes) -> Message:
        """Section 6. No JSON encoder: base64 needs no escapes."""
        self._held_bytes += len(pcm)
        audio = binascii.b2a_base64(pcm, newline=False).decode("ascii")
        return f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}'

    def tool_result(self, call_id: str, result_json: str, is_error: bool) -> list[Message]:
        """Section 8.5. `output` is a string; that the call failed can only be said inside it, and is."""
        return [_create({"type": "function_call_output", "call_id": call_id, "output": result_json})]

    def update(
        self,
        *,
        system_prompt: str | None = None,
        voice: str | None = None,
        greeting: str | None = None,
        volume: float | None = None,
        turn_detection: Mapping[str, Any] | None = None,
        tools: tuple[Mapping[str, Any], ...] | None = None,
    ) -> SettingsUpdate:
        """Section 5: updates merge. The voice is fixed from the first sound on; a greeting comes too late.

        Turn detection waits where the person holds a key: in this session there is none.
        """
        checked = SessionSettings(volume=volume, turn_detection=turn_detection or {})
        wanted.check(checked)
        voice_fixed = self.inbound.speaking.has_sounded
        session: dict[str, Any] = {}
        audio: dict[str, Any] = {}
        if system_prompt is not None:
            session["instructions"] = self._system_prompt = system_prompt  # an empty one takes the old one away
        if tools is not None:
            session["tools"] = wanted.tools(tools)
        if turn_detection is not None and not self._push_to_talk:
            audio["input"] = {"turn_detection": wanted.turn_detection(checked)}
            if "create_response" in turn_detection:
                self._server_replies(turn_detection)
        if voice and not voice_fixed:
            audio["output"] = {"voice": voice}
        if audio:
            session["audio"] = audio
        fixed = {"voice": voice_fixed or not voice, "greeting": True, "turn_detection": self._push_to_talk}
        values = {
            "system_prompt": system_prompt,
            "voice": voice,
            "greeting": greeting,
            "turn_detection": turn_detection,
            "tools": tools,
        }
        told = [key for key, value in values.items() if value is not None]
        message = {"type": "session.update", "session": {"type": "realtime", **session}}
        return SettingsUpdate(
            messages=(write(message),) if session else (),
            applied=tuple(key for key in told if not fixed.get(key)),
            immutable=tuple(key for key in told if fixed.get(key)),
        )

    def reply_create(self, instructions: str) -> list[Message]:
        """Section 6. Refused while a response is being made (section 8.4): when to ask is the session's policy."""
        if not instructions:
            return [write({"type": "response.create"})]
        self.inbound.instructions = instructions
        response = {"instructions": self._in_character(instructions)}
        return [write({"type": "response.create", "event_id": INSTRUCTED_EVENT_ID, "response": response})]

    def reply_cancel(self, reply_id: str) -> list[Message]:
        """Section 8.4. The answer is the reply's `ReplyDone`; if it had ended already, an error that means nothing."""
        message = {"type": "response.cancel", "event_id": CANCEL_EVENT_ID}
        return [write({**message, "response_id": reply_id} if reply_id else message)]

    def reply_heard(self, reply_id: str, heard_ms: int) -> list[Message]:
        """Section 8.3: cut the part in which the person stopped listening, and take back what came after it.

        A cut at 0 is legal and takes back all of a part. Nothing where all was heard, or nothing had come.
        """
        return [
            write(
                {
                    "type": "conversation.item.truncate",
                    "event_id": TRUNCATE_EVENT_ID,
                    "item_id": item_id,
                    "content_index": content_index,
                    "audio_end_ms": end_ms,
                }
            )
            for item_id, content_index, end_ms in self.inbound.speaking.truncations(reply_id, heard_ms)
        ]

    def tool_results_sent(self, reply_id: str) -> list[Message]:
        """Section 8.5: one request for all results of a response."""
        return self.reply_create("")

    def talk_begin(self) -> list[Message]:
        """Section 8.1: whatever was heard before the key was pressed is not meant."""
        self._held_bytes = 0
        return [write({"type": "input_audio_buffer.clear"})]

    def talk_end(self) -> list[Message]:
        """Section 8.1. Nothing after a mere tap: it cannot be committed, and the agent would answer nothing at all."""
        held_ms, self._held_bytes = self._held_bytes // BYTES_PER_MS, 0
        if held_ms < MIN_UTTERANCE_MS:
            return []
        return [write({"type": "input_audio_buffer.commit"}), *self.reply_create("")]

    def history(self, turns: Sequence[tuple[str, str]]) -> list[Message]:
        """Section 3: what was said before can be told as text, not as sound."""
        return [_message("assistant" if role == "agent" else role, text) for role, text in turns if text.strip()]

    def probe(self) -> list[Message]:
        """Section 5: an update without a change is answered by `session.updated`."""
        return [write({"type": "session.update", "session": {"type": "realtime"}})]

    def user_text(self, text: str) -> list[Message]:
        """Section 8.6."""
        return [*self.context("user", text), *self.answer_text(text)]

    def answer_text(self, text: str) -> list[Message]:
        """The item is in the history that every new session is told."""
        return self.reply_create("")

    def context(self, role: str, text: str) -> list[Message]:
        """Section 6: an item without a request for an answer."""
        return [_message(role, text)]

    def close_reason(self, code: int, reason: str, was_ready: bool) -> CloseReason:
        return close_reason(code, reason, was_ready)

    def _server_replies(self, turn_detection: Mapping[str, Any]) -> None:
        """Section 5: `create_response = false` leaves the answer to a turn to us.

        With a talk key it is asked for anyway.
        """
        self.inbound.server_replies = self._push_to_talk or turn_detection.get("create_response") is not False

    def _in_character(self, instructions: str) -> str:
        """Instructions for one reply take the place of the session's, so they bring the agent's character along."""
        return "\n\n".join(part for part in (self._system_prompt, instructions) if part)


def _create(item: Mapping[str, Any]) -> str:
    return write({"type": "conversation.item.create", "item": item})


def _message(role: str, text: str) -> str:
    """Section 6: content of an assistant's message is output, of everybody else's input."""
    kind = "output_text" if role == "assistant" else "input_text"
    return _create({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
