"""Plays sentences of `pauses.py` to the local agent of one build, in its own process and with its own modules, faster
than real time.

    PYTHONPATH=<the build> python -P pauses_replay.py < sentences.json > results.jsonl

The event loop's clock is the sound's: it stands still while something is computed. What recognition and synthesis cost
is taken from this thread's processor time and passes on that clock before the result is there, so that a busy machine
distorts little. There are as many recognisers as in the server, each busy with one utterance; a caller has one
utterance in work, as in its queue.

It knows two builds: commit 9731686, whose modules had other names, and this one.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import selectors
import sys
import time
import wave
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

import numpy as np

RATE_HZ = 24_000
FRAME_MS = 40  # the page's
# Through two pipes and a thread, each way.
HANDING_OVER_MS = 1.0


class _Build:
    """What is called otherwise in one of the builds."""

    def __init__(self) -> None:
        self.earlier = importlib.util.find_spec("server.agent.asr") is None
        names = _EARLIER_NAMES if self.earlier else _NAMES
        for name, (module, attribute) in names.items():
            setattr(self, name, getattr(importlib.import_module(f"server.agent.{module}"), attribute))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"this build has no {name}")


_SAME = {
    "ConversationSettings": ("conversation_settings", "ConversationSettings"),
    "Conversation": ("session", "Conversation"),
    "Scenario": ("scenarios", "Scenario"),
    "TurnSettings": ("turns", "TurnSettings"),
}
_NAMES = _SAME | {
    "Recognizer": ("asr_worker", "Recognizer"),
    "Recognized": ("asr", "Recognized"),
    "PlayoutSettings": ("playout", "PlayoutSettings"),
    "synthesize": ("tts", "synthesize"),
    "LiveRecognizer": ("live_worker", "LiveRecognizer"),
    "SoFar": ("asr_live", "SoFar"),
}
_EARLIER_NAMES = _SAME | {
    "Recognizer": ("hearing", "Recogniser"),
    "Recognized": ("ears", "Heard"),
    "PlayoutSettings": ("speaker", "SpeakerSettings"),
    "synthesize": ("voice", "synthesize"),
}
BUILD = _Build()


class _Selector(selectors.SelectSelector):
    """Waits for nothing: where the loop would sleep, its clock moves on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.now += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


class _Worker:
    """One process that computes: whoever comes while it is busy waits."""

    def __init__(self) -> None:
        self._free_at = 0.0

    async def run(self, work: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        began = time.thread_time()
        result = work()
        took = time.thread_time() - began + HANDING_OVER_MS / 1000
        self._free_at = max(self._free_at, loop.time()) + took
        await asyncio.sleep(self._free_at - loop.time())
        return result


class _Seat:
    """Stands for the recognisers, under the names of both builds."""

    def __init__(self, recognizer: Any, live: Any) -> None:
        self._recognizer = recognizer
        self._live = live
        self._worker = _Worker()
        self._turn = asyncio.Lock()

    @property
    def idle(self) -> bool:
        return not self._turn.locked()

    async def recognize(self, samples: Any, *, final: bool) -> Any:
        work = self._recognizer.hear if BUILD.earlier else self._recognizer.recognize
        async with self._turn:
            found = await self._worker.run(partial(work, samples, final=final))
        return BUILD.Recognized(kind=found["kind"], text=found["text"], confidence=found["confidence"])

    hear = recognize

    def live(self, heard: Callable[[Any], None]) -> Any:
        return _Live(self._live, heard)

    def close(self) -> None:
        pass


class _Live:
    """Stands for `asr_live.LiveLine`: sound of a turn as it comes, and what it is so far
    as soon as that is computed.
    """

    def __init__(self, recognizer: Any, heard: Callable[[Any], None]) -> None:
        self._recognizer = recognizer
        self._heard = heard
        self._worker = _Worker()
        self._waiting: list[Any] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        recognizer.begin()

    def feed(self, samples: Any, until_ms: int) -> None:
        self._waiting.append((samples, until_ms))
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while self._waiting and not self._closed:
            parts, self._waiting = self._waiting, []
            samples = np.concatenate([part for part, _ in parts])
            answer = await self._worker.run(partial(self._recognizer.more, samples))
            if not self._closed:
                self._heard(BUILD.SoFar(until_ms=parts[-1][1], **answer))
        self._task = None

    def close(self) -> None:
        self._closed = True


class _Voice:
    def __init__(self) -> None:
        self._worker = _Worker()

    async def say(self, text: str, *, voice: str, rate_hz: int) -> Any:
        return await self._worker.run(partial(BUILD.synthesize, text, voice=voice, rate_hz=rate_hz))


def _conversation(seat: _Seat, emit: Callable[[Any], None]) -> Any:
    numbers = count(1)
    mouth = BUILD.PlayoutSettings(voice="alba", rate_hz=RATE_HZ)
    named = {"speaker": mouth} if BUILD.earlier else {"playout": mouth}
    turns = BUILD.TurnSettings() if BUILD.earlier else BUILD.TurnSettings(adaptive=True)
    return BUILD.Conversation(
        settings=BUILD.ConversationSettings(turns=turns, input_rate_hz=RATE_HZ, **named),
        scenario=BUILD.Scenario(),
        voice=_Voice(),
        make_id=lambda kind: f"{kind}-{next(numbers)}",
        now=lambda: datetime(2026, 1, 1, 14, 7),
        emit=emit,
        **{("ears" if BUILD.earlier else "recognizer"): seat},
    )


async def _play(sentence: dict[str, Any], recognizer: Any, live: Any) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    with wave.open(sentence["wav"]) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
    told: list[tuple[float, Any]] = []
    start = loop.time()
    conversation = _conversation(
        _Seat(recognizer, live), lambda event: told.append(((loop.time() - start) * 1000, event))
    )
    size = RATE_HZ * FRAME_MS // 1000
    for number, at in enumerate(range(0, len(samples), size), start=1):
        await asyncio.sleep(max(0.0, start + number * FRAME_MS / 1000 - loop.time()))
        conversation.hear(samples[at : at + size])
        if any(type(event).__name__ == "ReplyAudio" and ms > sentence["ends_ms"] for ms, event in told):
            break
    for _ in range(200):  # the last recognition may take longer than the silence behind the words
        if any(
            type(event).__name__ in ("ReplyAudio", "UserUnclear") and ms > sentence["ends_ms"] for ms, event in told
        ):
            break
        await asyncio.sleep(0.02)
    conversation.close()
    await asyncio.sleep(0)
    return {
        "stops_ms": [ms for ms, event in told if type(event).__name__ == "SpeechEnded" and event.item_id],
        "finals": [(ms, event.text) for ms, event in told if type(event).__name__ == "UserFinal"],
        "first_sound_ms": next(
            (ms for ms, event in told if type(event).__name__ == "ReplyAudio" and ms > sentence["ends_ms"]), None
        ),
    }


def main() -> None:
    recognizer = BUILD.Recognizer()
    recognizer.warm()
    BUILD.synthesize("Hello.")
    live = None
    if not BUILD.earlier:
        live = BUILD.LiveRecognizer()
        live.warm()
    for line in sys.stdin:
        sentence = json.loads(line)
        loop = _Loop()
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(_play(sentence, recognizer, live))
        print(json.dumps(result), flush=True)
        loop.close()


if __name__ == "__main__":
    main()
