"""What a partial word costs in a build of the client, from the server's message to the text that is posted to the page.

Runs in any Python, CPython or the page's: `measure` is given the folder that holds `pyclient`, of now
or of an earlier state.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from time import perf_counter
from typing import Any

# Of one utterance, as its recogniser hears them, and how often it is heard again: clocks of browsers have
# steps of a millisecond.
PARTIALS = 40
LAPS = 2
WORDS = [f"word{number}" for number in range(18)]


class Build:
    """A session of one build in a live call, and what its host would post to the page."""

    def __init__(self, home: str) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "pyclient"]:
            del sys.modules[name]
        sys.path.insert(0, home)
        try:
            core = "pyclient.core." if _is_there("pyclient.core.events") else "pyclient."
            self._events = importlib.import_module(core + "events")
            commands = importlib.import_module(core + "commands")
            config = importlib.import_module("pyclient.config").ClientConfig.from_dict({})
            self._session = importlib.import_module("pyclient.session").Session(config)
        finally:
            sys.path.remove(home)
        self._show = commands.ShowView
        self._ask_token, self._open_socket = commands.RequestToken, commands.OpenSocket
        self._now_ms = 1_000.0
        self._turns = 0
        self._ids: dict[type, int] = {}
        self._go_live()

    def grow(self, turns: int) -> None:
        """Talk on until there were that many turns, of both."""
        while self._turns < turns:
            self._turns += 1
            name, text = f"{self._turns}", " ".join(WORDS[: 6 + self._turns % 12])
            if self._turns % 2:
                self._hear("transcript.user.delta", item_id=f"item_{name}", text=text)
                self._hear("transcript.user", item_id=f"item_{name}", text=text)
            else:
                self._hear("reply.started", reply_id=f"reply_{name}", item_id=f"item_{name}")
                self._hear("transcript.agent", reply_id=f"reply_{name}", item_id=f"item_{name}", text=text)
                self._hear("reply.done", reply_id=f"reply_{name}", status="completed")

    def partials(self) -> tuple[float, int]:
        """Of the words of one more turn, which stays open: microseconds of each in the middle, characters
        posted of the longest.
        """
        item = f"item_{self._turns + 1}"
        texts = [" ".join(WORDS[index % len(WORDS)] for index in range(count)) for count in range(1, PARTIALS + 1)]
        messages = [self._message("transcript.user.delta", item_id=item, text=text) for text in texts] * LAPS
        begin = perf_counter()
        posted = [self._run(message) for message in messages]
        us = (perf_counter() - begin) * 1e6 / len(messages)
        if not all(posted):
            raise RuntimeError("a partial word was not shown")
        return us, max(posted)

    def _go_live(self) -> None:
        self._tell("ConnectRequested")
        self._tell(
            "TokenGranted", attempt=self._ids[self._ask_token], token="bench", ws_url="wss://bench.invalid/v1/ws"
        )
        self._tell("SocketOpened", socket_id=self._ids[self._open_socket])
        self._hear("session.updated", config={})
        self._hear("session.ready", session_id="sess_bench", config={})
        if self._session.view()["state"] != "live":
            raise RuntimeError("the call is not live")

    def _hear(self, kind: str, **fields: Any) -> None:
        self._run(self._message(kind, **fields))

    def _tell(self, kind: str, **fields: Any) -> None:
        self._run(getattr(self._events, kind)(**fields))

    def _message(self, kind: str, **fields: Any) -> Any:
        data = json.dumps({"type": kind, **fields})
        return self._events.MessageReceived(socket_id=self._ids[self._open_socket], data=data)

    def _run(self, event: Any) -> int:
        """One event, as the host runs it. How many characters go to the page."""
        self._now_ms += 40.0
        characters = 0
        for command in self._session.handle(event, self._now_ms):
            kind = type(command)
            if kind is self._show:
                characters += len(json.dumps(command.view))
            elif kind is self._ask_token:
                self._ids[kind] = command.attempt
            elif kind is self._open_socket:
                self._ids[kind] = command.socket_id
        return characters


def measure(homes: dict[str, str], rounds: int, turns: tuple[int, ...] = (10, 1000)) -> dict[str, Any]:
    """`{build: {turn: {"us": [of each round], "posted": characters}}}`; builds and turns are measured in turns."""
    calls = {(name, turn): Build(home) for name, home in homes.items() for turn in turns}
    found: dict[str, Any] = {name: {str(turn): {"us": [], "posted": 0} for turn in turns} for name in homes}
    for (_, turn), call in calls.items():
        call.grow(turn)
        call.partials()  # caches fill
    for _ in range(rounds):
        for (name, turn), call in calls.items():
            us, posted = call.partials()
            found[name][str(turn)]["us"].append(us)
            found[name][str(turn)]["posted"] = posted
    return found


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    homes, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(measure(homes, rounds)))
