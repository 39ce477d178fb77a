"""Tool calls: which tools run, for which reply, and what becomes of their results.

A call is answered exactly once or, when its reply was interrupted, not at all (policy `drop`). An agent that calls
tools again and again while the person says nothing is stopped after `max_tool_rounds` replies. Calls are tagged with
the reply that made them, so that a result that comes after the interruption is known to be stale. Checking a call (is
there such a tool, do the arguments fit) happens here; running it is the host's.

When the last result of a reply that is no longer being made has gone out, that is told once: some vendors must be asked
for the answer. While the line is down tools run on; their results wait, and go out if the same session comes back. A
new session knows nothing of them: they are cancelled.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from pyclient.audio.reply_log import Reply
from pyclient.call import Call
from pyclient.core.commands import CancelTool, RunTool
from pyclient.core.errors import ToolError
from pyclient.core.events import ReplyStarted, ToolCalled, ToolFinished
from pyclient.core.graphemes import clip
from pyclient.core.states import Trigger
from pyclient.page import notices
from pyclient.part import End, LineBack, Part, Step
from pyclient.tools.registry import MAX_RESULT_CHARS, ToolRegistry, error_json
from pyclient.tools.result_gate import WATCHDOG_MS, Latest, ResultGate
from pyclient.tools.rounds import Rounds

WATCHDOG_TIMER = "tool_watchdog"

# Over all replies. A server that asks for more than this at once is broken; it gets no answer to the surplus.
MAX_OPEN_CALLS = 64
MAX_REMEMBERED_CALLS = 1_024
MAX_SHOWN_CHARS = 160

# Speech that lasts longer than this, while the microphone has been quiet for `STALE_QUIET_MS`, is a lost "stopped".
STALE_SPEECH_MS = 30_000
STALE_QUIET_MS = 4_000

# A result went out and an answer to it can be expected (now_ms); all results of a reply's calls went out (our
# id of it, now_ms).
AnswerDue = Callable[[float], None]
ResultsSent = Callable[[str, float], None]


@dataclass(slots=True)
class ToolCall:
    """One call on its way. `result` is (JSON text, is_error) once there is one."""

    id: str
    reply_id: str
    hold_mode: bool
    shown: str
    result: tuple[str, bool] | None = None


class ToolCalls(Part):
    """The tool calls of one call after the other."""

    def __init__(self, call: Call, registry: ToolRegistry) -> None:
        super().__init__(call)
        self._registry = registry
        # The server answers results unasked, and one that comes at the wrong moment is answered then.
        self._answers_results = not call.codec.features.results_need_asking
        self._on_answer_due: AnswerDue = lambda now_ms: None
        self._on_results_sent: ResultsSent = lambda reply_id, now_ms: None
        self._watchdog = self.timer(WATCHDOG_TIMER, self._overdue)
        self._reset()
        self.handlers = {
            ReplyStarted: lambda event, now_ms: self._reply_started(event),
            ToolCalled: self._called,
            ToolFinished: self._finished,
        }

    def watch(self, *, on_answer_due: AnswerDue, on_results_sent: ResultsSent) -> None:
        """Who asks for replies wants to know when results went out."""
        self._on_answer_due = on_answer_due
        self._on_results_sent = on_results_sent

    def _reset(self) -> None:
        self._making: str | None = None  # the reply that the server is making: more calls of it may come
        self._answered: dict[str, None] = {}  # replies of which results went out, but perhaps not the last
        self._line_up = True
        self.gate = ResultGate(self.call.config.tool_result_policy)
        self._rounds = Rounds(self.call)
        self._calls: dict[str, ToolCall] = {}
        self._seen: dict[str, None] = {}

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_lost(self, now_ms: float) -> None:
        """Nothing can be sent. What the server was making, it makes no longer."""
        self._line_up = False
        self._making = None
        self.gate.latest = Latest.REPLY_DONE
        self.gate.user_speaking = False
        self._keep_watch(0)

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """The same session: what finished meanwhile is answered now. Another one knows nothing of these calls."""
        if back.same:
            self._line_up = True
            self._release(now_ms)
        else:
            self._cancel_all()

    def end(self, now_ms: float, end: End) -> None:
        self._cancel_all()

    def _cancel_all(self) -> None:
        for call in list(self._calls.values()):
            self._drop(call)
        self._answered.clear()
        self._seen.clear()  # another session may count its calls from the beginning
        self._line_up = True
        self._keep_watch(0)

    # --- the agent ---------------------------------------------------------------------------------------------------

    @property
    def open_calls(self) -> int:
        return len(self._calls)

    @property
    def remembered_calls(self) -> int:
        return len(self._seen)

    @property
    def busy(self) -> bool:
        """Does the agent wait for us?"""
        return bool(self._calls)

    def person_acted(self) -> None:
        """The person said or typed something."""
        self._rounds.person_acted()

    def _called(self, event: ToolCalled, now_ms: float) -> Step | None:
        self._take(event, self.call.replies.id_of(event.reply_id), now_ms)
        self.call.changed = True
        if self._answers_results and self._rounds.hopeless:
            return End(Trigger.FAULT, notices.TOOL_CIRCLE_ENDED, goodbye=True)
        if self._rounds.circling:
            self.call.notify(notices.TOOL_CIRCLE)
        return None

    def _take(self, event: ToolCalled, reply_id: str, now_ms: float) -> None:
        if event.call_id in self._seen:
            self.call.commands.log("!", f"tool call {event.call_id[:60]} came twice")
            return
        self._seen[event.call_id] = None
        if len(self._seen) > MAX_REMEMBERED_CALLS:
            del self._seen[next(iter(self._seen))]
        self.call.stats.tool_calls += 1
        shown = _shown(event)
        if event.informational:
            self.call.transcript.tool_called(event.call_id, shown)
            self.call.transcript.tool_settled(event.call_id, shown)
            return
        self._rounds.called(reply_id)
        self.call.transcript.tool_called(event.call_id, shown)
        if len(self._calls) >= MAX_OPEN_CALLS:
            # Answered at once, whatever the moment: it must not grow, and no call may stay unanswered.
            self.call.transcript.tool_settled(event.call_id, shown + " failed")
            self._send(event.call_id, error_json(f"At most {MAX_OPEN_CALLS} tool calls can be open"), True)
            return
        try:
            self._rounds.check()
            made = self._registry.lookup(event.name)
            made.bind(event.arguments)
        except ToolError as error:
            self._calls[event.call_id] = ToolCall(id=event.call_id, reply_id=reply_id, hold_mode=False, shown=shown)
            self._settle(event.call_id, error_json(str(error)), True, now_ms)
            return
        self._calls[event.call_id] = ToolCall(
            id=event.call_id, reply_id=reply_id, hold_mode=made.execution_mode == "hold", shown=shown
        )
        self.add(
            RunTool(
                call_id=event.call_id,
                name=event.name,
                arguments=event.arguments,
                timeout_ms=self._registry.timeout_ms(event.name, self.call.config.tool_timeout_ms),
            )
        )

    def _finished(self, event: ToolFinished, now_ms: float) -> None:
        self.call.changed = True
        call = self._calls.get(event.call_id)
        if call is None or call.result is not None:
            return  # cancelled with its reply, of an older session, or said twice
        result, is_error = event.result_json, event.is_error
        if len(result) > MAX_RESULT_CHARS:
            result, is_error = error_json("The tool's result is too long"), True
        if self._settle(event.call_id, result, is_error, now_ms):
            self._on_answer_due(now_ms)

    def _reply_started(self, event: ReplyStarted) -> None:
        self.gate.latest = Latest.REPLY_STARTED
        self._making = self.call.replies.id_of(event.reply_id)
        self._rounds.new_reply()

    def speech_started(self) -> None:
        self.gate.latest = Latest.SPEECH_STARTED
        self.gate.user_speaking = True
        self._rounds.new_reply()
        self.person_acted()

    def speech_stopped(self, now_ms: float) -> None:
        """The moment for results, perhaps.

        Where the server waits to be asked, the reply to what was just said should already know them. Elsewhere each
        would be answered for itself, so they wait for the end of that reply.
        """
        self.gate.user_speaking = False
        if self._making is None:
            self.gate.latest = Latest.SPEECH_STARTED if self._answers_results else Latest.REPLY_DONE
        self._release(now_ms)

    def reply_done(self, reply: Reply, now_ms: float) -> None:
        """The server made a reply, or stopped making it: the moment for results."""
        self.gate.latest = Latest.REPLY_DONE
        if self._making == reply.id:
            self._making = None
        if not reply.interrupted:
            if self._release(now_ms):
                self._on_answer_due(now_ms)
            return
        if self.call.config.interrupted_tool_policy == "drop":
            self._answered.pop(reply.id, None)
            for call in [call for call in self._calls.values() if call.reply_id == reply.id]:
                self._drop(call)
        # What is left belongs to other replies. The person is talking: the next quiet moment will do.
        self._keep_watch(now_ms)

    def _overdue(self, now_ms: float) -> None:
        """Results waited for long. Perhaps the person has long stopped, and the server did not say so."""
        if self._speech_is_stale(now_ms):
            self.gate.user_speaking = False
        if self._release(now_ms, overdue=self.gate.opens_when_overdue()):
            self._on_answer_due(now_ms)

    def _speech_is_stale(self, now_ms: float) -> bool:
        """Does the server still owe us a "stopped" that is not coming? The microphone has been quiet for long."""
        call = self.call
        quiet_since_ms = max(call.speech_began_ms, call.last_loud_ms or 0.0)
        return now_ms - call.speech_began_ms >= STALE_SPEECH_MS and now_ms - quiet_since_ms >= STALE_QUIET_MS

    def _settle(self, call_id: str, result: str, is_error: bool, now_ms: float) -> bool:
        call = self._calls[call_id]
        call.result = (result, is_error)
        self.call.transcript.tool_settled(call_id, call.shown + (" failed" if is_error else ""))
        return self._release(now_ms)

    def _drop(self, call: ToolCall) -> None:
        del self._calls[call.id]
        if call.result is None:
            self.add(CancelTool(call_id=call.id))
        self.call.transcript.tool_settled(call.id, call.shown, cancelled=True)

    def _send(self, call_id: str, result_json: str, is_error: bool) -> None:
        self.call.send("tool result", self.call.codec.tool_result(call_id, result_json, is_error))

    def _release(self, now_ms: float, overdue: bool = False) -> bool:
        """Send the results that may go. True when there was one."""
        sent = False
        for call in list(self._calls.values()) if self._line_up else ():
            if call.result is not None and (overdue or self.gate.open_for(hold_mode=call.hold_mode)):
                del self._calls[call.id]
                self._send(call.id, *call.result)
                self._answered[call.reply_id] = None
                sent = True
        waiting = {call.reply_id for call in self._calls.values()} | {self._making}
        for reply_id in [one for one in self._answered if one not in waiting]:
            del self._answered[reply_id]
            if not self._rounds.circling:  # it would only call again; the person has the word
                self._on_results_sent(reply_id, now_ms)
        self._keep_watch(now_ms)
        return sent

    def _keep_watch(self, now_ms: float) -> None:
        """Keep the watchdog running exactly while a result waits for a quiet moment."""
        if not self._line_up or not any(call.result is not None for call in self._calls.values()):
            self._watchdog.cancel()
        elif not self._watchdog.running:
            self._watchdog.set(WATCHDOG_MS, now_ms)


def _shown(event: ToolCalled) -> str:
    """One readable line: as it was said, not as JSON escapes it, and in one piece of characters."""
    shown = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in event.arguments.items())
    return clip(f"{event.name}({', '.join(shown)})", MAX_SHOWN_CHARS)
