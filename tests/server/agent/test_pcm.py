"""Rates and encodings of samples."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from server.agent.pcm import (
    Resampler,
    alaw_decode,
    alaw_encode,
    resample,
    to_samples,
    ulaw_decode,
    ulaw_encode,
    wav_bytes,
)


def tone(hz: float, rate_hz: int, samples: int, level: float = 8000.0) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(samples) / rate_hz)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(24_000, 16_000), (22_050, 24_000), (8_000, 16_000), (22_050, 8_000)])
def test_a_tone_keeps_its_pitch_and_level(from_hz: int, to_hz: int) -> None:
    made = resample(tone(1000, from_hz, from_hz), from_hz, to_hz)
    wanted = tone(1000, to_hz, len(made))
    edge = to_hz // 50
    error = (made - wanted)[edge:-edge]
    assert 10 * np.log10(np.mean(wanted**2) / np.mean(error**2)) > 60
    assert abs(len(made) - to_hz) <= 1


def test_what_the_lower_rate_cannot_hold_is_removed() -> None:
    """Without a low-pass 10 kHz would come back as 6 kHz and be taken for a hiss of speech."""
    made = resample(tone(10_000, 24_000, 24_000), 24_000, 16_000)
    assert np.abs(made[200:-200]).max() < 8


def test_a_stream_in_pieces_equals_the_whole() -> None:
    sound = np.random.default_rng(2).normal(0, 3000, 5000)
    stream = Resampler(24_000, 16_000)
    pieces = [stream.process(sound[at : at + 7]) for at in range(0, len(sound), 7)]
    assert np.allclose(np.concatenate([*pieces, stream.flush()]), resample(sound, 24_000, 16_000))


@pytest.mark.slow
def test_it_agrees_with_an_independent_resampler() -> None:
    from scipy.signal import resample_poly  # a second of a processor, which every process of a run would pay for

    sound = np.cumsum(np.random.default_rng(3).normal(0, 200, 24_000))
    sound -= resample_poly(resample_poly(sound, 1, 40), 40, 1)[: len(sound)]
    ours, theirs = resample(sound, 24_000, 16_000), resample_poly(sound, 2, 3)
    same = slice(400, min(len(ours), len(theirs)) - 400)
    assert np.corrcoef(ours[same], theirs[same])[0, 1] > 0.999


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_g711_keeps_speech_within_its_steps(encode: object, decode: object) -> None:
    samples = np.arange(-32_000, 32_000, 3).astype(np.int16)
    back = decode(encode(samples)).astype(np.int32)  # type: ignore[operator]
    assert np.all(np.abs(back - samples) <= np.abs(samples.astype(np.int32)) / 16 + 20)


def test_g711_known_codes() -> None:
    """Codes of the standard's own tables."""
    assert ulaw_encode(np.array([0], dtype=np.int16)) == b"\xff"
    assert alaw_encode(np.array([0], dtype=np.int16)) == b"\xd5"
    assert ulaw_decode(b"\x00\x80").tolist() == [-32_124, 32_124]
    assert alaw_decode(b"\x2a\xaa").tolist() == [-32_256, 32_256]


def test_every_g711_code_survives_a_round_trip() -> None:
    codes = bytes(range(256))
    assert alaw_encode(alaw_decode(codes)) == codes
    # 0x7f is mu-law's negative zero.
    assert ulaw_encode(ulaw_decode(codes)).replace(b"\xff", b"\x7f") == codes.replace(b"\xff", b"\x7f")


def test_samples_are_clipped_and_never_wrap() -> None:
    assert to_samples(np.array([40_000.0, -40_000.0, 0.6])).tolist() == [32_767, -32_768, 1]


def test_a_wav_file_is_one_that_python_reads() -> None:
    with wave.open(io.BytesIO(wav_bytes(np.array([1, -2, 3], dtype=np.int16), 24_000))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.readframes(3) == np.array([1, -2, 3], dtype="<i2").tobytes()
