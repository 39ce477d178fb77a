"""Microphone and speaker of a headless host: models of the two worklets, told by their messages.

The speaker is the model of `tests.support.speaker`; what it renders is the truth about what was heard. The microphone
gives frames of what was put before it and silence otherwise. Neither knows a clock: `pass_time` takes the host's.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.speaker import QUANTUM_MS, Speaker

Told = tuple[Any, ...]  # the name of a callback of `pyclient.host.pyodide_host.Client`, and what it is given


class Buffer:
    """Stands for a JavaScript ArrayBuffer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def to_bytes(self) -> bytes:
        return self._data


class ModelledSound:
    """`rendered` counts wire-rate samples by item; `played` is the sound that was handed over, in order.

    `at_ms` is how far this has come: everything until then has happened.
    """

    def __init__(self, *, microphone: bool) -> None:
        self._rng = random.Random(20_261_122)
        self.at_ms = 0.0
        self._speaker: Speaker | None = None
        self._microphone = microphone
        self._capturing = False
        self._frame_bytes = 0
        self._frame_ms = 0.0
        self._next_frame_ms = 0.0
        self._before_microphone = bytearray()
        self._draining = False
        self.muted = False
        self.rate_hz = 0
        self.gains: list[float] = []
        self.flushes = 0
        self.played: list[tuple[str, bytes]] = []

    # --- told by the client -------------------------------------------------------------------------------------------

    def capture(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "configure":
            self._capturing = True
            self.rate_hz = message["rate_hz"]
            self._frame_bytes = 2 * message["frame_samples"]
            self._frame_ms = message["frame_samples"] * 1000 / self.rate_hz
            self._next_frame_ms = self.at_ms + self._frame_ms
        elif kind == "drain":
            self._draining = True
        elif kind == "mute":
            self.muted = message["on"]
        elif kind == "stop":
            self._capturing = False

    def playback(self, message: dict[str, Any], now_ms: float) -> None:
        kind = message["type"]
        if kind == "configure":
            self._speaker = Speaker(message["rate_hz"], self._rng)
        elif kind == "gain":
            self.gains.append(message["gain"])
        elif kind == "pause":
            self._tell_speaker(cmd.PausePlayback(on=message["on"]), now_ms)
        elif kind == "flush":
            self.flushes += 1
            self._tell_speaker(cmd.FlushPlayback(), now_ms)

    def play(self, item: str, pcm: bytes, now_ms: float) -> None:
        self.played.append((item, pcm))
        self._tell_speaker(cmd.PlayAudio(item_id=item, pcm=pcm), now_ms)

    # --- the room -----------------------------------------------------------------------------------------------------

    def say(self, pcm: bytes) -> None:
        """Speech before the microphone, behind what is being said already."""
        self._before_microphone += pcm

    @property
    def saying(self) -> bool:
        return bool(self._before_microphone)

    @property
    def rendered(self) -> Counter[str]:
        return Counter(self._speaker.truth if self._speaker is not None else {})

    @property
    def received(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for item, pcm in self.played:
            counts[item] += len(pcm) // 2
        return counts

    def pass_time(self, now_ms: float) -> Iterator[Told]:
        """Everything that happens until `now_ms`, as callbacks for the client."""
        while self.at_ms < now_ms:
            self.at_ms += QUANTUM_MS
            if self._speaker is not None:
                self._speaker.quantum(self.at_ms)
                yield from map(_told, self._speaker.outbox.arrived(self.at_ms))
            yield from self._frames()

    def _frames(self) -> Iterator[Told]:
        while self._capturing and self._microphone and self._next_frame_ms <= self.at_ms:
            self._next_frame_ms += self._frame_ms
            heard = bytes(self._before_microphone[: self._frame_bytes])
            del self._before_microphone[: self._frame_bytes]
            frame = bytes(self._frame_bytes) if self.muted else heard.ljust(self._frame_bytes, b"\0")
            yield "frame", Buffer(frame)
        if self._draining:
            self._draining = False
            yield ("capture_drained",)

    def _tell_speaker(self, command: cmd.Command, now_ms: float) -> None:
        assert self._speaker is not None, "sound before StartPlayback"
        self._speaker.tell([command], now_ms)


def _told(event: object) -> Told:
    if isinstance(event, ev.PlaybackProgressed):
        return "progress", event.item_id, event.rendered_samples, event.queued_samples, event.underruns
    if isinstance(event, ev.PlaybackFlushed):
        return "flushed", event.item_id, event.rendered_samples
    assert isinstance(event, ev.PlaybackDrained)
    return ("drained",)
