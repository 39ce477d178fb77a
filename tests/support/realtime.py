"""The golden messages of the Realtime wire, and short ways to let its codec hear and say them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from pyclient.codecs import SessionSettings
from pyclient.codecs.openai_realtime import OpenAIRealtimeCodec
from pyclient.core import events as ev
from pyclient.core.safejson import Limits

FILE = Path(__file__).parent.parent / "wire" / "openai_realtime.jsonl"
GOLDEN = {line["name"]: line for line in map(json.loads, FILE.read_text(encoding="utf-8").splitlines())}
CLIENT = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "client"}
SERVER = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "server"}

LIMITS = Limits()
RID, USER, AGENT, CALL = "resp_1", "item_u1", "item_a1", "item_f1"
PCM = b"\x00\x00\x01\x00\xff\x7f\xff\x80"
MS = 48  # bytes
WEATHER = {
    "name": "weather",
    "description": "Tell the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
    "execution_mode": "interactive",
    "timeout_ms": 30_000,
}
FULL = SessionSettings(
    voice="marin",
    system_prompt="Be brief.",
    greeting="Hello.",
    input={
        "transcription": {
            "model": "gpt-transcribe",
            "language": "en",
            "prompt": "Parley",
            "keywords": ["Parley"],
            "delay": "low",
        },
        "noise_reduction": {"type": "near_field"},
        "speed": 1.1,
        "tool_choice": "auto",
        "max_output_tokens": 1024,
        "output_modalities": None,
    },
    turn_detection={
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": None,
    },
    tools=(WEATHER,),
)
HELD = SessionSettings(voice="cedar", turn_style="push_to_talk", turn_detection={"threshold": 0.9})
SEMANTIC = SessionSettings(
    input={
        "transcription": None,
        "noise_reduction": None,
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "tool_choice": {"type": "function", "name": "weather"},
    },
    turn_detection={"type": "semantic_vad", "eagerness": "low"},
    tools=(WEATHER,),
)

Codec = OpenAIRealtimeCodec


def opened(settings: SessionSettings = FULL) -> Codec:
    codec = Codec()
    codec.opening(settings)
    return codec


def after_audio(milliseconds: int) -> Codec:
    """A codec that has received so much of one reply, all in one part."""
    codec = Codec()
    hear_audio(codec, bytes(milliseconds * MS))
    return codec


def held_for(milliseconds: int) -> Codec:
    codec = Codec()
    codec.talk_begin()
    codec.encode_audio(bytes(milliseconds * MS))
    return codec


def delta(text: str) -> ev.ReplyTranscribed:
    return ev.ReplyTranscribed(reply_id=RID, item_id=AGENT, text=text, delta=True)


PLACED = ev.TurnPlaced(turn_id=USER, after_id="", role="user")
STOPPED = ev.ReplyDone(reply_id=RID, interrupted=True)
SAID = ev.ReplyTranscribed(reply_id=RID, text="It is sunny.", delta=False)
COMPLETED = ev.ReplyDone(reply_id=RID, interrupted=False)
OSLO = ev.ToolCalled(call_id="call_1", name="weather", arguments={"city": "Oslo"}, reply_id=RID)


def fault(
    name: str, kind: str, *, code: str | None = None, retryable: bool = False, closes: bool = False
) -> ev.SessionFaulted:
    error = SERVER[name]["error"]
    return ev.SessionFaulted(
        kind=kind,
        code=code or error["code"],
        message=error["message"],
        param=error["param"],
        retryable=retryable,
        closes=closes,
    )


def failed(code: str, message: str, retryable: bool) -> list[ev.Event]:
    return [
        ev.SessionFaulted(kind="reply", code=code, message=message, retryable=retryable),
        ev.ReplyDone(reply_id=RID, interrupted=False, failed=True),
    ]


# What each server message means when it is the first thing heard, that is, before the session was ready.
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("unknown client event", "invalid_message", {"closes": True}),
    ("no type", "invalid_message", {"closes": True}),
    ("unknown_parameter", "invalid_setting", {"closes": True}),
    ("missing_required_parameter", "invalid_setting", {"closes": True}),
    ("session_expired", "expired", {"retryable": True, "closes": True}),
    ("insufficient_quota", "forbidden", {"closes": True}),
    ("rate_limit_exceeded", "capacity", {"retryable": True}),
    ("beta_api_shape_disabled", "invalid_message", {"closes": True}),
    ("invalid_api_key", "auth", {"retryable": True, "closes": True}),
    ("server_error", "server", {"code": "server_error", "retryable": True, "closes": True}),
    ("code in the place of the type", "expired", {"code": "session_expired", "retryable": True, "closes": True}),
    ("of a kind nobody knows", "unknown", {"closes": True}),
]

DECODED: dict[str, list[ev.Event]] = {
    "session.created": [ev.SessionConfigured(config=SERVER["session.created"]["session"])],
    "session.updated": [
        ev.SessionConfigured(config=SERVER["session.updated"]["session"]),
        ev.SessionReady(session_id="sess_1", expires_at=1756324625.0),
    ],
    "session.updated with null fields": [
        ev.SessionConfigured(config=SERVER["session.updated with null fields"]["session"]),
        ev.SessionReady(session_id=""),
    ],
    "conversation.created": [],
    "conversation.item.added user": [PLACED],
    "conversation.item.done user": [PLACED],
    "conversation.item.created user": [PLACED],
    "conversation.item.added typed": [],
    "conversation.item.added agent": [],
    "conversation.item.done agent": [],
    "conversation.item.added function_call": [],
    "conversation.item.done function_call": [],
    "conversation.item.retrieved": [],
    "conversation.item.deleted": [],
    "conversation.item.truncated": [],
    "transcription.delta": [ev.UserTranscribed(item_id=USER, text="What is the wea", final=False)],
    "transcription.completed": [ev.UserTranscribed(item_id=USER, text="What is the weather?", final=True)],
    "transcription.completed by duration": [ev.UserTranscribed(item_id=USER, text="", final=True)],
    "transcription.failed": [ev.UserTranscribed(item_id=USER, text="…", final=True)],
    "transcription.segment": [ev.UserTranscribed(item_id=USER, text="What is the weather?", final=False)],
    "input_audio_buffer.committed": [PLACED],
    "input_audio_buffer.committed behind another": [ev.TurnPlaced(turn_id=USER, after_id="item_a0", role="user")],
    "input_audio_buffer.cleared": [],
    "input_audio_buffer.speech_started": [ev.UserSpeechStarted(item_id=USER)],
    "input_audio_buffer.speech_stopped": [ev.UserSpeechStopped()],
    "input_audio_buffer.timeout_triggered": [],
    "response.created": [ev.ReplyStarted(reply_id=RID)],
    "response.done completed": [SAID, COMPLETED],
    "response.done with a function call": [OSLO, COMPLETED],
    "response.done turn_detected": [STOPPED],
    "response.done client_cancelled": [STOPPED],
    "response.cancelled": [STOPPED],
    "response.done incomplete by the user": [STOPPED],
    "response.done max_output_tokens": [
        SAID,
        *failed("max_output_tokens", "The reply reached the greatest length that is set.", True),
    ],
    "response.done content_filter": failed(
        "content_filter", "The reply was stopped by the service's content filter.", False
    ),
    "response.done failed": failed("rate_limit_exceeded", "Rate limit reached. Try again in 2s.", True),
    "response.done failed for want of quota": failed("insufficient_quota", "You exceeded your current quota.", False),
    "response.output_item.added": [],
    "response.output_item.done": [],
    "response.output_item.added function_call": [],
    "response.output_item.done function_call": [],
    "response.content_part.added": [],
    "response.content_part.done": [],
    "response.content_part.added text": [],
    "response.output_audio.delta": [ev.ReplyAudio(reply_id=RID, item_id=AGENT, pcm=PCM)],
    "response.output_audio.done": [],
    "response.output_audio_transcript.delta": [delta("It is")],
    "response.output_audio_transcript.done": [delta("It is sunny.")],
    "response.output_text.delta": [delta("It is")],
    "response.output_text.done": [delta("It is sunny.")],
    "response.function_call_arguments.delta": [],
    "response.function_call_arguments.done": [],
    "rate_limits.updated": [],
    "error already active": [ev.ReplyRefused()],
    **{
        f"error {name}": [ev.MessageIgnored(type=f"error {code}")]
        for name, code in [
            ("commit_empty", "input_audio_buffer_commit_empty"),
            ("cancel not active", "response_cancel_not_active"),
            ("cancel, told in words", "invalid_request_error"),
            ("truncated too late", "invalid_value"),
            ("audio_end_ms too large", "invalid_value"),
            ("unknown item", "item_retrieve_invalid_item_id"),
        ]
    },
    **{
        f"error {name}": [fault(f"error {name}", kind, **more)]
        for name, kind, more in FAULTS
    },
}  # fmt: skip


def hear(codec: Codec, *names: str, **changes: Any) -> list[ev.Event]:
    """Golden messages, one after the other, with some fields changed."""
    events: list[ev.Event] = []
    for name in names:
        events += codec.decode(json.dumps({**SERVER[name], **changes}), LIMITS)
    return events


def hear_audio(codec: Codec, pcm: bytes, **changes: Any) -> list[ev.Event]:
    return hear(codec, "response.output_audio.delta", delta=base64.b64encode(pcm).decode(), **changes)


def decode(codec: Codec, **fields: Any) -> list[ev.Event]:
    return codec.decode(json.dumps(fields), LIMITS)


def said(messages: Any) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]
