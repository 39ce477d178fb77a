"""Idle hang-up: ends a call in which nobody speaks, so that a forgotten page costs nothing.

Both voices count: words of the person, what the agent says while it is heard, a key that is held, a tool that runs.
What is only a noise does not, where the wire sends transcripts. Half a minute before the end the person is warned; any
word, a typed message or "I am still here" takes the warning back.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core import events
from pyclient.core.states import IN_CALL, Trigger
from pyclient.page import notices
from pyclient.part import End, Part, Step
from pyclient.tools.calls import ToolCalls

IDLE_TIMER = "idle"
WARN_MS = 30_000


class IdleHangUp(Part):
    """How long nobody has spoken in one call after the other."""

    def __init__(self, call: Call, tool_calls: ToolCalls) -> None:
        super().__init__(call)
        self._tool_calls = tool_calls
        self._timer = self.timer(IDLE_TIMER, self._fired)
        self._reset(0.0)
        self.handlers = {
            events.SessionReady: lambda event, now_ms: self._ready(now_ms),
            events.UserSpeechStarted: lambda event, now_ms: self._noise(now_ms),
            events.UserTranscribed: lambda event, now_ms: self._active(now_ms),
            events.ReplyStarted: lambda event, now_ms: self._active(now_ms),
            events.PlaybackProgressed: lambda event, now_ms: self._active(now_ms),
            events.TextSubmitted: lambda event, now_ms: self._active(now_ms),
            events.TalkPressed: lambda event, now_ms: self._active(now_ms),
            events.MuteChanged: lambda event, now_ms: self._active(now_ms),
            events.PauseChanged: lambda event, now_ms: self._active(now_ms),
            events.InterruptRequested: lambda event, now_ms: self._active(now_ms),
            events.SettingsChanged: lambda event, now_ms: self._active(now_ms),
            events.StillHere: lambda event, now_ms: self._active(now_ms),
        }

    def _reset(self, now_ms: float) -> None:
        self._active_ms = now_ms
        self._warned = False

    def begin(self, now_ms: float) -> None:
        self._reset(now_ms)

    def end(self, now_ms: float, end: End) -> None:
        """Nothing takes a warning back any more, and no timer is set."""
        self._warned = False

    @property
    def _limit_ms(self) -> int:
        return self.call.config.idle_seconds * 1000

    def left_ms(self, now_ms: float) -> int | None:
        """Until the end, for a person who was warned."""
        return max(0, round(self._active_ms + self._limit_ms - now_ms)) if self._warned else None

    def _ready(self, now_ms: float) -> None:
        """The session is live, or live again. An outage is not the person's silence."""
        self._active_ms = now_ms
        if self._limit_ms:
            self._wait(now_ms)

    def _wait(self, now_ms: float) -> None:
        self._timer.set(max(0.0, self._active_ms + self._limit_ms - WARN_MS - now_ms), now_ms)

    def _noise(self, now_ms: float) -> None:
        if not self.call.codec.features.user_transcripts:
            self._active(now_ms)

    def _active(self, now_ms: float) -> None:
        """Somebody is there. This happens 20 times a second: the timer finds out by itself how long ago it was."""
        self._active_ms = now_ms
        if self._warned:
            self._warned = False
            self.call.clear_notice(notices.IDLE_CODE)
            self.call.changed = True
            self._wait(now_ms)

    def _busy(self) -> bool:
        call = self.call
        listens = call.user_speaking and not call.codec.features.user_transcripts
        sounds = call.ledger.sounding and not call.paused  # who pauses and forgets it is not there
        return call.key_held or sounds or self._tool_calls.busy or listens

    def _fired(self, now_ms: float) -> Step | None:
        if self.call.state not in IN_CALL:
            return None
        if self._busy():
            self._active(now_ms)
        left_ms = self._active_ms + self._limit_ms - now_ms
        if left_ms <= 0:
            return End(Trigger.HANG_UP, notices.IDLE_END)
        if left_ms > WARN_MS:
            self._wait(now_ms)
            return None
        self._warned = True
        self.call.notify(notices.idle(round(left_ms / 1000)))
        self._timer.set(left_ms, now_ms)
        return None
