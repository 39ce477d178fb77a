"""Endpointing on sounds made here: time is audio time, so every number below is exact to one 20 ms frame."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from server.agent.pcm import Samples
from server.agent.tts import synthesize
from server.agent.turns import (
    SpeechDropped,
    SpeechOnset,
    SpeechPaused,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
    TurnEvent,
    TurnSettings,
)


def speech(text: str = "what is the weather like in london today") -> Samples:
    return synthesize(text, voice="michael", rate_hz=16_000).samples


def quiet(ms: int, rms: float = 0.0) -> Samples:
    return np.random.default_rng(1).normal(0.0, max(rms, 1e-9), 16 * ms).astype(np.int16)


def feed(detector: TurnDetector, parts: Iterable[Samples], *, chunk: int = 800, **how: bool) -> list[TurnEvent]:
    """Everything that happened, with the audio arriving in wire-sized chunks."""
    how = {"agent_audible": False, **how}
    data = np.concatenate(list(parts))
    return [event for at in range(0, len(data), chunk) for event in detector.feed(data[at : at + chunk], **how)]


def started(events: list[TurnEvent]) -> list[SpeechStarted]:
    return [event for event in events if isinstance(event, SpeechStarted)]


def stopped(events: list[TurnEvent]) -> list[SpeechStopped]:
    return [event for event in events if isinstance(event, SpeechStopped)]


def test_one_sentence_is_one_turn() -> None:
    """The gaps between words must not end it, and the quiet behind it must."""
    events = feed(TurnDetector(TurnSettings()), [quiet(500), speech(), quiet(1500)])
    assert [type(event) for event in events if not isinstance(event, SpeechPaused)] == [
        SpeechOnset,
        SpeechStarted,
        SpeechStopped,
    ]
    assert isinstance(events[-2], SpeechPaused), "the words can be recognised before the silence is over"


def test_a_turn_begins_soon_after_the_first_sound_and_ends_after_min_silence() -> None:
    spoken = speech()
    settings = TurnSettings(min_silence_ms=400, max_silence_ms=400)
    events = feed(TurnDetector(settings), [quiet(500), spoken, quiet(1500)])
    assert 500 <= started(events)[0].at_ms <= 900
    end = stopped(events)[0]
    assert end.at_ms - end.ended_ms == 400


@pytest.mark.parametrize("min_silence_ms", [200, 640, 1200])
def test_min_silence_is_honoured_to_the_frame(min_silence_ms: int) -> None:
    settings = TurnSettings(min_silence_ms=min_silence_ms, max_silence_ms=2000)
    end = stopped(feed(TurnDetector(settings), [speech("hello there"), quiet(2500)]))[-1]
    assert end.at_ms - end.ended_ms == min_silence_ms


def test_a_complete_sentence_ends_sooner_with_adaptive_settings_alone() -> None:
    """A client that sets the silence gets the silence that it set."""
    for adaptive, silence_ms in ((True, 160), (False, 640)):
        settings = TurnSettings(adaptive=adaptive, complete_silence_ms=160)
        end = stopped(feed(TurnDetector(settings), [speech(), quiet(1000)], complete=True))[-1]
        assert end.at_ms - end.ended_ms == silence_ms


def test_words_that_become_known_in_a_silence_end_it_without_another_frame() -> None:
    detector = TurnDetector(TurnSettings(adaptive=True, complete_silence_ms=160))
    feed(detector, [speech(), quiet(300)])
    assert detector.settle(unfinished=False, complete=False) == []
    (end,) = detector.settle(unfinished=False, complete=True)
    assert isinstance(end, SpeechStopped)
    assert not detector.in_turn
    assert detector.settle(unfinished=False, complete=True) == [], "it is over once"


def test_words_that_want_more_wait_for_max_silence() -> None:
    """ "What is the weather in ..." and a moment of thought is one turn."""
    settings = TurnSettings(min_silence_ms=300, max_silence_ms=1100)
    end = stopped(feed(TurnDetector(settings), [speech(), quiet(2000)], unfinished=True))[-1]
    assert end.at_ms - end.ended_ms == 1100


def test_the_audio_of_a_turn_begins_before_its_first_sound() -> None:
    """A recogniser that misses the first consonant hears another word."""
    spoken = speech()
    detector = TurnDetector(TurnSettings(pre_roll_ms=300))
    feed(detector, [quiet(1000), spoken, quiet(1500)])
    audio = detector.turn_audio()
    assert len(audio) >= len(spoken), "the whole sentence is in it"
    assert not audio[: 16 * 100].any(), "and some of the quiet in front"
    best = int(np.argmax(np.correlate(audio.astype(float), spoken[:8000].astype(float), "valid")))
    assert 0 <= best <= 16 * 500


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("digital silence", quiet(4000)),
        ("the hiss of a quiet room", quiet(4000, rms=40)),
        ("a louder hiss", quiet(4000, rms=250)),
        ("one click", np.concatenate((quiet(1000), np.full(160, 20_000, dtype=np.int16), quiet(1000)))),
    ],
)
def test_what_is_no_speech_begins_no_turn(name: str, samples: Samples) -> None:
    assert started(feed(TurnDetector(TurnSettings()), [samples])) == [], name


def test_speech_is_found_in_low_noise_and_still_ends() -> None:
    """Between the words of a real room there is never digital silence."""
    noise = quiet(8000, rms=60)
    spoken = np.zeros(len(noise), dtype=np.int16)
    words = speech()
    spoken[16_000 : 16_000 + len(words)] = words
    events = feed(TurnDetector(TurnSettings()), [(noise + spoken // 2).astype(np.int16)])
    assert len(started(events)) == 1
    assert len(stopped(events)) == 1


def test_it_takes_more_to_interrupt_the_agent_than_to_begin_a_turn() -> None:
    early = started(feed(TurnDetector(TurnSettings()), [quiet(500), speech()]))[0].at_ms
    barge = started(feed(TurnDetector(TurnSettings(barge_in_ms=400)), [quiet(500), speech()], agent_audible=True))[0]
    slow_settings = TurnSettings(barge_in_ms=400, interruption_delay_ms=500)
    slow = started(feed(TurnDetector(slow_settings), [quiet(500), speech()], agent_audible=True))[0].at_ms
    assert early < barge.at_ms < slow
    assert slow - barge.at_ms >= 400


def test_a_short_sound_over_the_agent_is_an_onset_that_is_dropped() -> None:
    """A cough or "uh-huh" while the agent speaks: told apart from an interruption."""
    events = feed(
        TurnDetector(TurnSettings(barge_in_ms=1100)), [quiet(500), speech("yes"), quiet(1000)], agent_audible=True
    )
    assert [type(event) for event in events] == [SpeechOnset, SpeechDropped]


def test_a_higher_threshold_ignores_quiet_speech() -> None:
    faint = (speech() // 60).astype(np.int16)
    assert started(feed(TurnDetector(TurnSettings(vad_threshold=0.1)), [quiet(300), faint])) != []
    assert started(feed(TurnDetector(TurnSettings(vad_threshold=0.95)), [quiet(300), faint])) == []


def test_a_turn_without_end_is_ended() -> None:
    """A radio in the room must not fill the memory."""
    loud = np.concatenate([speech()] * 5)
    events = feed(TurnDetector(TurnSettings(max_turn_ms=4000, min_silence_ms=1500)), [loud])
    assert stopped(events)
    detector = TurnDetector(TurnSettings(max_turn_ms=4000, min_silence_ms=1500))
    feed(detector, [loud[: 16 * 20_000]])
    assert detector.turn_ms <= 4000


@pytest.mark.parametrize("chunk", [1, 37, 320, 24_000])
def test_the_size_of_the_chunks_changes_nothing(chunk: int) -> None:
    data = [quiet(300), speech("hello there"), quiet(900)]
    assert feed(TurnDetector(TurnSettings()), data, chunk=chunk) == feed(TurnDetector(TurnSettings()), data)


@pytest.mark.parametrize(
    "wrong",
    [{"vad_threshold": 1.5}, {"min_silence_ms": 900, "max_silence_ms": 300}, {"interruption_delay_ms": -1}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        TurnSettings(**wrong)  # type: ignore[arg-type]
