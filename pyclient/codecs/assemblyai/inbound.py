"""What does AssemblyAI say to us? One message in, normal events out; nothing here raises.

Protocol file section 5. Both the documented and the observed shapes are taken (section 14): fields that older documents
lack are optional, `timestamp` is ignored, key order means nothing, unknown types are named and left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pyclient.codecs.assemblyai.faults import fault
from pyclient.codecs.fields import (
    MAX_ID_CHARS,
    MAX_TEXT_CHARS,
    Fields,
    identifier,
    milliseconds,
    number,
    optional_text,
    text,
)
from pyclient.codecs.messages import UnreadableAudio, audio_bytes, read, tool_arguments
from pyclient.core.events import (
    Event,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyTranscribed,
    SessionConfigured,
    SessionEnded,
    SessionFaulted,
    SessionReady,
    ToolCalled,
    UserSpeechStarted,
    UserSpeechStopped,
    UserTranscribed,
)
from pyclient.core.safejson import Limits, UnsafeMessage


class Inbound:
    """The reading half of one session's codec. It remembers what the server said of itself."""

    def __init__(self, resuming: bool = False) -> None:
        self._limits = Limits()
        self._resuming = resuming
        self._ready = False
        self._server_tools: frozenset[str] = frozenset()

    def decode(self, data: str | bytes, limits: Limits) -> list[Event]:
        """See `Codec.decode`."""
        self._limits = limits
        return read(self, _READERS, data, limits)

    # --- the session ---------------------------------------------------------------------------------------------

    def _updated(self, fields: Fields) -> list[Event]:
        return [SessionConfigured(config=self._config(fields))]

    def _session_ready(self, fields: Fields) -> list[Event]:
        self._config(fields)
        self._ready = True
        return [
            SessionReady(
                session_id=optional_text(fields, "session_id", MAX_ID_CHARS),
                resumed=self._resuming,
                resume_token=optional_text(fields, "resume_token", 10_000) or None,
                expires_at=number(fields, "expires_at"),
            )
        ]

    def _config(self, fields: Fields) -> dict[str, Any] | None:
        """Section 8: tools with an `http` block are run by the service, which still tells us of the calls."""
        config = fields.get("config")
        if not isinstance(config, dict):
            return None
        tools = config.get("tools")
        if isinstance(tools, list):
            self._server_tools = frozenset(
                tool["name"]
                for tool in tools
                if isinstance(tool, dict) and tool.get("http") is not None and isinstance(tool.get("name"), str)
            )
        return config

    def _ended(self, fields: Fields) -> list[Event]:
        return [SessionEnded(duration_s=number(fields, "session_duration_seconds"))]

    def _error(self, fields: Fields) -> list[Event]:
        """Section 6. Some clients of the vendor treat `type: "error"` alike, so we do; nested or not."""
        nested = fields.get("error")
        source: Fields = nested if isinstance(nested, dict) and "code" not in fields else fields
        param = source.get("param")
        return [
            fault(
                optional_text(source, "code", MAX_ID_CHARS) or "unknown",
                optional_text(source, "message", 20_000),
                param if isinstance(param, str) else None,
                self._ready,
            )
        ]

    # --- the user ------------------------------------------------------------------------------------------------

    def _speech_started(self, fields: Fields) -> list[Event]:
        return [UserSpeechStarted()]

    def _speech_stopped(self, fields: Fields) -> list[Event]:
        return [UserSpeechStopped()]

    def _user_partial(self, fields: Fields) -> list[Event]:
        return [UserTranscribed(item_id=identifier(fields, "item_id"), text=text(fields, "text"), final=False)]

    def _user_final(self, fields: Fields) -> list[Event]:
        return [UserTranscribed(item_id=identifier(fields, "item_id"), text=text(fields, "text"), final=True)]

    # --- the agent -----------------------------------------------------------------------------------------------

    def _reply_started(self, fields: Fields) -> list[Event]:
        return [ReplyStarted(reply_id=identifier(fields, "reply_id"), item_id=identifier(fields, "item_id"))]

    def _reply_audio(self, fields: Fields) -> list[Event]:
        """Section 7: any even number of bytes. The hot path of a conversation."""
        pcm = audio_bytes(fields.get("data"))
        if len(pcm) % 2:
            raise UnreadableAudio("audio with half a sample")
        if not pcm:
            return []
        return [ReplyAudio(reply_id=identifier(fields, "reply_id"), pcm=pcm)]

    def _agent_delta(self, fields: Fields) -> list[Event]:
        return [
            ReplyTranscribed(
                reply_id=identifier(fields, "reply_id"),
                item_id=identifier(fields, "item_id"),
                text=text(fields, "delta"),
                delta=True,
                start_ms=milliseconds(fields, "start_ms"),
                end_ms=milliseconds(fields, "end_ms"),
            )
        ]

    def _agent_final(self, fields: Fields) -> list[Event]:
        return [
            ReplyTranscribed(
                reply_id=identifier(fields, "reply_id"),
                item_id=identifier(fields, "item_id"),
                text=text(fields, "text"),
                delta=False,
                interrupted=fields.get("interrupted") is True,
            )
        ]

    def _reply_done(self, fields: Fields) -> list[Event]:
        """Section 5: the oldest documents have no fields here, which means completed."""
        status = fields.get("status")
        interrupted = isinstance(status, str) and status.lower() == "interrupted"
        return [ReplyDone(reply_id=identifier(fields, "reply_id"), interrupted=interrupted)]

    def _reply_error(self, fields: Fields) -> list[Event]:
        """Section 5: never seen live. It ends the reply, so that nothing waits for a `reply.done` that may not come."""
        return [
            SessionFaulted(
                kind="reply",
                code=optional_text(fields, "code", 100) or "unknown",
                message=optional_text(fields, "message", MAX_TEXT_CHARS),
                retryable=fields.get("retryable") is True,
            ),
            ReplyDone(reply_id=identifier(fields, "reply_id"), interrupted=False, failed=True),
        ]

    def _tool_call(self, fields: Fields) -> list[Event]:
        """Section 8. Whoever gives a call an id waits for its answer, so what is wrong with it is answered too."""
        call_id = identifier(fields, "call_id")
        if not call_id:
            raise UnsafeMessage("a tool call without call_id")
        name = optional_text(fields, "name", MAX_ID_CHARS)
        arguments = tool_arguments(fields.get("arguments"), self._limits)
        return [ToolCalled(call_id=call_id, name=name, arguments=arguments, informational=name in self._server_tools)]


_READERS: Mapping[str, Callable[[Inbound, Fields], list[Event]]] = MappingProxyType(
    {
        "session.updated": Inbound._updated,
        "session.ready": Inbound._session_ready,
        "session.ended": Inbound._ended,
        "session.error": Inbound._error,
        "error": Inbound._error,
        "input.speech.started": Inbound._speech_started,
        "input.speech.stopped": Inbound._speech_stopped,
        "transcript.user.delta": Inbound._user_partial,
        "transcript.user": Inbound._user_final,
        "reply.started": Inbound._reply_started,
        "reply.audio": Inbound._reply_audio,
        "transcript.agent.delta": Inbound._agent_delta,
        "transcript.agent": Inbound._agent_final,
        "reply.done": Inbound._reply_done,
        "reply.error": Inbound._reply_error,
        "tool.call": Inbound._tool_call,
    }
)
