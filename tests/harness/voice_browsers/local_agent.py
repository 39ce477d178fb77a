"""A voice agent on this machine that misbehaves on request, driven over HTTP: any server with these two routes.

    POST <url>/_scenario {"scenario": TEXT or {switch: value} or a list, "sessions": N}     how the next N sessions go
    GET  <url>/_sessions                                                                      what it saw, oldest first

Parley's local agent has them: `python3 build.py agent`, then `pytest --local-agent http://localhost:8000/agent`.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .tape import poll


class AgentRefused(RuntimeError):
    """It is not there, or did not take a scenario; the message holds its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side said, as the server has it. `role` is "user" or "agent"; `at_ms` since the socket opened."""

    role: str
    text: str
    at_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A session as the server saw it. `closed_by` is "client", "agent", or "" while it is open.

    `raw` is all that was told.
    """

    session: str
    scenario: str
    turns: list[Turn]
    closed_by: str
    close_code: int | None
    violations: list[str]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def heard(self) -> list[str]:
        """The user's words, turn by turn."""
        return [turn.text for turn in self.turns if turn.role == "user"]

    @property
    def said(self) -> list[str]:
        """The agent's words, reply by reply."""
        return [turn.text for turn in self.turns if turn.role == "agent"]


class LocalAgent:
    """`url` is where its routes are, without a slash at the end. `pause` waits between two looks."""

    def __init__(self, url: str, pause: Callable[[], None] | None = None) -> None:
        self.url = url.rstrip("/")
        self._pause = pause

    def scenario(self, text: str = "", *, sessions: int = 1, **switches: Any) -> None:
        """How the next `sessions` sessions go: sentences, a name, switches, or switches on top of sentences.
        Without arguments: as usual again. AgentRefused names what is not understood."""
        if not text and not switches:
            self._ask("POST", "/_scenario", {"scenario": "default", "sessions": 0})
            return
        wanted = {**({"base": text} if text else {}), **switches} if switches else text
        self._ask("POST", "/_scenario", {"scenario": wanted, "sessions": sessions})

    def scenarios(self, wanted: Sequence[str | Mapping[str, Any]]) -> None:
        """How each of the next sessions goes."""
        self._ask("POST", "/_scenario", {"scenario": list(wanted)})

    def conversations(self) -> list[Conversation]:
        """Every session that it remembers, oldest first; one for each socket."""
        told = self._ask("GET", "/_sessions")["sessions"]
        return [
            Conversation(
                session=one["id"],
                scenario=one["scenario"],
                turns=[Turn(**turn) for turn in one["turns"]],
                closed_by=one["closed_by"],
                close_code=one["close_code"],
                violations=one["violations"],
                raw=one,
            )
            for one in told
        ]

    def conversation(self) -> Conversation:
        """The last session. AssertionError when there was none."""
        found = self.conversations()
        assert found, "the agent has seen no session: no socket reached it"
        return found[-1]

    def wait_heard(self, words: str, *, timeout_s: float = 20.0) -> Conversation:
        """Wait until the last session has heard `words` (case ignored), and return it.

        AssertionError with what it heard.
        """

        def heard() -> Conversation | None:
            last = self.conversations()[-1:]
            return last[0] if last and words.lower() in " ".join(last[0].heard).lower() else None

        found = poll(heard, timeout_s, self._pause) if self._pause else poll(heard, timeout_s)
        if found is None:
            instead = [one.heard for one in self.conversations()[-1:]]
            raise AssertionError(f"the agent did not hear {words!r} within {timeout_s:g} s, but {instead}")
        return found

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2000).decode(errors="replace")
            raise AgentRefused(f"{method} {self.url}{path}: {error.code} {said}") from None
        except OSError as error:
            raise AgentRefused(f"no agent at {self.url}: {error}") from None
