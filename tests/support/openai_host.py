"""A live session on the Realtime wire, told the vendor's own messages."""

from __future__ import annotations

import base64
from typing import Any

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.tools import ToolRegistry
from tests.support.playbook import FakeHost, tone


class OpenAIHost(FakeHost):
    """`live()` is a call that has just begun; what was sent until then is forgotten."""

    def __init__(self, tools: ToolRegistry | None = None, **config: Any) -> None:
        super().__init__(tools, **{"provider": "openai_realtime", **config})

    def live(self) -> OpenAIHost:
        self.click()
        self.grant(token="ek_test")
        self.opened()
        self.hear("session.updated", session={"id": "sess_1"})
        self.sent.clear()
        return self

    # --- the server's side --------------------------------------------------------------------------------------------

    def created(self, reply_id: str) -> list[cmd.Command]:
        return self.hear("response.created", response={"id": reply_id})

    def done(self, reply_id: str, status: str = "completed", **fields: Any) -> list[cmd.Command]:
        return self.hear("response.done", response={"id": reply_id, "status": status, **fields})

    def sound(self, reply_id: str, pcm: bytes = b"", item_id: str = "") -> list[cmd.Command]:
        data = base64.b64encode(pcm or tone(2_400)).decode()
        item_id = item_id or f"item_{reply_id}"
        return self.hear("response.output_audio.delta", response_id=reply_id, item_id=item_id, delta=data)

    def words(self, reply_id: str, text: str) -> list[cmd.Command]:
        return self.hear(
            "response.output_audio_transcript.delta", response_id=reply_id, item_id=f"item_{reply_id}", delta=text
        )

    def calls(self, reply_id: str, *call_ids: str, name: str = "weather", arguments: str = '{"city":"Oslo"}') -> None:
        """A reply that consists of calls."""
        self.created(reply_id)
        output = [
            {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments} for call_id in call_ids
        ]
        self.done(reply_id, output=output)

    def refuse(self, **error: Any) -> list[cmd.Command]:
        """The server is busy with another reply."""
        return self.hear(
            "error",
            error={
                "type": "invalid_request_error",
                "code": "conversation_already_has_active_response",
                "message": "Conversation already has an active response in progress.",
                **error,
            },
        )

    def speech(self, item_id: str = "u1") -> None:
        self.hear("input_audio_buffer.speech_started", item_id=item_id)

    def silence(self, item_id: str = "u1") -> None:
        self.hear("input_audio_buffer.speech_stopped", item_id=item_id)
        self.hear("input_audio_buffer.committed", item_id=item_id)

    # --- what came of it ----------------------------------------------------------------------------------------------

    def types(self) -> list[str]:
        """What was sent since the last time, without sound and heartbeats."""
        left_out = ("input_audio_buffer.append", "session.update")
        found = [message["type"] for message in self.sent if message["type"] not in left_out]
        self.sent.clear()
        return found

    def finish(self, call_id: str, result: str = '{"sky":"clear"}', is_error: bool = False) -> list[cmd.Command]:
        return self.tell(ev.ToolFinished(call_id=call_id, result_json=result, is_error=is_error))
