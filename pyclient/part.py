"""Part: one concern of a session. Handles events, and follows a call through its life.

A part knows the `Call` and the parts on the floors below it, and gets both when it is made. `Session` gives each event
to the parts that have a handler for it, in the order of its list. What concerns all of them is a `Step`: a handler
decides on it and returns it, and the session takes every part through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyclient.call import Call
from pyclient.config import ClientConfig
from pyclient.core.command_queue import CommandQueue
from pyclient.core.commands import Command, StopCapture
from pyclient.core.events import Event
from pyclient.core.states import OVER, State, Trigger, can
from pyclient.page.notice_texts import Notice


class Step:
    """A step in the life of a call that every part takes."""

    def prepare(self, call: Call) -> Step | None:
        """Called once, before the parts. Returns the step that is taken, or None for none."""
        return self

    def take(self, part: Part, now_ms: float) -> None:
        raise NotImplementedError


Handler = Callable[[Any, float], Step | None]
TimerHandler = Callable[[float], Step | None]


@dataclass(frozen=True, slots=True)
class Begin(Step):
    """A new call, with these settings."""

    config: ClientConfig

    def prepare(self, call: Call) -> Step | None:
        call.begin(self.config)
        return self

    def take(self, part: Part, now_ms: float) -> None:
        part.begin(now_ms)


@dataclass(frozen=True, slots=True)
class LineLost(Step):
    """The connection of a live session broke, and another one will be tried."""

    def take(self, part: Part, now_ms: float) -> None:
        part.line_lost(now_ms)


@dataclass(frozen=True, slots=True)
class LineBack(Step):
    """The session is live again: the `same` one, or a new one that is told `history`, or that knows nothing."""

    same: bool
    history: tuple[str | bytes, ...] = ()

    @property
    def remembers(self) -> bool:
        """Does the agent know what was said before?"""
        return self.same or bool(self.history)

    def take(self, part: Part, now_ms: float) -> None:
        part.line_back(now_ms, self)


@dataclass(frozen=True, slots=True)
class End(Step):
    """The call ends. HANG_UP: as the person, or the time limit, wants it. FINISH: it is complete.

    FAULT: because of `notice`.

    `goodbye`: the fault is ours and the server still listens. An open session is billed until the server hears a
    goodbye, and half a minute longer without one. `patient`: somebody is there to wait for the server's last word.
    """

    trigger: Trigger
    notice: Notice | None = None
    goodbye: bool = False
    patient: bool = True

    @property
    def silent(self) -> bool:
        """Nothing more is to sound; else what is queued is still heard."""
        return self.trigger is not Trigger.FINISH

    def prepare(self, call: Call) -> Step | None:
        """A call that is being ended anyway just ends; one that is over stays as it is.

        The microphone stops before anything else.
        """
        step = self
        if not can(call.state, self.trigger):
            if self.trigger is not Trigger.FAULT or not can(call.state, Trigger.FINISH):
                return None
            step = replace(self, trigger=Trigger.FINISH, notice=None)
        if call.state not in OVER and call.state is not State.ENDING:
            call.commands.add(StopCapture())
        return step

    def take(self, part: Part, now_ms: float) -> None:
        part.end(now_ms, self)


class Timer:
    """A timer by name, and what it is for. Setting it again restarts it."""

    __slots__ = ("_commands", "handler", "name")

    def __init__(self, commands: CommandQueue, name: str, handler: TimerHandler) -> None:
        self._commands = commands
        self.name = name
        self.handler = handler

    @property
    def running(self) -> bool:
        return self._commands.running(self.name)

    def set(self, delay_ms: float, now_ms: float) -> None:
        self._commands.set_timer(self.name, delay_ms, now_ms)

    def cancel(self) -> None:
        self._commands.cancel_timer(self.name)


class Part:
    """Base of all parts: handles nothing, has no timers, and takes every step without a word."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.handlers: Mapping[type[Event], Handler] = {}
        self.timers: dict[str, Timer] = {}

    def timer(self, name: str, handler: TimerHandler) -> Timer:
        """A new timer of this part. `handler(now_ms)` is called when it fires."""
        made = self.timers[name] = Timer(self.call.commands, name, handler)
        return made

    def add(self, command: Command) -> None:
        self.call.commands.add(command)

    def begin(self, now_ms: float) -> None:
        """A new call began; the `Call` is new already."""

    def line_lost(self, now_ms: float) -> None:
        """The connection broke under a live session. What was queued for the speaker plays on."""

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """The session, or a new one, takes audio again."""

    def end(self, now_ms: float, end: End) -> None:
        """The call ends. The state is still the one before, and the socket may be open."""
