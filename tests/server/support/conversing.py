"""A conversation of the local agent with a fake recognizer and a fake synthesizer, and what it told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from itertools import count
from typing import Any

import numpy as np

from server.agent.asr import Recognized
from server.agent.asr_live import LiveLine, SoFar
from server.agent.conversation_settings import ConversationSettings
from server.agent.events import (
    Event,
    ReplyAudio,
    ReplyWord,
)
from server.agent.pcm import Samples
from server.agent.playout import PlayoutSettings
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.tools import ToolSpec
from server.agent.tts import Speech, SpokenWord, synthesize
from server.agent.turns import TurnSettings

RATE_HZ = 16_000
WORD_MS = 100


class FakeRecognizer:
    """Hears what it was told to hear, whatever the sound."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.idle = True
        self.closed = False

    async def recognize(self, samples: Samples, *, final: bool) -> Recognized:
        await asyncio.sleep(0)
        if not final:
            return Recognized(kind="skill", text="what", confidence=0.5)
        text = self.texts[0] if self.texts else ""
        return Recognized(kind="skill" if text else "nothing", text=text, confidence=0.9 if text else 0.0)

    def live(self, heard: Callable[[SoFar], None]) -> LiveLine | None:
        return None

    def close(self) -> None:
        self.closed = True


class FakeVoice:
    """Every word lasts 100 ms and sounds like a constant."""

    async def say(self, text: str, *, voice: str, rate_hz: int) -> Speech:
        words = text.split()
        timed = tuple(
            SpokenWord(text=word, start_ms=at * WORD_MS, end_ms=(at + 1) * WORD_MS) for at, word in enumerate(words)
        )
        samples = np.full(len(words) * WORD_MS * rate_hz // 1000, 1000, dtype=np.int16)
        return Speech(samples=samples, rate_hz=rate_hz, words=timed)


class Talk:
    """A conversation and what it told."""

    def __init__(self, scenario: Scenario, recognizer: FakeRecognizer, **settings: Any) -> None:
        self.told: list[Event] = []
        numbers = count(1)
        turns = settings.pop("turns", TurnSettings(min_silence_ms=200, max_silence_ms=200))
        self.recognizer = recognizer
        self.conversation = Conversation(
            settings=ConversationSettings(
                turns=turns,
                playout=PlayoutSettings(voice="alba", rate_hz=RATE_HZ),
                input_rate_hz=RATE_HZ,
                **settings,
            ),
            scenario=scenario,
            recognizer=recognizer,
            voice=FakeVoice(),
            make_id=lambda kind: f"{kind}-{next(numbers)}",
            now=lambda: datetime(2026, 1, 1),
            emit=self.told.append,
        )

    async def until(self, wanted: Callable[[list[Event]], bool]) -> None:
        async with asyncio.timeout(10):
            while not wanted(self.told):  # noqa: ASYNC110 - the told list has no event
                await asyncio.sleep(0.005)

    async def until_kind(self, kind: type[Event], times: int = 1) -> None:
        await self.until(lambda told: sum(isinstance(one, kind) for one in told) >= times)

    def say(self, words: str = "what time is it", quiet_ms: int = 400) -> None:
        """Speech and quiet, at once: turn detection follows the audio, not the clock."""
        speech = synthesize(words, voice="michael", rate_hz=RATE_HZ).samples
        self.conversation.hear(np.concatenate((np.zeros(3200, np.int16), speech, np.zeros(16 * quiet_ms, np.int16))))

    def kinds(self) -> list[type]:
        return [type(one) for one in self.told if not isinstance(one, ReplyAudio | ReplyWord)]


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body())


BURST = Scenario(pace="burst", chunk_ms=50)
WEATHER = ToolSpec(name="get_weather", parameters={"properties": {"city": {}}})
