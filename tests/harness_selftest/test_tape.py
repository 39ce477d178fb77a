"""What is asked of a recording that runs, where nobody looked in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voice_browsers.tape import Samples, Tape

RATE_HZ = 1_000


class Fed(Tape):
    """A tape of which `parts` come one at each look."""

    started_at = 0.0
    rate_hz = RATE_HZ

    def __init__(self, *parts: tuple[float, int]) -> None:
        super().__init__(Path("fed.wav"))
        self._parts = [np.full(ms, level) for level, ms in parts]
        self._so_far: Samples = np.zeros(0)

    def samples(self, since: int = 0) -> Samples:
        if self._parts:
            self._so_far = np.append(self._so_far, self._parts.pop(0))
        return self._so_far[since:]

    def stop(self) -> Path:
        return self.path

    def pause(self) -> None:
        pass


def all_at_once(*parts: tuple[float, int]) -> Fed:
    tape = Fed()
    tape._so_far = np.concatenate([np.full(ms, level) for level, ms in parts])
    return tape


STORY = ((0.5, 300), (0.0, 150), (0.5, 200), (0.0, 450), (0.5, 300), (0.0, 800))


@pytest.mark.parametrize("tape", [Fed(*STORY), all_at_once(*STORY)], ids=["watched", "looked at when all is over"])
def test_the_first_silence_is_found_also_when_sound_followed(tape: Tape) -> None:
    assert tape.wait_silence(for_ms=400, timeout_s=1, since_ms=100) == 650.0


def test_silence_counts_from_where_it_is_asked_and_across_looks() -> None:
    assert Fed((0.0, 300), (0.0, 300)).wait_silence(for_ms=400, timeout_s=1, since_ms=100) == 100.0
    assert Fed((0.5, 50), (0.0, 60), (0.5, 50), (0.0, 200), (0.0, 200)).wait_silence(for_ms=400, timeout_s=1) == 160.0


def test_too_short_a_silence_is_none() -> None:
    with pytest.raises(TimeoutError, match="no 400 ms of silence"):
        all_at_once((0.5, 300), (0.0, 390), (0.5, 10)).wait_silence(for_ms=400, timeout_s=0.05)
