"""Playout: speaks a reply sentence by sentence in real time, and knows how much of it was heard so far.

The client plays in real time, whatever the pace on the wire: `_sounds_until` is the moment (loop time) at which the
last sample sent will have been played. Everything about barge-in follows from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from server.agent.events import Event, ReplyAudio, ReplyDone, ReplyStarted, ReplyText, ReplyWord
from server.agent.pcm import Samples, to_samples
from server.agent.scenarios import Scenario
from server.agent.tts import Speech, SpokenWord

__all__ = ["Playout", "PlayoutSettings", "Synthesizer"]

# The pause between two sentences of a reply.
_SENTENCE_GAP_MS = 180
# A silent preamble of a tool call is this long.
PREAMBLE_MS = 200
# Sound leaves in pieces of this length where neither the scenario nor the wire says otherwise.
CHUNK_MS = 10


class Synthesizer(Protocol):
    """What makes sound out of words: `voice.Voice`, or a fake."""

    async def say(self, text: str, *, voice: str, rate_hz: int) -> Speech: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayoutSettings:
    """`volume` 0 to 100, None for the voice's own level; it may change while a reply is spoken."""

    voice: str
    rate_hz: int
    volume: float | None = None

    def __post_init__(self) -> None:
        if self.rate_hz <= 0:
            raise ValueError("rate_hz must be positive")
        if self.volume is not None and not 0 <= self.volume <= 100:
            raise ValueError("volume must be 0 to 100")


@dataclass(slots=True)
class _Active:
    """The reply being sent. `sent_ms` of sound went out; `words` and `text` hold all that was planned so far."""

    reply_id: str
    item_id: str
    sent_ms: float = 0.0
    planned_ms: float = 0.0
    told: int = 0


class Playout:
    """Speaks one reply at a time: `await speak(...)`; `interrupt()` from outside ends it at once."""

    def __init__(
        self, *, voice: Synthesizer, settings: PlayoutSettings, scenario: Scenario, emit: Callable[[Event], None]
    ) -> None:
        self._voice = voice
        self._settings = self._next = settings
        self._scenario = scenario
        self._emit = emit
        self._active: _Active | None = None
        self._words: list[SpokenWord] = []
        self._unsent: Samples = np.zeros(0, dtype=np.int16)
        self._sounds_until = 0.0

    @property
    def settings(self) -> PlayoutSettings:
        return self._settings

    @property
    def active_reply_id(self) -> str | None:
        """The reply that is being sent, or None; a reply may be sent completely and still sound."""
        return self._active.reply_id if self._active else None

    def change(self, settings: PlayoutSettings) -> None:
        """The volume from the next chunk on, voice and rate from the next reply on."""
        self._next = settings
        self._settings = settings if self._active is None else replace(self._settings, volume=settings.volume)

    def hush(self) -> None:
        """The client plays nothing of the past any more."""
        self._sounds_until = asyncio.get_running_loop().time()

    def audible_for(self) -> float:
        """For how many more seconds the client hears what was sent; 0 when it has heard everything."""
        return max(0.0, self._sounds_until - asyncio.get_running_loop().time())

    @property
    def speaking(self) -> bool:
        """A reply is being sent, or still sounds at the client."""
        return self._active is not None or self.audible_for() > 0

    async def silent_again(self) -> None:
        """Wait until no reply is being sent and everything sent has sounded."""
        while self.speaking:  # noqa: ASYNC110 - the end moves with every chunk sent
            await asyncio.sleep(max(0.02, self.audible_for()))

    def open(self, reply_id: str, item_id: str) -> None:
        """Begin a reply without sound; `speak_into`, `silence` and `complete` follow."""
        self._active = _Active(reply_id=reply_id, item_id=item_id)
        self._settings = self._next
        self._words = []
        self._unsent = np.zeros(0, dtype=np.int16)
        self._emit(ReplyStarted(reply_id=reply_id, item_id=item_id))

    async def speak_into(
        self, sentences: Sequence[str], *, bare_words: bool = False, voice: str = "", text_only: bool = False
    ) -> None:
        """Speak sentences in the open reply. `bare_words`: deltas carry no spaces, as greetings do live.

        `voice` is for this reply alone; `text_only` tells the words and makes no sound.
        """
        active = self._active
        if active is None:
            raise RuntimeError("no reply is open")
        if text_only:
            await self._write(active, sentences)
            return
        if self._scenario.leading_silence_ms:
            await self.silence(self._scenario.leading_silence_ms)
        following: asyncio.Task[Speech] | None = None
        try:
            for index, sentence in enumerate(sentences):
                speech = await (following or self._synthesize(sentence, voice))
                following = None
                if index + 1 < len(sentences):
                    following = asyncio.create_task(self._synthesize(sentences[index + 1], voice))
                offset = round(active.planned_ms)
                timed = [
                    replace(word, start_ms=word.start_ms + offset, end_ms=word.end_ms + offset) for word in speech.words
                ]
                self._words += timed
                if self._scenario.deltas == "burst":
                    self._tell_words(active, until_ms=None, bare=bare_words)
                gap = self._zeros(_SENTENCE_GAP_MS if following else 0)
                await self._send(active, np.concatenate((speech.samples, gap)), bare=bare_words)
            if self._scenario.deltas == "paced":
                self._tell_words(active, until_ms=None, bare=bare_words)
        finally:
            if following is not None:
                following.cancel()

    async def silence(self, duration_ms: int) -> None:
        """Send zeros in the open reply, at the same pace as speech."""
        if self._active is None:
            raise RuntimeError("no reply is open")
        await self._send(self._active, self._zeros(duration_ms), bare=False)

    def complete(self) -> None:
        """End the open reply: its text, if it had any, then done."""
        active = self._active
        if active is None:
            return
        self._active = None
        if self._words:
            text = " ".join(word.text for word in self._words)
            self._emit(ReplyText(reply_id=active.reply_id, item_id=active.item_id, text=text, interrupted=False))
        self._emit(ReplyDone(reply_id=active.reply_id, status="completed"))

    def interrupt(self, began: Event | None = None) -> bool:
        """Stop now. `began` is the news of the user's speech, told in the scenario's order.

        False when no reply was open.

        Nothing is awaited here: the messages leave together. The caller cancels the task that awaits `speak_into`.
        """
        active, self._active = self._active, None
        loop_now = asyncio.get_running_loop().time()
        left_ms = max(0.0, (self._sounds_until - loop_now) * 1000)
        self._sounds_until = loop_now
        if active is None:
            if began is not None:
                self._emit(began)
            return False
        heard_ms = active.sent_ms - left_ms
        spoken = [word.text for word in self._words if (word.start_ms + word.end_ms) / 2 <= heard_ms]
        told: list[Event] = [
            ReplyText(reply_id=active.reply_id, item_id=active.item_id, text=" ".join(spoken), interrupted=True),
            ReplyDone(reply_id=active.reply_id, status="interrupted"),
        ]
        if not self._words:
            told.pop(0)
        if began is not None:
            told.insert(0, began)
        if self._scenario.interruption_order == "done_first":
            told.reverse()
        for event in told:
            self._emit(event)
        late = self._unsent[: self._chunk() * self._scenario.late_audio_chunks]
        for at in range(0, len(late), self._chunk()):
            self._emit(ReplyAudio(reply_id=active.reply_id, samples=late[at : at + self._chunk()]))
        return True

    def forget(self) -> None:
        """The client is gone: whatever was being sent is dropped without a word."""
        self._active = None
        self._sounds_until = 0.0

    async def _write(self, active: _Active, sentences: Sequence[str]) -> None:
        for word in " ".join(sentences).split():
            self._words.append(SpokenWord(text=word, start_ms=0, end_ms=0))
            self._tell_words(active, until_ms=0, bare=False)
            await asyncio.sleep(0)
            if self._active is not active:
                return

    async def _synthesize(self, sentence: str, voice: str) -> Speech:
        return await self._voice.say(sentence, voice=voice or self._settings.voice, rate_hz=self._settings.rate_hz)

    def _zeros(self, duration_ms: int) -> Samples:
        return np.zeros(self._settings.rate_hz * duration_ms // 1000, dtype=np.int16)

    def _chunk(self) -> int:
        return max(1, self._settings.rate_hz * (self._scenario.chunk_ms or CHUNK_MS) // 1000)

    async def _send(self, active: _Active, samples: Samples, *, bare: bool) -> None:
        loop = asyncio.get_running_loop()
        rate_hz = self._settings.rate_hz
        active.planned_ms += len(samples) * 1000 / rate_hz
        size = self._chunk()
        for number, at in enumerate(range(0, len(samples), size)):
            if self._scenario.pace != "burst":
                early = self._sounds_until - loop.time() - self._scenario.lead_ms / 1000
                if early > 0:
                    await asyncio.sleep(early)
            elif number % 32 == 31:
                # A burst is for the client to cope with; the other sessions still get their turn.
                await asyncio.sleep(0)
            if self._active is not active:
                return
            chunk = samples[at : at + size]
            self._unsent = samples[at + size :]
            if self._scenario.deltas == "paced":
                self._tell_words(active, until_ms=active.sent_ms + len(chunk) * 1000 / rate_hz, bare=bare)
            if self._settings.volume is not None:
                chunk = to_samples(chunk.astype(np.float64) * (self._settings.volume / 100))
            self._emit(ReplyAudio(reply_id=active.reply_id, samples=chunk))
            active.sent_ms += len(chunk) * 1000 / rate_hz
            self._sounds_until = max(self._sounds_until, loop.time()) + len(chunk) / rate_hz

    def _tell_words(self, active: _Active, *, until_ms: float | None, bare: bool) -> None:
        while active.told < len(self._words):
            word = self._words[active.told]
            if until_ms is not None and word.start_ms > until_ms:
                return
            spacing = self._scenario.delta_spacing
            last = active.told == len(self._words) - 1
            first = active.told == 0
            text = word.text
            if spacing == "trailing" or (spacing == "live" and not bare):
                text = text if last and until_ms is None else text + " "
            elif spacing == "leading":
                text = text if first else " " + text
            active.told += 1
            self._emit(
                ReplyWord(
                    reply_id=active.reply_id,
                    item_id=active.item_id,
                    text=text,
                    start_ms=word.start_ms,
                    end_ms=word.end_ms,
                )
            )
