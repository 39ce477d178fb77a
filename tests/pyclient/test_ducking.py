"""Ducking alone: the voice goes down once and comes back once, and the timer of the verdict ends with it."""

from __future__ import annotations

from pyclient.core import commands as cmd
from pyclient.part import Timer
from pyclient.turns.ducking import DUCK_GAIN, DUCK_RAMP_MS, RESTORE_RAMP_MS, Ducking
from tests.support.parts import call_in


def test_it_goes_down_and_comes_back() -> None:
    call = call_in()
    verdict = Timer(call.commands, "verdict", lambda now_ms: None)
    ducking = Ducking(call, verdict)
    ducking.restore(RESTORE_RAMP_MS)
    assert call.commands.take() == [], "a voice that was never lowered needs nothing"
    ducking.lower()
    verdict.set(500, 0)
    assert ducking.lowered and call.stats.ducks == 1
    ducking.restore(RESTORE_RAMP_MS)
    assert not ducking.lowered and not verdict.running
    gains = [it for it in call.commands.take() if isinstance(it, cmd.SetPlaybackGain)]
    assert gains == [
        cmd.SetPlaybackGain(gain=DUCK_GAIN, ramp_ms=DUCK_RAMP_MS),
        cmd.SetPlaybackGain(gain=1.0, ramp_ms=RESTORE_RAMP_MS),
    ]
