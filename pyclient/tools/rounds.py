"""Tool rounds: replies in a row in which the agent called tools while the person said nothing; they are limited."""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core.errors import ToolError

# A server that answers results unasked goes on all the same when its calls fail; after so many more rounds
# the call is ended.
MORE_ROUNDS = 4


class Rounds:
    """Counts rounds, and the calls of one reply. A reply with too many calls counts once more for each of them."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._rounds = 0  # since the person last said something
        self._round_of = ""
        self._in_this_reply = 0

    @property
    def circling(self) -> bool:
        """Did the agent call tools in more replies in a row than is allowed?"""
        return self._rounds > self._call.config.max_tool_rounds

    @property
    def hopeless(self) -> bool:
        """And does it go on although its calls fail?"""
        return self._rounds > self._call.config.max_tool_rounds + MORE_ROUNDS

    def new_reply(self) -> None:
        self._in_this_reply = 0

    def person_acted(self) -> None:
        """Whatever the agent does next, the person asked for it."""
        self._rounds = 0
        self._round_of = ""

    def called(self, reply_id: str) -> None:
        self._in_this_reply += 1
        if reply_id != self._round_of or self._in_this_reply > self._call.config.max_tool_calls_per_reply:
            self._rounds += 1
            self._round_of = reply_id

    def check(self) -> None:
        """Raises ToolError, in words for the agent, where no more calls are answered."""
        if self.circling:
            raise ToolError(
                f"You called tools in {self._call.config.max_tool_rounds} replies in a row. Stop, and ask the person."
            )
        if self._in_this_reply > self._call.config.max_tool_calls_per_reply:
            raise ToolError(
                f"At most {self._call.config.max_tool_calls_per_reply} tool calls in one reply are answered"
            )
