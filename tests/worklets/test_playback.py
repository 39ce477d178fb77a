"""The playback core: every sample heard once, in time, counted; and silence at once when it is asked for."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.worklets.support.node import QUANTUM, Node, decibels, fit_tone, samples

WIRE_HZ = 24000
CONTEXT_RATES_HZ = (16000, 44100, 48000, 96000)
CONFIGURE: dict[str, Any] = {"post": {"type": "configure", "rate_hz": WIRE_HZ}}
FLUSH: dict[str, Any] = {"post": {"type": "flush"}}


def audio(count: int, item: str = "a") -> dict[str, Any]:
    """The next `count` samples of the source."""
    return {"audio": {"item": item, "count": count}}


def quanta(seconds: float, context_rate: int = 48000) -> int:
    return int(seconds * context_rate) // QUANTUM + 1


def tone(seconds: float, frequency: float = 440, amplitude: float = 0.5) -> np.ndarray:
    time = np.arange(int(seconds * WIRE_HZ)) / WIRE_HZ
    return np.round(32767 * amplitude * np.sin(2 * np.pi * frequency * time)).astype("<i2")


def play(
    node: Node, source: np.ndarray, steps: list[dict[str, Any]], context_rate: int = 48000
) -> tuple[dict[str, Any], np.ndarray]:
    """The result and all that was rendered."""
    job: dict[str, Any] = {
        "kind": "playback",
        "context_rate": context_rate,
        "input": node.file(source.astype("<i2")),
        "output": node.file(),
        "steps": steps,
    }
    (result,) = node.run(job)
    return result, samples(job["output"], np.float32)


def of_type(result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [message for message in result["messages"] if message["type"] == kind]


@pytest.mark.parametrize("context_rate", CONTEXT_RATES_HZ)
def test_a_tone_in_random_chunks_comes_out_whole_and_in_phase(node: Node, context_rate: int) -> None:
    """The phase at the end is that of the beginning: not one sample was lost, doubled or stretched on the way."""
    rng = np.random.default_rng(4)
    source = tone(3)
    steps: list[dict[str, Any]] = [CONFIGURE]
    left = len(source)
    while left > 0:
        size = min(left, int(rng.integers(1, 3000)))
        left -= size
        steps += [audio(size)]
        # Never so much that the queue runs dry.
        steps += [{"render": max(0, int((size - 1500) * context_rate / WIRE_HZ / QUANTUM))}]
    steps += [{"render": quanta(3.2, context_rate)}]
    result, heard = play(node, source, steps, context_rate)
    first = int(0.05 * context_rate)
    last = int(2.95 * context_rate)
    amplitude, phase, rest = fit_tone(heard[first:last], 440, context_rate, first)
    assert abs(amplitude - 0.5) < 0.006
    assert abs(phase) < 0.005
    assert decibels(amplitude / np.sqrt(2) / rest) > 85
    ends = [message for message in of_type(result, "progress") if message["rendered"] == len(source)]
    assert len(ends) == 1
    assert ends[0]["underruns"] == 0


def test_a_burst_of_a_minute_is_played_to_its_last_sample(node: Node) -> None:
    """Servers send faster than speech; a queue with a limit would swallow the end of every long answer."""
    # No whole number of periods in a chunk: two that change places are heard.
    source = tone(60, 313)
    # Some of it is gone already when the queue must grow: a ring that forgets where it begins would show here.
    chunks = len(source) // 240
    steps = [CONFIGURE, *[audio(240)] * 100, {"render": 300}, *[audio(240)] * (chunks - 100), {"render": quanta(60.1)}]
    result, heard = play(node, source, steps)
    for second in range(60):
        start = 48000 * second + 480
        amplitude, phase, rest = fit_tone(heard[start : start + 47000], 313, 48000, start)
        assert abs(amplitude - 0.5) < 0.006, second
        assert abs(phase) < 0.005, second
        assert decibels(amplitude / np.sqrt(2) / rest) > 80, second
    assert of_type(result, "progress")[-1]["rendered"] == len(source)
    assert len(of_type(result, "drained")) == 1


@pytest.mark.parametrize("context_rate", CONTEXT_RATES_HZ)
def test_a_flush_is_silent_after_one_quantum_and_tells_what_was_rendered(node: Node, context_rate: int) -> None:
    """The one block after it fades to nothing; the count is what had left for the speaker, to the sample's rounding."""
    source = tone(10)
    before = quanta(1.234, context_rate)
    steps = [CONFIGURE, audio(len(source)), {"render": before}, FLUSH, {"render": 100}]
    result, heard = play(node, source, steps, context_rate)
    cut = before * QUANTUM
    fading = heard[cut : cut + QUANTUM]
    assert np.abs(fading[:16]).max() > 0.01
    assert fading[-1] == 0
    assert not heard[cut + QUANTUM :].any()
    (flushed,) = of_type(result, "flushed")
    assert flushed["at"] == cut
    assert flushed["item"] == "a"
    assert abs(flushed["rendered"] - (cut + QUANTUM) * WIRE_HZ / context_rate) <= 1
    assert not of_type(result, "drained")


def test_a_flush_fades_without_a_click(node: Node) -> None:
    """No step larger than the tone's own and the fade's slope: 0.5 at 440 Hz moves by
    0.029, the fade by 1/128 of it.
    """
    source = tone(2)
    _, heard = play(node, source, [CONFIGURE, audio(len(source)), {"render": 300}, FLUSH, {"render": 10}])
    assert np.abs(np.diff(heard)).max() < 0.029 + 0.5 / QUANTUM


def test_the_next_reply_after_a_flush_is_clean_and_counted_from_nothing(node: Node) -> None:
    """Nothing of the old reply sounds again, nor does its fade hang over the new one."""
    source = np.concatenate([tone(5, 440), tone(1, 700)])
    steps = [
        CONFIGURE,
        audio(5 * WIRE_HZ, "old"),
        {"render": 200},
        FLUSH,
        audio(WIRE_HZ, "new"),
        {"render": quanta(1.1)},
    ]
    result, heard = play(node, source, steps)
    # The quantum of the fade, then the new reply.
    start = 201 * QUANTUM
    amplitude, phase, rest = fit_tone(heard[start + 480 : start + 45000], 700, 48000, 480)
    assert abs(amplitude - 0.5) < 0.006
    assert abs(phase) < 0.005
    assert decibels(amplitude / np.sqrt(2) / rest) > 80
    new = [message for message in of_type(result, "progress") if message["item"] == "new"]
    assert new[-1]["rendered"] == WIRE_HZ
    assert new[-1]["underruns"] == 0


def test_late_audio_after_a_flush_plays_under_its_own_name(node: Node) -> None:
    """Dropping what belongs to an interrupted reply is the session's duty; here it is counted, not mixed up."""
    source = tone(2)
    steps = [CONFIGURE, audio(WIRE_HZ, "a"), {"render": 50}, FLUSH, {"render": 50}, audio(4800, "a"), {"render": 200}]
    result, _ = play(node, source, steps)
    assert of_type(result, "progress")[-1]["rendered"] == 4800
    assert of_type(result, "progress")[-1]["underruns"] == 0


def test_a_flush_with_nothing_sounding_is_answered_too(node: Node) -> None:
    """The session waits for the answer; and two flushes in a row are two answers."""
    result, heard = play(node, tone(1), [FLUSH, CONFIGURE, FLUSH, {"render": 4}, FLUSH])
    assert [(m["item"], m["rendered"]) for m in of_type(result, "flushed")] == [("", 0)] * 3
    assert not heard.any()


def test_a_flush_in_a_gap_of_an_item_tells_its_count(node: Node) -> None:
    """Audio of the item waits for the jitter buffer: what of it was heard before is still
    the truth that is asked for.
    """
    steps = [CONFIGURE, audio(2400), {"render": 100}, audio(120), {"render": 1}, FLUSH, {"render": 2}]
    result, _ = play(node, tone(1), steps)
    (flushed,) = of_type(result, "flushed")
    assert (flushed["item"], flushed["rendered"]) == ("a", 2400)


@pytest.mark.parametrize("context_rate", CONTEXT_RATES_HZ)
def test_progress_is_true_within_ten_milliseconds_at_every_moment(node: Node, context_rate: int) -> None:
    """What was heard is cut out of the transcript by it. Truth: what has been rendered when the message goes out."""
    source = tone(2)
    result, _ = play(node, source, [CONFIGURE, audio(len(source)), {"render": quanta(1.9, context_rate)}], context_rate)
    progress = of_type(result, "progress")
    assert 36 <= len(progress) <= 39
    for message in progress:
        truth = (message["at"] + QUANTUM) * WIRE_HZ / context_rate
        assert abs(message["rendered"] - truth) <= 0.002 * WIRE_HZ
        assert message["queued"] <= len(source) - message["rendered"]
        assert message["queued"] >= len(source) - message["rendered"] - 0.01 * WIRE_HZ


def test_items_are_counted_apart_and_follow_without_a_seam(node: Node) -> None:
    """Three replies back to back: one tone for the ear, three counts for the session, each told at its end."""
    source = tone(0.9)
    steps = [CONFIGURE, audio(7200, "a"), audio(4800, "b"), audio(9600, "c"), {"render": quanta(1.2)}]
    result, heard = play(node, source, steps)
    _, phase, rest = fit_tone(heard[480:43000], 440, 48000, 480)
    assert abs(phase) < 0.005
    assert decibels(0.5 / np.sqrt(2) / rest) > 85
    last = {message["item"]: message for message in of_type(result, "progress")}
    assert {item: message["rendered"] for item, message in last.items()} == {"a": 7200, "b": 4800, "c": 9600}
    # The end of one item is told when it is reached, not when the next report is due.
    assert abs(last["a"]["at"] - 7200 * 2) < 3 * QUANTUM
    assert len(of_type(result, "drained")) == 1


def test_an_item_that_comes_again_is_counted_from_nothing_and_the_one_before_is_told_to_its_end(node: Node) -> None:
    """By that order alone does the session know which run of an item a count belongs to."""
    steps = [CONFIGURE, audio(4800, "a"), audio(2400, "b"), audio(3600, "a"), {"render": quanta(0.6)}]
    result, _ = play(node, tone(1), steps)
    told = [(message["item"], message["rendered"]) for message in of_type(result, "progress")]
    last_of_each_run = [one for one, after in itertools.pairwise([*told, ("", 0)]) if one[0] != after[0]]
    assert last_of_each_run == [("a", 4800), ("b", 2400), ("a", 3600)]
    assert all(one[1] <= after[1] for one, after in itertools.pairwise(told) if one[0] == after[0])


def test_drained_comes_once_when_all_is_out_and_again_after_more(node: Node) -> None:
    """Too early and the page shows "listening" over the last syllable; twice and a turn ends twice."""
    source = tone(1)
    steps = [CONFIGURE, {"render": 50}, audio(9600, "a"), {"render": 300}, audio(4800, "b"), {"render": 300}]
    result, heard = play(node, source, steps)
    first, second = of_type(result, "drained")
    assert 0 <= first["at"] - (50 * QUANTUM + 9600 * 2) < 0.012 * 48000
    assert not heard[first["at"] + QUANTUM : 350 * QUANTUM].any()
    assert 0 <= second["at"] - (350 * QUANTUM + 4800 * 2) < 0.012 * 48000
    kinds = [message["type"] for message in result["messages"]]
    assert kinds[-1] == "drained"
    assert result["messages"][-2]["rendered"] == 4800


def test_an_underrun_is_counted_when_the_same_item_goes_on(node: Node) -> None:
    """A dry queue alone is no underrun: it may have been the end. Three items, one of them starved twice."""
    source = tone(2)
    steps = [CONFIGURE]
    for item in ("a", "a", "a", "b", "c"):
        steps += [audio(2400, item), {"render": quanta(0.5)}]
    result, _ = play(node, source, steps)
    ends = [m for m in of_type(result, "progress") if m["queued"] == 0 and m["rendered"] % 2400 == 0]
    assert [(m["item"], m["rendered"], m["underruns"]) for m in ends] == [
        ("a", 2400, 0),
        ("a", 4800, 1),
        ("a", 7200, 2),
        ("b", 2400, 2),
        ("c", 2400, 2),
    ]


def test_after_a_flush_new_audio_is_no_underrun(node: Node) -> None:
    """The queue was emptied on purpose."""
    steps = [CONFIGURE, audio(2400), {"render": 5}, FLUSH, {"render": 5}, audio(2400), {"render": 100}]
    result, _ = play(node, tone(1), steps)
    assert of_type(result, "progress")[-1]["underruns"] == 0


def test_audio_that_comes_in_time_never_counts_as_underrun(node: Node) -> None:
    """At the pace of speech with one chunk in hand."""
    steps: list[dict[str, Any]] = [CONFIGURE, audio(960)]
    for _ in range(40):
        steps += [audio(960), {"render": 15}]
    result, _ = play(node, tone(2), steps)
    assert of_type(result, "progress")[-1]["underruns"] == 0


@pytest.mark.parametrize("context_rate", CONTEXT_RATES_HZ)
def test_audio_that_starts_and_breaks_off_at_full_swing_does_not_click(node: Node, context_rate: int) -> None:
    """A constant from nowhere to nowhere, starved in its middle: every edge takes its milliseconds."""
    source = np.full(9600, 16384, dtype="<i2")
    steps = [
        CONFIGURE,
        audio(4800),
        {"render": quanta(0.4, context_rate)},
        audio(4800),
        {"render": quanta(0.5, context_rate)},
    ]
    result, heard = play(node, source, steps, context_rate)
    assert abs(heard.max() - 0.5) < 0.02
    assert of_type(result, "progress")[-1]["underruns"] == 1
    # 0.5 within 5 ms, at most pi/2 times as steep in the middle of the round fade.
    assert np.abs(np.diff(heard)).max() < 0.5 / (0.005 * context_rate) * np.pi / 2 * 1.1


def test_the_gain_moves_in_a_line_and_returns_to_exactly_one(node: Node) -> None:
    """Ducking must not click, and a restored reply must be bit for bit what it would have been."""
    source = np.full(3 * WIRE_HZ, 16384, dtype="<i2")
    plain_steps = [CONFIGURE, audio(len(source)), {"render": 800}]
    gain = [
        CONFIGURE,
        audio(len(source)),
        {"render": 100},
        {"post": {"type": "gain", "gain": 0.25, "ramp_ms": 20}},
        {"render": 100},
        {"post": {"type": "gain", "gain": 1, "ramp_ms": 50}},
        {"render": 600},
    ]
    _, plain = play(node, source, plain_steps)
    _, heard = play(node, source, gain)
    ratio = heard[1000:] / plain[1000:]
    at = 100 * QUANTUM - 1000
    assert np.array_equal(ratio[:at], np.ones(at))
    assert np.abs(ratio[at : at + 960] - np.linspace(1, 0.25, 961)[1:]).max() < 1e-5
    assert np.abs(ratio[at + 960 : at + 100 * QUANTUM] - 0.25).max() < 1e-6
    assert np.array_equal(heard[200 * QUANTUM + 2400 :], plain[200 * QUANTUM + 2400 :])


def test_a_flush_leaves_the_gain_alone(node: Node) -> None:
    """The gain is the session's: ducked it stays until it is told otherwise, in silence too."""
    source = np.full(WIRE_HZ, 16384, dtype="<i2")
    steps = [
        CONFIGURE,
        {"post": {"type": "gain", "gain": 0.5, "ramp_ms": 10}},
        audio(9600),
        {"render": 20},
        FLUSH,
        {"render": 2},
        audio(4800, "b"),
        {"render": 60},
        {"post": {"type": "gain", "gain": 1, "ramp_ms": 0}},
        {"render": 1},
    ]
    _, heard = play(node, source, steps)
    assert abs(heard[50 * QUANTUM] - 0.25) < 0.005
    assert abs(heard[82 * QUANTUM] - 0.5) < 0.01


@pytest.mark.parametrize("bad", [{"gain": -1, "ramp_ms": 0}, {"gain": None, "ramp_ms": 0}, {"gain": 1, "ramp_ms": -5}])
def test_a_gain_that_cannot_be_is_refused_and_changes_nothing(node: Node, bad: dict[str, Any]) -> None:
    """NaN would silence the speaker for good."""
    source = np.full(4800, 16384, dtype="<i2")
    result, heard = play(node, source, [CONFIGURE, audio(4800), {"post": {"type": "gain", **bad}}, {"render": 50}])
    assert len(result["errors"]) == 1
    assert result["errors"][0].startswith("TypeError")
    assert abs(heard[40 * QUANTUM] - 0.5) < 0.005


def test_playback_starts_on_the_first_frame(node: Node) -> None:
    """No jitter buffer before the network has shown that it needs one: every millisecond of it is heard as slowness."""
    _, heard = play(node, tone(1), [CONFIGURE, {"render": 3}, audio(240), {"render": 1}])
    assert np.abs(heard[3 * QUANTUM :]).max() > 0


def paced(chunk_ms: int, gaps_ms: dict[int, int], chunks: int) -> list[dict[str, Any]]:
    """Chunks of one item at the pace of speech; after chunk n the network pauses
    `gaps_ms[n]`, then sends what it owes.
    """
    steps: list[dict[str, Any]] = [CONFIGURE]
    owed = 0.0
    clock = 0.0
    for n in range(chunks):
        steps += [audio(chunk_ms * WIRE_HZ // 1000)]
        pause = gaps_ms.get(n, 0)
        owed += pause
        wait = pause + max(0.0, chunk_ms - (owed if not pause else 0))
        owed = max(0.0, owed - (chunk_ms if not pause else 0))
        clock += wait
        whole = int(clock * 48 / QUANTUM)
        clock -= whole * QUANTUM / 48
        steps += [{"render": whole}]
    return steps


def test_the_cushion_grows_on_underruns_and_shrinks_on_calm(node: Node) -> None:
    """Jitter that comes again finds the queue prepared; afterwards starts become quick again."""
    jittery = paced(20, {10: 60, 40: 60, 70: 60, 100: 60}, 130)
    calm = [audio(WIRE_HZ * 40), {"render": quanta(45)}]
    result, _ = play(node, tone(50), [*jittery, *calm])
    progress = of_type(result, "progress")
    largest = max(message["cushion_ms"] for message in progress)
    assert 40 <= largest <= 250
    # The first pause (and the start without any jitter buffer) cost something, the later ones nothing.
    settled = [message["underruns"] for message in progress if message["at"] > 48000]
    assert settled[0] == settled[-1] <= 4
    assert progress[-1]["cushion_ms"] < largest / 4


def test_the_cushion_never_exceeds_its_limit(node: Node) -> None:
    """A network that fails for seconds must not turn into a reply that starts seconds late."""
    steps: list[dict[str, Any]] = [CONFIGURE]
    for _ in range(12):
        steps += [audio(960), {"render": quanta(0.7)}]
    result, _ = play(node, tone(1), steps)
    progress = of_type(result, "progress")
    assert progress[-1]["cushion_ms"] == 250
    assert progress[-1]["underruns"] == 11
    # Each of these is shorter than the jitter buffer and is played all the same.
    assert progress[-1]["rendered"] == 12 * 960


def test_audio_before_the_rate_is_told_waits_for_it(node: Node) -> None:
    """Two messages that overtake each other must not cost the first syllable."""
    result, heard = play(node, tone(1), [audio(4800), {"render": 20}, CONFIGURE, {"render": 200}])
    assert not heard[: 20 * QUANTUM].any()
    assert of_type(result, "progress")[-1]["rendered"] == 4800


def test_a_new_rate_takes_over_without_a_click(node: Node) -> None:
    """The next session may speak another rate; what was queued at the old one is dropped under a fade."""
    source = tone(3, 440)
    steps = [
        CONFIGURE,
        audio(WIRE_HZ),
        {"render": 50},
        {"post": {"type": "configure", "rate_hz": 16000}},
        audio(16000, "b"),
        {"render": quanta(1.1)},
    ]
    result, heard = play(node, source, steps)
    start = 51 * QUANTUM
    # The same samples read at two thirds of the rate: 293.3 Hz.
    amplitude, _, _ = fit_tone(heard[start + 480 : start + 47000], 440 * 16 / 24, 48000, 480)
    assert abs(amplitude - 0.5) < 0.01
    assert of_type(result, "progress")[-1]["rendered"] == 16000
    assert np.abs(np.diff(heard)).max() < 0.04


def test_being_told_the_same_rate_again_changes_nothing(node: Node) -> None:
    """A session that reconnects says it again, maybe over the last words of a reply."""
    source = tone(1)
    steps = [CONFIGURE, audio(len(source)), {"render": 100}, CONFIGURE, {"render": quanta(1)}]
    result, heard = play(node, source, steps)
    _, phase, rest = fit_tone(heard[480:47000], 440, 48000, 480)
    assert abs(phase) < 0.005
    assert decibels(0.5 / np.sqrt(2) / rest) > 80
    assert of_type(result, "progress")[-1]["rendered"] == len(source)


def test_silence_is_exact_zero_and_told_by_the_level(node: Node) -> None:
    """Whatever stood in the block before; the watchdog and the meter rest on it."""
    result, heard = play(node, tone(1), [CONFIGURE, {"render": 400}])
    assert not heard.any()
    assert result["levels"][-1]["silent_ms"] > 1000


@pytest.mark.parametrize(
    "bad", [{"type": "play"}, {"type": "audio", "item": "a"}, {"type": "configure", "rate_hz": "24000"}]
)
def test_a_wrong_message_is_named_and_harms_nothing(node: Node, bad: dict[str, Any]) -> None:
    """It is a programming error and has to be seen; what plays goes on."""
    result, _ = play(node, tone(1), [CONFIGURE, audio(4800), {"post": bad}, {"render": 200}])
    assert result["errors"]
    assert result["errors"][0].startswith("TypeError")
    assert of_type(result, "progress")[-1]["rendered"] == 4800


@pytest.mark.parametrize("context_rate", CONTEXT_RATES_HZ)
def test_a_pause_is_silent_soon_and_afterwards_the_sound_goes_on_where_it_stood(node: Node, context_rate: int) -> None:
    """No click at either end, no sample lost or doubled: the tone goes on in phase, as late as the pause was long."""
    source = tone(3)
    fade = context_rate * 5 // 1000 // QUANTUM + 1
    before, paused = quanta(1, context_rate), 200
    steps = [
        CONFIGURE,
        audio(len(source)),
        {"render": before},
        {"post": {"type": "pause", "on": True}},
        {"render": paused},
        {"post": {"type": "pause", "on": False}},
        {"render": quanta(3.2, context_rate)},
    ]
    result, heard = play(node, source, steps, context_rate)
    silent = heard[(before + fade) * QUANTUM : (before + paused) * QUANTUM]
    assert not silent.any()
    # Of the tone's own slope, and the fade's; a hundredth for the filter's ripple.
    assert np.abs(np.diff(heard)).max() < 1.01 * (np.pi * 440 / context_rate + 0.5 / (0.005 * context_rate))
    shift = (paused - fade) * QUANTUM
    first, last = (before + paused + fade + 1) * QUANTUM, int(2.95 * context_rate) + shift
    amplitude, phase, rest = fit_tone(heard[first:last], 440, context_rate, first - shift)
    assert abs(amplitude - 0.5) < 0.006 and abs(phase) < 0.005
    assert decibels(amplitude / np.sqrt(2) / rest) > 80
    told = of_type(result, "progress")
    assert not [one for one in told if (before + fade) * QUANTUM < one["at"] < (before + paused) * QUANTUM]
    assert (told[-1]["rendered"], told[-1]["underruns"]) == (len(source), 0)


def test_what_comes_in_a_pause_waits_and_a_flush_takes_all_of_it_away(node: Node) -> None:
    pause = {"post": {"type": "pause", "on": True}}
    source = tone(2)
    steps = [CONFIGURE, pause, {"render": 10}, audio(WIRE_HZ // 2), {"render": 200}, FLUSH, {"render": 50}]
    steps += [{"post": {"type": "pause", "on": False}}, {"render": 50}, audio(WIRE_HZ, "b"), {"render": 500}]
    result, heard = play(node, source, steps)
    assert not heard[: 300 * QUANTUM].any() and np.abs(heard[320 * QUANTUM :]).max() > 0.4
    assert [(one["item"], one["rendered"]) for one in of_type(result, "flushed")] == [("", 0)]
    assert {one["item"] for one in of_type(result, "progress")} == {"b"}


def test_audio_that_comes_long_after_a_pause_in_a_gap_is_no_reason_to_wait_longer_for_ever(node: Node) -> None:
    """The jitter buffer learns from gaps of the network; the time of a pause is none."""
    source = tone(2)
    steps = [CONFIGURE, audio(WIRE_HZ // 2), {"render": quanta(0.6)}, {"post": {"type": "pause", "on": True}}]
    steps += [{"render": quanta(2)}, {"post": {"type": "pause", "on": False}}, audio(WIRE_HZ), {"render": quanta(1.5)}]
    paused, _ = play(node, source, steps)
    without = [step for step in steps if step != {"render": quanta(2)}]
    plain, _ = play(node, source, without)
    cushions = [of_type(result, "progress")[-1]["cushion_ms"] for result in (paused, plain)]
    assert abs(cushions[0] - cushions[1]) < 12, "two fades of 5 ms are all that it lasted longer"
