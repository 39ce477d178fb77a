"""Command queue: collects the commands of one event, and knows which timers run.

Everything that handles an event writes here; `Session.handle` takes the list at the end. Keeping the timers here lets a
late `TimerFired` of a cancelled or restarted timer be told from a real one, whatever the host's queue did meanwhile.
"""

from __future__ import annotations

from pyclient.core.commands import CancelTimer, Command, Log, SetTimer

# Browsers may fire a timer up to a millisecond early, and round the clock.
_EARLY_MS = 5


class CommandQueue:
    """The commands of one event, in the order in which they were added."""

    def __init__(self) -> None:
        self._commands: list[Command] = []
        self._due_ms: dict[str, float] = {}

    def add(self, command: Command) -> None:
        self._commands.append(command)

    def log(self, direction: str, text: str) -> None:
        self._commands.append(Log(direction=direction, text=text[:300]))

    def set_timer(self, name: str, delay_ms: float, now_ms: float) -> None:
        """(Re)start `name`. A delay in the past fires at once."""
        delay = max(0, round(delay_ms))
        self._due_ms[name] = now_ms + delay
        self._commands.append(SetTimer(name=name, delay_ms=delay))

    def cancel_timer(self, name: str) -> None:
        """Nothing happens for a timer that is not running."""
        if self._due_ms.pop(name, None) is not None:
            self._commands.append(CancelTimer(name=name))

    def cancel_all_timers(self) -> None:
        for name in list(self._due_ms):
            self.cancel_timer(name)

    def running(self, name: str) -> bool:
        return name in self._due_ms

    def fired(self, name: str, now_ms: float) -> bool:
        """Is this `TimerFired` meant? Forgets the timer if so."""
        due = self._due_ms.get(name)
        if due is None or now_ms < due - _EARLY_MS:
            return False
        del self._due_ms[name]
        return True

    def take(self) -> list[Command]:
        commands, self._commands = self._commands, []
        return commands
