"""The agent's voice does not depend on who else uses the synthesizer's library in this process."""

from __future__ import annotations

import ctypes
from typing import Any

import espeakng_loader
import pytest

from server.agent.tts import synthesize


def test_another_user_of_the_library_does_not_take_the_voice_away() -> None:
    """The library keeps one callback for all: a foreign one, when it was gone, crashed the process."""
    before = synthesize("Hello there.")
    taken: list[int] = []

    def take(_pcm: Any, count: int, _events: Any) -> int:
        taken.append(count)
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    foreign = kind(take)
    ctypes.CDLL(str(espeakng_loader.get_library_path())).espeak_SetSynthCallback(foreign)
    after = synthesize("Hello there.")
    assert not taken
    # The library never says a sentence twice in quite the same way: the samples differ, and a time by a millisecond.
    assert len(after.samples) == len(before.samples)
    assert [word.text for word in after.words] == [word.text for word in before.words] == ["Hello", "there."]
    for then, now in zip(before.words, after.words, strict=True):
        assert (now.start_ms, now.end_ms) == pytest.approx((then.start_ms, then.end_ms), abs=5)
