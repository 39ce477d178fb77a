"""Tone synthesizer: says every sentence as one steady tone, so that loss, repetition and distortion can be measured."""

from __future__ import annotations

import numpy as np

from server.agent.pcm import to_samples
from server.agent.tts import Speech, SpokenWord

__all__ = ["ToneVoice"]

_LEVEL = 0.5 * 32767
_FADE_MS = 5.0


class ToneVoice:
    """Stands in for `voice.Voice` in scenarios with `tone_hz`."""

    def __init__(self, tone_hz: float, tone_ms: int) -> None:
        self._tone_hz = tone_hz
        self._tone_ms = tone_ms

    async def say(self, text: str, *, voice: str, rate_hz: int) -> Speech:
        """Return `tone_ms` of tone; the sentence counts as one word."""
        count = round(rate_hz * self._tone_ms / 1000)
        time_s = np.arange(count) / rate_hz
        fade = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / (_FADE_MS / 1000))
        samples = to_samples((_LEVEL * fade * np.sin(2 * np.pi * self._tone_hz * time_s)).astype(np.float64))
        return Speech(
            samples=samples, rate_hz=rate_hz, words=(SpokenWord(text=text, start_ms=0, end_ms=self._tone_ms),)
        )
