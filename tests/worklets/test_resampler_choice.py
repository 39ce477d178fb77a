"""A machine that cannot keep up gets the cheap resampler, and says so; every other machine gets the default one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.worklets.support.node import QUANTUM, Node, decibels, fit_tone, samples

# A quantum lasts 2.7 ms at 48 kHz. One look at the clock per quantum: the share of real time is the tick over that.
FAST_MS, SLOW_MS = 0.1, 1.0


def run(node: Node, core: str, tick_ms: float, *steps: dict[str, Any], context_rate: int = 48000) -> dict[str, Any]:
    """A second of 997 Hz through one core on a machine of that speed; `sound` is what came out."""
    quanta = 375
    if core == "capture":
        tone = (0.5 * np.sin(2 * np.pi * 997 * np.arange(quanta * QUANTUM) / context_rate)).astype(np.float32)
        more: dict[str, Any] = {"input": node.file(tone), "steps": [*steps, {"feed": quanta}]}
    else:
        tone = (0.5 * np.sin(2 * np.pi * 997 * np.arange(24000) / 24000) * 32767).astype(np.int16)
        audio = {"audio": {"item": "a", "count": 24000}}
        more = {"input": node.file(tone), "steps": [*steps, audio, {"render": quanta}]}
    job = {"kind": core, "context_rate": context_rate, "clock_tick_ms": tick_ms, "output": node.file(), **more}
    (result,) = node.run(job)
    dtype, scale = (np.int16, 32768) if core == "capture" else (np.float32, 1)
    return {**result, "sound": samples(job["output"], dtype) / scale}


def configure(core: str, rate_hz: int = 24000, **more: str) -> dict[str, Any]:
    sizes = {"frame_samples": 960} if core == "capture" else {}
    return {"post": {"type": "configure", "rate_hz": rate_hz, **sizes, **more}}


@pytest.mark.parametrize("core", ["capture", "playback"])
def test_a_machine_that_cannot_keep_up_gets_the_cheap_setting_and_says_so(node: Node, core: str) -> None:
    """The tone is still there: less treble, no crack."""
    result = run(node, core, SLOW_MS, configure(core))
    (said,) = result["qualities"]
    assert said["quality"] == "cheap"
    assert said["share"] == pytest.approx(SLOW_MS / (QUANTUM / 48 if core == "capture" else QUANTUM / 24), rel=0.01)
    rate = 24000 if core == "capture" else 48000
    amplitude, _, rest = fit_tone(result["sound"][2000:20000], 997, rate, 2000)
    assert abs(amplitude - 0.5) < 0.01
    assert decibels(amplitude / np.sqrt(2) / rest) > 50


@pytest.mark.parametrize("core", ["capture", "playback"])
def test_a_machine_that_keeps_up_gets_the_default_setting(node: Node, core: str) -> None:
    """Nobody's sound is made worse for nothing."""
    (said,) = run(node, core, FAST_MS, configure(core))["qualities"]
    assert said["quality"] == "default"
    assert said["share"] < 0.1


@pytest.mark.parametrize("core", ["capture", "playback"])
def test_the_cheap_setting_is_heard_as_such(node: Node, core: str) -> None:
    """What is told is what runs: the two settings differ in what they let through near the band's end."""
    cheap, default = (run(node, core, tick, configure(core))["sound"] for tick in (SLOW_MS, FAST_MS))
    length = min(len(cheap), len(default))
    assert not np.array_equal(cheap[:length], default[:length])


@pytest.mark.parametrize("core", ["capture", "playback"])
def test_a_setting_that_is_asked_for_is_not_questioned(node: Node, core: str) -> None:
    (said,) = run(node, core, SLOW_MS, configure(core, quality="best"))["qualities"]
    assert said == {"type": "quality", "at": 0, "quality": "best", "share": None}


@pytest.mark.parametrize("core", ["capture", "playback"])
def test_a_device_at_the_wire_s_rate_needs_no_trial(node: Node, core: str) -> None:
    """Nothing is converted there, so nothing can be too slow."""
    (said,) = run(node, core, SLOW_MS, configure(core, rate_hz=48000))["qualities"]
    assert (said["quality"], said["share"]) == ("default", None)


def test_a_call_that_reconnects_is_not_tried_again(node: Node) -> None:
    """A trial in mid-call would hold up the audio that is sounding."""
    first, second = run(node, "capture", SLOW_MS, configure("capture"), configure("capture"))["qualities"]
    assert (first["quality"], second["quality"]) == ("cheap", "cheap")
    assert first["share"] is not None and second["share"] is None


def test_playback_that_is_configured_as_it_is_keeps_what_it_has(node: Node) -> None:
    """The same configure once more changes nothing, on a slow machine too."""
    result = run(node, "playback", SLOW_MS, configure("playback"), configure("playback"))
    assert len(result["qualities"]) == 1
