"""Live turns: the recognizer listens along, and a sentence that it knows to be complete is answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from server.agent.asr_live import SoFar, Stage
from server.agent.events import ReplyStarted, SpeechEnded, UserFinal
from server.agent.live_turn import LiveTurn
from server.agent.pcm import Samples
from server.agent.tts import synthesize
from server.agent.turns import TurnSettings
from tests.server.support.conversing import BURST, RATE_HZ, FakeRecognizer, Talk, run

ADAPTIVE = TurnSettings(adaptive=True)


class FakeLine:
    """Says at once that the turn is at `stage`, whatever it is fed."""

    def __init__(self, heard: Callable[[SoFar], None], stage: Stage, text: str) -> None:
        self.heard, self.stage, self.text = heard, stage, text
        self.fed: list[Samples] = []
        self.closed = False

    def feed(self, samples: Samples, until_ms: int) -> None:
        assert not self.closed
        self.fed.append(samples)
        self.heard(SoFar(until_ms=until_ms, text=self.text, stage=self.stage, confidence=0.9))

    def close(self) -> None:
        self.closed = True


class LiveRecognizer(FakeRecognizer):
    """With a line for each turn, which hears `text`; recognising the finished turn gives other words."""

    def __init__(self, stage: Stage, text: str = "tell me a joke") -> None:
        super().__init__("what time is it")
        self.stage, self.text = stage, text
        self.lines: list[FakeLine] = []

    def live(self, heard: Callable[[SoFar], None]) -> FakeLine:  # type: ignore[override]
        self.lines.append(FakeLine(heard, self.stage, self.text))
        return self.lines[-1]


def silence_of(stage: Stage, turns: TurnSettings = ADAPTIVE, tail_ms: int = 2500) -> tuple[int, Talk]:
    """How much silence ended the turn, to one message of 40 ms; and the conversation."""
    speech = synthesize("tell me a joke", voice="michael", rate_hz=RATE_HZ).samples
    loud = np.flatnonzero(np.abs(speech) > 300)
    speech = speech[: loud[-1]]
    before_ms = 400 + len(speech) * 1000 // RATE_HZ
    talks: list[Talk] = []

    async def body() -> None:
        talk = Talk(BURST, LiveRecognizer(stage), turns=turns)
        talks.append(talk)
        sound = np.concatenate((np.zeros(RATE_HZ * 400 // 1000, np.int16), speech, np.zeros(16 * tail_ms, np.int16)))
        for at in range(0, len(sound), RATE_HZ * 40 // 1000):
            talk.conversation.hear(sound[at : at + RATE_HZ * 40 // 1000])
            await asyncio.sleep(0)
        await talk.until_kind(ReplyStarted)

    run(body)
    (end,) = [event for event in talks[0].told if isinstance(event, SpeechEnded)]
    return end.at_ms - before_ms, talks[0]


def words(talk: Talk) -> list[str]:
    return [event.text for event in talk.told if isinstance(event, UserFinal)]


def test_a_complete_sentence_is_answered_at_once_and_not_recognised_again() -> None:
    silence_ms, talk = silence_of("complete")
    assert silence_ms < 300
    assert words(talk) == ["tell me a joke"]


def test_what_may_go_on_waits_as_ever_and_is_not_recognised_again() -> None:
    silence_ms, talk = silence_of("open")
    assert 600 <= silence_ms <= 740
    assert words(talk) == ["tell me a joke"]


def test_what_nobody_knows_waits_as_ever_and_is_recognised_as_a_whole() -> None:
    silence_ms, talk = silence_of("unknown")
    assert 600 <= silence_ms <= 740
    assert words(talk) == ["what time is it"]


def test_half_a_sentence_gets_time_to_go_on() -> None:
    silence_ms, talk = silence_of("incomplete")
    assert silence_ms > 1000
    assert words(talk) == ["what time is it"]


def test_a_client_that_sets_the_silence_gets_it() -> None:
    silence_ms, talk = silence_of("complete", replace(ADAPTIVE, adaptive=False))
    assert 600 <= silence_ms <= 740
    assert isinstance(talk.recognizer, LiveRecognizer)
    assert talk.recognizer.lines == [], "nobody listens along in vain"


def test_the_line_gets_the_whole_turn_once_and_is_given_back() -> None:
    _, talk = silence_of("unknown")
    assert isinstance(talk.recognizer, LiveRecognizer)
    (line,) = talk.recognizer.lines
    assert line.closed
    fed = np.concatenate(line.fed)
    assert len(fed) > RATE_HZ
    assert np.count_nonzero(fed) > 0.9 * np.count_nonzero(
        synthesize("tell me a joke", voice="michael", rate_hz=RATE_HZ).samples
    )


@pytest.mark.parametrize(
    ("heard", "stage"),
    [
        ([(1000, "tell me a"), (1040, "tell me a joke")], "unknown"),  # it has not heard the silence
        ([(1040, "tell me a"), (1080, "tell me a joke")], "unknown"),  # the words are only just there
        ([(1040, "tell me a joke"), (1080, "tell me a joke")], "complete"),
    ],
)
def test_a_verdict_counts_when_the_silence_was_heard_and_the_words_stay(
    heard: list[tuple[int, str]], stage: Stage
) -> None:
    lines: list[FakeLine] = []

    def open_line(tell: Callable[[SoFar], None]) -> FakeLine:
        lines.append(FakeLine(tell, "complete", ""))
        return lines[-1]

    news: list[None] = []
    turn = LiveTurn(open_line, lambda: news.append(None))  # type: ignore[arg-type]
    turn.begin()
    for until_ms, text in heard:
        lines[0].text = text
        lines[0].feed(np.zeros(1, np.int16), until_ms)
    assert turn.stage(1000) == stage
    assert len(news) == len(heard)
    turn.end()
    assert turn.stage(1000) == "unknown"
    assert turn.words(1000) is None
