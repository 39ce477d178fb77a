"""A vendor that does not exist, with whatever features a test wants: every wish becomes a
message that is easy to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pyclient import codecs
from pyclient.codecs import BaseCodec, CloseReason, Features, Message, SessionSettings, SettingsUpdate
from pyclient.core.events import Event, TokenGranted
from pyclient.core.safejson import Limits
from pyclient.tools import ToolRegistry
from tests.support.playbook import FakeHost


def say(type: str, **fields: Any) -> list[Message]:
    return [json.dumps({"type": type, **fields})]


class FakeWire(BaseCodec):
    """See `BaseCodec`. It decodes nothing: tests tell the session normal events."""

    name = "assemblyai"  # the name that the configuration knows
    wire_rate_hz = 24_000

    def __init__(self, *, probes: bool = False, **features: Any) -> None:
        self.features = Features(**{"reply_cancel": True, **features})
        self._probes = probes

    def check(self, settings: SessionSettings) -> None:
        pass

    def connect(self, grant: TokenGranted) -> tuple[str, tuple[str, ...]]:
        return grant.ws_url, (grant.token,)

    def opening(self, settings: SessionSettings) -> list[Message]:
        return say("opening", greeting=settings.greeting, style=settings.turn_style, prompt=settings.system_prompt)

    def resume(self, session_id: str) -> list[Message]:
        return say("resume", id=session_id)

    def decode(self, data: Message, limits: Limits) -> list[Event]:
        return []

    def encode_audio(self, pcm: bytes) -> Message:
        return say("audio", samples=len(pcm) // 2, first=int.from_bytes(pcm[:2], "little"))[0]

    def tool_result(self, call_id: str, result_json: str, is_error: bool) -> list[Message]:
        return say("tool result", id=call_id)

    def update(self, **wanted: Any) -> SettingsUpdate:
        return SettingsUpdate(messages=tuple(say("update", **wanted)), applied=tuple(wanted))

    def reply_create(self, instructions: str) -> list[Message]:
        return say("create")

    def reply_cancel(self, reply_id: str) -> list[Message]:
        return say("cancel", id=reply_id)

    def reply_heard(self, reply_id: str, heard_ms: int) -> list[Message]:
        return say("heard", id=reply_id, ms=heard_ms)

    def tool_results_sent(self, reply_id: str) -> list[Message]:
        return say("results sent", id=reply_id)

    def talk_begin(self) -> list[Message]:
        return say("talk begin")

    def talk_end(self) -> list[Message]:
        return say("talk end")

    def history(self, turns: Sequence[tuple[str, str]]) -> list[Message]:
        return say("history", turns=list(turns))

    def probe(self) -> list[Message]:
        return say("probe") if self._probes else []

    def user_text(self, text: str) -> list[Message]:
        return say("text", text=text)

    def answer_text(self, text: str) -> list[Message]:
        return say("answer text", text=text)

    def end(self) -> list[Message]:
        return say("end")

    def close_reason(self, code: int, reason: str, was_ready: bool) -> CloseReason:
        kinds: Mapping[int, tuple[str, bool]] = {
            1000: ("ended", True),
            1006: ("network", True),
            4001: ("policy", False),
            4003: ("auth", True),
            4500: ("server", True),
        }
        kind, retryable = kinds.get(code, ("unknown", True))
        return CloseReason(name="unknown", detail=f"closed {code}", kind=kind, retryable=retryable)


class WireHost(FakeHost):
    """A host whose vendor is a `FakeWire`."""

    def brief(self) -> list[str]:
        """What was sent so far, a word and an id or number each; then forgets it."""
        told = [
            " ".join(str(message[key]) for key in ("type", "id", "ms", "text") if key in message)
            for message in self.sent
        ]
        self.sent.clear()
        return told


def wire_host(
    monkeypatch: pytest.MonkeyPatch,
    config: Mapping[str, Any] | None = None,
    tools: ToolRegistry | None = None,
    **features: Any,
) -> WireHost:
    """A live call with a vendor of these features; nothing that was sent so far is remembered."""
    monkeypatch.setattr(codecs, "_CODECS", {"assemblyai": lambda: FakeWire(**features)})
    host = WireHost(tools, **(config or {}))
    host.open_wire("sess_1")
    assert host.session.state.value == "live"
    host.sent.clear()
    return host
