"""Measuring what was recorded: levels, segments, pitch, gaps, likeness, words.

    heard = load(tape.path)
    assert not heard.silent
    assert abs(dominant_hz(heard) - 700) < 7
    assert breaks(heard, 700) == []
    assert likeness(load(said), heard).good
    assert "seven" in words_heard(heard, ["seven", "nine", "banana"])

Never judge speech by one figure for the whole recording: browsers splice some milliseconds in or out when the machine
is busy, and a global correlation then falls to nothing although the ear hears nothing. `likeness` therefore aligns and
scores window by window.
"""

from __future__ import annotations

import functools
import re
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .speech import resample

Samples = NDArray[np.float64]

SILENCE_DBFS = -60.0

# Offered to the recogniser beside the words that are expected, so that it has something wrong to choose.
DECOYS = ("banana", "purple", "seventeen", "guitar", "mountain", "computer")

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Mono samples between -1 and 1, and their rate."""

    samples: Samples
    rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError("a Sound is mono")
        if self.rate_hz <= 0:
            raise ValueError(f"rate_hz must be positive, not {self.rate_hz}")

    @property
    def duration_ms(self) -> float:
        return self.samples.size * 1000.0 / self.rate_hz

    @property
    def rms_dbfs(self) -> float:
        """Level of the whole sound; -200 for digital silence or nothing at all."""
        return _dbfs(float(np.sqrt(np.mean(self.samples**2))) if self.samples.size else 0.0)

    @property
    def peak_dbfs(self) -> float:
        return _dbfs(float(np.abs(self.samples).max(initial=0.0)))

    @property
    def silent(self) -> bool:
        """Whether nothing in it rises above `SILENCE_DBFS`."""
        return self.peak_dbfs < SILENCE_DBFS

    def cut(self, from_ms: float, to_ms: float | None = None) -> Sound:
        """The stretch between two times, clipped to what there is."""
        end = None if to_ms is None else max(0, round(to_ms * self.rate_hz / 1000.0))
        return Sound(samples=self.samples[max(0, round(from_ms * self.rate_hz / 1000.0)) : end], rate_hz=self.rate_hz)

    def at(self, rate_hz: int) -> Sound:
        return Sound(samples=resample(self.samples, self.rate_hz, rate_hz), rate_hz=rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch in which something sounds."""

    start_ms: float
    end_ms: float

    @property
    def duration_ms(self) -> float:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A fault in a steady tone. `kind` is "gap" (it fell silent) or "splice" (its phase jumped by `turns`)."""

    kind: str
    at_ms: float
    length_ms: float
    turns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much of a reference came back, in windows of 120 ms where the reference is voiced.

    `median` and `share` (of windows that correlate above 0.95) are the two figures to judge by. Measured at the
    device's rate in all three engines: on an idle machine a median above 0.98 and a share above 0.75; on a busy one the
    share falls first. Another sentence gives a median around 0.25 and a share of 0; half the sentence lost gives a
    share of 0.5.
    """

    windows: int
    median: float
    share: float

    @property
    def good(self) -> bool:
        return self.windows > 0 and self.median > 0.97 and self.share > 0.6


def load(path: Path) -> Sound:
    """Read a 16-bit WAV; channels are averaged. ValueError for other sample widths."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path} has {8 * file.getsampwidth()} bits per sample, not 16")
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768.0
        return Sound(samples=raw.reshape(-1, file.getnchannels()).mean(axis=1), rate_hz=file.getframerate())


def segments(
    sound: Sound, *, above_dbfs: float = -45.0, join_ms: float = 250.0, at_least_ms: float = 40.0
) -> list[Segment]:
    """The stretches where something sounds, in order. Pauses shorter than `join_ms` belong to the segment."""
    step = max(1, sound.rate_hz // 100)
    whole = sound.samples[: sound.samples.size // step * step].reshape(-1, step)
    loud = np.flatnonzero(np.sqrt(np.mean(whole**2, axis=1)) > 10 ** (above_dbfs / 20.0))
    found: list[Segment] = []
    for block in loud:
        start_ms, end_ms = float(block) * 10.0, float(block + 1) * 10.0
        if found and start_ms - found[-1].end_ms <= join_ms:
            found[-1] = Segment(start_ms=found[-1].start_ms, end_ms=end_ms)
        else:
            found.append(Segment(start_ms=start_ms, end_ms=end_ms))
    return [segment for segment in found if segment.duration_ms >= at_least_ms]


def sounding(sound: Sound, *, above_dbfs: float = -45.0) -> Sound:
    """From the first to the last moment that something sounds. ValueError when nothing does."""
    found = segments(sound, above_dbfs=above_dbfs)
    if not found:
        raise ValueError(f"nothing sounds in {sound.duration_ms:.0f} ms (peak {sound.peak_dbfs:.0f} dBFS)")
    return sound.cut(found[0].start_ms, found[-1].end_ms)


def dominant_hz(sound: Sound) -> float:
    """The strongest frequency of what sounds, in the median of stretches of 100 ms, exact to about 0.1 Hz
    for a steady tone.

    Of the whole at once a gap in the middle, of a machine that is short of time, would split the tone's peak in two.
    ValueError for silence.
    """
    stretches = _stretches(sounding(sound), 100)
    size = 1 << (8 * stretches.shape[1] - 1).bit_length()  # finer bins than the length alone would give
    spectra = np.abs(np.fft.rfft(stretches * np.hanning(stretches.shape[1]), size))
    peaks = np.argmax(spectra[:, 1:-1], axis=1) + 1
    rows = np.arange(peaks.size)
    left, middle, right = (np.log(spectra[rows, peaks + step] + 1e-12) for step in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    offsets = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend != 0)
    return float(np.median(peaks + offsets) * sound.rate_hz / size)


def tone_dbfs(sound: Sound, frequency_hz: float) -> float:
    """How strong the component at `frequency_hz` is in what sounds, in the median of stretches of 200 ms: a click of a
    machine that is short of time has a bit of every frequency. ValueError for silence.
    """
    stretches = _stretches(sounding(sound), 200)
    length = stretches.shape[1]
    window = np.hanning(length)
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(length) / sound.rate_hz)
    return _dbfs(float(np.median(2.0 * np.abs(stretches * window @ turns) / np.sum(window))))


def _stretches(sound: Sound, length_ms: int) -> Samples:
    """One row for each whole stretch of that length; one that is shorter where there is less."""
    length = min(sound.samples.size, sound.rate_hz * length_ms // 1000)
    return sound.samples[: sound.samples.size // length * length].reshape(-1, length)


def breaks(
    sound: Sound, frequency_hz: float, *, gap_ms: float = 1.0, turns: float = 0.05, above_dbfs: float = -45.0
) -> list[Break]:
    """Faults inside a steady tone of `frequency_hz`: silence, and samples lost or repeated.

    A loss is seen as a jump of the phase, so one whose length is a whole number of periods goes unseen: choose a
    frequency for which `frequency_hz * 128 / context_rate_hz` is far from a whole number (700 Hz at 48 kHz gives 1.87),
    and compare the duration as well. The first and last 30 ms, where players fade, are not judged.
    """
    part = sounding(sound, above_dbfs=above_dbfs)
    offset_ms = segments(sound, above_dbfs=above_dbfs)[0].start_ms
    rate = part.rate_hz
    window = max(8, round(rate / frequency_hz * max(1, round(frequency_hz * 0.003))))  # whole periods, about 3 ms
    time_s = np.arange(part.samples.size) / rate
    turning = part.samples * np.exp(-2j * np.pi * frequency_hz * time_s)
    tone = np.convolve(turning, np.ones(window) / window, "valid") * 2.0
    tone = tone[:: max(1, window // 8)]
    step_ms = max(1, window // 8) * 1000.0 / rate
    level = np.abs(tone)
    usual = float(np.median(level))
    edge = int(np.ceil(30.0 / step_ms))
    found: list[Break] = []

    def note(kind: str, first: int, last: int, jump: float) -> None:
        at_ms, length_ms = offset_ms + first * step_ms, max(0.0, (last - first) * step_ms)
        found.append(Break(kind=kind, at_ms=round(at_ms, 1), length_ms=round(length_ms, 1), turns=round(jump, 3)))

    # A gap of n ms is seen through a window of about 3 ms: the level falls in proportion.
    floor = usual * max(0.1, 1.0 - gap_ms / (window * 1000.0 / rate)) if gap_ms < 3 else usual * 0.5
    for first, last in _runs(level < floor):
        if first > edge and last < level.size - edge:
            note("gap", first, last, 0.0)
    # The slow part of the phase is the difference between two clocks; only what exceeds it within 6 ms is a jump.
    span = max(1, round(6.0 / step_ms))
    phase = np.unwrap(np.angle(tone)) / (2.0 * np.pi)
    jump = phase[span:] - phase[:-span]
    jump = jump - np.median(jump) if jump.size else jump
    for first, last in _runs(np.abs(jump) > turns):
        if (
            first > edge
            and last + span < level.size - edge
            and not any(_near(b, offset_ms + first * step_ms) for b in found)
        ):
            worst = float(jump[first:last][np.argmax(np.abs(jump[first:last]))])
            note("splice", first, last, (worst + 0.5) % 1.0 - 0.5)
    return sorted(found, key=lambda item: item.at_ms)


def likeness(reference: Sound, heard: Sound) -> Likeness:
    """Score how well `reference` is found in `heard`, wherever it begins. Rates may differ."""
    if reference.rate_hz != heard.rate_hz:
        reference = reference.at(heard.rate_hz)
    scores = [score for _, _, score in _windows(reference.samples, heard.samples, heard.rate_hz)]
    if not scores:
        return Likeness(windows=0, median=0.0, share=0.0)
    return Likeness(
        windows=len(scores),
        median=round(float(np.median(scores)), 4),
        share=round(sum(score > 0.95 for score in scores) / len(scores), 4),
    )


def words_heard(sound: Sound, vocabulary: Sequence[str]) -> list[str]:
    """The words that a recogniser hears, in order, when it may only choose among `vocabulary`.

    Limits: the recogniser must take each stretch of speech for one of the given words or for noise, so always offer
    decoys that sound different from what is expected, or the answer proves nothing. Good for clear synthetic speech;
    short words ("a", "it") are unreliable. ValueError for a word that is not in the recogniser's dictionary.
    """
    words = sorted({word.lower() for word in vocabulary})
    if not words:
        raise ValueError("words_heard needs a vocabulary")
    decoder = _decoder(tuple(words))
    pcm = np.round(np.clip(_levelled(sound.at(16_000).samples), -1.0, 1.0) * 32767.0).astype("<i2")
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    spoken = (re.sub(r"\(\d+\)$", "", segment.word) for segment in decoder.seg())
    return [word for word in spoken if word in words]


def dictate(sound: Sound) -> list[str]:
    """What the recogniser takes down without knowing what to expect.

    Half of the words are right at best: evidence for people.
    """
    decoder = _dictation()
    pcm = np.round(np.clip(_levelled(sound.at(16_000).samples), -1.0, 1.0) * 32767.0).astype("<i2")
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    return [] if decoder.hyp() is None else str(decoder.hyp().hypstr).split()


def share_heard(sound: Sound, expected: str, *, decoys: Sequence[str] = ()) -> float:
    """Which share of the words of `expected` was recognised, in their order.

    Words unknown to the recogniser are left out.
    """
    from difflib import SequenceMatcher

    known = words_known(expected)
    if not known:
        return 0.0
    heard = words_heard(sound, [*known, *decoys])
    matched = SequenceMatcher(None, known, heard, autojunk=False).get_matching_blocks()
    return sum(block.size for block in matched) / len(known)


def words_of(text: str) -> list[str]:
    """The words of a text as the recogniser writes them; numbers up to 99 as they are spoken."""
    plain = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    spelled = re.sub(r"\d+", lambda digits: f" {_spoken(int(digits[0]))} ", plain)
    return re.findall(r"[a-z]+(?:'[a-z]+)?", spelled)


def words_known(text: str) -> list[str]:
    """Those of `words_of(text)` that the recogniser has in its dictionary."""
    return [word for word in words_of(text) if _known(word)]


def _spoken(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    if number > 99:
        return ""
    return f"{_TENS[number // 10 - 2]} {_SMALL[number % 10] if number % 10 else ''}"


def _dbfs(amplitude: float) -> float:
    return 20.0 * float(np.log10(max(amplitude, 1e-10)))


def _levelled(samples: Samples) -> Samples:
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * (0.7 / peak) if peak > 0.001 else samples


def _runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    yield from ((int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True))


def _near(item: Break, at_ms: float) -> bool:
    return item.at_ms - 12.0 <= at_ms <= item.at_ms + item.length_ms + 12.0


def _windows(
    reference: Samples, heard: Samples, rate_hz: int, *, window_s: float = 0.12, search_s: float = 0.15
) -> Iterator[tuple[float, int, float]]:
    """Each voiced window of `reference` as (time in s, lag in samples, correlation), following splices as they come."""
    from scipy.signal import butter, correlate, sosfiltfilt

    window = round(window_s * rate_hz)
    if reference.size <= window or heard.size <= window:
        return
    band = butter(4, [100.0, 0.42 * rate_hz], btype="band", fs=rate_hz, output="sos")
    reference, heard = sosfiltfilt(band, reference), sosfiltfilt(band, heard)
    size = 1 << (reference.size + heard.size).bit_length()
    whole = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size)), size)
    lag = int(np.argmax(np.abs(whole)))
    lag = lag - size if lag > heard.size else lag
    voiced = 0.1 * float(np.sqrt(np.mean(reference**2))) + 1e-9
    # Windows that fall outside the recording were not heard: they count as zero instead of being left out.
    for start in range(0, reference.size - window, window // 2):
        piece = reference[start : start + window]
        if float(np.sqrt(np.mean(piece**2))) < max(voiced, 0.02):
            continue
        score = 0.0
        # The wide search finds the thread again after a stall that was longer than the narrow one reaches.
        for reach in (round(search_s * rate_hz), round(8 * search_s * rate_hz)):
            first = max(0, start + lag - reach)
            around = heard[first : max(0, start + lag + window + reach)]
            if around.size < window:
                continue
            power = np.cumsum(np.concatenate([[0.0], around**2]))
            energy = np.maximum(power[window:] - power[:-window], 0.0)
            scores = correlate(around, piece, mode="valid") / np.sqrt(energy * float(np.dot(piece, piece)) + 1e-9)
            best = int(np.argmax(scores))
            if scores[best] > 0.9:
                score, lag = float(scores[best]), first + best - start
                break
            score = score or float(scores[best])  # what the narrow search saw; by chance the wide one finds more
        yield start / rate_hz, lag, score


@functools.lru_cache(maxsize=16)
def _decoder(words: tuple[str, ...]) -> Any:
    decoder = _fresh_decoder()
    if unknown := [word for word in words if not _known(word)]:
        raise ValueError(f"not in the recogniser's dictionary: {', '.join(unknown)}")
    decoder.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <said> = ({' | '.join(words)})*;")
    decoder.activate_search("words")
    return decoder


def _fresh_decoder() -> Any:
    return _recogniser()(lm=None, loglevel="FATAL", samprate=16_000)


@functools.cache
def _dictation() -> Any:
    return _recogniser()(loglevel="FATAL", samprate=16_000)


def _recogniser() -> Any:
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise RuntimeError(
            "no recogniser of words: install pocketsphinx, or this plugin as pytest-voice-browsers[words]"
        ) from None
    return Decoder


@functools.cache
def _known(word: str) -> bool:
    return _dictionary().lookup_word(word) is not None


@functools.cache
def _dictionary() -> Any:
    return _fresh_decoder()
