"""The agent's voice does not depend on who else uses the synthesizer's library in this process."""

from __future__ import annotations

import ctypes
from typing import Any

import espeakng_loader

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
    assert len(after.samples) == len(before.samples) and after.words == before.words
