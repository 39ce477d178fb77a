"""Feeds a session events and shows what it asked for: the host of the unit tests.

`FakeHost.tell(event)` returns the commands that the event caused, without log lines and views, so that a test compares
whole lists. It checks on the way what must hold for every session: at most one view per event, last of all, bounded and
JSON-ready; nothing sent to a socket that is not open; no secret in a log line.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pyclient.config import ClientConfig
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.page.view import merge_turns
from pyclient.session import Session
from pyclient.tools import ToolRegistry
from tests.support.texts import worded

TOKEN = "secret-token/with+signs"
WS_URL = "wss://voice.test/v1/ws"
RATE_HZ = 24_000
MAX_VIEW_BYTES = 8 << 20

GOLDEN = Path(__file__).parent.parent / "wire" / "assemblyai.jsonl"


def golden() -> dict[str, dict[str, Any]]:
    """Golden messages by name."""
    lines = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    return {line["name"]: line for line in lines}


def tone(samples: int, level: int = 8_000) -> bytes:
    """Audible PCM16: a square wave is enough for a ledger."""
    period = b"".join(value.to_bytes(2, "little", signed=True) * 20 for value in (-level, level))
    return (period * (samples // 40 + 1))[: 2 * samples]


def silence(samples: int) -> bytes:
    return bytes(2 * samples)


class FakeHost:
    """Runs no command, remembers all of them, and owns the clock."""

    def __init__(self, tools: ToolRegistry | None = None, **config: Any) -> None:
        self.session = Session(ClientConfig.from_dict(config), tools=tools)
        self.now_ms = 1_000.0
        self.tokens_asked = 0
        self.views: list[dict[str, Any]] = []
        self.logs: list[tuple[str, str]] = []
        self.timers: dict[str, float] = {}
        self.open_sockets: set[int] = set()
        self.sent: list[dict[str, Any]] = []
        self.played: list[tuple[str, int]] = []
        self.socket_id = 0
        self.attempt = 0

    # --- telling -----------------------------------------------------------------------------------------------------

    def tell(self, event: ev.Event, after_ms: float = 10) -> list[cmd.Command]:
        """One event, `after_ms` after the one before. Returns its commands without `Log` and `ShowView`."""
        self.now_ms += after_ms
        if isinstance(event, ev.SocketClosed):
            self.open_sockets.discard(event.socket_id)
        return self._run(self.session.handle(event, self.now_ms))

    def hear(self, type: str, after_ms: float = 10, **fields: Any) -> list[cmd.Command]:
        """One message of AssemblyAI's wire; `tests/wire/assemblyai.jsonl` has their names."""
        data = json.dumps({"type": type, **fields})
        return self.tell(ev.MessageReceived(socket_id=self.socket_id, data=data), after_ms)

    def hear_audio(self, reply_id: str, pcm: bytes, after_ms: float = 10) -> list[cmd.Command]:
        return self.hear("reply.audio", after_ms, reply_id=reply_id, data=base64.b64encode(pcm).decode())

    def speak_reply(self, reply_id: str, samples: int = 24_000, text: str = "") -> None:
        """A reply that the server is making: started, with audio queued and its first half second rendered."""
        self.hear("reply.started", reply_id=reply_id, item_id=f"msg_{reply_id}")
        self.hear_audio(reply_id, tone(samples))
        if text:
            self.hear("transcript.agent.delta", reply_id=reply_id, item_id=f"msg_{reply_id}", delta=text)
        self.render(reply_id, min(12_000, samples))

    def render(
        self, item_id: str, rendered: int, queued: int = 0, underruns: int = 0, after_ms: float = 10
    ) -> list[cmd.Command]:
        return self.tell(
            ev.PlaybackProgressed(
                item_id=item_id, rendered_samples=rendered, queued_samples=queued, underruns=underruns
            ),
            after_ms,
        )

    def wait(self, name: str) -> list[cmd.Command]:
        """Let time pass until the timer `name` fires."""
        due = self.timers.pop(name)
        return self.tell(ev.TimerFired(name=name), max(0.0, due - self.now_ms))

    # --- shortcuts through a session's life ---------------------------------------------------------------------------

    def click(self, **fields: Any) -> list[cmd.Command]:
        return self.tell(ev.ConnectRequested(**fields))

    def grant(self, **fields: Any) -> list[cmd.Command]:
        values = {"attempt": self.attempt, "token": TOKEN, "ws_url": WS_URL, **fields}
        return self.tell(ev.TokenGranted(**values))

    def opened(self) -> list[cmd.Command]:
        return self.tell(ev.SocketOpened(socket_id=self.socket_id))

    def open_wire(self, session_id: str) -> list[cmd.Command]:
        """From a click, or a retry, to the server's ready, told as a normal event. Returns what that caused."""
        if self.session.state.value != "resuming":
            self.click()
        self.grant()
        self.opened()
        return self.tell(ev.SessionReady(session_id=session_id))

    def drop(self, code: int = 1006, after_ms: float = 10) -> list[cmd.Command]:
        """The line breaks."""
        return self.tell(ev.SocketClosed(socket_id=self.socket_id, code=code), after_ms)

    def flushed(self, item_id: str = "", rendered: int = 0) -> list[cmd.Command]:
        """The speaker answers a flush."""
        return self.tell(ev.PlaybackFlushed(item_id=item_id, rendered_samples=rendered))

    def go_live(self, **fields: Any) -> Self:
        """From idle, ended or failed to live."""
        self.click(**fields)
        self.grant()
        self.opened()
        self.hear("session.updated", config={})
        self.hear("session.ready", session_id="sess_1", config={})
        state = self.view["state"]
        assert state == "live", f"still {state}: a session can be begun only when the one before is over"
        return self

    def reach(self, state: str) -> Self:
        """A session in `state`, from idle."""
        steps: dict[str, list[Callable[[], object]]] = {
            "idle": [],
            "minting": [self.click],
            "connecting": [self.click, self.grant],
            "configuring": [self.click, self.grant, self.opened],
            "live": [self.go_live],
            "dropped": [self.go_live, self.drop],
            "resuming": [self.go_live, self.drop, lambda: self.wait("retry")],
            "ending": [self.go_live, lambda: self.tell(ev.HangUpRequested())],
            "ended": [self.go_live, lambda: self.hear("session.ended")],
            "failed": [self.click, lambda: self.tell(ev.TokenRefused(attempt=self.attempt, status=500))],
        }
        for step in steps[state]:
            step()
        assert self.session.state.value == state
        return self

    # --- what came of it ---------------------------------------------------------------------------------------------

    @property
    def view(self) -> dict[str, Any]:
        return self.views[-1] if self.views else worded(self.session.view(self.now_ms))

    @property
    def stats(self) -> dict[str, Any]:
        """The counters as of now; they cause no view of their own."""
        return dict(self.session.view(self.now_ms)["stats"])

    def turns(self, role: str | None = None) -> list[tuple[str, str, bool, bool]]:
        """(role, text, final, interrupted) of each turn on the page."""
        return [
            (turn["role"], turn["text"], turn["final"], turn["interrupted"])
            for turn in self.view["turns"]
            if role is None or turn["role"] == role
        ]

    def _run(self, commands: list[cmd.Command]) -> list[cmd.Command]:
        seen: list[cmd.Command] = []
        for index, command in enumerate(commands):
            if isinstance(command, cmd.ShowView):
                assert index == len(commands) - 1, "one view per event, after everything else"
                text = json.dumps(command.view, allow_nan=False)
                assert len(text) < MAX_VIEW_BYTES
                assert TOKEN not in text
                update: Any = worded(json.loads(text))
                turns = merge_turns(self.views[-1]["turns"] if self.views else [], update)
                self.views.append({**update, "turns": turns})
                continue
            if isinstance(command, cmd.Log):
                assert command.direction in "<>=!"
                assert TOKEN not in command.text
                self.logs.append((command.direction, command.text))
                continue
            self._note(command)
            seen.append(command)
        return seen

    def _note(self, command: cmd.Command) -> None:
        if isinstance(command, cmd.SendMessage):
            assert command.socket_id in self.open_sockets, "sent to a socket that is not open"
            assert isinstance(command.data, str)
            self.sent.append(json.loads(command.data))
        elif isinstance(command, cmd.OpenSocket):
            self.open_sockets.add(command.socket_id)
            self.socket_id = command.socket_id
        elif isinstance(command, cmd.CloseSocket):
            self.open_sockets.discard(command.socket_id)
        elif isinstance(command, cmd.RequestToken):
            self.attempt = command.attempt
            self.tokens_asked += 1
        elif isinstance(command, cmd.SetTimer):
            self.timers[command.name] = self.now_ms + command.delay_ms
        elif isinstance(command, cmd.CancelTimer):
            assert command.name in self.timers, "cancelled a timer that was not running"
            del self.timers[command.name]
        elif isinstance(command, cmd.PlayAudio):
            self.played.append((command.item_id, len(command.pcm) // 2))


def sent_types(commands: list[cmd.Command]) -> list[str]:
    """The vendor's names of what these commands send."""
    return [json.loads(command.data)["type"] for command in commands if isinstance(command, cmd.SendMessage)]


def of_type(commands: list[cmd.Command], *types: type[cmd.Command]) -> list[cmd.Command]:
    return [command for command in commands if isinstance(command, types)]
