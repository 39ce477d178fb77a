"""The OpenAI wire as an independent server was seen to speak it (protocol file section 12): a client
must cope with both.
"""

from __future__ import annotations

from typing import Any

from server.agent.wires.openai.response import Events

__all__ = ["Independent"]

# What that server leaves null in the session that it echoes.
_NULLS = ("tools", "tool_choice", "truncation", "max_output_tokens", "expires_at")


class Independent:
    """Turns the vendor's events into that server's; `translate` gives what is to be sent instead of one event."""

    def __init__(self) -> None:
        self._late: Events = []

    def translate(self, kind: str, fields: dict[str, Any]) -> Events:
        match kind:
            case "conversation.item.added":
                return [("conversation.item.created", fields)]
            case "conversation.item.done" | "conversation.item.truncated":
                return []
            case "conversation.item.input_audio_transcription.completed":
                # Told in the middle of the response that answers it.
                self._late.append((kind, fields))
                return []
            case "response.output_audio.delta" | "response.output_text.delta" | "response.done":
                late, self._late = self._late, []
                return [*late, (kind, fields)] if kind == "response.done" else [(kind, fields), *late]
            case "error":
                error = fields["error"]
                return [(kind, {"error": {**error, "type": error["code"], "code": None}})]
            case "session.created" | "session.updated":
                return [(kind, {"session": {**fields["session"], **dict.fromkeys(_NULLS)}})]
        return [(kind, fields)]

    @staticmethod
    def keeps_silent(code: str) -> bool:
        """Errors that it does not tell."""
        return code == "response_cancel_not_active"
