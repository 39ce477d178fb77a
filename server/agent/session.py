"""One conversation's life, whatever the wire: audio and requests come in, happenings go out.

It joins the turn detector, the ears, the brain and the speaker. Every method that is not a coroutine returns at once;
recognition, synthesis and pacing run in tasks that `close` ends. Next, for a wire: make a `Conversation`, call `begin`,
feed `hear`, and translate what `emit` is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol

import numpy as np

from server.agent.brain import Facts, Reply, answer, answer_tool, instructed, too_slow, wants_more
from server.agent.ears import Heard
from server.agent.happenings import (
    Happening,
    HungUp,
    SpeechBegan,
    SpeechEnded,
    ToolCalled,
    UserFinal,
    UserPartial,
    UserUnclear,
)
from server.agent.pcm import Resampler, Samples, to_samples
from server.agent.scenarios import Scenario
from server.agent.speaker import PREAMBLE_MS, Speaker, SpeakerSettings, Synthesizer
from server.agent.tone import ToneVoice
from server.agent.tools import ToolRequest, ToolSpec
from server.agent.turns import (
    RATE_HZ,
    SpeechDropped,
    SpeechOnset,
    SpeechPaused,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
    TurnEvent,
    TurnSettings,
)

__all__ = ["Asked", "Conversation", "ConversationSettings", "IdKind", "Recognition"]

_log = logging.getLogger("parley.agent.session")

IdKind = Literal["reply", "item", "call"]
# A preamble is held open this long for its result (protocol file section 9).
_HELD_PREAMBLE_S = 2.3
# Partials: the first after this much speech, then at growing distances, so that all of them together cost a fixed
# multiple of the final.
_PARTIAL_STEP_MS = 400
_PARTIAL_GROWTH = 0.35
# One run of the resampler, and with it the memory it takes, however long a message is.
_RUN_S = 1
# What is kept of a microphone whose owner never says that a turn is over, and what of it is worth recognising.
_MANUAL_S = 300
_UTTERANCE_S = 30


class Recognition(Protocol):
    """What makes words out of sound: `ears.Ears`, or a fake."""

    @property
    def idle(self) -> bool: ...

    async def hear(self, samples: Samples, *, final: bool) -> Heard: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettings:
    """What the client configured. `greeting` matters at `begin` only, everything else may change later.

    `manual_turns`: the client says by `commit` where a turn ends. `answers_turns`: the end of a turn is answered unasked.
    `hides_speech`: while a reply may not be interrupted, nothing is told of speech; otherwise it is told at once.
    `page_tools`: this wire has a way to ask the page for a tool.
    """

    turns: TurnSettings
    speaker: SpeakerSettings
    input_rate_hz: int
    greeting: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    uninterruptible_greeting: bool = False
    manual_turns: bool = False
    answers_turns: bool = True
    hides_speech: bool = True
    page_tools: bool = True

    def __post_init__(self) -> None:
        if self.input_rate_hz <= 0:
            raise ValueError("input_rate_hz must be positive")


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


@dataclass(slots=True)
class _Call:
    request: ToolRequest
    timer: asyncio.TimerHandle
    reply_id: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Conversation:
    """One session. `emit` may be exchanged when a session is resumed on another socket."""

    def __init__(
        self,
        *,
        settings: ConversationSettings,
        scenario: Scenario,
        ears: Recognition,
        voice: Synthesizer,
        make_id: Callable[[IdKind], str],
        now: Callable[[], datetime],
        emit: Callable[[Happening], None],
    ) -> None:
        self.emit = emit
        self._settings = settings
        self._scenario = scenario
        self._ears = ears
        self._make_id = make_id
        self._now = now
        mouth = ToneVoice(scenario.tone_hz, scenario.tone_ms) if scenario.tone_hz else voice
        self._speaker = Speaker(voice=mouth, settings=settings.speaker, scenario=scenario, emit=self._tell)
        self._detector = TurnDetector(replace(settings.turns, barge_in_ms=scenario.barge_in_ms))
        self._resampler = Resampler(settings.input_rate_hz, RATE_HZ)
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[_Planned] = deque()
        self._reply_task: asyncio.Task[None] | None = None
        self._greeting_now = False
        self._calls: dict[str, _Call] = {}
        self._turn = 0
        self._item_id = ""
        self._begun_told = False
        self._partial = ""
        self._partial_at_ms = 0
        self._partial_running = False
        self._unfinished = False
        self._guess: asyncio.Task[Heard] | None = None
        self._guess_until_ms = -1
        self._held: list[tuple[TurnEvent, Samples | None]] = []
        self._withheld: list[Happening] = []
        self._finishing = 0
        self._manual: deque[Samples] = deque()
        self._manual_samples = 0
        self._suspended = False
        self._closed = False

    # Requests of the client ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Speak the greeting, if there is one."""
        if self._settings.greeting:
            self._enqueue(_Planned(reply=Reply(skill="greeting", sentences=(self._settings.greeting,)), greeting=True))

    def change(self, settings: ConversationSettings) -> None:
        """New settings: turn detection and volume at once, tools from the next reply."""
        if settings.input_rate_hz != self._settings.input_rate_hz:
            self._resampler = Resampler(settings.input_rate_hz, RATE_HZ)
        if settings.manual_turns != self._settings.manual_turns:
            self.clear_input()
        self._settings = settings
        self._detector.change(replace(settings.turns, barge_in_ms=self._scenario.barge_in_ms))
        self._speaker.change(settings.speaker)

    def hear(self, samples: Samples) -> None:
        """More of the user's microphone, at the input rate."""
        if self._closed or not self._scenario.hear:
            return
        size = self._settings.input_rate_hz * _RUN_S
        for at in range(0, len(samples), size):
            self._hear_run(to_samples(self._resampler.process(samples[at : at + size])))

    def _hear_run(self, run: Samples) -> None:
        if self._settings.manual_turns:
            self._manual.append(run)
            self._manual_samples += len(run)
            while self._manual_samples > _MANUAL_S * RATE_HZ:
                self._manual_samples -= len(self._manual.popleft())
            return
        events = self._detector.feed(run, agent_audible=self._speaker.speaking, unfinished=self._unfinished)
        for event in events:
            audio = self._detector.turn_audio() if isinstance(event, SpeechPaused | SpeechStopped) else None
            if self._hides():
                self._hold(event, audio)
            else:
                self._on_turn(event, audio)
        self._make_partial()

    def tool_result(self, call_id: str, result: str, *, is_error: bool) -> bool:
        """The page's answer to a tool call; False when nothing waits for it (unknown, late, or its reply was interrupted)."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return False
        call.timer.cancel()
        call.came.set()
        if not any(other.request.tool.hold for other in self._calls.values()):
            self._release_withheld()
        reply = answer_tool(call.request, result, is_error=is_error)
        self._enqueue(_Planned(reply=reply, after_call=call_id))
        return True

    def create_reply(self, instructions: str | None) -> None:
        """Reply now (after the reply or turn in progress)."""
        self._enqueue(_Planned(reply=instructed(instructions, self._facts())))

    def ask(self, asked: Asked) -> None:
        """Reply now, whatever the user is doing; after the reply in progress."""
        self._enqueue(_Planned(asked=asked))

    def withdraw(self, reply_id: str) -> bool:
        """Take back what was asked for and has not begun; False when there is no such reply."""
        before = len(self._queue)
        self._queue = deque(one for one in self._queue if one.asked is None or one.asked.reply_id != reply_id)
        return len(self._queue) < before

    @property
    def waiting_ms(self) -> int:
        """How much audio `commit` would make a turn of."""
        if self._settings.manual_turns:
            return self._manual_samples * 1000 // RATE_HZ
        return self._detector.turn_ms if self._detector.in_turn else 0

    def commit(self, item_id: str) -> None:
        """The client says that the turn ends here; UserFinal or UserUnclear follows under `item_id`."""
        audio = self._detector.cut()
        if self._settings.manual_turns:
            audio = np.concatenate(self._manual)[-_UTTERANCE_S * RATE_HZ :] if self._manual else None
        self.clear_input()
        if audio is not None:
            self._finishing += 1
            self._spawn(self._finish_turn(item_id, audio, None))

    def clear_input(self) -> None:
        """Forget the audio of the turn in progress."""
        self._detector.cut()
        self._manual.clear()
        self._manual_samples = 0

    @property
    def turn_item_id(self) -> str:
        """The turn in progress, or empty."""
        return self._item_id if self._detector.in_turn else ""

    @property
    def active_reply_id(self) -> str | None:
        return self._speaker.active_reply_id

    @property
    def audible_for(self) -> float:
        """For how many more seconds the client hears what was sent."""
        return self._speaker.audible_for()

    def hush(self) -> None:
        """The client stopped playing what it has."""
        self._speaker.hush()

    def cancel_reply(self, reply_id: str) -> bool:
        """Interrupt this reply; False when it is not the one being spoken."""
        if self._speaker.active_reply_id != reply_id:
            return False
        self._interrupt(None)
        self._pump()
        return True

    def suspend(self) -> None:
        """The socket is gone: the reply in flight is dropped, replies that did not begin wait for `resume`.

        What the user had said by then is understood as it stands: its UserFinal comes while suspended.
        """
        self._suspended = True
        self._stop_reply_task()
        self._speaker.forget()
        audio = self._detector.cut()
        self._resampler = Resampler(self._settings.input_rate_hz, RATE_HZ)
        self._detector = TurnDetector(replace(self._settings.turns, barge_in_ms=self._scenario.barge_in_ms))
        self._held.clear()
        self._guess = None
        if audio is not None and self._item_id:
            self._finishing += 1
            self._spawn(self._finish_turn(self._item_id, audio, None))

    def resume(self) -> None:
        """There is a socket again."""
        self._suspended = False
        self._pump()

    def close(self) -> None:
        """End everything; emits nothing."""
        self._closed = True
        for call in self._calls.values():
            call.timer.cancel()
        self._calls.clear()
        for task in list(self._tasks):
            task.cancel()

    # Turns -----------------------------------------------------------------------------------------------------------

    def _interruptible(self) -> bool:
        if self._greeting_now and self._settings.uninterruptible_greeting:
            return False
        return self._settings.turns.interrupt_response

    def _hides(self) -> bool:
        return bool(self._held) or (
            self._settings.hides_speech and self._speaker.speaking and not self._interruptible()
        )

    def _hold(self, event: TurnEvent, audio: Samples | None) -> None:
        """The client must not hear of speech while a reply may not be interrupted: keep it until the reply has sounded."""
        if not self._held:
            self._spawn(self._release_held())
        self._held.append((event, audio))

    async def _release_held(self) -> None:
        await self._speaker.silent_again()
        held, self._held = self._held, []
        for event, audio in held:
            self._on_turn(event, audio)
        self._pump()

    def _on_turn(self, event: TurnEvent, audio: Samples | None) -> None:
        match event:
            case SpeechOnset(at_ms=at_ms):
                if self._scenario.speech_started == "early":
                    self._begun_told = True
                    self._item_id = self._make_id("item")
                    self._tell(SpeechBegan(at_ms=at_ms, item_id=self._item_id))
            case SpeechDropped(at_ms=at_ms):
                if self._begun_told:
                    self._begun_told = False
                    self._tell(SpeechEnded(at_ms=at_ms))
                self._pump()
            case SpeechStarted(began_ms=began_ms):
                began = None
                if not self._begun_told:
                    self._item_id = self._make_id("item")
                    began = SpeechBegan(at_ms=began_ms, item_id=self._item_id)
                self._begun_told = False
                self._partial, self._partial_at_ms, self._unfinished = "", 0, False
                self._guess, self._guess_until_ms = None, -1
                if self._interruptible() or self._settings.hides_speech:
                    self._interrupt(began)
                elif began is not None:
                    self._tell(began)
            case SpeechPaused():
                if audio is not None:
                    self._guess_ahead(audio)
            case SpeechStopped(at_ms=at_ms, ended_ms=ended_ms):
                self._tell(SpeechEnded(at_ms=at_ms, item_id=self._item_id))
                guess = self._guess if self._guess_until_ms == ended_ms else None
                self._guess = None
                if audio is not None:
                    self._finishing += 1
                    self._spawn(self._finish_turn(self._item_id, audio, guess))

    def _guess_ahead(self, audio: Samples) -> None:
        """Recognise while the silence is still being waited out; used if nothing more was said."""
        self._guess_until_ms = self._detector.voiced_until_ms
        self._guess = asyncio.ensure_future(self._ears.hear(audio, final=True))
        self._guess.add_done_callback(self._look_at_guess)

    def _look_at_guess(self, guess: asyncio.Task[Heard]) -> None:
        if guess is self._guess and not guess.cancelled() and guess.exception() is None:
            heard = guess.result()
            self._unfinished = wants_more(heard.text)

    async def _finish_turn(self, item_id: str, audio: Samples, guess: asyncio.Task[Heard] | None) -> None:
        try:
            heard = await (guess or self._ears.hear(audio, final=True))
        finally:
            self._finishing -= 1
        if heard.kind == "nothing":
            self._tell_user(UserUnclear(item_id=item_id))
            self._pump()
            return
        self._tell_user(UserFinal(item_id=item_id, text=heard.text, sure=heard.kind == "skill"))
        if not self._settings.answers_turns:
            self._pump()
            return
        reply = answer(heard.text, self._facts(), sure=heard.kind == "skill")
        self._turn += 1
        self._enqueue(_Planned(reply=reply))

    def _make_partial(self) -> None:
        detector = self._detector
        if not self._scenario.partials or not detector.in_turn or self._held or self._partial_running:
            return
        length = detector.turn_ms
        if length - self._partial_at_ms < max(_PARTIAL_STEP_MS, _PARTIAL_GROWTH * length) or not self._ears.idle:
            return
        self._partial_at_ms = length
        self._partial_running = True
        self._spawn(self._partial_of(self._item_id, detector.turn_audio()))

    async def _partial_of(self, item_id: str, audio: Samples) -> None:
        try:
            heard = await self._ears.hear(audio, final=False)
        finally:
            self._partial_running = False
        if item_id != self._item_id or not self._detector.in_turn or not heard.text or heard.text == self._partial:
            return
        self._partial = heard.text
        self._tell_user(UserPartial(item_id=item_id, text=heard.text))

    # Replies ---------------------------------------------------------------------------------------------------------

    def _enqueue(self, planned: _Planned) -> None:
        if planned.after_call:
            # What was asked first is answered first.
            self._queue.appendleft(planned)
        else:
            self._queue.append(planned)
        self._pump()

    def _pump(self) -> None:
        """Start the next reply if nobody is speaking and nothing said is still being understood."""
        if self._closed or self._suspended or self._reply_task is not None or not self._queue:
            return
        asked = self._queue[0].asked
        if asked is not None:
            # Told at once: whatever happens next, this reply has begun and will be told to its end.
            self._speaker.open(asked.reply_id, self._make_id("item"))
            self._reply_task = self._spawn(self._speak(self._queue.popleft()))
            return
        if (self._detector.in_turn and not self._held) or self._finishing:
            return
        if any(call.request.tool.hold for call in self._calls.values()) and not self._queue[0].after_call:
            return
        self._reply_task = self._spawn(self._speak(self._queue.popleft()))

    async def _speak(self, planned: _Planned) -> None:
        try:
            self._greeting_now = planned.greeting
            if planned.asked is not None:
                reply = await self._speak_asked(planned.asked)
            else:
                assert planned.reply is not None
                reply = planned.reply
                await self._speak_planned(planned, reply)
            if reply.ends and self._scenario.hang_up_after_goodbye:
                await asyncio.sleep(self._speaker.audible_for())
                self._tell(HungUp())
        finally:
            if self._reply_task is asyncio.current_task():
                self._reply_task = None
                self._pump()

    async def _speak_planned(self, planned: _Planned, reply: Reply) -> None:
        if reply.tool is not None:
            await self._call_tool(reply, reply.tool)
            return
        self._speaker.open(self._reply_id(planned), self._make_id("item"))
        await self._think()
        await self._speaker.speak_into(reply.sentences, bare_words=planned.greeting)
        self._speaker.complete()

    async def _speak_asked(self, asked: Asked) -> Reply:
        reply = await asked.compose()
        await self._think()
        if reply.tool is None or self._scenario.preamble == "spoken":
            await self._speaker.speak_into(reply.sentences, voice=asked.voice, text_only=asked.text_only)
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
        self._speaker.complete()
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
        call = _Call(request=request, timer=timer)
        told = ToolCalled(call_id=call_id, name=request.tool.name, arguments=request.arguments)
        if request.tool.hold:
            self._calls[call_id] = call
            self._tell(told)
            return
        call.reply_id = self._make_id("reply")
        self._speaker.open(call.reply_id, self._make_id("item"))
        try:
            if self._scenario.preamble == "spoken":
                await self._speaker.speak_into(reply.sentences)
            else:
                await self._speaker.silence(PREAMBLE_MS)
        except asyncio.CancelledError:
            timer.cancel()
            raise
        self._calls[call_id] = call
        self._tell(told)
        if self._scenario.preamble == "held_open":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(call.came.wait(), _HELD_PREAMBLE_S)
        self._speaker.complete()

    def _give_up(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is not None:
            call.came.set()
            self._release_withheld()
            self._enqueue(_Planned(reply=too_slow(call.request), after_call=call_id))

    def _interrupt(self, began: SpeechBegan | None) -> None:
        """The user speaks (or the client cancels): the open reply ends, what was planned after it is dropped."""
        reply_id = self._speaker.active_reply_id
        self._stop_reply_task()
        if self._speaker.interrupt(began):
            # What the client asked for by name it gets nevertheless.
            self._queue = deque(planned for planned in self._queue if planned.asked is not None)
            for call_id in [key for key, call in self._calls.items() if call.reply_id == reply_id]:
                self._calls.pop(call_id).timer.cancel()

    def _stop_reply_task(self) -> None:
        task, self._reply_task = self._reply_task, None
        if task is not None:
            task.cancel()

    # Small things ----------------------------------------------------------------------------------------------------

    def _facts(self) -> Facts:
        settings = self._settings
        return Facts(now=self._now(), tools=settings.tools, turn=self._turn, page_tools=settings.page_tools)

    def _tell(self, happening: Happening) -> None:
        if not self._closed:
            self.emit(happening)

    def _tell_user(self, happening: Happening) -> None:
        """Transcripts of the user wait while a tool in hold mode runs (protocol file section 8)."""
        if any(call.request.tool.hold for call in self._calls.values()):
            self._withheld.append(happening)
        else:
            self._tell(happening)

    def _release_withheld(self) -> None:
        withheld, self._withheld = self._withheld, []
        for happening in withheld:
            self._tell(happening)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a conversation's task failed", exc_info=task.exception())
