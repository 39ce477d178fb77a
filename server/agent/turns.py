"""Turn detection with voice activity detection: audio in, turn events out. Time is the audio's own time, never a clock.

Feed 16 kHz samples; every 20 ms frame is judged voiced or not (WebRTC's detector, as pocketsphinx carries it, and a
level above the room's own noise). A turn begins after enough voiced frames and ends after enough silence. Nothing here
knows words or wires.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from pocketsphinx import Vad

from server.agent.pcm import Samples

__all__ = [
    "SpeechDropped",
    "SpeechOnset",
    "SpeechPaused",
    "SpeechStarted",
    "SpeechStopped",
    "TurnDetector",
    "TurnEvent",
    "TurnSettings",
]

RATE_HZ = 16_000
FRAME_MS = 20
_FRAME = RATE_HZ * FRAME_MS // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSettings:
    """When a turn begins and ends.

    `vad_threshold` 0 to 1, higher means less sensitive. `min_silence_ms` ends a turn that sounds finished,
    `max_silence_ms` any turn. `adaptive`: the words decide too, and a turn whose sentence is known to be complete ends
    after `complete_silence_ms`. `onset_ms` of voiced sound begin a turn while the agent is silent; while it speaks
    `barge_in_ms` are needed, plus `interruption_delay_ms` when the client asked for one.
    """

    vad_threshold: float = 0.5
    min_silence_ms: int = 640
    max_silence_ms: int = 1500
    adaptive: bool = False
    complete_silence_ms: int = 160
    interrupt_response: bool = True
    interruption_delay_ms: int = 0
    onset_ms: int = 100
    barge_in_ms: int = 240
    pre_roll_ms: int = 300
    max_turn_ms: int = 30_000

    def __post_init__(self) -> None:
        if not 0.0 <= self.vad_threshold <= 1.0:
            raise ValueError("vad_threshold must be 0 to 1")
        if self.min_silence_ms < FRAME_MS or self.max_silence_ms < self.min_silence_ms:
            raise ValueError("max_silence_ms must be at least min_silence_ms, and that at least one frame")
        if not 0 <= self.interruption_delay_ms <= 5000:
            raise ValueError("interruption_delay_ms must be 0 to 5000")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOnset:
    """Sound that may become a turn; follows: SpeechStarted or SpeechDropped."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """A turn began. `began_ms` is where its speech started, `at_ms` when that was decided."""

    at_ms: int
    began_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechDropped:
    """The sound after a SpeechOnset ended before it was long enough."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPaused:
    """Half of the silence that ends a turn has passed: a good moment to recognise the words ahead of time."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStopped:
    """The turn is over. `ended_ms` is where its last voiced frame ended."""

    at_ms: int
    ended_ms: int


TurnEvent = SpeechOnset | SpeechStarted | SpeechDropped | SpeechPaused | SpeechStopped


class _Ear:
    """Judges single frames: voiced or not."""

    def __init__(self, threshold: float) -> None:
        # 0 loose to 3 strict: the setting moves the detector's own strictness and the level below which nothing counts.
        self._vad = Vad(min(3, int(threshold * 4)), RATE_HZ, FRAME_MS / 1000)
        self._least_rms = 10.0 * 10.0 ** (2.0 * threshold)
        self._floor = self._least_rms / 2.5
        self._recent: deque[float] = deque(maxlen=100)

    def voiced(self, frame: Samples) -> bool:
        rms = float(np.sqrt(np.mean(np.square(frame.astype(np.float64)))))
        self._recent.append(rms)
        if len(self._recent) == self._recent.maxlen:
            # Two seconds of speech always hold some quiet frames, so a low percentile follows the room
            # and not the voice.
            self._floor = max(float(np.percentile(self._recent, 10)), 1.0)
        if rms < self._least_rms or rms < 2.0 * self._floor:
            return False
        return bool(self._vad.is_speech(frame.tobytes()))


class TurnDetector:
    """Follows one microphone.

    `feed` returns what happened, in order; `turn_audio` holds the words of the current turn.
    """

    def __init__(self, settings: TurnSettings) -> None:
        self._settings = settings
        self._ear = _Ear(settings.vad_threshold)
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._now_ms = 0
        self._in_turn = False
        self._onset_told = False
        self._voiced_window: deque[bool] = deque()
        self._began_ms = 0
        self._last_voiced_ms = 0
        self._pause_told = False
        self._audio: deque[Samples] = deque(maxlen=settings.pre_roll_ms // FRAME_MS)
        self._turn: list[Samples] = []

    @property
    def now_ms(self) -> int:
        """How much audio was fed, in ms."""
        return self._now_ms

    @property
    def in_turn(self) -> bool:
        return self._in_turn

    @property
    def voiced_until_ms(self) -> int:
        """Where the last voiced frame ended, in ms of audio."""
        return self._last_voiced_ms

    @property
    def turn_frames(self) -> int:
        """Of how many frames the current (or last) turn is made, pre-roll included."""
        return len(self._turn)

    @property
    def turn_ms(self) -> int:
        """How long the current (or last) turn's audio is, pre-roll included."""
        return len(self._turn) * FRAME_MS

    def change(self, settings: TurnSettings) -> None:
        """New settings from the next frame on; a turn in progress goes on under them."""
        if settings.vad_threshold != self._settings.vad_threshold:
            self._ear = _Ear(settings.vad_threshold)
        self._settings = settings

    def turn_audio(self, since: int = 0) -> Samples:
        """The current (or last) turn with its pre-roll, 16 kHz; without its first `since` frames."""
        return np.concatenate(self._turn[since:]) if len(self._turn) > since else np.zeros(0, dtype=np.int16)

    def cut(self) -> Samples | None:
        """End the turn in progress here, telling nothing, and give its audio; None outside a turn."""
        if not self._in_turn:
            return None
        audio = self.turn_audio()
        self._in_turn = False
        self._audio = deque(maxlen=self._settings.pre_roll_ms // FRAME_MS)
        self._voiced_window.clear()
        return audio

    def feed(
        self, samples: Samples, *, agent_audible: bool, unfinished: bool = False, complete: bool = False
    ) -> list[TurnEvent]:
        """Judge more audio.

        `agent_audible`: the agent is speaking, so it takes more to begin a turn. `unfinished`: the words heard so far
        want more (for example a question that stops before its object), so wait `max_silence_ms`. `complete`: the words
        that this silence follows are a whole sentence; it counts with adaptive settings.
        """
        events: list[TurnEvent] = []
        data = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(data) // _FRAME * _FRAME
        for start in range(0, whole, _FRAME):
            self._frame(data[start : start + _FRAME], agent_audible, events)
            self._end_of_turn(self._limit_ms(unfinished, complete), events)
        self._rest = data[whole:]
        return events

    def settle(self, *, unfinished: bool, complete: bool) -> list[TurnEvent]:
        """The words have become known in a silence: is it long enough already?"""
        events: list[TurnEvent] = []
        self._end_of_turn(self._limit_ms(unfinished, complete), events)
        return events

    def _limit_ms(self, unfinished: bool, complete: bool) -> int:
        settings = self._settings
        if settings.adaptive and complete:
            return min(settings.complete_silence_ms, settings.min_silence_ms)
        return settings.max_silence_ms if unfinished else settings.min_silence_ms

    def _frame(self, frame: Samples, agent_audible: bool, events: list[TurnEvent]) -> None:
        voiced = self._ear.voiced(frame)
        self._now_ms += FRAME_MS
        if voiced:
            self._last_voiced_ms = self._now_ms
        if self._in_turn:
            self._turn.append(frame)
            self._inside(voiced, events)
        else:
            self._audio.append(frame)
            self._outside(agent_audible, voiced, events)

    def _outside(self, agent_audible: bool, voiced: bool, events: list[TurnEvent]) -> None:
        settings = self._settings
        wanted = settings.onset_ms
        if agent_audible:
            wanted = max(wanted, settings.barge_in_ms + settings.interruption_delay_ms)
        # Speech has short gaps (plosives): the voiced frames are counted in a window half as long again.
        self._voiced_window.append(voiced)
        while len(self._voiced_window) > max(1, wanted * 3 // 2 // FRAME_MS):
            self._voiced_window.popleft()
        heard = sum(self._voiced_window) * FRAME_MS
        if voiced and not self._onset_told and heard >= min(settings.onset_ms, wanted):
            self._onset_told = True
            # A decision may come long after the onset: keep everything from the onset's pre-roll on.
            self._audio = deque(self._audio)
            events.append(SpeechOnset(at_ms=self._now_ms))
        if voiced and heard >= wanted:
            self._in_turn = True
            self._onset_told = False
            self._began_ms = self._now_ms - len(self._voiced_window) * FRAME_MS
            self._pause_told = False
            self._turn = list(self._audio)
            self._voiced_window.clear()
            events.append(SpeechStarted(at_ms=self._now_ms, began_ms=self._began_ms))
        elif self._onset_told and self._now_ms - self._last_voiced_ms >= settings.pre_roll_ms:
            self._onset_told = False
            self._audio = deque(self._audio, maxlen=settings.pre_roll_ms // FRAME_MS)
            self._voiced_window.clear()
            events.append(SpeechDropped(at_ms=self._now_ms))

    def _inside(self, voiced: bool, events: list[TurnEvent]) -> None:
        if voiced:
            self._pause_told = False
        silence = self._now_ms - self._last_voiced_ms
        if not self._pause_told and silence >= self._settings.min_silence_ms // 2:
            self._pause_told = True
            events.append(SpeechPaused(at_ms=self._now_ms))

    def _end_of_turn(self, limit_ms: int, events: list[TurnEvent]) -> None:
        silence = self._now_ms - self._last_voiced_ms
        if self._in_turn and (silence >= limit_ms or self.turn_ms >= self._settings.max_turn_ms):
            self._in_turn = False
            self._audio = deque(maxlen=self._settings.pre_roll_ms // FRAME_MS)
            self._voiced_window.clear()
            events.append(SpeechStopped(at_ms=self._now_ms, ended_ms=self._last_voiced_ms))
