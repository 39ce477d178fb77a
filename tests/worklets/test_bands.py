"""The spectrum behind the picture of a voice, as the worklets report it with each level."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worklets.support.node import QUANTUM, Node, capture

BANDS = 12


def spectra(node: Node, sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """One row for each report: the RMS in each band."""
    signal = sound[None, : len(sound) // QUANTUM * QUANTUM]
    result, _ = capture(node, rate_hz, signal, [{"feed": signal.shape[1] // QUANTUM}])
    return np.array([level["bands"] for level in result["levels"]])


def centre_hz(band: int) -> float:
    return float(119 * 2 ** (band / 2))


def tone(frequency_hz: float, rate_hz: int, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * seconds)) / rate_hz)


OTHER_RATES = [pytest.param(rate_hz, marks=pytest.mark.slow) for rate_hz in (16_000, 44_100, 96_000)]


@pytest.mark.parametrize("rate_hz", [48_000, *OTHER_RATES])
def test_a_tone_is_seen_in_its_band_at_every_device_rate(node: Node, rate_hz: int) -> None:
    for band in range(BANDS):
        seen = spectra(node, tone(centre_hz(band), rate_hz), rate_hz)[4]
        assert seen.argmax() == band
        assert seen[band] == pytest.approx(0.5 / np.sqrt(2), rel=0.03)
        # Two bands away, an octave, there is a quarter of it or less.
        assert all(seen[other] < seen[band] / 4 for other in range(BANDS) if abs(other - band) >= 2)


def test_what_a_device_cannot_capture_is_an_empty_band(node: Node) -> None:
    """At 8 kHz the highest band would be a mirror image of another."""
    noise = np.random.default_rng(1).normal(0, 0.1, 8_000)
    seen = spectra(node, noise, 8_000)[4]
    assert (seen[:10] > 0).all() and (seen[10:] == 0).all()


def test_a_voice_that_ends_leaves_nothing_behind(node: Node) -> None:
    """Zeros after half a second of sound: filters ring out, and no number lingers that is too small to be seen."""
    sound = np.concatenate([tone(300, 48_000), np.zeros(24_000)])
    seen = spectra(node, sound, 48_000)
    assert seen[8].max() > 0.1
    assert seen[13].max() < 1e-4 and (seen[-1] == 0).all()
