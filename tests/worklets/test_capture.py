"""The capture core: frames of the right length, order and content, and nothing when nothing may leave."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.worklets.support.node import QUANTUM, Node, capture, decibels, fit_tone, samples

FRAME_SAMPLES = 960  # 40 ms at 24 kHz


def configure(rate_hz: int = 24000, frame_samples: int = FRAME_SAMPLES) -> dict[str, Any]:
    return {"post": {"type": "configure", "rate_hz": rate_hz, "frame_samples": frame_samples}}


def counting(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples that number themselves, as the floats that the device delivers and the integers that must arrive."""
    numbers = (np.arange(length) % 65536 - 32768).astype(np.int16)
    floats = np.where(numbers < 0, numbers / 0x8000, numbers / 0x7FFF)
    return floats[None, :], numbers


def test_frames_are_whole_and_no_sample_is_lost_or_doubled_in_ten_seconds(node: Node) -> None:
    """Every sample carries its own number; 960 is no multiple of the quantum, so frames end in mid-block."""
    quanta = 24000 * 10 // QUANTUM
    floats, numbers = counting(quanta * QUANTUM)
    result, made = capture(node, 24000, floats, [configure(), {"feed": quanta, "recycle": True}])
    assert set(result["frame_bytes"]) == {FRAME_SAMPLES * 2}
    assert len(made) == len(numbers) // FRAME_SAMPLES * FRAME_SAMPLES
    assert np.array_equal(made, numbers[: len(made)])


def test_samples_go_out_low_byte_first(node: Node) -> None:
    """0.5 is 0x4000 (rounded): its bytes on the wire are 00 40."""
    job: dict[str, Any] = {
        "kind": "capture",
        "context_rate": 24000,
        "input": node.file(np.full(QUANTUM, 0.5, np.float32)),
        "output": node.file(),
        "steps": [configure(frame_samples=128), {"feed": 1}],
    }
    node.run(job)
    assert samples(job["output"], np.uint8)[:2].tolist() == [0x00, 0x40]


def test_a_big_endian_machine_would_swap(node: Node) -> None:
    """There is none to test on; the swap itself can be."""
    (result,) = node.run({"kind": "swapped", "samples": [0x0102, -2]})
    assert result["bytes"] == [0x01, 0x02, 0xFF, 0xFE]


def test_loud_input_is_clipped_and_never_wraps(node: Node) -> None:
    """A wrapped sample is a crack at full scale. NaN from a broken device is silence."""
    signal = np.array([[1.5, -1.5, 1.0, -1.0, 0.0, np.nan, 1e9, -1e9] * 16])
    _, made = capture(node, 24000, signal, [configure(frame_samples=128), {"feed": 1}])
    assert made[:8].tolist() == [32767, -32768, 32767, -32768, 0, 0, 32767, -32768]


def test_a_tone_keeps_its_pitch_and_level_from_every_device_rate(node: Node) -> None:
    """A wrong ratio is heard as another voice, by people and by recognisers."""
    for context_rate in (16000, 44100, 48000, 96000):
        quanta = context_rate // QUANTUM
        tone = 0.5 * np.sin(2 * np.pi * 997 * np.arange(quanta * QUANTUM) / context_rate)
        _, made = capture(node, context_rate, tone[None, :], [configure(), {"feed": quanta}])
        assert len(made) > 0.9 * 24000
        amplitude, phase, rest = fit_tone(made[480:] / 32768, 997, 24000, 480)
        assert abs(amplitude - 0.5) < 0.006, context_rate
        # Half a turn over the whole second would be 0.05 % of the pitch.
        assert abs(phase) < 0.01, context_rate
        assert decibels(amplitude / np.sqrt(2) / rest) > 85, context_rate


def test_two_channels_are_averaged(node: Node) -> None:
    """Opposite parts cancel, equal parts stay; the sum of two loud channels must not clip."""
    time = np.arange(QUANTUM * 10)
    common = 0.9 * np.sin(time / 10)
    side = 0.05 * np.sin(time / 3)
    _, made = capture(
        node, 24000, np.stack([common + side, common - side]), [configure(frame_samples=128), {"feed": 10}]
    )
    assert np.abs(made / 32768 - common).max() < 1e-4


def test_nothing_is_sent_before_it_is_configured_or_after_stop_but_levels_go_on(node: Node) -> None:
    """The meters work while the page is only open; the wire must not."""
    signal = np.full((1, QUANTUM * 1000), 0.25)
    steps = [{"feed": 200}, configure(), {"feed": 200}, {"post": {"type": "stop"}}, {"feed": 200}]
    result, _ = capture(node, 24000, signal, steps)
    counts = result["frames_after_step"]
    assert counts[0] == 0
    assert counts[2] == 200 * QUANTUM // FRAME_SAMPLES
    assert counts[4] == counts[3] == counts[2]
    assert result["levels"][-1]["at"] > 590 * QUANTUM


def test_frames_begin_only_with_a_port_to_send_them_to(node: Node) -> None:
    """A configured core whose port is still on its way keeps nothing back for it: old speech would come as a burst."""
    result, _ = capture(node, 24000, np.zeros((1, QUANTUM * 100)), [configure(), {"feed": 100}], attach=False)
    assert result["frame_bytes"] == []
    assert len(result["levels"]) > 0


def test_a_muted_microphone_sends_nothing_but_shows_its_level(node: Node) -> None:
    """The page can say "you are muted" to somebody who speaks; the wire hears none of it, not even afterwards."""
    quanta = 150
    before, during, after = 0.25, 0.75, 0.5
    signal = np.repeat([before, during, after], quanta * QUANTUM)[None, :]
    steps = [
        configure(),
        {"feed": quanta},
        {"post": {"type": "mute", "on": True}},
        {"feed": quanta},
        {"post": {"type": "mute", "on": False}},
        {"feed": quanta},
    ]
    result, made = capture(node, 48000, signal, steps)
    counts = result["frames_after_step"]
    assert counts[3] == counts[1] > 0
    assert counts[5] > counts[3]
    heard_before, heard_after = made[: counts[1] * FRAME_SAMPLES] / 32767, made[counts[1] * FRAME_SAMPLES :] / 32767
    assert abs(heard_before[100:] - before).max() < 0.01
    assert heard_after.max() < after * 1.2
    assert abs(heard_after[100:] - after).max() < 0.01
    muted_levels = [level for level in result["levels"] if quanta * QUANTUM + 4800 < level["at"] < 2 * quanta * QUANTUM]
    assert muted_levels
    assert all(abs(level["peak"] - during) < 1e-6 for level in muted_levels)


def test_a_mute_with_silence_keeps_the_frames_coming_as_zeros(node: Node) -> None:
    """For services that decide the end of a turn by hearing silence, and would wait forever for it."""
    signal = np.full((1, QUANTUM * 450), 0.5)
    steps = [
        configure(),
        {"feed": 150},
        {"post": {"type": "mute", "on": True, "silence": True}},
        {"feed": 150},
        {"post": {"type": "mute", "on": False}},
        {"feed": 150},
    ]
    result, made = capture(node, 24000, signal, steps)
    counts = result["frames_after_step"]
    assert counts[3] - counts[1] == 20
    assert not made[counts[1] * FRAME_SAMPLES : counts[3] * FRAME_SAMPLES].any()
    assert made[counts[3] * FRAME_SAMPLES :].any()


def test_returned_frames_are_used_again(node: Node) -> None:
    """An hour of 40 ms frames is 90,000 buffers: they go round instead of feeding the collector."""
    signal = np.zeros((1, QUANTUM * 3000))
    result, _ = capture(node, 24000, signal, [configure(), {"feed": 3000, "recycle": True}])
    assert len(result["frame_bytes"]) == 400
    assert result["allocated"] <= 4


def test_an_empty_pool_delays_nothing(node: Node) -> None:
    """A worker that is slow to return frames costs memory, never speech."""
    floats, numbers = counting(QUANTUM * 3000)
    result, made = capture(node, 24000, floats, [configure(), {"feed": 3000, "recycle": False}])
    assert len(made) == 400 * FRAME_SAMPLES
    assert np.array_equal(made, numbers[: len(made)])
    assert result["allocated"] >= 400


def test_frames_of_an_earlier_size_do_not_come_back(node: Node) -> None:
    """After a new configure every frame has the new size, whatever is returned late."""
    signal = np.zeros((1, QUANTUM * 300))
    steps = [configure(), {"feed": 100, "recycle": True}, configure(frame_samples=480), {"feed": 100, "recycle": True}]
    result, _ = capture(node, 24000, signal, steps)
    counts = result["frames_after_step"]
    assert set(result["frame_bytes"][: counts[1]]) == {1920}
    assert set(result["frame_bytes"][counts[1] :]) == {960}


def test_a_missing_input_invents_no_audio_but_is_told_as_silence(node: Node) -> None:
    """An unplugged microphone: no frames of zeros that look like a quiet room, and the watchdog hears of it."""
    signal = np.full((1, QUANTUM * 200), 0.25)
    result, _ = capture(node, 24000, signal, [configure(), {"feed": 100}, {"nothing": 400}, {"feed": 100}])
    counts = result["frames_after_step"]
    assert counts[2] == counts[1]
    gone = [level for level in result["levels"] if 100 * QUANTUM < level["at"] <= 500 * QUANTUM]
    assert gone[-1]["rms"] == 0
    assert gone[-1]["silent_ms"] > 1900
    assert result["levels"][-1]["silent_ms"] == 0


def test_levels_come_twenty_times_a_second_with_their_figures(node: Node) -> None:
    """The root mean square of a sine is its peak over the root of two; digital silence is counted to the sample."""
    rate = 48000
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    signal = np.concatenate([tone, np.zeros(rate)])[None, :]
    result, _ = capture(node, rate, signal, [{"feed": 2 * rate // QUANTUM}])
    levels = result["levels"]
    assert 38 <= len(levels) <= 41
    assert abs(levels[5]["rms"] - 0.5 / np.sqrt(2)) < 0.005
    assert abs(levels[5]["peak"] - 0.5) < 0.001
    assert levels[5]["silent_ms"] == 0
    assert levels[-1]["peak"] == 0
    assert abs(levels[-1]["silent_ms"] - (levels[-1]["at"] - rate) * 1000 / rate) < 5


def test_a_drain_sends_the_half_filled_frame_and_says_so(node: Node) -> None:
    """Push to talk: the last syllable is in the frame that is not full yet."""
    quanta = 10  # 1280 samples: one frame of 960 and a third of the next
    floats, numbers = counting(2 * quanta * QUANTUM)
    drain = {"post": {"type": "drain"}}
    steps = [configure(), {"feed": quanta, "recycle": True}, drain, drain, {"feed": quanta, "recycle": True}]
    result, made = capture(node, 24000, floats, steps)
    assert result["frame_bytes"] == [1920, 640, 1920]
    assert result["said"] == ["drained", "drained"]  # the second had nothing to send, and is answered all the same
    assert np.array_equal(made, numbers[: len(made)])


# --- what is said before anybody takes it -----------------------------------------------------------------------------


def loud_counting(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples that number themselves and are never quiet: a lost, doubled or displaced one would show."""
    numbers = (np.arange(length) % 20000 + 1000).astype(np.int16)
    return (numbers / 0x7FFF)[None, :], numbers


def held_message(result: dict[str, Any]) -> dict[str, Any]:
    (message,) = (message for message in result["messages"] if message["type"] == "held")
    assert isinstance(message, dict)
    return message


def test_what_was_said_before_the_call_goes_out_first_and_live_sound_follows_without_a_gap_or_doubling(
    node: Node,
) -> None:
    """Three seconds are held, then the wire opens: after catching up every sample is there once, in order."""
    early, late = 3 * 24000 // QUANTUM, 3 * 24000 // QUANTUM
    floats, numbers = loud_counting((early + late) * QUANTUM)
    pace = {"post": {**configure()["post"], "pace": 3}}
    steps: list[dict[str, Any]] = [{"feed": early}, pace, {"feed": late, "recycle": True}]
    result, made = capture(node, 24000, floats, steps, hold_ms=15000)
    assert result["frames_after_step"][0] == 0
    assert len(made) == len(numbers) // FRAME_SAMPLES * FRAME_SAMPLES
    assert np.array_equal(made, numbers[: len(made)])
    assert result["said"] == ["held", "caught_up"]
    assert abs(held_message(result)["kept_ms"] - 3000) < 10 and held_message(result)["dropped_ms"] == 0
    # Three times real time: as much again as was held has come in by half of that time.
    caught_up_at = result["messages"][1]["at"] - early * QUANTUM
    assert abs(caught_up_at - 1.5 * 24000) < 5 * QUANTUM


def test_held_sound_leaves_no_faster_than_the_pace_that_was_asked_for(node: Node) -> None:
    """Some services drop what comes much faster than it can be spoken."""
    early, late = 2 * 24000 // QUANTUM, 24000 // 2 // QUANTUM
    floats, _ = loud_counting((early + late) * QUANTUM)
    for pace in (1, 2, 8):
        steps: list[dict[str, Any]] = [{"feed": early}, {"post": {**configure()["post"], "pace": pace}}, {"feed": late}]
        _, made = capture(node, 24000, floats, steps, hold_ms=15000)
        expected = min(pace * late, early + late) * QUANTUM
        assert expected - 2 * FRAME_SAMPLES < len(made) <= expected, pace


def test_of_too_much_the_oldest_is_dropped_and_told(node: Node) -> None:
    early = 5 * 24000 // QUANTUM
    floats, numbers = loud_counting((early + 2 * early) * QUANTUM)
    steps: list[dict[str, Any]] = [
        {"feed": early},
        {"post": {**configure()["post"], "pace": 8}},
        {"feed": 2 * early, "recycle": True},
    ]
    result, made = capture(node, 24000, floats, steps, hold_ms=2000)
    kept = int(np.ceil(2000 / (QUANTUM * 1000 / 24000))) * QUANTUM
    first = early * QUANTUM - kept + QUANTUM  # the first live block finds it full once more
    assert np.array_equal(made, numbers[first : first + len(made)])
    message = held_message(result)
    assert abs(message["kept_ms"] - 2000) < 10 and abs(message["dropped_ms"] - 3000) < 10


def test_of_a_long_pause_only_what_a_server_needs_is_sent_and_no_sound_is_left_out(node: Node) -> None:
    """Five seconds of nothing, a word, four seconds of nothing, a word, three seconds of nothing."""
    rate = 24000
    word = np.full(rate // 2, 0.25)
    parts = [np.zeros(5 * rate), word, np.zeros(4 * rate), word, np.zeros(3 * rate)]
    early = sum(map(len, parts)) // QUANTUM
    signal = np.concatenate([*parts, np.zeros(2 * rate)])[None, :]
    steps: list[dict[str, Any]] = [
        {"feed": early},
        {"post": {**configure()["post"], "pace": 8}},
        {"feed": rate // QUANTUM, "recycle": True},
    ]
    result, made = capture(node, rate, signal, steps, hold_ms=15000)
    loud = made > 4000
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    lead, first_end, second_start, second_end = (edges + 1) / rate
    assert abs(lead - 0.3) < 0.02
    assert np.count_nonzero(loud) == len(word) * 2
    assert abs(second_start - first_end - 1.8) < 0.02
    assert result["said"] == ["held", "caught_up"]
    assert abs(held_message(result)["kept_ms"] - 1000) < 20
    # Of the three seconds and of the live one after them: the pause after the word, and what is live since.
    assert 1.5 < len(made) / rate - second_end < 2.7


def test_nothing_is_held_where_nothing_is_to_be_held(node: Node) -> None:
    """Switched off, the words before the call are dropped as a whole: the first frame is live."""
    early, late = 200, 200
    floats, numbers = loud_counting((early + late) * QUANTUM)
    result, made = capture(node, 24000, floats, [{"feed": early}, configure(), {"feed": late}], hold_ms=0)
    assert result["said"] == []
    assert np.array_equal(made, numbers[early * QUANTUM : early * QUANTUM + len(made)]) and len(made) > 0


def test_a_mute_throws_away_what_is_held(node: Node) -> None:
    """Neither before the call nor while it catches up may a muted microphone's words leave."""
    floats, numbers = loud_counting(700 * QUANTUM)
    mute = {"post": {"type": "mute", "on": True, "silence": True}}
    unmute = {"post": {"type": "mute", "on": False}}
    fast = {"post": {**configure()["post"], "pace": 2}}
    steps: list[dict[str, Any]] = [{"feed": 100}, mute, {"feed": 100}, unmute, {"feed": 100}, fast, {"feed": 300}]
    result, made = capture(node, 24000, floats, steps, hold_ms=15000)
    assert np.array_equal(made, numbers[200 * QUANTUM : 200 * QUANTUM + len(made)]) and len(made) > 0
    result, made = capture(node, 24000, floats, [{"feed": 300}, fast, {"feed": 20}, mute, {"feed": 100}], hold_ms=15000)
    heard = made[made != 0]
    assert 0 < len(heard) <= 40 * QUANTUM and np.array_equal(heard, numbers[: len(heard)])
    assert result["said"] == ["held", "caught_up"]


def test_a_stop_throws_away_what_is_held(node: Node) -> None:
    """Whoever hangs up before the call began has said nothing."""
    floats, numbers = loud_counting(400 * QUANTUM)
    steps: list[dict[str, Any]] = [{"feed": 200}, {"post": {"type": "stop"}}, configure(), {"feed": 200}]
    result, made = capture(node, 24000, floats, steps, hold_ms=15000)
    assert result["said"] == []
    assert np.array_equal(made, numbers[200 * QUANTUM : 200 * QUANTUM + len(made)])
