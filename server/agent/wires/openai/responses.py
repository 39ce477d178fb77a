"""Which responses are there, and how does the client follow each from `response.created` to `response.done`?

A response is begun by the client, or by `turns` when the user has finished. What it says comes from `respond`.
"""

from __future__ import annotations

import base64
from datetime import datetime

from server.agent.answering import MAX_PLANNED, Asked
from server.agent.events import ReplyAudio, ReplyDone, ReplyStarted, ReplyText, ReplyWord, ToolCalled
from server.agent.records import Record
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.skills import Facts, Reply
from server.agent.wires.audio import encode_audio
from server.agent.wires.openai.config import Config
from server.agent.wires.openai.errors import Refused
from server.agent.wires.openai.ids import make_id
from server.agent.wires.openai.items import Items
from server.agent.wires.openai.outbound import Outbound
from server.agent.wires.openai.respond import compose
from server.agent.wires.openai.response import Reason, ResponseRequest, Story, shortened
from server.agent.wires.openai.values import speaking_voice
from server.agent.wires.timers import Timers

__all__ = ["ReplyHappening", "Responses"]

ReplyHappening = ReplyStarted | ReplyWord | ReplyAudio | ReplyText | ReplyDone

_RATE_LIMITS = [
    {"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 60.0},
    {"name": "tokens", "limit": 200_000, "remaining": 199_000, "reset_seconds": 60.0},
]


class Responses:
    """The responses of one socket. A new one stops the timer `idle`."""

    def __init__(
        self,
        *,
        items: Items,
        conversation_id: str,
        config: Config,
        scenario: Scenario,
        talk: Conversation,
        outbound: Outbound,
        record: Record,
        timers: Timers,
    ) -> None:
        self._items = items
        self._conversation_id = conversation_id
        self._config = config
        self._scenario = scenario
        self._talk = talk
        self._outbound = outbound
        self._record = record
        self._timers = timers
        self._stories: dict[str, Story] = {}
        # The item that the reply in progress would speak in, as the conversation named it.
        self._spoken_item: dict[str, str] = {}
        self._half_sample = b""
        self._cancelling: Reason = "turn_detected"
        self.has_spoken = False

    @property
    def busy(self) -> bool:
        """A response of the conversation is in progress."""
        return self._active() is not None

    def _active(self) -> Story | None:
        return next((one for one in self._stories.values() if one.request.in_band and not one.done), None)

    def begin(self, request: ResponseRequest) -> None:
        """Raises Refused while another one is in progress."""
        active = self._active()
        if request.in_band and active is not None:
            message = (
                f"Conversation already has an active response in progress: {active.response_id}. "
                "Wait until the response is finished before creating a new one."
            )
            raise Refused("conversation_already_has_active_response", message)
        if sum(not one.done for one in self._stories.values()) >= MAX_PLANNED:
            raise Refused("rate_limit_exceeded", f"More than {MAX_PLANNED} responses are in progress.")
        self._timers.stop("idle")
        # Of the finished ones the last is kept: its sound may still be on the way.
        for response_id in [key for key, one in self._stories.items() if one.done]:
            del self._stories[response_id]
        response_id = make_id("reply")
        context = self._items.all() if request.context is None else request.context
        tokens = sum(len(item.text.split()) for item in context) + 20
        items = self._items if request.in_band else None
        story = Story(response_id, request, items, self._conversation_id, tokens)
        self._stories[response_id] = story

        async def words() -> Reply:
            turns = sum(item.role == "user" for item in self._items.all())
            facts = Facts(now=datetime.now().astimezone(), tools=request.tools, turn=max(0, turns - 1))
            if self._scenario.reply_fails:
                story.failure = self._scenario.reply_fails
                return Reply(skill="none", sentences=())
            reply = await compose(context, request.instructions, facts)
            cut = shortened(reply, request.max_tokens) if reply.tool is None else None
            story.incomplete = cut is not None
            return cut or reply

        voice = speaking_voice(request.voice)
        self._talk.ask(Asked(reply_id=response_id, compose=words, voice=voice, text_only=request.text_only))

    def cancel(self, response_id: str | None) -> None:
        """This response, or the active one. Raises Refused where there is nothing to cancel."""
        story = self._stories.get(response_id) if response_id else None
        if response_id is None:
            story = self._active()
        if story is None or story.done:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        self._cancelling = "client_cancelled"
        if self._talk.withdraw(story.response_id):
            self._outbound.send(story.begun() + story.ended("client_cancelled"))
        else:
            self._talk.cancel_reply(story.response_id)
        self._cancelling = "turn_detected"

    def end_of(self, item_id: str) -> None:
        """This item was cut: a response that is still making it ends here, and what of it
        has not left is taken back.
        """
        story = next((one for one in self._stories.values() if one.item_id == item_id), None)
        if story is None:
            return
        for kind in ("response.output_audio.delta", "response.output_audio_transcript.delta"):
            self._outbound.outbox.drop_unsent(kind)
        if not story.done:
            self._cancelling = "client_cancelled"
            self._talk.cancel_reply(story.response_id)
            self._cancelling = "turn_detected"

    def called(self, event: ToolCalled) -> None:
        self._outbound.send(self._stories[event.reply_id].called(make_id("item"), event))

    def tell(self, event: ReplyHappening) -> bool:
        """Tell one step of a response; False when it is one that nobody knows any more."""
        story = self._stories.get(event.reply_id)
        if story is None:
            return False
        match event:
            case ReplyStarted(item_id=item_id):
                self._spoken_item = {story.response_id: item_id}
                self._half_sample = b""
                self._outbound.send(story.begun())
            case ReplyWord(item_id=item_id, text=text):
                self._outbound.send(story.word(item_id, text))
            case ReplyAudio():
                self._sound(story, event)
            case ReplyText(item_id=item_id, text=text, interrupted=interrupted):
                self._record.says(text)
                if not interrupted:
                    self._outbound.send(story.whole_text(item_id, text))
            case ReplyDone(status=status):
                if status == "interrupted":
                    self._outbound.outbox.drop_unsent("response.output_audio.delta")
                self._outbound.send(story.ended(self._cancelling if status == "interrupted" else None))
                self._outbound.put("rate_limits.updated", {"rate_limits": _RATE_LIMITS})
        return True

    def _sound(self, story: Story, event: ReplyAudio) -> None:
        self.has_spoken = True
        form = story.request.format["type"]
        duration_ms = len(event.samples) / (24 if form == "audio/pcm" else 8)
        encoded = encode_audio(event.samples, form)
        if self._scenario.odd_bytes and form == "audio/pcm":
            encoded = self._cut_oddly(encoded)
        item_id = self._spoken_item.get(story.response_id, "")
        self._outbound.send(story.sound(item_id, encoded, duration_ms), units=max(1, round(duration_ms / 10)))

    def _cut_oddly(self, encoded: str) -> str:
        """The same sound, but each piece ends in the middle of a sample: section 4 specifies no chunk size."""
        data = self._half_sample + base64.b64decode(encoded)
        end = (len(data) - 1) | 1
        self._half_sample = data[end:]
        return base64.b64encode(data[:end]).decode("ascii")
