"""Reply queue: what is spoken next, and what becomes of it when the user speaks.

Replies wait in a queue; one is spoken at a time. Tools of the page are called from here, because a call is a reply too:
its preamble is spoken, and its result is spoken before anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.agent.calls import Call, Calls
from server.agent.events import Event, HungUp, IdKind, SpeechBegan, ToolCalled
from server.agent.playout import PREAMBLE_MS, Playout
from server.agent.scenarios import Scenario
from server.agent.skills import Reply, answer_tool, too_slow
from server.agent.tasks import Tasks
from server.agent.tools import ToolRequest

__all__ = ["MAX_PLANNED", "Answering", "Asked"]

# Nobody asks for more replies ahead; the rest is not spoken. Those asked for by name are bounded by whoever asks.
MAX_PLANNED = 100
# A preamble is held open this long for its result (protocol file section 9).
_HELD_PREAMBLE_S = 2.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A reply that the client asked for: it does not wait for the user to finish. `compose` finds the words.

    `voice` and `text_only` as in `Speaker.speak_into`.
    """

    reply_id: str
    compose: Callable[[], Awaitable[Reply]]
    voice: str = ""
    text_only: bool = False


@dataclass(slots=True)
class _Planned:
    """A reply waiting for its turn. `after_call` names the call whose result it speaks."""

    reply: Reply | None = None
    greeting: bool = False
    after_call: str = ""
    asked: Asked | None = None


class Answering:
    """The replies of one conversation. `user_busy` says whether the user is speaking, or not yet understood."""

    def __init__(
        self,
        *,
        playout: Playout,
        scenario: Scenario,
        calls: Calls,
        tasks: Tasks,
        make_id: Callable[[IdKind], str],
        tell: Callable[[Event], None],
        user_busy: Callable[[], bool],
    ) -> None:
        self._playout = playout
        self._scenario = scenario
        self._calls = calls
        self._tasks = tasks
        self._make_id = make_id
        self._tell = tell
        self._user_busy = user_busy
        self._queue: deque[_Planned] = deque()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._closed = False
        self.greeting_now = False

    # What is to be spoken --------------------------------------------------------------------------------------------

    def greet(self, greeting: str) -> None:
        self._enqueue(_Planned(reply=Reply(skill="greeting", sentences=(greeting,)), greeting=True))

    def plan(self, reply: Reply) -> None:
        """Speak this after what is planned, when the user has finished."""
        self._enqueue(_Planned(reply=reply))

    def ask(self, asked: Asked) -> None:
        """Speak this after what is planned, whatever the user is doing."""
        self._enqueue(_Planned(asked=asked))

    def withdraw(self, reply_id: str) -> bool:
        """Take back what was asked for and has not begun; False when there is no such reply."""
        before = len(self._queue)
        self._queue = deque(one for one in self._queue if one.asked is None or one.asked.reply_id != reply_id)
        return len(self._queue) < before

    def tool_result(self, call_id: str, result: str, *, is_error: bool) -> bool:
        """See `Conversation.tool_result`."""
        call = self._calls.answered(call_id)
        if call is None:
            return False
        self._enqueue(_Planned(reply=answer_tool(call.request, result, is_error=is_error), after_call=call_id))
        return True

    def _enqueue(self, planned: _Planned) -> None:
        if len(self._queue) >= MAX_PLANNED and planned.asked is None:
            return
        if planned.after_call:
            # What was asked first is answered first.
            self._queue.appendleft(planned)
        else:
            self._queue.append(planned)
        self.pump()

    def pump(self) -> None:
        """Start the next reply if nobody is speaking and nothing said is still being understood."""
        if self._closed or self._stopped or self._task is not None or not self._queue:
            return
        asked = self._queue[0].asked
        if asked is not None:
            # Told at once: whatever happens next, this reply has begun and will be told to its end.
            self._playout.open(asked.reply_id, self._make_id("item"))
        elif self._user_busy() or (self._calls.holding and not self._queue[0].after_call):
            return
        self._task = self._tasks.spawn(self._speak(self._queue.popleft()))

    # What ends it ----------------------------------------------------------------------------------------------------

    def interrupt(self, began: SpeechBegan | None) -> None:
        """The user speaks (or the client cancels): the open reply ends, what was planned after it is dropped."""
        reply_id = self._playout.active_reply_id
        self._stop_task()
        if self._playout.interrupt(began):
            # What the client asked for by name it gets nevertheless.
            self._queue = deque(planned for planned in self._queue if planned.asked is not None)
            self._calls.drop_of(reply_id)

    def stop(self) -> None:
        """Speak nothing from now on: the reply in flight is dropped, those that did not begin wait for `go_on`."""
        self._stopped = True
        self._stop_task()
        self._playout.forget()

    def go_on(self) -> None:
        self._stopped = False
        self.pump()

    def close(self) -> None:
        """Speak nothing any more, also not after `go_on`."""
        self._closed = True

    def _stop_task(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    # Speaking --------------------------------------------------------------------------------------------------------

    async def _speak(self, planned: _Planned) -> None:
        try:
            self.greeting_now = planned.greeting
            if planned.asked is not None:
                reply = await self._speak_asked(planned.asked)
            else:
                assert planned.reply is not None
                reply = planned.reply
                await self._speak_planned(planned, reply)
            if reply.ends and self._scenario.hang_up_after_goodbye:
                await asyncio.sleep(self._playout.audible_for())
                self._tell(HungUp())
        finally:
            if self._task is asyncio.current_task():
                self._task = None
                self.pump()

    async def _speak_planned(self, planned: _Planned, reply: Reply) -> None:
        if reply.tool is not None:
            await self._call_tool(reply, reply.tool)
            return
        self._playout.open(self._reply_id(planned), self._make_id("item"))
        await self._think()
        await self._playout.speak_into(reply.sentences, bare_words=planned.greeting)
        self._playout.complete()

    async def _speak_asked(self, asked: Asked) -> Reply:
        reply = await asked.compose()
        await self._think()
        if reply.tool is None or self._scenario.preamble == "spoken":
            await self._playout.speak_into(reply.sentences, voice=asked.voice, text_only=asked.text_only)
        if reply.tool is not None:
            self._tell(
                ToolCalled(
                    call_id=self._make_id("call"),
                    name=reply.tool.tool.name,
                    arguments=reply.tool.arguments,
                    reply_id=asked.reply_id,
                    skill=reply.tool.skill,
                )
            )
        self._playout.complete()
        return reply

    async def _think(self) -> None:
        if self._scenario.reply_delay_ms:
            await asyncio.sleep(self._scenario.reply_delay_ms / 1000)

    def _reply_id(self, planned: _Planned) -> str:
        if planned.after_call and self._scenario.tool_reply_prefix:
            return f"fc-{planned.after_call}"
        return self._make_id("reply")

    async def _call_tool(self, reply: Reply, request: ToolRequest) -> None:
        call_id = self._make_id("call")
        loop = asyncio.get_running_loop()
        timer = loop.call_later(request.tool.timeout_ms / 1000, self._give_up, call_id)
        call = Call(request=request, timer=timer)
        told = ToolCalled(call_id=call_id, name=request.tool.name, arguments=request.arguments)
        if request.tool.hold:
            self._calls.wait_for(call_id, call)
            self._tell(told)
            return
        call.reply_id = self._make_id("reply")
        self._playout.open(call.reply_id, self._make_id("item"))
        try:
            if self._scenario.preamble == "spoken":
                await self._playout.speak_into(reply.sentences)
            else:
                await self._playout.silence(PREAMBLE_MS)
        except asyncio.CancelledError:
            timer.cancel()
            raise
        self._calls.wait_for(call_id, call)
        self._tell(told)
        if self._scenario.preamble == "held_open":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(call.came.wait(), _HELD_PREAMBLE_S)
        self._playout.complete()

    def _give_up(self, call_id: str) -> None:
        call = self._calls.given_up(call_id)
        if call is not None:
            self._enqueue(_Planned(reply=too_slow(call.request), after_call=call_id))
