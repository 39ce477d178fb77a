"""What the bench of turn ends calls a false end, and that its corpus is what it says."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

import pytest

from tests.bench import pauses
from tests.bench.end_of_turn import EARLIER, cuts, figures
from tests.bench.figures import BenchError
from tests.bench.pauses import Sentence


def sentence(*, known: bool = True) -> Sentence:
    return Sentence(
        text="what time is it",
        before="what time",
        voice="en-us",
        known=known,
        pause_at_ms=900.0,
        pause_ms=600.0,
        ends_ms=2000.0,
        wav="x.wav",
    )


def found(*stops_ms: float, sound_ms: float | None = 2300.0, text: str = "what time is it") -> dict[str, Any]:
    return {"stops_ms": list(stops_ms), "finals": [[2200.0, text]], "first_sound_ms": sound_ms}


@pytest.mark.parametrize(("stops_ms", "cut"), [((2200.0,), False), ((1400.0, 2200.0), True), ((1990.0,), False)])
def test_a_turn_that_ends_in_the_pause_is_a_false_end(stops_ms: tuple[float, ...], cut: bool) -> None:
    assert cuts(sentence(), found(*stops_ms)) is cut


def test_times_are_of_sentences_that_neither_build_cut() -> None:
    """A build that answers half of a sentence is not fast."""
    sentences = [sentence(), sentence(), sentence(known=False)]
    ours = [found(2200.0), found(1200.0, 2150.0), found(2640.0, text="")]
    earlier = [found(2640.0), found(2640.0), found(2640.0)]
    told = figures(sentences, {"ours": ours, EARLIER: earlier})
    assert (told["ours"]["false_ends"], told[EARLIER]["false_ends"]) == (1, 0)
    assert told["whole_in_both"] == 2
    assert told["known"]["ours"]["decision_ms"]["p50"] == 200.0
    assert told["known"][f"decision_ratio_to_{EARLIER}"] == pytest.approx(200 / 640)
    assert told["unknown"][f"decision_ratio_to_{EARLIER}"] == 1.0


def test_what_was_misheard_or_never_answered_is_told() -> None:
    ours = [found(2200.0, text="what is the time"), found(2200.0, sound_ms=None), found(2200.0)]
    sentences = [sentence(), sentence(), sentence(known=False)]
    told = figures(sentences, {"ours": ours, EARLIER: [found(2640.0)] * 3})
    assert told["ours"]["misheard"] == 1
    assert told["ours"]["unanswered"] == 1


def test_a_turn_that_never_ends_is_no_measurement() -> None:
    with pytest.raises(BenchError, match="never ended"):
        figures([sentence(), sentence(known=False)], {"ours": [found(), found(2640.0)], EARLIER: [found(2640.0)] * 2})


def test_the_corpus_is_the_same_each_time_and_as_it_says() -> None:
    chosen = pauses.chosen()
    assert chosen == pauses.chosen()
    assert chosen != pauses.chosen(seed=pauses.SEED + 1)
    assert len(chosen) == 200
    assert sum(known for *_, known, _ in chosen) == 160
    assert {voice for voice, *_ in chosen} == set(pauses.VOICES)
    lengths = sorted(pause_ms for *_, pause_ms in chosen)
    assert 420 < statistics.median(lengths) < 580
    assert 0.58 < sum(250 < length < 1000 for length in lengths) / 200 < 0.78
    assert all(before and after for _, before, after, _, _ in chosen)
    # Pauses fall into the first and the last gap of long sentences too.
    gaps = [(len(before.split()), len(after.split())) for _, before, after, _, _ in chosen]
    assert {1, 2, 3, 4} <= {before for before, _ in gaps}
    assert any(before > 1 and after == 1 for before, after in gaps)
    assert len(list(itertools.groupby(sorted(gaps)))) > 10
