"""Speech synthesis (TTS): words in, samples and word times out.

espeak-ng is loaded with ctypes from the wheel that carries it. The library keeps its state in globals, so one thread
does all speaking; a sentence takes a few milliseconds. Next: `await Voice.say(...)`.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import espeakng_loader
import numpy as np

from server.agent.pcm import Floats, Samples, resample, to_samples

__all__ = ["DEFAULT_VOICE", "VOICES", "Speech", "SpeechSynthesizer", "SpokenWord", "synthesize"]

DEFAULT_VOICE = "alba"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timbre:
    """An espeak voice and variant, base pitch 0 to 99 and words a minute."""

    espeak: str
    pitch: int = 50
    rate_wpm: int = 165


# The vendor's names (protocol file section 11, live list) on distinguishable espeak voices; all speak English text.
VOICES: dict[str, _Timbre] = {
    "alba": _Timbre(espeak="en-us+f2", pitch=52),
    "anna": _Timbre(espeak="en-gb-x-rp+f3", pitch=55),
    "charles": _Timbre(espeak="en-gb-x-rp+m3", pitch=35),
    "estelle": _Timbre(espeak="en-gb-scotland+f2", pitch=58),
    "eve": _Timbre(espeak="en-us+f4", pitch=60),
    "george": _Timbre(espeak="en-us+m1", pitch=40),
    "giovanni": _Timbre(espeak="en-029+m2", pitch=45),
    "iris": _Timbre(espeak="en-us+f1", pitch=65),
    "jane": _Timbre(espeak="en-us+f3", pitch=48),
    "jean": _Timbre(espeak="en-us+m2", pitch=55),
    "juergen": _Timbre(espeak="en-gb-scotland+m3", pitch=38),
    "lola": _Timbre(espeak="en-029+f3", pitch=55),
    "mary": _Timbre(espeak="en-us+f5", pitch=45),
    "michael": _Timbre(espeak="en-us+m3", pitch=45),
    "paul": _Timbre(espeak="en-gb-x-rp+m1", pitch=45),
    "rafael": _Timbre(espeak="en-gb-x-gbcwmd+m1", pitch=42),
    "reid": _Timbre(espeak="en-us+m7", pitch=50),
    "vera": _Timbre(espeak="en-gb-x-rp+f4", pitch=45),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """One word with the punctuation behind it, and when it sounds within its sentence."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A sentence as sound: samples at `rate_hz`, and its words in order."""

    samples: Samples
    rate_hz: int
    words: tuple[SpokenWord, ...]

    @property
    def duration_ms(self) -> float:
        return len(self.samples) * 1000 / self.rate_hz


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_EVENT_END, _EVENT_WORD = 0, 1
_PARAM_RATE, _PARAM_PITCH = 1, 3
_POS_CHARACTER, _CHARS_UTF8 = 1, 1


class _Engine:
    """The library, loaded once for the process. Every call happens under `_lock`."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        path = espeakng_loader.get_data_path().encode()
        self.rate_hz = int(self._library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 200, path, _DONT_EXIT))
        if self.rate_hz <= 0:
            raise RuntimeError("espeak-ng could not be started: its data directory was not found")
        self._samples: list[Samples] = []
        self._words: list[tuple[int, int]] = []
        # Kept as an attribute: ctypes does not hold a reference to it, the library would call freed memory.
        self._callback = _CALLBACK(self._collect)

    def _collect(self, wav: Any, count: int, events: Any) -> int:
        if wav and count > 0:
            self._samples.append(np.ctypeslib.as_array(wav, shape=(count,)).astype(np.int16))
        index = 0
        while events[index].type != _EVENT_END:
            if events[index].type == _EVENT_WORD:
                self._words.append((events[index].text_position - 1, events[index].audio_position))
            index += 1
        return 0

    def speak(self, text: str, timbre: _Timbre) -> tuple[Samples, list[tuple[int, int]]]:
        """Samples at `rate_hz`, and (character position, ms) of each word that espeak found."""
        self._samples, self._words = [], []
        # Each time: the library has one callback for the whole process, and would call what another
        # user of it left behind.
        self._library.espeak_SetSynthCallback(self._callback)
        if self._library.espeak_SetVoiceByName(timbre.espeak.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {timbre.espeak!r}")
        self._library.espeak_SetParameter(_PARAM_RATE, timbre.rate_wpm, 0)
        self._library.espeak_SetParameter(_PARAM_PITCH, timbre.pitch, 0)
        data = text.encode(errors="replace")
        size = ctypes.c_size_t(len(data) + 1)
        self._library.espeak_Synth(data, size, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        samples = np.concatenate(self._samples) if self._samples else np.zeros(0, dtype=np.int16)
        return samples, self._words


_lock = threading.Lock()
_engine: _Engine | None = None


def _split_words(text: str) -> list[tuple[int, str]]:
    """(position, word) of each run without blanks."""
    words: list[tuple[int, str]] = []
    at = 0
    for part in text.split():
        at = text.index(part, at)
        words.append((at, part))
        at += len(part)
    return words


def _time_words(text: str, marks: list[tuple[int, int]], duration_ms: float) -> tuple[SpokenWord, ...]:
    """Give every written word the time of the espeak word inside it; espeak joins some and splits others."""
    words = _split_words(text)
    starts: list[float | None] = []
    for position, word in words:
        inside = [ms for at, ms in marks if position <= at < position + len(word)]
        starts.append(float(min(inside)) if inside else None)
    timed: list[SpokenWord] = []
    begin = 0.0
    for index, (_, word) in enumerate(words):
        own = starts[index]
        begin = min(max(begin, begin if own is None else own), duration_ms)
        following = [start for start in starts[index + 1 :] if start is not None and start >= begin]
        end = min(following[0], duration_ms) if following else duration_ms
        timed.append(SpokenWord(text=word, start_ms=int(begin), end_ms=int(end)))
    return tuple(timed)


def _trim(samples: Samples, rate_hz: int) -> Samples:
    """Cut espeak's long final pause to 150 ms; sentences are joined by the session."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 60)
    if not len(loud):
        return samples
    return samples[: min(len(samples), int(loud[-1]) + rate_hz * 150 // 1000)]


def synthesize(text: str, *, voice: str = DEFAULT_VOICE, rate_hz: int = 24_000) -> Speech:
    """Speak a sentence, blocking. Raises KeyError for a voice that is not in VOICES."""
    global _engine
    timbre = VOICES[voice]
    with _lock:
        if _engine is None:
            _engine = _Engine()
        raw, marks = _engine.speak(text, timbre)
        made_hz = _engine.rate_hz
    raw = _trim(raw, made_hz)
    converted: Floats = resample(raw, made_hz, rate_hz)
    samples = to_samples(converted)
    return Speech(samples=samples, rate_hz=rate_hz, words=_time_words(text, marks, len(samples) * 1000 / rate_hz))


class SpeechSynthesizer:
    """Speaks for all sessions from one worker thread. `close` when the server stops."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agent-voice")

    def prewarm(self) -> None:
        """Load the library now, in the background, so that the first reply does not wait for it."""
        self._pool.submit(synthesize, "Hello.")

    async def say(self, text: str, *, voice: str, rate_hz: int) -> Speech:
        """Speak a sentence without blocking the event loop. Raises KeyError for an unknown voice."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: synthesize(text, voice=voice, rate_hz=rate_hz))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
