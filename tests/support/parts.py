"""A part alone: a plain `Call` of a vendor that does not exist, and no `Session`.

`told` gives a part an event as the session would, `done` is what it asked for since, `sent` the
vendor's messages among it.
"""

from __future__ import annotations

import json
from typing import Any

from pyclient.call import Call
from pyclient.config import ClientConfig
from pyclient.core import commands as cmd
from pyclient.core.events import Event
from pyclient.core.states import State
from pyclient.part import Part, Step
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.client_turn_detection import ClientTurnDetection
from pyclient.turns.echo_guard import EchoGuard
from pyclient.turns.microphone import Microphone
from pyclient.turns.preconnect_audio import PreconnectAudio
from pyclient.turns.push_to_talk import PushToTalk
from pyclient.turns.turn_taking import TurnTaking
from tests.support.fakewire import FakeWire


def call_in(state: State = State.LIVE, features: dict[str, Any] | None = None, **config: Any) -> Call:
    """A call in `state`, with its socket open where that state has one."""
    call = Call(ClientConfig.from_dict(config), FakeWire(**(features or {})))
    call.state = state
    if state in (State.CONFIGURING, State.LIVE, State.ENDING):
        call.socket_id, call.socket_up = 1, True
    return call


def microphone(state: State = State.LIVE) -> Microphone:
    """With the parts that it asks, all of one call."""
    call = call_in(state)
    barge_in, calls = BargeIn(call), ToolCalls(call, ToolRegistry())
    turn_taking = TurnTaking(call, barge_in, calls)
    key, client_turns = PushToTalk(call, turn_taking, calls), ClientTurnDetection(call, barge_in, turn_taking)
    return Microphone(call, key, client_turns, PreconnectAudio(call), EchoGuard(call))


def told(part: Part, event: Event, now_ms: float = 0.0) -> Step | None:
    return part.handlers[type(event)](event, now_ms)


def fired(part: Part, name: str, now_ms: float = 0.0) -> Step | None:
    """A timer of the part's fires, as the session finds it."""
    assert part.call.commands.fired(name, now_ms), f"{name} does not run"
    return part.timers[name].handler(now_ms)


def done(part: Part) -> list[cmd.Command]:
    """What was asked for since, without log lines."""
    return [command for command in part.call.commands.take() if not isinstance(command, cmd.Log)]


def sent(part: Part) -> list[str]:
    """The types of what was sent since."""
    return [json.loads(command.data)["type"] for command in done(part) if isinstance(command, cmd.SendMessage)]
