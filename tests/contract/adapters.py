"""The three wires as the scenarios see them: a name, and how to read from messages what has no common word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """`missing_field`, `wrong_type` and `bad_base64` are messages of this vendor's with that fault (""
    where there is none).
    """

    name: str
    title: str
    rate_hz: int
    missing_field: str
    wrong_type: str
    bad_base64: str = ""
    goodbye: str = ""  # type of the message that ends a session
    cancel: str = ""  # type of the message that stops a reply
    truncate: tuple[str, str] = ("", "")  # type of the message that tells what was heard, and its key for the ms

    def told(self, sent: list[str | bytes], kind: str) -> list[dict[str, Any]]:
        """Those of the messages sent that are of this type."""
        texts = [json.loads(data) for data in sent if isinstance(data, str)]
        return [message for message in texts if kind and message.get("type") == kind]

    def reported_heard_ms(self, sent: list[str | bytes]) -> list[int]:
        kind, key = self.truncate
        return [int(message[key]) for message in self.told(sent, kind)]


ADAPTERS: Mapping[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            name="assemblyai",
            title="AssemblyAI",
            rate_hz=24_000,
            missing_field='{"type":"transcript.user"}',
            wrong_type='{"type":"reply.audio","reply_id":7,"data":{}}',
            bad_base64='{"type":"reply.audio","reply_id":"r","data":"%%%"}',
            goodbye="session.end",
        ),
        Adapter(
            name="openai_realtime",
            title="OpenAI Realtime",
            rate_hz=24_000,
            missing_field='{"type":"response.output_audio.delta","event_id":"event_x"}',
            wrong_type='{"type":"response.output_audio.delta","event_id":"event_x","delta":["AAAA"]}',
            bad_base64='{"type":"response.output_audio.delta","event_id":"event_x","delta":"%%%"}',
            cancel="response.cancel",
            truncate=("conversation.item.truncate", "audio_end_ms"),
        ),
        Adapter(
            name="sdk_voice",
            title="SDK voice",
            rate_hz=16_000,
            missing_field='{"code":"X"}',
            wrong_type='{"type":[7]}',
        ),
    )
}
