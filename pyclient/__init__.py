"""The session logic of a browser voice agent: pure Python, no dependencies, the same in CPython and in Pyodide.

    session          the entry: routes each event to the parts that handle it
    build_view       builds the view of a moment, and what changed since the last
    audio_fast_path  audio fast path: audio that passes without a call into Python
    part             base of the parts: handlers, timers, and the steps in the life of a call
    call             the data of a call that the parts share; knows no part
    config           settings, checked once; what a person chose for one call

and the floors, each with a map of its own. A floor knows only those below it:

    host             browser host: the only floor that knows a browser
    turns            turns: barge-in, turn taking, push to talk, text input, the microphone
    connection       connection: token, socket, reconnect, keepalive, limits, the end of a call
    tools            tools: the registry, the agent's calls and their results
    page             page: the view, the transcript, notices
    audio            audio: PCM, voice activity detection, how much was heard
    codecs           codecs: one package per vendor's wire protocol
    core             core: events, commands, states, errors, safe JSON

A host makes a `Session`, tells it events and runs the commands that come back:

    session = Session(ClientConfig.from_dict(raw), ToolRegistry([weather]))
    for command in session.handle(ConnectRequested(), now_ms):
        ...
"""

from __future__ import annotations

from pyclient.config import ClientConfig
from pyclient.core.errors import ConfigError, LocalProtocolError, ParleyError, RemoteProtocolError, ToolError
from pyclient.core.states import Activity, State
from pyclient.page.view import View
from pyclient.session import Session
from pyclient.tools.registry import ToolRegistry, tool

__all__ = [
    "Activity",
    "ClientConfig",
    "ConfigError",
    "LocalProtocolError",
    "ParleyError",
    "RemoteProtocolError",
    "Session",
    "State",
    "ToolError",
    "ToolRegistry",
    "View",
    "tool",
]
