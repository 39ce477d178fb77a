"""Sounds to put in at the microphone, made at test time: speech, tones, sweeps, silence.

    speech = Speech(folder)                       # a folder that lives as long as the session: files are made once
    hello = speech.say("what time is it", tail_ms=800)
    steady = speech.tone(700, seconds=3)

Every file is a mono 16-bit WAV at `RATE_HZ` and peaks at `PEAK` of full scale. Speech comes from the program
`espeak-ng`, or from the wheel `espeakng-loader` where the program is not installed. A synthetic voice is not a
person: it shows that sound arrives whole and is understood by a recogniser, not how a recogniser copes with people.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE_HZ = 48_000
PEAK = 0.7
# Of the voices that espeak-ng has, the recogniser understands this one best by far: 35 of 37 words against 20.
VOICE = "en-us+f2"
_WHEEL_VOICE = Path(__file__).with_name("wheel_voice.py")


def write_wav(path: Path, samples: Samples, rate_hz: int = RATE_HZ) -> Path:
    """Write mono samples between -1 and 1 as 16-bit WAV; return `path`."""
    pcm = np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(pcm.tobytes())
    return path


class Speech:
    """Makes each sound once and keeps it in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def say(
        self, text: str, *, words_per_minute: int = 150, voice: str = VOICE, lead_ms: int = 100, tail_ms: int = 0
    ) -> Path:
        """`text` as speech, with silence before and after. ValueError for empty text."""
        if not text.strip():
            raise ValueError("there is nothing to say")
        path = self._path("say", text, words_per_minute, voice, lead_ms, tail_ms)
        if not path.exists():
            spoken, rate_hz = _synthesise(text, words_per_minute, voice)
            spoken = resample(spoken, rate_hz, RATE_HZ)
            peak = float(np.abs(spoken).max(initial=0.0))
            if peak == 0.0:
                raise RuntimeError(f"espeak-ng made no sound of {text!r}")
            self._keep(path, np.concatenate([_rest(lead_ms), spoken * (PEAK / peak), _rest(tail_ms)]))
        return path

    def tone(self, frequency_hz: float, *, seconds: float, level: float = PEAK) -> Path:
        """A steady sine with 10 ms of fade at both ends."""
        path = self._path("tone", frequency_hz, seconds, level)
        if not path.exists():
            self._keep(path, tone(frequency_hz, seconds=seconds, level=level))
        return path

    def chord(self, *frequencies_hz: float, seconds: float, level: float = PEAK) -> Path:
        """Steady sines at the same time, each at its share of `level`, with 10 ms of fade at both ends."""
        path = self._path("chord", frequencies_hz, seconds, level)
        if not path.exists():
            share = level / len(frequencies_hz)
            self._keep(path, sum((tone(one, seconds=seconds, level=share) for one in frequencies_hz), np.zeros(1)))
        return path

    def sweep(self, low_hz: float, high_hz: float, *, seconds: float, level: float = PEAK) -> Path:
        """A sine that rises evenly from `low_hz` to `high_hz`: no two stretches of it are alike."""
        path = self._path("sweep", low_hz, high_hz, seconds, level)
        if not path.exists():
            self._keep(path, sweep(low_hz, high_hz, seconds=seconds, level=level))
        return path

    def silence(self, *, seconds: float) -> Path:
        path = self._path("silence", seconds)
        if not path.exists():
            self._keep(path, _rest(seconds * 1000.0))
        return path

    def _path(self, kind: str, *facts: object) -> Path:
        return self.folder / f"{kind}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}.wav"

    @staticmethod
    def _keep(path: Path, samples: Samples) -> None:
        # Written beside and moved, so that another worker never reads half a file.
        part = path.with_suffix(f".{id(samples)}.part")
        write_wav(part, samples).replace(path)


def tone(frequency_hz: float, *, seconds: float, level: float = PEAK, rate_hz: int = RATE_HZ) -> Samples:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return _faded(level * np.sin(2 * np.pi * frequency_hz * time_s), rate_hz)


def sweep(low_hz: float, high_hz: float, *, seconds: float, level: float = PEAK, rate_hz: int = RATE_HZ) -> Samples:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    turns = low_hz * time_s + (high_hz - low_hz) * time_s**2 / (2 * seconds)
    return _faded(level * np.sin(2 * np.pi * turns), rate_hz)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Change the rate with a real low-pass; the measuring side must not add faults of its own."""
    if from_hz == to_hz:
        return samples
    from scipy.signal import resample_poly  # slow to import, and not every run needs it

    divisor = int(np.gcd(from_hz, to_hz))
    changed: Samples = resample_poly(samples, to_hz // divisor, from_hz // divisor, window=("kaiser", 9.0))
    return changed


def _rest(duration_ms: float) -> Samples:
    return np.zeros(round(duration_ms * RATE_HZ / 1000.0))


def _faded(samples: Samples, rate_hz: int) -> Samples:
    ramp = np.linspace(0.0, 1.0, min(rate_hz // 100, samples.size // 2))
    if ramp.size:
        samples[: ramp.size] *= ramp
        samples[-ramp.size :] *= ramp[::-1]
    return samples


def _synthesise(text: str, words_per_minute: int, voice: str) -> tuple[Samples, int]:
    if program := shutil.which("espeak-ng"):
        command = [program, "-v", voice, "-s", str(words_per_minute), "--stdout", "--", text]
    else:
        command = [sys.executable, str(_WHEEL_VOICE), voice, str(words_per_minute), text]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip())
    with wave.open(io.BytesIO(done.stdout)) as spoken:
        # The header of a streamed WAV promises more frames than follow: read what is there.
        pcm = spoken.readframes(len(done.stdout))
        return np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2") / 32768.0, spoken.getframerate()
