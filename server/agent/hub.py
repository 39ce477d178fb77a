"""Shared state of one mounted agent: recognizer, synthesizer, tokens, sessions waiting to be resumed, scenarios,
records.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from server.agent.asr import SpeechRecognizer
from server.agent.options import AgentOptions
from server.agent.records import Records
from server.agent.scenario_names import NAMED, scenario_from_text
from server.agent.scenarios import Scenario
from server.agent.session import Conversation
from server.agent.tokens import SignedTokens, TokenStore
from server.agent.tts import SpeechSynthesizer

__all__ = ["Hub", "ResumableSession"]


@dataclass(slots=True)
class ResumableSession:
    """A session that lost its socket, or has one. `wire_state` is the wire's own."""

    session_id: str
    account: str
    conversation: Conversation
    wire_state: Any
    opened_s: float
    ends_at_s: float
    connected: bool = True
    timer: asyncio.TimerHandle | None = None


class Hub:
    """Made once by `routes.create_router`; `close` when the server stops."""

    def __init__(self, options: AgentOptions) -> None:
        self.options = options
        self.recognizer = SpeechRecognizer(options.recognizer_processes)
        self.voice = SpeechSynthesizer()
        self.tokens = TokenStore()
        # One store per wire: a token opens the sockets of the vendor whose name it was minted in.
        self.secrets = TokenStore(prefix="ek_")
        self.signed = SignedTokens()
        self.resume_tokens: dict[str, str] = {}
        self.records = Records()
        self.open_sockets = 0
        self._sessions: dict[str, ResumableSession] = {}
        self._next_scenarios: deque[Scenario] = deque()

    # Scenarios -------------------------------------------------------------------------------------------------------

    def set_scenarios(self, scenarios: Iterable[Scenario]) -> None:
        """The next sockets get these scenarios, one each; what was set before is forgotten."""
        self._next_scenarios = deque(scenarios)

    def coming_scenario(self) -> Scenario:
        """What the next socket will get, without using it up."""
        return self._next_scenarios[0] if self._next_scenarios else self.options.scenario

    def refused_mint(self) -> int:
        """The HTTP status with which a scenario wants the token route to refuse (0: it does not);
        uses that scenario up.
        """
        status = self.coming_scenario().token_status
        if status and self._next_scenarios:
            self._next_scenarios.popleft()
        return status

    def take_scenario(self, asked: str) -> Scenario:
        """The scenario of a socket that asked for `asked` ("" for none). An unknown name falls back to the default."""
        if asked and self.options.allow_scenario_query:
            try:
                return scenario_from_text(asked)
            except ValueError:
                return NAMED["default"]
        return self._next_scenarios.popleft() if self._next_scenarios else self.options.scenario

    # Sessions --------------------------------------------------------------------------------------------------------

    def keep(self, session: ResumableSession) -> None:
        """A new session; it stays until `end`, or until the resume window after `lose` has passed."""
        self._sessions[session.session_id] = session

    def find(self, session_id: str) -> ResumableSession | None:
        return self._sessions.get(session_id)

    def lose(self, session: ResumableSession) -> None:
        """Its socket is gone without session.end: keep it for the resume window."""
        session.connected = False
        session.conversation.suspend()
        loop = asyncio.get_running_loop()
        session.timer = loop.call_later(self.options.resume_window_ms / 1000, self.end, session)

    def regain(self, session: ResumableSession) -> None:
        """It has a socket again."""
        session.connected = True
        session.conversation.resume()
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None

    def end(self, session: ResumableSession) -> None:
        """It is over and cannot be resumed."""
        if session.timer is not None:
            session.timer.cancel()
        session.conversation.close()
        self._sessions.pop(session.session_id, None)
        for token in [key for key, value in self.resume_tokens.items() if value == session.session_id]:
            del self.resume_tokens[token]

    def close(self) -> None:
        for session in list(self._sessions.values()):
            self.end(session)
        self.recognizer.close()
        self.voice.close()
