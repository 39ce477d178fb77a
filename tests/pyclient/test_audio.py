"""Counting samples and finding where sound begins."""

from __future__ import annotations

import pytest

from pyclient.audio.pcm import AUDIBLE_PEAK, duration_ms, first_audible_sample, frame_samples, peak, sample_count
from tests.support.playbook import silence, tone


@pytest.mark.parametrize(("ms", "samples"), [(20, 480), (40, 960), (50, 1200)])
def test_a_frame_is_a_whole_number_of_samples(ms: int, samples: int) -> None:
    assert frame_samples(24_000, ms) == samples


def test_a_duration_never_claims_a_sample_that_was_not_there() -> None:
    assert duration_ms(24_000, 24_000) == 1000
    assert duration_ms(23, 24_000) == 0
    assert duration_ms(24_023, 24_000) == 1000


def test_a_trailing_odd_byte_is_no_sample() -> None:
    assert sample_count(b"\0\0\0") == 1


def test_the_peak_of_the_most_negative_sample_does_not_overflow() -> None:
    assert peak(b"") == 0
    assert peak(b"\x00\x80\x01\x00") == 32768
    assert peak(b"\x01\x00\x00\x80" * 3, every=2) == 1


def test_sound_after_silence_is_found_to_twenty_milliseconds() -> None:
    """Replies begin with up to two seconds of zeros (protocol file section 7)."""
    assert first_audible_sample(silence(48_000) + tone(480)) == 48_000
    assert first_audible_sample(tone(1)) == 0


def test_silence_and_hiss_are_no_sound() -> None:
    assert first_audible_sample(b"") is None
    assert first_audible_sample(silence(1000)) is None
    assert first_audible_sample(AUDIBLE_PEAK.to_bytes(2, "little") * 1000) is None
    assert first_audible_sample((-AUDIBLE_PEAK - 1).to_bytes(2, "little", signed=True)) == 0
