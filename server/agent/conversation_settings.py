"""Conversation settings: what a client can configure, in no vendor's words."""

from __future__ import annotations

from dataclasses import dataclass

from server.agent.playout import PlayoutSettings
from server.agent.tools import ToolSpec
from server.agent.turns import TurnSettings

__all__ = ["ConversationSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettings:
    """What the client configured. `greeting` matters at `begin` only, everything else may change later.

    `manual_turns`: the client says by `commit` where a turn ends. `answers_turns`: the end of a turn is answered
    unasked. `hides_speech`: while a reply may not be interrupted, nothing is told of speech; otherwise it is told at
    once. `page_tools`: this wire has a way to ask the page for a tool.
    """

    turns: TurnSettings
    playout: PlayoutSettings
    input_rate_hz: int
    greeting: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    uninterruptible_greeting: bool = False
    manual_turns: bool = False
    answers_turns: bool = True
    hides_speech: bool = True
    page_tools: bool = True

    def __post_init__(self) -> None:
        if self.input_rate_hz <= 0:
            raise ValueError("input_rate_hz must be positive")
