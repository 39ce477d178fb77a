"""Steps of a test whose line breaks: see `FakeHost.drop` for the break itself."""

from __future__ import annotations

from pyclient.core import commands as cmd
from tests.support.playbook import FakeHost
from tests.support.texts import ENGLISH


def back(host: FakeHost, session_id: str = "sess_1") -> list[cmd.Command]:
    """From a dropped line to the server's ready."""
    host.wait("retry")
    host.grant()
    host.opened()
    return host.hear("session.ready", session_id=session_id)


def marks(host: FakeHost) -> list[str]:
    return [ENGLISH[f"line.{turn['text']}"] for turn in host.view["turns"] if turn["role"] == "mark"]


def attempt_fails(host: FakeHost) -> None:
    """1006 before ready means unknown: a new token, and again."""
    host.wait("retry")
    host.grant()
    host.drop()
