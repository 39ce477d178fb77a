"""Session records, for tests: what the agent recognized and said. Kept only for the last sessions.

Times are ms since the socket opened. Tokens never come in here; what people said does, so it is shown only where
`allow_control` is set.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from server.agent.pcm import Samples, wav_bytes

__all__ = ["Record", "Records"]

_KEPT_SESSIONS = 64
_KEPT_AUDIO_S = 120
_KEPT_VIOLATIONS = 50
_KEPT_ERRORS = 200
_KEPT_RESULTS = 100
_KEPT_TURNS = 400
# What each wire calls a piece of the microphone.
_MICROPHONE = ("input.audio", "input_audio_buffer.append", "(audio)")


@dataclass(slots=True)
class _Tally:
    count: int = 0
    first_ms: float = 0.0
    last_ms: float = 0.0

    def add(self, at_ms: float) -> None:
        if not self.count:
            self.first_ms = at_ms
        self.count += 1
        self.last_ms = at_ms

    def shown(self) -> dict[str, Any]:
        return {"count": self.count, "first_ms": round(self.first_ms, 1), "last_ms": round(self.last_ms, 1)}


@dataclass(slots=True)
class Record:
    """One socket's story. `violations` are rules the client broke that the service tells nobody about."""

    session_id: str = ""
    scenario: str = ""
    keep_audio: bool = False
    resumed: bool = False
    received: dict[str, _Tally] = field(default_factory=dict)
    sent: dict[str, _Tally] = field(default_factory=dict)
    frame_bytes: Counter[int] = field(default_factory=Counter)
    heard: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    turns: list[dict[str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    tool_results: list[dict[str, Any]] = field(default_factory=list)
    truncations_ms: list[int] = field(default_factory=list)
    wire: str = "assemblyai"
    items: Counter[str] = field(default_factory=Counter)
    audio_before_ready: int = 0
    audio_ms: float = 0.0
    input_rate_hz: int = 24_000
    close_code: int | None = None
    closed_by: str = ""
    _opened_s: float = field(default_factory=time.monotonic)
    _audio: list[Samples] = field(default_factory=list)

    def now_ms(self) -> float:
        return (time.monotonic() - self._opened_s) * 1000

    def receive(self, kind: str) -> None:
        # A client may invent types without end; they share one row.
        key = kind if kind in self.received or len(self.received) < 40 else "(others)"
        self.received.setdefault(key, _Tally()).add(self.now_ms())

    def send(self, kind: str) -> None:
        self.sent.setdefault(kind, _Tally()).add(self.now_ms())

    def audio(self, samples: Samples, size: int) -> None:
        """One accepted audio message of `size` bytes."""
        if size in self.frame_bytes or len(self.frame_bytes) < 100:
            self.frame_bytes[size] += 1
        self.audio_ms += len(samples) * 1000 / self.input_rate_hz
        if self.keep_audio and self.audio_ms <= _KEPT_AUDIO_S * 1000:
            self._audio.append(samples)

    def hears(self, text: str) -> None:
        """The user's words, once they are settled."""
        self.heard.append(text)
        self._turn("user", text)

    def says(self, text: str) -> None:
        """A reply's words, when they have been told."""
        self.said.append(text)
        self._turn("agent", text)

    def _turn(self, role: str, text: str) -> None:
        if len(self.turns) < _KEPT_TURNS:
            self.turns.append({"role": role, "text": text, "at_ms": round(self.now_ms(), 1)})

    def violated(self, rule: str) -> None:
        """The client broke a rule that the service tells nobody about."""
        if len(self.violations) < _KEPT_VIOLATIONS:
            self.violations.append(rule)

    def refused(self, code: str) -> None:
        """The client was told of an error."""
        self.errors.append(code)
        del self.errors[_KEPT_ERRORS:]

    def tool_result(self, result: str, *, is_error: bool, known: bool) -> None:
        """`known`: a call waited for it."""
        if len(self.tool_results) < _KEPT_RESULTS:
            self.tool_results.append({"result": result[:2000], "is_error": is_error, "known": known})

    def wav(self) -> bytes:
        """The microphone as it arrived, at the input rate."""
        audio = np.concatenate(self._audio) if self._audio else np.zeros(0, dtype=np.int16)
        return wav_bytes(audio, self.input_rate_hz)

    def shown(self) -> dict[str, Any]:
        """JSON for the control route."""
        tally = next((self.received[kind] for kind in _MICROPHONE if kind in self.received), None)
        span_ms = tally.last_ms - tally.first_ms if tally else 0.0
        return {
            "id": self.session_id,
            "wire": self.wire,
            "scenario": self.scenario,
            "resumed": self.resumed,
            "received": {kind: tally.shown() for kind, tally in self.received.items()},
            "sent": {kind: tally.shown() for kind, tally in self.sent.items()},
            "frame_bytes": {str(size): count for size, count in self.frame_bytes.items()},
            "heard": list(self.heard),
            "said": list(self.said),
            # Both of them in the order in which they were told.
            "turns": list(self.turns),
            "violations": list(self.violations),
            "errors": list(self.errors),
            "tool_results": list(self.tool_results),
            # What the client said was heard of each reply that it cut short.
            "truncations_ms": list(self.truncations_ms),
            # What the client put into the conversation by itself, such as an earlier session's history.
            "items": dict(self.items),
            "audio_before_ready": self.audio_before_ready,
            "audio_ms": round(self.audio_ms, 1),
            # How much audio came per wall second: about 1 for a live microphone.
            "audio_rate": round(self.audio_ms / span_ms, 3) if span_ms > 0 else None,
            "close_code": self.close_code,
            "closed_by": self.closed_by,
        }


class Records:
    """The last sessions, oldest first."""

    def __init__(self) -> None:
        self._records: OrderedDict[int, Record] = OrderedDict()
        self._number = 0

    def open(self, *, scenario: str, keep_audio: bool, wire: str = "assemblyai") -> Record:
        record = Record(scenario=scenario, keep_audio=keep_audio, wire=wire)
        self._number += 1
        self._records[self._number] = record
        while len(self._records) > _KEPT_SESSIONS:
            self._records.popitem(last=False)
        return record

    def shown(self) -> list[dict[str, Any]]:
        return [record.shown() for record in self._records.values()]

    def find(self, session_id: str) -> Record | None:
        """The newest socket of a session."""
        for record in reversed(self._records.values()):
            if record.session_id == session_id:
                return record
        return None
