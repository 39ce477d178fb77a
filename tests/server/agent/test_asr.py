"""Speech recognition for several sessions, with recognizers that answer when they are told to (row 61)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import numpy as np
import pytest

from server.agent import asr as module
from server.agent.asr import NOTHING, Recognized, Seat, SpeechRecognizer
from server.agent.pcm import Samples


class FakeProcess:
    """Answers with the level of the sound, when `go_on` is set for that level; `break_off` ends it with an error."""

    made: list[FakeProcess]
    go_on: dict[int, threading.Event]

    def __init__(self) -> None:
        self.broken_off = False
        self.asked: list[int] = []
        FakeProcess.made.append(self)

    def ask(self, audio: bytes, *, final: bool) -> Recognized:
        level = int(np.frombuffer(audio[:2], dtype="<i2")[0])
        self.asked.append(level)
        event = FakeProcess.go_on.get(level)
        for _ in range(500):
            if self.broken_off:
                raise OSError("the recognising process ended")
            if event is None or event.wait(0.01):
                return Recognized(kind="free", text=str(level), confidence=0.3)
        raise OSError("the test has forgotten it")

    def break_off(self) -> None:
        self.broken_off = True

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _fake_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeProcess.made, FakeProcess.go_on = [], {}
    monkeypatch.setattr(module, "_Process", FakeProcess)


@pytest.fixture
def recognizer() -> Iterator[SpeechRecognizer]:
    made = SpeechRecognizer(2)
    yield made
    for event in FakeProcess.go_on.values():
        event.set()
    made.close()


def sound(level: int, seconds: float = 1.0) -> Samples:
    return np.full(int(16_000 * seconds), level, dtype=np.int16)


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await body()

    asyncio.run(limited())


async def until(wanted: Callable[[], bool]) -> None:
    while not wanted():  # noqa: ASYNC110 - threads have no event of ours
        await asyncio.sleep(0.005)


def asked() -> list[int]:
    return [level for process in FakeProcess.made for level in process.asked]


async def in_work(seat: Seat, seconds: float, count: int) -> list[asyncio.Future[Recognized]]:
    """So many utterances of level 1, the first of them in work."""
    first = asyncio.ensure_future(seat.recognize(sound(1, seconds), final=True))
    await until(lambda: asked() == [1])
    rest = [asyncio.ensure_future(seat.recognize(sound(1, seconds), final=True)) for _ in range(count - 1)]
    await asyncio.sleep(0)
    return [first, *rest]


def test_row_61_a_noisy_caller_does_not_keep_another_waiting(recognizer: SpeechRecognizer) -> None:
    """Ten utterances at once, none of which is ever finished: the other caller is answered all the same."""
    FakeProcess.go_on[1] = threading.Event()

    async def body() -> None:
        noisy, quiet = recognizer.seat(), recognizer.seat()
        flood = await in_work(noisy, 1, 10)
        assert not noisy.idle, "it has an utterance in work"
        assert (await quiet.recognize(sound(2), final=True)).text == "2"
        assert asked() == [1, 2]
        FakeProcess.go_on[1].set()
        assert [one.text for one in await asyncio.gather(*flood)] == ["1"] * 10

    run(body)


@pytest.mark.parametrize(("seconds", "processes"), [(1.0, 2), (20.0, 3)], ids=["short", "long"])
def test_row_61_the_work_of_a_session_that_is_over_is_dropped(
    recognizer: SpeechRecognizer, seconds: float, processes: int
) -> None:
    """What waits is never begun.

    A long utterance is broken off; a short one is sooner done than a new process ready.
    """
    FakeProcess.go_on[1] = threading.Event()

    async def body() -> None:
        gone, other = recognizer.seat(), recognizer.seat()
        flood = await in_work(gone, seconds, 3)
        gone.close()
        if seconds < 15:
            FakeProcess.go_on[1].set()
        results = await asyncio.gather(*flood, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in results] == [False, True, True]
        for _ in range(4):
            assert (await other.recognize(sound(2), final=True)).text == "2"
        assert asked().count(1) == 1
        assert (await gone.recognize(sound(1), final=True)) is NOTHING

    run(body)
    assert len(FakeProcess.made) <= processes


def test_row_61_more_than_a_minute_of_waiting_speech_is_refused(recognizer: SpeechRecognizer) -> None:
    FakeProcess.go_on[1] = threading.Event()

    async def body() -> None:
        noisy, quiet = recognizer.seat(), recognizer.seat()
        flood = await in_work(noisy, 25, 5)
        # One is in work and two wait; two more do not fit into a minute.
        await until(lambda: sum(one.done() for one in flood) == 2)
        assert [one.result() for one in flood if one.done()] == [NOTHING, NOTHING]
        assert (await quiet.recognize(sound(2), final=True)).text == "2"
        noisy.close()
        await asyncio.gather(*flood, return_exceptions=True)

    run(body)


def test_a_process_that_dies_loses_one_utterance(recognizer: SpeechRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        seat = recognizer.seat()
        with monkeypatch.context() as patched:
            patched.setattr(FakeProcess, "ask", lambda *_args, **_more: (_ for _ in ()).throw(OSError("gone")))
            assert await seat.recognize(sound(1), final=True) is NOTHING
        assert (await seat.recognize(sound(2), final=True)).text == "2"

    run(body)


def test_closing_does_not_wait_for_what_is_in_work() -> None:
    FakeProcess.go_on[1] = threading.Event()
    recognizer = SpeechRecognizer(1)

    async def body() -> None:
        waiting = asyncio.ensure_future(recognizer.seat().recognize(sound(1), final=True))
        await until(lambda: asked() == [1])
        await asyncio.to_thread(recognizer.close)
        assert await waiting is NOTHING

    run(body)
