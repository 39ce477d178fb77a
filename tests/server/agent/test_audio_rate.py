"""Audio that comes faster than real time: what is surplus, and when is it told?"""

from __future__ import annotations

from server.agent.audio_clock import AudioClock

CHUNK_MS = 100.0


def flood(clock: AudioClock, from_ms: float, for_ms: float) -> tuple[float, int]:
    """Ten times as fast as real time. How many ms were taken, and how often it was told."""
    taken_ms, told = 0.0, 0
    for chunk in range(round(for_ms / 10)):
        surplus, news = clock.take(CHUNK_MS, from_ms + chunk * 10)
        taken_ms += 0 if surplus else CHUNK_MS
        told += news
    return taken_ms, told


def test_a_long_flood_is_told_once_and_taken_at_the_pace_of_real_time() -> None:
    taken_ms, told = flood(AudioClock(2000.0), 0, 5_000)
    assert told == 1
    assert 6_800 <= taken_ms <= 7_000  # five seconds and what may be ahead


def test_a_flood_after_a_pause_is_told_again() -> None:
    clock = AudioClock(2000.0)
    assert flood(clock, 0, 1_000)[1] == 1
    assert clock.take(CHUNK_MS, 5_000) == (False, False)
    assert flood(clock, 5_100, 1_000)[1] == 1


def test_real_time_is_never_too_fast_and_time_without_audio_earns_no_credit() -> None:
    clock = AudioClock(2000.0)
    assert all(clock.take(CHUNK_MS, chunk * CHUNK_MS) == (False, False) for chunk in range(600))
    assert flood(clock, 600_000, 1_000)[0] <= 1_000 + 2 * 2_000
