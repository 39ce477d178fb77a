"""What we say to AssemblyAI's Voice Agent API, and the codec that holds both directions together.

Text JSON in both directions, audio as base64 inside it. Section numbers are those of the protocol file.
`inbound.py` reads what the server says; `faults.py` puts its errors and close codes into words.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from pyclient.codecs.assemblyai.faults import close_reason
from pyclient.codecs.assemblyai.inbound import Inbound
from pyclient.codecs.assemblyai.settings import check, session_object
from pyclient.codecs.base import BaseCodec, CloseReason, Features, Message, SessionSettings, SettingsUpdate
from pyclient.codecs.messages import socket_address, write
from pyclient.core.audio_json import AudioJson
from pyclient.core.errors import RemoteProtocolError
from pyclient.core.events import Event, TokenGranted
from pyclient.core.safejson import Limits

# RFC 3986, section 2.3: what needs no escape anywhere in an address.
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

# Section 4.5: the live service takes `conversation.message` without its model ever seeing it, so typed text also goes
# where it was seen to work, into the instructions of the reply that we ask for.
TYPED_TEXT_INSTRUCTIONS = "The user typed this message instead of saying it. Answer it: "


# Sections 4.2 and 5: the key is `audio` in one direction and `data` in the other.
AUDIO = AudioJson(
    before='{"type":"input.audio","audio":"',
    behind='"}',
    type="reply.audio",
    reply_field="reply_id",
    data_field="data",
)


class AssemblyAICodec(BaseCodec):
    """See `BaseCodec` for the contract of each method.

    Not there: the server trims its own record of what was heard (section 5), answers the results of tools unasked
    (section 8), has no push to talk, and a history in `conversation.message` was seen to be taken and not to reach the
    model (section 4.5).
    """

    name = "assemblyai"
    wire_rate_hz = 24_000  # section 7: the only rate of audio/pcm
    # Section 6 warns of a surplus of a second per second; three times real time was seen to be taken for 7 s.
    features = Features(resume=True, catch_up=2, stored_agents=True, audio_json=AUDIO)

    def __init__(self) -> None:
        self.inbound = Inbound()

    def check(self, settings: SessionSettings) -> None:
        check(settings)

    def connect(self, grant: TokenGranted) -> tuple[str, tuple[str, ...]]:
        """Section 2: the token goes into the query, there is no sub-protocol, and the
        path is whatever the server says.
        """
        url = socket_address(grant)
        if not grant.token:
            raise RemoteProtocolError("The token server answered without a token.")
        separator = "&" if "?" in url else "?"
        return f"{url}{separator}token={_quoted(grant.token)}", ()

    def opening(self, settings: SessionSettings) -> list[Message]:
        """Section 4.1: the first message. Only known keys: the server forbids others."""
        self.inbound = Inbound()
        return [write({"type": "session.update", "session": session_object(settings)})]

    def resume(self, session_id: str) -> list[Message]:
        """Section 10: instead of the update, on a new socket with a new token."""
        self.inbound = Inbound(resuming=True)
        return [write({"type": "session.resume", "session_id": session_id})]

    def decode(self, data: Message, limits: Limits) -> list[Event]:
        return self.inbound.decode(data, limits)

    def encode_audio(self, pcm: bytes) -> Message:
        """Section 4.2. No JSON encoder: base64 needs no escapes."""
        return f"{AUDIO.before}{binascii.b2a_base64(pcm, newline=False).decode('ascii')}{AUDIO.behind}"

    def tool_result(self, call_id: str, result_json: str, is_error: bool) -> list[Message]:
        """Section 4.3: `result` is JSON *text*, so it is encoded twice."""
        return [write({"type": "tool.result", "call_id": call_id, "result": result_json, "is_error": is_error})]

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
        """Sections 4.1 and 6: voice and greeting are never sent again, not even unchanged; volume is
        the exception of `output`.
        """
        settings = SessionSettings(
            system_prompt=system_prompt or "",
            volume=volume,
            turn_detection=turn_detection or {},
            tools=tools or (),
        )
        check(settings)
        session = session_object(settings)
        if system_prompt is None:
            session.pop("system_prompt")
        if tools is not None:
            session.setdefault("tools", [])  # replaces the whole list, so an empty one takes the tools away
        wanted = {"system_prompt": system_prompt, "volume": volume, "turn_detection": turn_detection, "tools": tools}
        fixed = {"voice": voice, "greeting": greeting}
        return SettingsUpdate(
            messages=(write({"type": "session.update", "session": session}),) if session else (),
            applied=tuple(key for key, value in wanted.items() if value is not None),
            immutable=tuple(key for key, value in fixed.items() if value is not None),
        )

    def reply_create(self, instructions: str) -> list[Message]:
        """Section 4.4: `instructions` hold for this reply only."""
        message = {"type": "reply.create"}
        if instructions:
            message["instructions"] = instructions
        return [write(message)]

    def reply_cancel(self, reply_id: str) -> list[Message]:
        """Section 4.6: undocumented, so `features` asks nobody to send it; the local flush is what stops the voice."""
        return [write({"type": "reply.cancel", "reply_id": reply_id})]

    def probe(self) -> list[Message]:
        """Section 4.1: an update without a change is answered by `session.updated`."""
        return [write({"type": "session.update", "session": {}})]

    def user_text(self, text: str) -> list[Message]:
        """Sections 4.4 and 4.5: the message for the record, the request for the answer."""
        return [*self.context("user", text), *self.answer_text(text)]

    def answer_text(self, text: str) -> list[Message]:
        """Section 4.4: the message stands in the request itself, so it is answered also where the record lacks it."""
        return self.reply_create(TYPED_TEXT_INSTRUCTIONS + text)

    def context(self, role: str, text: str) -> list[Message]:
        """Section 4.5."""
        return [write({"type": "conversation.message", "role": role, "content": text})]

    def end(self) -> list[Message]:
        """Section 4.8."""
        return [write({"type": "session.end"})]

    def close_reason(self, code: int, reason: str, was_ready: bool) -> CloseReason:
        return close_reason(code, reason, was_ready)


def _quoted(text: str) -> str:
    """For a query. `urllib.parse.quote` does the same, and would be 40 KB of every page's start."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())
