"""User's side of a conversation: turn detection and speech recognition.

Audio goes through the turn detector; what it finds is told at once, or after a reply that may not be interrupted. The
recognizer listens along where it can (`live_turn`); it is asked in mid-turn for partials, in a pause for a guess, and
at the end for the words that count, unless they are known by then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from server.agent.answering import Answering
from server.agent.asr import Recognized
from server.agent.asr_live import LiveLine, SoFar
from server.agent.audio_clock import LiveAudioClock
from server.agent.calls import Calls
from server.agent.conversation_settings import ConversationSettings
from server.agent.events import Event, IdKind, SpeechBegan, SpeechEnded, UserFinal, UserPartial, UserUnclear
from server.agent.guess import Guess
from server.agent.live_turn import LiveTurn
from server.agent.pcm import Resampler, Samples, to_samples
from server.agent.playout import Playout
from server.agent.scenarios import Scenario
from server.agent.tasks import Tasks
from server.agent.turns import (
    RATE_HZ,
    SpeechDropped,
    SpeechOnset,
    SpeechPaused,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
    TurnEvent,
)

__all__ = ["Listening", "Recognition"]

# Partials: the first after this much speech, then at growing distances, so that all of them together cost a fixed
# multiple of the final.
_PARTIAL_STEP_MS = 400
_PARTIAL_GROWTH = 0.35
# One run of the resampler, and with it the memory it takes, however long a message is.
_RUN_S = 1
# How far sound may run ahead of real time. Clients send what was said before the call in a burst, 15 s of it; much more
# than a minute nobody says, and all of it would have to be recognised.
_MOST_AHEAD_MS = 60_000
# What is kept of a microphone whose owner never says that a turn is over, and what of it is worth recognising.
_MANUAL_S = 300
_UTTERANCE_S = 30


class Recognition(Protocol):
    """What makes words out of one session's sound: `asr.Seat`, or a fake."""

    @property
    def idle(self) -> bool: ...

    async def recognize(self, samples: Samples, *, final: bool) -> Recognized: ...

    def live(self, heard: Callable[[SoFar], None]) -> LiveLine | None: ...

    def close(self) -> None: ...


class Listening:
    """The user's side of one conversation. `understood` gets what counts as said, when it is to be answered."""

    def __init__(
        self,
        *,
        settings: ConversationSettings,
        scenario: Scenario,
        recognizer: Recognition,
        playout: Playout,
        answering: Answering,
        calls: Calls,
        tasks: Tasks,
        make_id: Callable[[IdKind], str],
        tell: Callable[[Event], None],
        understood: Callable[[Recognized], None],
    ) -> None:
        self._settings = settings
        self._scenario = scenario
        self._recognizer = recognizer
        self._playout = playout
        self._answering = answering
        self._calls = calls
        self._tasks = tasks
        self._make_id = make_id
        self._tell = tell
        self._understood = understood
        self._detector = self._new_detector()
        self._resampler = Resampler(settings.input_rate_hz, RATE_HZ)
        self._clock = LiveAudioClock(_MOST_AHEAD_MS)
        self._item_id = ""
        self._begun_told = False
        self._partial = ""
        self._partial_at_ms = 0
        self._partial_running = False
        self._guess = Guess()
        self._live = LiveTurn(recognizer.live, self._settle)
        self._held: list[tuple[TurnEvent, Samples | None, Recognized | None]] = []
        self._finishing = 0
        self._manual: deque[Samples] = deque()
        self._manual_samples = 0

    def _new_detector(self) -> TurnDetector:
        return TurnDetector(replace(self._settings.turns, barge_in_ms=self._scenario.barge_in_ms))

    # Audio in --------------------------------------------------------------------------------------------------------

    def change(self, settings: ConversationSettings) -> None:
        if settings.input_rate_hz != self._settings.input_rate_hz:
            self._resampler = Resampler(settings.input_rate_hz, RATE_HZ)
        if settings.manual_turns != self._settings.manual_turns:
            self.clear()
        self._settings = settings
        self._detector.change(replace(settings.turns, barge_in_ms=self._scenario.barge_in_ms))

    def hear(self, samples: Samples) -> bool:
        """More of the user's microphone, at the input rate.

        True when sound is dropped from now on: it comes too fast.
        """
        told = False
        size = self._settings.input_rate_hz * _RUN_S
        for at in range(0, len(samples), size):
            part = samples[at : at + size]
            surplus, news = self._too_fast(part)
            told = told or news
            if not surplus:
                self._hear_run(to_samples(self._resampler.process(part)))
        return told

    def _too_fast(self, part: Samples) -> tuple[bool, bool]:
        """As `AudioClock.take`.

        A turn that the client ends itself may come as a whole: what is kept of it is bounded.
        """
        if self._settings.manual_turns:
            return False, False
        return self._clock.take_now(len(part) * 1000 / self._settings.input_rate_hz)

    def _hear_run(self, run: Samples) -> None:
        if self._settings.manual_turns:
            self._manual.append(run)
            self._manual_samples += len(run)
            while self._manual_samples > _MANUAL_S * RATE_HZ:
                self._manual_samples -= len(self._manual.popleft())
            return
        unfinished, complete = self._wanting()
        self._take(
            self._detector.feed(run, agent_audible=self._playout.speaking, unfinished=unfinished, complete=complete)
        )
        if self._detector.in_turn:
            self._live.follow(self._detector)
            self._guess.drop_if_more_was_said(self._detector.voiced_until_ms)
        self._make_partial()

    def _settle(self) -> None:
        """The recognizer knows more of the turn in progress."""
        unfinished, complete = self._wanting()
        self._take(self._detector.settle(unfinished=unfinished, complete=complete))

    def _wanting(self) -> tuple[bool, bool]:
        """(the words so far want more, they are a whole sentence)."""
        stage = self._live.stage(self._detector.voiced_until_ms)
        return self._guess.unfinished or stage == "incomplete", stage == "complete"

    def _take(self, events: list[TurnEvent]) -> None:
        for event in events:
            audio = self._detector.turn_audio() if isinstance(event, SpeechPaused | SpeechStopped) else None
            words = None
            if isinstance(event, SpeechStarted) and self._settings.turns.adaptive:
                self._live.begin()
            elif isinstance(event, SpeechStopped):
                words = self._live.words(event.ended_ms)
                self._live.end()
            if self._hides():
                self._hold(event, audio, words)
            else:
                self._on_turn(event, audio, words)

    @property
    def waiting_ms(self) -> int:
        """How much audio `commit` would make a turn of."""
        if self._settings.manual_turns:
            return self._manual_samples * 1000 // RATE_HZ
        return self._detector.turn_ms if self._detector.in_turn else 0

    def commit(self, item_id: str) -> None:
        """See `Conversation.commit`."""
        audio = self._detector.cut()
        if self._settings.manual_turns:
            audio = np.concatenate(self._manual)[-_UTTERANCE_S * RATE_HZ :] if self._manual else None
        self.clear()
        if audio is not None:
            self._finish(item_id, audio, None)

    def clear(self) -> None:
        """Forget the audio of the turn in progress."""
        self._guess.drop()
        self._live.end()
        self._detector.cut()
        self._manual.clear()
        self._manual_samples = 0

    def close(self) -> None:
        """The conversation is over: nothing of it is recognised any more."""
        self._guess.drop()
        self._live.end()
        self._recognizer.close()

    def break_off(self) -> None:
        """The microphone is gone. What was said by then is understood as it stands."""
        audio = self._detector.cut()
        self._resampler = Resampler(self._settings.input_rate_hz, RATE_HZ)
        self._detector = self._new_detector()
        self._held.clear()
        self._guess.drop()
        self._live.end()
        if audio is not None and self._item_id:
            self._finish(self._item_id, audio, None)

    @property
    def turn_item_id(self) -> str:
        """The turn in progress, or empty."""
        return self._item_id if self._detector.in_turn else ""

    @property
    def busy(self) -> bool:
        """The user is speaking and that is known, or has spoken and is not understood yet."""
        return (self._detector.in_turn and not self._held) or bool(self._finishing)

    # Turns -----------------------------------------------------------------------------------------------------------

    def _interruptible(self) -> bool:
        if self._answering.greeting_now and self._settings.uninterruptible_greeting:
            return False
        return self._settings.turns.interrupt_response

    def _hides(self) -> bool:
        return bool(self._held) or (
            self._settings.hides_speech and self._playout.speaking and not self._interruptible()
        )

    def _hold(self, event: TurnEvent, audio: Samples | None, words: Recognized | None) -> None:
        """The client must not hear of speech while a reply may not be interrupted: keep
        it until the reply has sounded.
        """
        if not self._held:
            self._tasks.spawn(self._release_held())
        self._held.append((event, audio, words))

    async def _release_held(self) -> None:
        await self._playout.silent_again()
        held, self._held = self._held, []
        for event, audio, words in held:
            self._on_turn(event, audio, words)
        self._answering.pump()

    def _on_turn(self, event: TurnEvent, audio: Samples | None, words: Recognized | None) -> None:
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
                self._answering.pump()
            case SpeechStarted(began_ms=began_ms):
                self._started(began_ms)
            case SpeechPaused():
                if audio is not None:
                    self._guess.begin(self._recognizer.recognize(audio, final=True), self._detector.voiced_until_ms)
            case SpeechStopped(at_ms=at_ms, ended_ms=ended_ms):
                self._tell(SpeechEnded(at_ms=at_ms, item_id=self._item_id))
                guess = self._guess.take(ended_ms)
                if words is not None:
                    self._guess.drop()
                    self._told_words(self._item_id, words)
                elif audio is not None:
                    self._finish(self._item_id, audio, guess)

    def _started(self, began_ms: int) -> None:
        began = None
        if not self._begun_told:
            self._item_id = self._make_id("item")
            began = SpeechBegan(at_ms=began_ms, item_id=self._item_id)
        self._begun_told = False
        self._partial, self._partial_at_ms, self._guess.unfinished = "", 0, False
        self._guess.drop()
        if self._interruptible() or self._settings.hides_speech:
            self._answering.interrupt(began)
        elif began is not None:
            self._tell(began)

    # Words -----------------------------------------------------------------------------------------------------------

    def _finish(self, item_id: str, audio: Samples, guess: asyncio.Task[Recognized] | None) -> None:
        self._finishing += 1
        self._tasks.spawn(self._finish_turn(item_id, audio, guess))

    async def _finish_turn(self, item_id: str, audio: Samples, guess: asyncio.Task[Recognized] | None) -> None:
        try:
            heard = await (guess or self._recognizer.recognize(audio, final=True))
        finally:
            self._finishing -= 1
        self._told_words(item_id, heard)

    def _told_words(self, item_id: str, heard: Recognized) -> None:
        if heard.kind == "nothing":
            self._calls.tell_user(UserUnclear(item_id=item_id))
            self._answering.pump()
            return
        self._calls.tell_user(UserFinal(item_id=item_id, text=heard.text, sure=heard.kind == "skill"))
        if self._settings.answers_turns:
            self._understood(heard)
        else:
            self._answering.pump()

    def _make_partial(self) -> None:
        detector = self._detector
        if not self._scenario.partials or not detector.in_turn or self._held or self._partial_running:
            return
        length = detector.turn_ms
        if length - self._partial_at_ms < max(_PARTIAL_STEP_MS, _PARTIAL_GROWTH * length) or not self._recognizer.idle:
            return
        self._partial_at_ms = length
        self._partial_running = True
        self._tasks.spawn(self._partial_of(self._item_id, detector.turn_audio()))

    async def _partial_of(self, item_id: str, audio: Samples) -> None:
        try:
            heard = await self._recognizer.recognize(audio, final=False)
        finally:
            self._partial_running = False
        if item_id != self._item_id or not self._detector.in_turn or not heard.text or heard.text == self._partial:
            return
        self._partial = heard.text
        self._calls.tell_user(UserPartial(item_id=item_id, text=heard.text))
