"""Tool calls: which tools run, for which reply, and what becomes of their results.

A call is answered exactly once or, when its reply was interrupted, not at all (policy `drop`). An agent that calls tools again
and again while the person says nothing is stopped after `max_tool_rounds` replies. Calls are tagged with the
reply that made them, so that a result that comes after the interruption is known to be stale. Checking a call (is there
such a tool, do the arguments fit) happens here; running it is the host's.

When the last result of a reply that is no longer being made has gone out, that is told once: some vendors must be asked
for the answer. While the line is down tools run on; their results wait, and go out if the same session comes back. A new
session knows nothing of them: they are cancelled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from pyclient.command_queue import CommandQueue
from pyclient.commands import CancelTool, RunTool
from pyclient.config import ClientConfig
from pyclient.errors import ToolError
from pyclient.events import ToolCalled, ToolFinished
from pyclient.graphemes import clip
from pyclient.result_gate import WATCHDOG_MS, Latest, ResultGate
from pyclient.tools import MAX_RESULT_CHARS, ToolRegistry, error_json
from pyclient.transcript import Transcript
from pyclient.view import Stats

WATCHDOG_TIMER = "tool_watchdog"

# Over all replies. A server that asks for more than this at once is broken; it gets no answer to the surplus.
MAX_OPEN_CALLS = 64
MAX_REMEMBERED_CALLS = 1_024
MAX_SHOWN_CHARS = 160
# A server that answers results unasked goes on all the same when its calls fail; after so many more rounds the call is ended.
MORE_ROUNDS = 4

SendResult = Callable[[str, str, bool], None]
ResultsSent = Callable[[str], None]


@dataclass(slots=True)
class ToolCall:
    """One call on its way. `result` is (JSON text, is_error) once there is one."""

    id: str
    reply_id: str
    hold_mode: bool
    shown: str
    result: tuple[str, bool] | None = None


class ToolCalls:
    """The tool calls of one session.

    `send(call_id, result_json, is_error)` puts a result on the wire; `results_sent(reply_id)` says that it was the last.
    `answers_results`: the server answers results unasked, and one that comes at the wrong moment is answered then.
    """

    def __init__(
        self,
        *,
        registry: ToolRegistry,
        config: ClientConfig,
        transcript: Transcript,
        out: CommandQueue,
        stats: Stats,
        send: SendResult,
        results_sent: ResultsSent,
        answers_results: bool = True,
    ) -> None:
        self._registry = registry
        self._config = config
        self._transcript = transcript
        self._out = out
        self._stats = stats
        self._send = send
        self._results_sent = results_sent
        self._making: str | None = None  # the reply that the server is making: more calls of it may come
        self._answered: dict[str, None] = {}  # replies of which results went out, but perhaps not the last
        self._line_up = True
        self._gate = ResultGate(config.tool_result_policy)
        self._answers_results = answers_results
        self._rounds = 0  # replies with calls since the person last said something
        self._round_of = ""
        self._calls: dict[str, ToolCall] = {}
        self._seen: dict[str, None] = {}
        self._in_this_reply = 0

    @property
    def busy(self) -> bool:
        """Does the agent wait for us?"""
        return bool(self._calls)

    @property
    def circling(self) -> bool:
        """Did the agent call tools in more replies in a row than is allowed?"""
        return self._rounds > self._config.max_tool_rounds

    @property
    def hopeless(self) -> bool:
        """And does it go on although all its calls fail?"""
        return self._answers_results and self._rounds > self._config.max_tool_rounds + MORE_ROUNDS

    def person_acted(self) -> None:
        """The person said or typed something: whatever the agent does next, they asked for it."""
        self._rounds = 0
        self._round_of = ""

    def called(self, event: ToolCalled, reply_id: str, now_ms: float) -> None:
        if event.call_id in self._seen:
            self._out.log("!", f"tool call {event.call_id[:60]} came twice")
            return
        self._seen[event.call_id] = None
        if len(self._seen) > MAX_REMEMBERED_CALLS:
            del self._seen[next(iter(self._seen))]
        self._stats.tool_calls += 1
        shown = _shown(event)
        if event.informational:
            self._transcript.tool_called(event.call_id, shown)
            self._transcript.tool_settled(event.call_id, shown)
            return
        self._in_this_reply += 1
        if reply_id != self._round_of or self._in_this_reply > self._config.max_tool_calls_per_reply:
            self._rounds += 1
            self._round_of = reply_id
        self._transcript.tool_called(event.call_id, shown)
        if len(self._calls) >= MAX_OPEN_CALLS:
            # Answered at once, whatever the moment: it must not grow, and no call may stay unanswered.
            self._transcript.tool_settled(event.call_id, shown + " failed")
            self._send(event.call_id, error_json(f"At most {MAX_OPEN_CALLS} tool calls can be open"), True)
            return
        try:
            if self.circling:
                raise ToolError(
                    f"You called tools in {self._config.max_tool_rounds} replies in a row. Stop, and ask the person."
                )
            if self._in_this_reply > self._config.max_tool_calls_per_reply:
                raise ToolError(f"At most {self._config.max_tool_calls_per_reply} tool calls in one reply are answered")
            made = self._registry.lookup(event.name)
            made.bind(event.arguments)
        except ToolError as error:
            self._calls[event.call_id] = ToolCall(id=event.call_id, reply_id=reply_id, hold_mode=False, shown=shown)
            self._settle(event.call_id, error_json(str(error)), True, now_ms)
            return
        self._calls[event.call_id] = ToolCall(
            id=event.call_id, reply_id=reply_id, hold_mode=made.execution_mode == "hold", shown=shown
        )
        self._out.add(
            RunTool(
                call_id=event.call_id,
                name=event.name,
                arguments=event.arguments,
                timeout_ms=self._registry.timeout_ms(event.name, self._config.tool_timeout_ms),
            )
        )

    def finished(self, event: ToolFinished, now_ms: float) -> bool:
        """A tool returned. True when something was sent, so that an answer can be expected."""
        call = self._calls.get(event.call_id)
        if call is None or call.result is not None:
            return False  # cancelled with its reply, of an older session, or said twice
        result, is_error = event.result_json, event.is_error
        if len(result) > MAX_RESULT_CHARS:
            result, is_error = error_json("The tool's result is too long"), True
        return self._settle(event.call_id, result, is_error, now_ms)

    def reply_started(self, reply_id: str) -> None:
        self._gate.latest = Latest.REPLY_STARTED
        self._making = reply_id
        self._in_this_reply = 0

    def speech_started(self) -> None:
        self._gate.latest = Latest.SPEECH_STARTED
        self._gate.user_speaking = True
        self._in_this_reply = 0
        self.person_acted()

    def speech_stopped(self, now_ms: float) -> bool:
        """True when results were sent.

        Where the server waits to be asked, the reply to what was just said should already know them. Elsewhere each would be
        answered for itself, so they wait for the end of that reply.
        """
        self._gate.user_speaking = False
        if self._making is None:
            self._gate.latest = Latest.SPEECH_STARTED if self._answers_results else Latest.REPLY_DONE
        return self._release(now_ms)

    def reply_done(self, reply_id: str, interrupted: bool, now_ms: float) -> bool:
        """True when results were sent."""
        self._gate.latest = Latest.REPLY_DONE
        if self._making == reply_id:
            self._making = None
        if not interrupted:
            return self._release(now_ms)
        if self._config.interrupted_tool_policy == "drop":
            self._answered.pop(reply_id, None)
            for call in [call for call in self._calls.values() if call.reply_id == reply_id]:
                self._drop(call)
        # What is left belongs to other replies. The person is talking: the next quiet moment will do.
        self._watch(now_ms)
        return False

    def overdue(self, now_ms: float, stale: bool = False) -> bool:
        """The watchdog fired. True when results were sent. `stale`: the person has long stopped, and the server did not say so."""
        if stale:
            self._gate.user_speaking = False
        return self._release(now_ms, overdue=self._gate.opens_when_overdue())

    def line_lost(self) -> None:
        """Nothing can be sent. What the server was making, it makes no longer."""
        self._line_up = False
        self._making = None
        self._gate.latest = Latest.REPLY_DONE
        self._gate.user_speaking = False
        self._watch(0)

    def line_back(self, now_ms: float) -> None:
        """The same session goes on: what finished meanwhile is answered now."""
        self._line_up = True
        self._release(now_ms)

    def cancel_all(self) -> None:
        """The session is over."""
        for call in list(self._calls.values()):
            self._drop(call)
        self._answered.clear()
        self._seen.clear()  # another session may count its calls from the beginning
        self._line_up = True
        self._watch(0)

    def _settle(self, call_id: str, result: str, is_error: bool, now_ms: float) -> bool:
        call = self._calls[call_id]
        call.result = (result, is_error)
        self._transcript.tool_settled(call_id, call.shown + (" failed" if is_error else ""))
        return self._release(now_ms)

    def _drop(self, call: ToolCall) -> None:
        del self._calls[call.id]
        if call.result is None:
            self._out.add(CancelTool(call_id=call.id))
        self._transcript.tool_settled(call.id, call.shown, cancelled=True)

    def _release(self, now_ms: float, overdue: bool = False) -> bool:
        sent = False
        for call in list(self._calls.values()) if self._line_up else ():
            if call.result is not None and (overdue or self._gate.open_for(hold_mode=call.hold_mode)):
                del self._calls[call.id]
                self._send(call.id, *call.result)
                self._answered[call.reply_id] = None
                sent = True
        waiting = {call.reply_id for call in self._calls.values()} | {self._making}
        for reply_id in [one for one in self._answered if one not in waiting]:
            del self._answered[reply_id]
            self._results_sent(reply_id)
        self._watch(now_ms)
        return sent

    def _watch(self, now_ms: float) -> None:
        """Keep the watchdog running exactly while a result waits for a quiet moment."""
        if not self._line_up or not any(call.result is not None for call in self._calls.values()):
            self._out.cancel_timer(WATCHDOG_TIMER)
        elif not self._out.running(WATCHDOG_TIMER):
            self._out.set_timer(WATCHDOG_TIMER, WATCHDOG_MS, now_ms)


def _shown(event: ToolCalled) -> str:
    """One readable line: as it was said, not as JSON escapes it, and in one piece of characters."""
    shown = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in event.arguments.items())
    return clip(f"{event.name}({', '.join(shown)})", MAX_SHOWN_CHARS)
