"""The measuring tools: each fault that a product test looks for is made here by arithmetic, and must be found."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from voice_browsers.listen import (
    Sound,
    breaks,
    dominant_hz,
    likeness,
    load,
    segments,
    share_heard,
    sounding,
    words_heard,
    words_of,
)
from voice_browsers.speech import RATE_HZ, Speech, resample, tone, write_wav

TONE = tone(700, seconds=1.5)
MIDDLE = 36_000
SENTENCE = "please tell me a joke about seven elephants"


def sound(samples: np.ndarray) -> Sound:
    return Sound(samples=samples, rate_hz=RATE_HZ)


@pytest.mark.slow
def test_a_flawless_tone_has_no_breaks_also_when_two_clocks_differ_a_little() -> None:
    """A sound card is never exactly as fast as another; that is not a fault of the page."""
    assert breaks(sound(TONE), 700) == []
    assert breaks(sound(resample(TONE, 48_000, 48_024)), 700) == []


@pytest.mark.parametrize(
    ("kind", "spoiled"),
    [
        ("splice", np.delete(TONE, slice(MIDDLE, MIDDLE + 128))),
        ("splice", np.insert(TONE, MIDDLE, TONE[MIDDLE - 128 : MIDDLE])),
        ("gap", np.where(np.arange(TONE.size) // 128 == MIDDLE // 128, 0.0, TONE)),
        ("gap", np.insert(TONE, MIDDLE, np.zeros(4800))),
    ],
    ids=["a quantum lost", "a quantum twice", "a quantum silent", "a long gap"],
)
def test_one_spoiled_quantum_in_a_tone_is_found_where_it_is(kind: str, spoiled: np.ndarray) -> None:
    found = breaks(sound(spoiled), 700)
    assert [item.kind for item in found] == [kind], found
    assert found[0].at_ms == pytest.approx(MIDDLE / 48, abs=10)


def test_pitch_is_measured_finely_enough_to_see_one_percent() -> None:
    assert dominant_hz(sound(TONE)) == pytest.approx(700, abs=0.1)
    assert dominant_hz(sound(resample(TONE, 48_000, 47_520))) == pytest.approx(707.07, abs=0.1)
    stuttering = np.insert(TONE, np.repeat([MIDDLE // 2, MIDDLE, MIDDLE * 3 // 2], 1_000), 0.0)
    assert dominant_hz(sound(stuttering)) == pytest.approx(700, abs=0.1), (
        "what a short machine does is not another pitch"
    )


def test_segments_are_the_stretches_that_sound() -> None:
    rest = np.zeros(RATE_HZ // 2)
    found = segments(sound(np.concatenate([rest, TONE, rest, TONE])))
    assert [round(part.start_ms / 100) for part in found] == [5, 25]
    assert sounding(sound(np.concatenate([rest, TONE]))).duration_ms == pytest.approx(1500, abs=15)
    with pytest.raises(ValueError, match="nothing sounds"):
        sounding(sound(rest))


@pytest.mark.slow
def test_likeness_survives_splices_but_not_loss_or_another_sentence(speech: Speech) -> None:
    said = load(speech.say(SENTENCE))
    spliced = sound(np.concatenate([np.zeros(9000), np.delete(said.samples, slice(40_000, 41_000)), np.zeros(9000)]))
    assert likeness(said, spliced).good
    stumbling = np.insert(said.samples, np.repeat([40_000, 80_000, 110_000], 6_700), 0.0)  # late by 420 ms in the end
    assert likeness(said, sound(stumbling)).good
    half = sound(np.concatenate([said.samples[: said.samples.size // 2], np.zeros(said.samples.size)]))
    assert not likeness(said, half).good
    other = likeness(said, load(speech.say("count to ten and turn on the light")))
    assert not other.good and other.share == 0.0
    assert not likeness(said, sound(resample(said.samples, 48_000, 44_100))).good


@pytest.mark.slow
def test_words_are_recognised_and_others_are_not_made_up(speech: Speech) -> None:
    decoys = ["banana", "purple", "guitar", "mountain"]
    assert share_heard(load(speech.say(SENTENCE, tail_ms=300)), SENTENCE, decoys=decoys) > 0.8
    assert share_heard(load(speech.say("purple guitar mountain", tail_ms=300)), SENTENCE, decoys=decoys) < 0.3
    assert words_heard(sound(np.zeros(RATE_HZ)), decoys) == []
    with pytest.raises(ValueError, match="xyzzy"):
        words_heard(sound(TONE), ["xyzzy"])


def test_numbers_are_read_as_they_are_spoken() -> None:
    assert words_of("It\N{RIGHT SINGLE QUOTATION MARK}s 1:40, or 23") == [
        "it's",
        "one",
        "forty",
        "or",
        "twenty",
        "three",
    ]


def test_the_voice_of_the_wheel_is_understood_where_the_program_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    spoken = load(Speech(tmp_path).say(SENTENCE, tail_ms=300))
    assert share_heard(spoken, SENTENCE, decoys=["banana", "purple"]) > 0.8


def test_a_wav_comes_back_as_it_was_written(tmp_path: Path) -> None:
    again = load(write_wav(tmp_path / "tone.wav", TONE))
    assert again.rate_hz == RATE_HZ
    assert np.abs(again.samples - TONE).max() < 2 / 32768
