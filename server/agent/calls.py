"""Pending tool calls: which wait for the page's result, and what is held back meanwhile.

While a tool in hold mode runs, the user's transcripts wait (AssemblyAI protocol file section 8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from server.agent.events import Event
from server.agent.tools import ToolRequest

__all__ = ["Call", "Calls"]


@dataclass(slots=True)
class Call:
    """One call. `reply_id` is the preamble's, `came` is set when the result is there or nobody waits any more."""

    request: ToolRequest
    timer: asyncio.TimerHandle
    reply_id: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)


class Calls:
    """The calls of one conversation, by id."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._waiting: dict[str, Call] = {}
        self._withheld: list[Event] = []

    @property
    def holding(self) -> bool:
        """A tool in hold mode runs: nothing but its own reply is spoken."""
        return any(call.request.tool.hold for call in self._waiting.values())

    def wait_for(self, call_id: str, call: Call) -> None:
        """From now on a result is taken."""
        self._waiting[call_id] = call

    def answered(self, call_id: str) -> Call | None:
        """The call that this result is for; None when nothing waits for it."""
        call = self._waiting.pop(call_id, None)
        if call is not None:
            call.timer.cancel()
            call.came.set()
            if not self.holding:
                self._release()
        return call

    def given_up(self, call_id: str) -> Call | None:
        """The call whose time is over; None when its result has come, or it was dropped."""
        call = self._waiting.pop(call_id, None)
        if call is not None:
            call.came.set()
            self._release()
        return call

    def drop_of(self, reply_id: str | None) -> None:
        """The reply that made these calls was interrupted: their results will be of no use."""
        for call_id in [key for key, call in self._waiting.items() if call.reply_id == reply_id]:
            self._waiting.pop(call_id).timer.cancel()

    def close(self) -> None:
        for call in self._waiting.values():
            call.timer.cancel()
        self._waiting.clear()

    def tell_user(self, event: Event) -> None:
        """Tell what the user said, or keep it until no tool in hold mode runs."""
        if self.holding:
            self._withheld.append(event)
        else:
            self._tell(event)

    def _release(self) -> None:
        withheld, self._withheld = self._withheld, []
        for event in withheld:
            self._tell(event)
