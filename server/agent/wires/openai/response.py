"""One response of the OpenAI Realtime protocol: what was asked for, and the events that tell it from beginning to end.

Pure: every method gives the events to send, in the order of the protocol file's section 8.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from server.agent.events import ToolCalled
from server.agent.skills import Reply
from server.agent.tools import ToolSpec
from server.agent.wires.openai.config import Config
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.items import Item, Items, assistant_item, call_item, checked_item
from server.agent.wires.openai.values import (
    check_choice,
    check_modalities,
    check_tokens,
    check_tools,
    tool_specs,
    voice_of,
)

__all__ = ["Events", "ResponseRequest", "Story", "shortened"]

Events = list[tuple[str, dict[str, Any]]]
Reason = Literal["turn_detected", "client_cancelled"]

_KEYS = frozenset(
    {
        *("audio", "conversation", "input", "instructions", "max_output_tokens", "metadata", "output_modalities"),
        *("parallel_tool_calls", "prompt", "reasoning", "tool_choice", "tools"),
    }
)
# Section 3.
_MAX_METADATA = 16
# A token is 100 ms of the user's sound, 50 ms of the agent's, or about three quarters of a word.
_MS_PER_TOKEN = 50
_TOKENS_PER_WORD = 4 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """What response.create asked for, with the session's values where it was silent.

    `context` replaces the conversation's items where it is given; `in_band`: the response joins the conversation.
    """

    instructions: str | None
    in_band: bool
    context: tuple[Item, ...] | None
    text_only: bool
    max_tokens: int | Literal["inf"]
    voice: Any
    format: Mapping[str, Any]
    metadata: Mapping[str, str] | None
    tools: tuple[ToolSpec, ...]

    @classmethod
    def read(cls, given: Any, config: Config, items: Items) -> ResponseRequest:
        """`given` is response.create's `response` (or None). Raises Refused."""
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise Refused("invalid_value", "Invalid value for 'response': expected an object.", "response")
        for key in given:
            if key not in _KEYS:
                where = f"response.{key[:100]}"
                raise Refused("unknown_parameter", f"Unknown parameter: '{where}'.", where)

        def value(key: str) -> Any:
            return config.value(key) if given.get(key) is None else given[key]

        tools = check_tools(value("tools"), "response.tools")
        choice = check_choice(value("tool_choice"), "response.tool_choice")
        instructions = given.get("instructions")
        if not isinstance(instructions, str | None):
            raise Refused("invalid_value", "Invalid value for 'response.instructions'.", "response.instructions")
        return cls(
            instructions=instructions,
            in_band=given.get("conversation") != "none",
            context=_context(given.get("input"), items),
            text_only=check_modalities(value("output_modalities"), "response.output_modalities") == ["text"],
            max_tokens=check_tokens(value("max_output_tokens"), "response.max_output_tokens"),
            voice=_voice(given.get("audio"), config),
            format=config.output["format"],
            metadata=_metadata(given.get("metadata")),
            tools=tool_specs(tools, choice),
        )


def _context(given: Any, items: Items) -> tuple[Item, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or len(given) > 1000:
        raise Refused("invalid_value", "Invalid value for 'response.input': expected a list.", "response.input")
    found: list[Item] = []
    for number, one in enumerate(given):
        path = f"response.input[{number}]"
        if isinstance(one, dict) and one.get("type") == "item_reference":
            item = items.find(one.get("id"))
            if item is None:
                raise Refused("invalid_value", f"Invalid value for '{path}.id': no such item.", f"{path}.id")
            found.append(item)
        else:
            found.append(checked_item(one, f"item_input_{number}", path))
    return tuple(found)


def _voice(audio: Any, config: Config) -> Any:
    output = audio.get("output") if isinstance(audio, dict) else None
    voice = output.get("voice") if isinstance(output, dict) else None
    return config.output["voice"] if voice is None else voice_of(voice, "response.audio.output.voice")


def _metadata(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    fine = (
        isinstance(given, dict)
        and len(given) <= _MAX_METADATA
        and all(len(key) <= 64 and isinstance(value, str) and len(value) <= 512 for key, value in given.items())
    )
    if not fine:
        message = "Invalid value for 'response.metadata': expected at most 16 pairs of short strings."
        raise Refused("invalid_value", message, "response.metadata")
    return dict(given)


def shortened(reply: Reply, max_tokens: int | Literal["inf"]) -> Reply | None:
    """The reply cut to so many tokens; None when it is short enough."""
    words = [word for sentence in reply.sentences for word in sentence.split()]
    if max_tokens == "inf" or len(words) * _TOKENS_PER_WORD <= max_tokens:
        return None
    kept = words[: int(max_tokens / _TOKENS_PER_WORD)]
    return Reply(skill=reply.skill, sentences=(" ".join(kept),) if kept else ())


class Story:
    """One response from created to done. `items` is the conversation it joins, None for one outside of it."""

    def __init__(
        self, response_id: str, request: ResponseRequest, items: Items | None, conversation_id: str, input_tokens: int
    ) -> None:
        self.response_id = response_id
        self.request = request
        self.done = False
        self.incomplete = False
        self.failure = ""
        self._items = items
        self._conversation_id = conversation_id if items is not None else None
        self._input_tokens = input_tokens
        self._message: Item | None = None
        self._message_open = False
        self._text = ""
        self._whole = ""
        self._output: list[Item] = []

    @property
    def item_id(self) -> str:
        """The message that is or was being spoken."""
        return self._message.item_id if self._message else ""

    def begun(self) -> Events:
        return [("response.created", {"response": self._shown("in_progress")})]

    def word(self, item_id: str, text: str) -> Events:
        if self._message is not None and self._message.cut:
            return []
        events = self._open_message(item_id)
        self._text += text
        kind = "response.output_text.delta" if self.request.text_only else "response.output_audio_transcript.delta"
        return [*events, (kind, {**self._ids(), "delta": text})]

    def sound(self, item_id: str, encoded: str, duration_ms: float) -> Events:
        """Sound of the message; after the end it still goes out, as sound does that was on its way."""
        events = [] if self.done else self._open_message(item_id)
        if self._message is None or self._message.cut:
            return []
        self._message.audio_ms += duration_ms
        return [*events, ("response.output_audio.delta", {**self._ids(), "delta": encoded})]

    def whole_text(self, item_id: str, text: str) -> Events:
        """All that the message says, told at its end; of no use for one that a call has already ended."""
        if self._message is not None and not self._message_open:
            return []
        self._whole = text
        return self._open_message(item_id)

    def called(self, item_id: str, call: ToolCalled) -> Events:
        events = self._close_message("completed")
        item = call_item(item_id, call.call_id, call.name)
        item.skill, item.arguments = call.skill, call.arguments
        events += self._add(item)
        arguments = json.dumps(dict(call.arguments))
        item.shown |= {"arguments": arguments, "status": "completed"}
        item.known.set()
        ids = {"response_id": self.response_id, "item_id": item_id, "output_index": len(self._output) - 1}
        ids["call_id"] = call.call_id
        events.append(("response.function_call_arguments.delta", {**ids, "delta": arguments}))
        done = {**ids, "name": call.name, "arguments": arguments}
        events.append(("response.function_call_arguments.done", done))
        return events + self._finish(item)

    def ended(self, reason: Reason | None) -> Events:
        """`reason` why it was cancelled, None when it was not."""
        status = (
            "cancelled" if reason else "failed" if self.failure else "incomplete" if self.incomplete else "completed"
        )
        events = self._close_message("completed" if status == "completed" else "incomplete")
        self.done = True
        details: dict[str, Any] | None = None
        if reason:
            details = {"type": "cancelled", "reason": reason}
        elif self.failure:
            message = (
                "You exceeded your current quota." if self.failure == "insufficient_quota" else "Rate limit reached."
            )
            details = {"type": "failed", "error": {"type": self.failure, "code": self.failure, "message": message}}
        elif self.incomplete:
            details = {"type": "incomplete", "reason": "max_output_tokens"}
        return [*events, ("response.done", {"response": self._shown(status, details, usage=self._usage())})]

    # Parts -----------------------------------------------------------------------------------------------------------

    def _ids(self) -> dict[str, Any]:
        assert self._message is not None
        index = self._output.index(self._message)
        ids = {"response_id": self.response_id, "item_id": self._message.item_id}
        return {**ids, "output_index": index, "content_index": 0}

    def _open_message(self, item_id: str) -> Events:
        if self._message_open:
            return []
        self._message, self._message_open = assistant_item(item_id), True
        self._text = ""
        events = self._add(self._message)
        return [*events, ("response.content_part.added", {**self._ids(), "part": self._part("")})]

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "text", "text": text} if self.request.text_only else {"type": "audio", "transcript": text}

    def _close_message(self, status: str) -> Events:
        message = self._message
        if message is None or not self._message_open:
            return []
        self._message_open = False
        text = self._whole if status == "completed" and self._whole else self._text
        self._whole = ""
        ids = self._ids()
        if self.request.text_only:
            events: Events = [("response.output_text.done", {**ids, "text": text})]
            content = {"type": "output_text", "text": text}
        else:
            events = [
                ("response.output_audio.done", dict(ids)),
                ("response.output_audio_transcript.done", {**ids, "transcript": text}),
            ]
            content = {"type": "output_audio", "transcript": text}
        events.append(("response.content_part.done", {**ids, "part": self._part(text)}))
        message.shown["status"] = status
        if not message.cut:
            message.text = text
            message.shown["content"] = [content]
        message.known.set()
        return events + self._finish(message)

    def _add(self, item: Item) -> Events:
        self._output.append(item)
        head = {"response_id": self.response_id, "output_index": len(self._output) - 1}
        events: Events = [("response.output_item.added", {**head, "item": item.copy_shown()})]
        if self._items is not None:
            self._items.append(item)
            shown = {"previous_item_id": self._items.previous(item), "item": item.copy_shown()}
            events.append(("conversation.item.added", shown))
        return events

    def _finish(self, item: Item) -> Events:
        head = {"response_id": self.response_id, "output_index": self._output.index(item)}
        events: Events = [("response.output_item.done", {**head, "item": item.copy_shown()})]
        if self._items is not None:
            shown = {"previous_item_id": self._items.previous(item), "item": item.copy_shown()}
            events.append(("conversation.item.done", shown))
        return events

    def _shown(
        self, status: str, details: Mapping[str, Any] | None = None, *, usage: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        request = self.request
        return {
            "object": "realtime.response",
            "id": self.response_id,
            "status": status,
            "status_details": details,
            "output": [] if status == "in_progress" else [item.copy_shown() for item in self._output],
            "conversation_id": self._conversation_id,
            "output_modalities": ["text"] if request.text_only else ["audio"],
            "max_output_tokens": request.max_tokens,
            "audio": {"output": {"format": dict(request.format), "voice": request.voice}},
            "usage": usage,
            "metadata": request.metadata,
        }

    def _usage(self) -> dict[str, Any]:
        words = sum(len(item.text.split()) for item in self._output)
        text = round(words * _TOKENS_PER_WORD)
        audio = round(sum(item.audio_ms for item in self._output) / _MS_PER_TOKEN)
        asked = self._input_tokens
        cached = {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0}
        return {
            "total_tokens": asked + text + audio,
            "input_tokens": asked,
            "output_tokens": text + audio,
            "input_token_details": {
                "text_tokens": asked,
                "audio_tokens": 0,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": cached,
            },
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }
