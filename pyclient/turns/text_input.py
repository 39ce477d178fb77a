"""Text input: what the person typed, and whether it was answered.

A message goes out at once while the line holds. While it is down it waits, and goes out when the line is back. One that
was sent and not answered when the line broke may have died with the socket (a browser takes messages for a socket that
is already lost), so it is asked again: at once in a new session, which knows nothing of it, and after some patience in
a resumed one, whose server may only be late.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core import events
from pyclient.core.states import IN_CALL, State
from pyclient.page import notices
from pyclient.part import LineBack, Part
from pyclient.tools.calls import ToolCalls
from pyclient.turns.turn_taking import TurnTaking

MAX_TYPED_CHARS = 4_000
# Typed while the line is down; more than these are told as not sent.
MAX_WAITING_TEXTS = 5

# A server that had the message answers a resumed session well within that.
ASK_AGAIN_MS = 3_000
ASK_AGAIN_TIMER = "ask_again"


class TextInput(Part):
    """The typed messages of one call after the other."""

    def __init__(self, call: Call, turn_taking: TurnTaking, tool_calls: ToolCalls) -> None:
        super().__init__(call)
        self._turn_taking = turn_taking
        self._tool_calls = tool_calls
        self._ask_again = self.timer(ASK_AGAIN_TIMER, self._overdue)
        self._reset()
        self.handlers = {
            events.TextSubmitted: lambda event, now_ms: self._submitted(event.text, now_ms),
            events.ReplyStarted: lambda event, now_ms: self._reply_started(),
            events.ReplyAudio: lambda event, now_ms: self._answered(),
            events.ReplyTranscribed: lambda event, now_ms: self._answered(),
            events.ReplyDone: lambda event, now_ms: self._answered(),
        }

    def _reset(self) -> None:
        self._waiting: list[str] = []
        self._question = ""  # sent last, and nothing of a reply has come since

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_lost(self, now_ms: float) -> None:
        self._ask_again.cancel()

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """The session, or a new one, takes messages again."""
        if self._question and back.same:
            self._ask_again.set(ASK_AGAIN_MS, now_ms)
        elif self._question:
            self._ask("typed text again", self._question, now_ms, known=back.remembers)
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            self._send(text, now_ms)

    # --- the messages ------------------------------------------------------------------------------------------------

    def _submitted(self, text: str, now_ms: float) -> None:
        """The person pressed Send."""
        call, text = self.call, text.strip()
        if not call.codec.features.typed_text:
            call.commands.log("!", "a typed message was left alone: this provider takes none")
        elif not text or call.state not in IN_CALL:
            call.commands.log("!", "a typed message was left alone: no call is running, or it is empty")
        elif len(text) > MAX_TYPED_CHARS:
            call.notify(notices.TEXT_TOO_LONG)
        elif call.state is State.LIVE:
            self._send(text, now_ms)
        elif len(self._waiting) < MAX_WAITING_TEXTS:
            self._waiting.append(text)
        else:
            call.notify(notices.NOT_SENT_LINE_LOST)

    def _send(self, text: str, now_ms: float) -> None:
        # Who types over the voice wants it to stop as much as who speaks over it.
        self._turn_taking.interrupt()
        self._tool_calls.person_acted()
        self.call.clear_notice(notices.TOOL_CIRCLE.code)
        self.call.transcript.user_typed(text)
        self._ask("typed text", text, now_ms)

    def _ask(self, what: str, text: str, now_ms: float, *, known: bool = False) -> None:
        codec = self.call.codec
        self._question = text
        self._ask_again.cancel()
        self._turn_taking.ask(what, codec.answer_text(text) if known else codec.user_text(text), now_ms, again=True)
        self._turn_taking.await_reply(now_ms)

    def _reply_started(self) -> None:
        """The message arrived. Should the line break before anything of the reply came, it still wants an answer."""
        self._ask_again.cancel()

    def _answered(self) -> None:
        """Something of a reply came, or all of it."""
        self._question = ""

    def _overdue(self, now_ms: float) -> None:
        """The resumed session has not answered: it never got the message, or will not answer it."""
        if self._question and self.call.state is State.LIVE:
            self._ask("typed text again", self._question, now_ms, known=True)
