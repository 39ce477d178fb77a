"""Settings change: what the person chooses during a call, and what of it must wait.

Before anything was sent it is simply what the session starts with. While the line is down, or the server is not ready
yet, it waits.
"""

from __future__ import annotations

from dataclasses import replace

from pyclient.call import Call
from pyclient.config import changed_settings
from pyclient.core.errors import ConfigError
from pyclient.core.events import SessionReady, SettingsChanged
from pyclient.core.states import COMING_BACK, State
from pyclient.page import notices
from pyclient.part import LineBack, Part


class SettingsChange(Part):
    """The settings that were changed during one call after the other."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._waiting: SettingsChanged | None = None
        self.handlers = {
            SettingsChanged: lambda event, now_ms: self._changed(event),
            SessionReady: lambda event, now_ms: self._send_waiting(),
        }

    def begin(self, now_ms: float) -> None:
        self._waiting = None

    def line_back(self, now_ms: float, back: LineBack) -> None:
        self._send_waiting()

    def session_begins(self) -> None:
        """A session is about to be opened: it starts with what was chosen while the line was down."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.call.config = replace(self.call.config, **changed_settings(self.call.config, waiting))

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._changed(waiting)

    def _changed(self, event: SettingsChanged) -> None:
        """A value that cannot be is told; nothing has changed then."""
        try:
            self._change(event)
        except ConfigError as error:
            self.call.notify(notices.bad_setting(str(error)))

    def _change(self, event: SettingsChanged) -> None:
        call = self.call
        wanted = changed_settings(call.config, event)
        checked = replace(call.config, **wanted)
        if call.state in (State.MINTING, State.CONNECTING):
            call.config = checked
        elif call.state is State.CONFIGURING or call.state in COMING_BACK:
            self._waiting = replace(self._waiting or SettingsChanged(), **wanted)
        elif call.state is State.LIVE:
            call.config = checked
            update = call.codec.update(**wanted)
            if update.messages:
                call.send("settings", update.messages)
            if update.immutable:
                call.notify(notices.next_call(update.immutable))
            if impossible := set(wanted) - set(update.applied) - set(update.immutable):
                names = ", ".join(sorted(impossible))
                call.commands.log("!", f"left alone, this provider takes no such setting: {names}")
