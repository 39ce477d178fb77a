"""Commands: what a session asks of its host. Names are imperatives; every value is plain data.

The host runs a list of commands in order. A command it does not know is a programming error and must raise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pyclient.core.audio_json import AudioJson


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of everything that `Session.handle` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestToken(Command):
    """POST `url` with `body` as JSON; answer with `TokenGranted` or `TokenRefused` carrying the same `attempt`."""

    attempt: int
    url: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSocket(Command):
    """Open a WebSocket. `url` may hold the token: never log it. Answer with `SocketOpened` / `SocketClosed`.

    `audio` lets a host move this socket's audio itself (see `audio_fast_path`); one that does not may leave it alone.
    """

    socket_id: int
    url: str = field(repr=False)
    protocols: tuple[str, ...] = field(default=(), repr=False)
    audio: AudioJson | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(Command):
    """Send `data`.

    A `droppable` message is audio: where the socket does not keep up, late speech is worth less than none.
    """

    socket_id: int
    data: str | bytes = field(repr=False)
    droppable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSocket(Command):
    """Close and forget: the host drops later events of this socket, because browsers report an unanswered close after 5
    to 60 s.
    """

    socket_id: int
    code: int = 1000
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCapture(Command):
    """Make the capture worklet send frames of `frame_samples` at `rate_hz` (it is silent until told).

    What it held until now comes first, at most `pace` times as fast as it was spoken. A worklet that holds answers with
    `CaptureHeld` before that and `CaptureCaughtUp` after it.
    """

    rate_hz: int
    frame_samples: int
    pace: int = 1

    def __post_init__(self) -> None:
        if self.rate_hz <= 0 or self.frame_samples <= 0 or self.pace <= 0:
            raise ValueError("rate_hz, frame_samples and pace must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainCapture(Command):
    """Send the half-filled frame now, short as it is; answer with `CaptureDrained` behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCapture(Command):
    """Close the microphone; its light goes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCaptureMuted(Command):
    """Mute or unmute the microphone, which stays open."""

    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPlayback(Command):
    """Tell the playback worklet the wire rate of what will come."""

    rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayAudio(Command):
    """Queue PCM16 little-endian mono behind what is queued. Samples are counted under `item_id`."""

    item_id: str
    pcm: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.pcm or len(self.pcm) % 2:
            raise ValueError("pcm must hold whole samples, and some")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushPlayback(Command):
    """Drop everything queued, at once. Answered by `PlaybackFlushed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PausePlayback(Command):
    """While on, the speaker is silent and what is queued waits; then it goes on from there."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPlaybackGain(Command):
    """Ramp the speaker to `gain` (1.0 = as received) within `ramp_ms`: ducking and restoring."""

    gain: float
    ramp_ms: int

    def __post_init__(self) -> None:
        if not 0.0 <= self.gain <= 1.0 or self.ramp_ms < 0:
            raise ValueError("gain lies between 0 and 1, ramp_ms is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer(Command):
    """(Re)start the timer `name`; answer with `TimerFired`."""

    name: str
    delay_ms: int

    def __post_init__(self) -> None:
        if not self.name or self.delay_ms < 0:
            raise ValueError("a timer has a name and a delay that is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTimer(Command):
    """Forget a timer. One that does not run is no error."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTool(Command):
    """Run a registered tool; answer with `ToolFinished` (also on time-out, unknown name, bad
    arguments or an exception).
    """

    call_id: str
    name: str
    arguments: dict[str, Any]
    timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTool(Command):
    """The call belongs to an interrupted reply: stop it if it can be stopped; a late `ToolFinished` is ignored."""

    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowView(Command):
    """What changed for the page, as JSON-ready data (shape: `view.ViewUpdate`). The first one builds on nothing."""

    view: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Command):
    """`direction`: "<" received, ">" sent, "=" state changed, "!" went wrong.

    Never holds a token, audio or a transcript.
    """

    direction: str
    text: str
