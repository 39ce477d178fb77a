"""The session logic of a browser voice agent: pure Python, no dependencies, the same in CPython and in Pyodide.

    events        what a session can be told            commands      what it asks of its host
    session       who gets to hear of what              lifeline      how a session begins, ends and fails
    states        what is legal when                    replies       which audio plays; barge-in
    conversation  the transcript                        playback      how much of each reply was heard
    toolcalls     calls and their results               toolgate      when a result may be sent
    tools         @tool, the registry                   schema        type hints as JSON schema
    docstrings    summary and parameters                jsonable      results as JSON
    graphemes     where a text may be cut
    config        settings, checked once                notices       words for what goes wrong
    view          what the page sees                    outbox        the commands of one event, the running timers
    codecs        one module per vendor's wire          safejson      bounded reading of messages
    audio         frames and levels                     reconnect     when to try again
    rejoin        how a broken line is mended           heartbeat     is the server still there?
    floor         whose turn it is                      talk          the talk key
    localturns    turns on a wire without any           ears          is this speech?
    timelimit     when a session must end               snapshot      the view of this moment
    gap           speech while the line is down         wishes        what the person chose for a call
    errors        whose fault it is                     browser       the only module that touches the browser

A host makes a `Session`, tells it events and runs the commands that come back:

    session = Session(ClientConfig.from_dict(raw), ToolRegistry([weather]))
    for command in session.handle(ConnectRequested(), now_ms):
        ...
"""

from __future__ import annotations

from pyclient.config import ClientConfig
from pyclient.errors import ConfigError, LocalProtocolError, ParleyError, RemoteProtocolError, ToolError
from pyclient.session import Session
from pyclient.states import Activity, State
from pyclient.tools import ToolRegistry, tool
from pyclient.view import View

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
