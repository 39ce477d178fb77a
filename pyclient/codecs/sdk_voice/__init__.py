"""A wire of raw sound: one token as text, then PCM16 at 16 kHz as binary messages in both directions.

Everything the agent does is configured at the vendor, so there is little to say: no transcripts, no turns, no
interruption, no text, no tools. Section numbers are those of the protocol file. `words.py` has the words for
its errors, reasons and close codes.

Replies: the wire does not say where one begins or ends, and without a clock it cannot be known here. Sound belongs to
one reply until the session, which has the clock, finds that it is over and says so with `reply_cancel`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pyclient.codecs.base import BaseCodec, CloseReason, Features, Message, SessionSettings
from pyclient.codecs.fields import Fields
from pyclient.codecs.messages import read, socket_address, write
from pyclient.codecs.sdk_voice.words import close_reason, end_reason, fault
from pyclient.core.errors import ConfigError, RemoteProtocolError
from pyclient.core.events import (
    AgentJoined,
    Event,
    MessageRejected,
    ReplyAudio,
    ReplyStarted,
    SessionEnded,
    SessionReady,
    TokenGranted,
)
from pyclient.core.safejson import Limits

FRAME_BYTES = 640  # section 4: 20 ms; never anything else


class SdkVoiceCodec(BaseCodec):
    """See `BaseCodec` for the contract of each method. For all that is not there this wire has no message (section 3).

    A new socket is a new conversation (section 6), and the client ends a session by closing the socket.
    """

    name = "sdk_voice"
    wire_rate_hz = 16_000  # section 4
    features = Features(
        user_transcripts=False,
        agent_transcripts=False,
        typed_text=False,
        tools=False,
        greeting=False,
        system_prompt=False,
        voices=False,
        server_barge_in=False,
        agent_joins=True,
        frame_ms=20,
    )

    def __init__(self) -> None:
        self._token = ""
        self._begin()

    def _begin(self) -> None:
        self._replies = 0
        self._replying = False
        self._half_sample = b""
        self._unsent = b""

    def check(self, settings: SessionSettings) -> None:
        """Section 4: no options at all.

        What `features` denies is left unused; what only a vendor can know is refused.
        """
        for key, value in (("input", settings.input), ("turn_detection", settings.turn_detection)):
            if value:
                raise ConfigError(key, "this provider takes no settings; they are made at the vendor")
        if settings.volume is not None:
            raise ConfigError("volume", "this provider has no such setting; leave it out")
        if settings.turn_style == "text":
            raise ConfigError("turn_style", "this provider takes no text; it must be vad or push_to_talk")

    def connect(self, grant: TokenGranted) -> tuple[str, tuple[str, ...]]:
        """Sections 1.1 and 2: the address as it comes, no sub-protocol. The token is the first message."""
        url = socket_address(grant)
        if not grant.token:
            raise RemoteProtocolError("The token server answered without a token.")
        self._token = grant.token
        return url, ()

    def opening(self, settings: SessionSettings) -> list[Message]:
        """Section 2: no `type` in this one. A token is for one session, so it is forgotten with this."""
        self._begin()
        token, self._token = self._token, ""
        return [write({"token": token})]

    def decode(self, data: Message, limits: Limits) -> list[Event]:
        """Section 3: text is JSON with a `type`, binary is the agent's voice."""
        if isinstance(data, bytes):
            return self._audio(data, limits)
        return read(self, _READERS, data, limits)

    def _audio(self, data: bytes, limits: Limits) -> list[Event]:
        """Section 4: any length is taken; half a sample waits for its other half."""
        if len(data) > limits.max_bytes:
            return [MessageRejected(reason=f"larger than {limits.max_bytes} bytes")]
        pcm = self._half_sample + data
        whole = len(pcm) & ~1
        self._half_sample = pcm[whole:]
        if not whole:
            return []
        events: list[Event] = []
        if not self._replying:
            self._replying = True
            self._replies += 1
            events.append(ReplyStarted(reply_id=self._reply_id))
        return [*events, ReplyAudio(reply_id=self._reply_id, pcm=pcm[:whole])]

    @property
    def _reply_id(self) -> str:
        return f"sdk-{self._replies}"

    def encode_audio(self, pcm: bytes) -> Message:
        """Section 4: 640 bytes, or `b""` for "nothing to send yet". What is left over goes ahead of the next frame."""
        if len(pcm) > FRAME_BYTES:
            raise ValueError(f"a frame of this wire has {FRAME_BYTES} bytes, not {len(pcm)}")
        self._unsent += pcm
        if len(self._unsent) < FRAME_BYTES:
            return b""
        frame, self._unsent = self._unsent[:FRAME_BYTES], self._unsent[FRAME_BYTES:]
        return frame

    def reply_cancel(self, reply_id: str) -> list[Message]:
        """There is no such message. For this wire it means: that reply is over, sound from now on is the next one's."""
        if reply_id == self._reply_id:
            self._replying = False
        return []

    def close_reason(self, code: int, reason: str, was_ready: bool) -> CloseReason:
        return close_reason(code, reason, was_ready)


_READERS: Mapping[str, Callable[[SdkVoiceCodec, Fields], list[Event]]] = MappingProxyType(
    {
        "connected": lambda _codec, _fields: [SessionReady(session_id="")],
        "agent_ready": lambda _codec, _fields: [AgentJoined()],
        "session_ended": lambda _codec, fields: [SessionEnded(reason=end_reason(fields.get("reason")))],
        "error": lambda _codec, fields: [fault(fields)],
    }
)
