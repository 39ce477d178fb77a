"""Conversation: one session's life, whatever the wire. Audio and requests come in, events go out.

It joins the two sides: `listening` (turn detection and speech recognition) and `answering` (the skills' replies and
their playout). Every method returns at once; recognition, synthesis and pacing run in tasks that `close` ends. Next,
for a wire: make a `Conversation`, call `begin`, feed `hear`, and translate what `emit` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from server.agent.answering import Answering, Asked
from server.agent.asr import Recognized
from server.agent.calls import Calls
from server.agent.conversation_settings import ConversationSettings
from server.agent.events import Event, IdKind
from server.agent.listening import Listening, Recognition
from server.agent.pcm import Samples
from server.agent.playout import Playout, Synthesizer
from server.agent.scenarios import Scenario
from server.agent.skills import Facts, answer, instructed
from server.agent.tasks import Tasks
from server.agent.tone import ToneVoice

__all__ = ["Conversation"]


class Conversation:
    """One session. `emit` may be exchanged when a session is resumed on another socket."""

    def __init__(
        self,
        *,
        settings: ConversationSettings,
        scenario: Scenario,
        recognizer: Recognition,
        voice: Synthesizer,
        make_id: Callable[[IdKind], str],
        now: Callable[[], datetime],
        emit: Callable[[Event], None],
    ) -> None:
        self.emit = emit
        self._settings = settings
        self._scenario = scenario
        self._now = now
        self._turn = 0
        self._closed = False
        mouth = ToneVoice(scenario.tone_hz, scenario.tone_ms) if scenario.tone_hz else voice
        self._playout = Playout(voice=mouth, settings=settings.playout, scenario=scenario, emit=self._tell)
        self._tasks = Tasks()
        self._calls = Calls(self._tell)
        self._answering = Answering(
            playout=self._playout,
            scenario=scenario,
            calls=self._calls,
            tasks=self._tasks,
            make_id=make_id,
            tell=self._tell,
            user_busy=lambda: self._listening.busy,
        )
        self._listening = Listening(
            settings=settings,
            scenario=scenario,
            recognizer=recognizer,
            playout=self._playout,
            answering=self._answering,
            calls=self._calls,
            tasks=self._tasks,
            make_id=make_id,
            tell=self._tell,
            understood=self._answer,
        )

    # Life ------------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Speak the greeting, if there is one."""
        if self._settings.greeting:
            self._answering.greet(self._settings.greeting)

    def change(self, settings: ConversationSettings) -> None:
        """New settings: turn detection and volume at once, tools from the next reply."""
        self._settings = settings
        self._listening.change(settings)
        self._playout.change(settings.playout)

    def suspend(self) -> None:
        """The socket is gone: the reply in flight is dropped, replies that did not begin wait for `resume`.

        What the user had said by then is understood as it stands: its UserFinal comes while suspended.
        """
        self._answering.stop()
        self._listening.break_off()

    def resume(self) -> None:
        """There is a socket again."""
        self._answering.go_on()

    def close(self) -> None:
        """End everything; emits nothing."""
        self._closed = True
        self._answering.close()
        self._calls.close()
        self._tasks.cancel_all()
        self._listening.close()

    # The user --------------------------------------------------------------------------------------------------------

    def hear(self, samples: Samples) -> bool:
        """More of the user's microphone, at the input rate.

        True when sound is dropped from now on: it comes too fast.
        """
        return not self._closed and self._scenario.hear and self._listening.hear(samples)

    @property
    def waiting_ms(self) -> int:
        """How much audio `commit` would make a turn of."""
        return self._listening.waiting_ms

    def commit(self, item_id: str) -> None:
        """The client says that the turn ends here; UserFinal or UserUnclear follows under `item_id`."""
        self._listening.commit(item_id)

    def clear_input(self) -> None:
        """Forget the audio of the turn in progress."""
        self._listening.clear()

    @property
    def turn_item_id(self) -> str:
        """The turn in progress, or empty."""
        return self._listening.turn_item_id

    # The agent -------------------------------------------------------------------------------------------------------

    def tool_result(self, call_id: str, result: str, *, is_error: bool) -> bool:
        """The page's answer to a tool call; False when nothing waits for it (unknown, late, or
        its reply was interrupted).
        """
        return self._answering.tool_result(call_id, result, is_error=is_error)

    def create_reply(self, instructions: str | None) -> None:
        """Reply now (after the reply or turn in progress)."""
        self._answering.plan(instructed(instructions, self._facts()))

    def ask(self, asked: Asked) -> None:
        """Reply now, whatever the user is doing; after the reply in progress."""
        self._answering.ask(asked)

    def withdraw(self, reply_id: str) -> bool:
        """Take back what was asked for and has not begun; False when there is no such reply."""
        return self._answering.withdraw(reply_id)

    @property
    def active_reply_id(self) -> str | None:
        return self._playout.active_reply_id

    @property
    def audible_for(self) -> float:
        """For how many more seconds the client hears what was sent."""
        return self._playout.audible_for()

    def hush(self) -> None:
        """The client stopped playing what it has."""
        self._playout.hush()

    def cancel_reply(self, reply_id: str) -> bool:
        """Interrupt this reply; False when it is not the one being spoken."""
        if self._playout.active_reply_id != reply_id:
            return False
        self._answering.interrupt(None)
        self._answering.pump()
        return True

    def _answer(self, heard: Recognized) -> None:
        reply = answer(heard.text, self._facts(), sure=heard.kind == "skill")
        self._turn += 1
        self._answering.plan(reply)

    def _facts(self) -> Facts:
        settings = self._settings
        return Facts(now=self._now(), tools=settings.tools, turn=self._turn, page_tools=settings.page_tools)

    def _tell(self, event: Event) -> None:
        if not self._closed:
            self.emit(event)
