"""When is a question asked once more, and when is the first answer the last word?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import talk
from tests.support.talk import Line, Misheard, Swallowed, TurnReport, asked

LINE = Line(text="what time is it", wav=Path("nowhere.wav"))


def a_report(**differing: Any) -> TurnReport:
    fields: dict[str, Any] = {
        "said": LINE.text,
        "agent_heard": LINE.text,
        "agent_said": "It is noon.",
        "played_ms": 900,
        "played_words": ["it", "is"],
        "speech_end_to_first_sound_ms": 800,
        "interrupted": False,
        "understood": 1.0,
        "level_dbfs": -20.0,
        "page_dbfs": -6,
    }
    return TurnReport(**fields | differing)


@pytest.mark.parametrize(
    ("first", "warning"),
    [
        (a_report(agent_heard="what lime", understood=0.25), Misheard),
        (a_report(agent_heard="what lime is it", understood=0.75), Misheard),
        (a_report(played_ms=0, page_dbfs=-6), Swallowed),
        (a_report(played_ms=0, page_dbfs=0), Swallowed),
    ],
)
def test_what_was_misheard_or_lost_on_its_way_is_asked_again_and_told(
    first: TurnReport, warning: type[UserWarning], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [first, a_report()]
    monkeypatch.setattr(talk, "converse", lambda *_, **__: [left.pop(0)])
    with pytest.warns(warning):
        assert asked(None, LINE, folder=Path(), containing="time").good  # type: ignore[arg-type]
    assert not left


@pytest.mark.parametrize("page_dbfs", [-99, None])
def test_a_silent_answer_of_the_page_itself_is_never_asked_for_again(
    page_dbfs: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [a_report(played_ms=0, page_dbfs=page_dbfs), a_report()]
    monkeypatch.setattr(talk, "converse", lambda *_, **__: [left.pop(0)])
    assert not asked(None, LINE, folder=Path()).good  # type: ignore[arg-type]
    assert len(left) == 1


@pytest.mark.parametrize(
    ("differing", "words"),
    [
        ({}, ""),
        ({"agent_heard": "", "understood": 0.0}, "nothing that the agent heard"),
        ({"agent_heard": "our little", "understood": 0.25}, "'our little', 25% of the words; is the sound sent at the"),
        ({"agent_said": "", "played_ms": 0, "page_dbfs": -99}, "no answer"),
        ({"played_ms": 0}, "did not come out of the speaker"),
        ({"played_ms": 40, "page_dbfs": -99}, "40 ms came out of the speaker; the page played nothing"),
        ({"played_ms": 40, "page_dbfs": None}, "or does not tell"),
    ],
)
def test_a_turn_that_went_wrong_says_how(differing: dict[str, Any], words: str) -> None:
    report = a_report(**differing)
    assert words in report.wrong
    assert report.good == (not words)
