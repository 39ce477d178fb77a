"""The line on which a turn is recognised while it is spoken, with a process that answers when it is told to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from server.agent import asr_live as module
from server.agent.asr_live import LiveSpeechRecognizer, SoFar
from server.agent.pcm import Samples


class FakeProcess:
    """Answers with the number of samples that it got, when `go_on` is set."""

    made: list[FakeProcess]
    go_on: threading.Event
    fails: int

    def __init__(self, name: str) -> None:
        self.asked: list[tuple[bool, int]] = []
        FakeProcess.made.append(self)

    def ask(self, head: Mapping[str, Any], audio: bytes) -> dict[str, Any]:
        self.asked.append((head["begin"], len(audio) // 2))
        assert FakeProcess.go_on.wait(5)
        if FakeProcess.fails:
            FakeProcess.fails -= 1
            raise OSError("the recognising process ended")
        return {"text": str(len(audio) // 2), "stage": "unknown", "confidence": 0.0}

    def close(self) -> None:
        pass


@pytest.fixture
def recognizer(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveSpeechRecognizer]:
    FakeProcess.made, FakeProcess.go_on, FakeProcess.fails = [], threading.Event(), 0
    FakeProcess.go_on.set()
    monkeypatch.setattr(module, "WorkerProcess", FakeProcess)
    made = LiveSpeechRecognizer()
    yield made
    FakeProcess.go_on.set()
    made.close()


def sound(samples: int) -> Samples:
    return np.zeros(samples, dtype=np.int16)


async def until(fulfilled: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not fulfilled():  # noqa: ASYNC110 - a thread does it
            await asyncio.sleep(0.005)


def run(body: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await body()

    asyncio.run(whole())


def test_results_say_up_to_where(recognizer: LiveSpeechRecognizer) -> None:
    async def body() -> None:
        heard: list[SoFar] = []
        line = recognizer.open(heard.append)
        assert line is not None
        line.feed(sound(10), 100)
        await until(lambda: len(heard) == 1)
        line.feed(sound(20), 140)
        await until(lambda: len(heard) == 2)
        assert [(one.until_ms, one.text) for one in heard] == [(100, "10"), (140, "20")]
        assert FakeProcess.made[0].asked == [(True, 10), (False, 20)]

    run(body)


def test_what_waits_is_taken_in_one_piece(recognizer: LiveSpeechRecognizer) -> None:
    """A slow machine is late, and never further behind than one piece."""

    async def body() -> None:
        FakeProcess.go_on.clear()
        heard: list[SoFar] = []
        line = recognizer.open(heard.append)
        assert line is not None
        line.feed(sound(10), 100)
        await until(lambda: bool(FakeProcess.made and FakeProcess.made[0].asked))
        for number in range(5):
            line.feed(sound(10), 140 + 40 * number)
        FakeProcess.go_on.set()
        await until(lambda: len(heard) == 2)
        assert (heard[1].until_ms, heard[1].text) == (300, "50")

    run(body)


def test_one_turn_has_the_line_until_it_is_over(recognizer: LiveSpeechRecognizer) -> None:
    async def body() -> None:
        FakeProcess.go_on.clear()
        first, second = [], []  # type: list[SoFar], list[SoFar]
        line = recognizer.open(first.append)
        assert line is not None
        assert recognizer.open(second.append) is None
        line.feed(sound(10), 100)
        await until(lambda: bool(FakeProcess.made and FakeProcess.made[0].asked))
        line.close()
        other = recognizer.open(second.append)
        assert other is not None
        line.feed(sound(30), 140)
        line.close()
        other.feed(sound(20), 100)
        FakeProcess.go_on.set()
        await until(lambda: len(second) == 1)
        assert second[0].text == "20"
        assert first == [], "nobody is told of a turn that is over"
        assert FakeProcess.made[0].asked == [(True, 10), (True, 20)]

    run(body)


def test_a_process_that_dies_costs_one_turn(recognizer: LiveSpeechRecognizer, caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        FakeProcess.fails = 1
        heard: list[SoFar] = []
        line = recognizer.open(heard.append)
        assert line is not None
        line.feed(sound(10), 100)
        await until(lambda: not recognizer.serves(line))
        line.feed(sound(10), 140)
        again = recognizer.open(heard.append)
        assert again is not None
        again.feed(sound(20), 100)
        await until(lambda: len(heard) == 1)
        assert heard[0].text == "20"
        assert len(FakeProcess.made) == 2

    run(body)
    assert "live speech recognition failed: OSError" in caplog.text


def test_closed_it_gives_no_line(recognizer: LiveSpeechRecognizer) -> None:
    async def body() -> None:
        recognizer.prewarm()
        recognizer.close()
        assert recognizer.open(lambda so_far: None) is None

    run(body)
