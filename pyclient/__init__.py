"""The session logic of a browser voice agent: pure Python, no dependencies, the same in CPython and in Pyodide.

    session                the entry: routes each event to the parts that handle it
    events                 what a session can be told
    server_events          those of them that a codec makes of the server's messages
    commands               what a session asks of its host
    command_queue          the commands of one event, and the timers that run
    states                 the state machine as a table: what is legal when
    errors                 the exceptions, by whose fault it is
    config                 settings, checked once; what a person chose for one call
    safejson               JSON parsing with limits, for messages from the network
    codecs                 codecs: one package per vendor's wire protocol

    call                   the data of a call that the parts share; knows no part
    part                   base of the parts: handlers, timers, and the steps in the life of a call

    connection             the connection: token, socket, settings, until the server is ready
    reconnect              reconnect: decides what follows when the connection broke
    backoff                backoff: when the next attempt is made, and whether one is worth it
    keepalive              keepalive: probes a silent server, and finds a dead connection
    session_limit          session limit: when a session must wrap up, and when it ends
    settings_change        settings that change during a call
    bad_messages           messages that cannot be taken: counted, logged, told
    call_end               the end of a call: goodbye, faults, the last words

    audio                  PCM16: frames, durations, levels
    vad                    voice activity detection in the client
    playout_ledger         playout ledger: how much of each reply was heard
    reply_log              reply log: what is known of each reply
    outage_buffer          outage buffer: microphone audio kept while the connection is down
    audio_fast_path        audio fast path: audio that passes without a call into Python

    turn_taking            turn taking: interruption, and requests for a reply
    barge_in               barge-in: which reply may sound when the person speaks
    playback_order         playback order: one voice at a time
    client_turn_detection  turn detection in the client, for servers that report no turns
    push_to_talk           push to talk: the talk key
    text_input             text input: typed messages, and whether they were answered
    microphone             microphone: which frames go out; muting
    preconnect_audio       pre-connect audio: what was said before the call was live

    tools                  tool registry: `@tool`, lookup, calls
    schema                 JSON schema of a function's type hints
    docstrings             a function's summary and parameters, read from its docstring
    jsonable               tool results as JSON
    page_tools             page tools and approval: asks the page, or the person
    tool_calls             tool calls of the agent and their results
    result_gate            result gate: when a tool's result may be sent

    transcript             transcript: turns in their order
    spacing                the spaces between the words of a transcript
    notices                notices: what people are told when something goes wrong
    notice_texts           the tables of what they are told
    view                   the view's shape, and the status line
    build_view             builds the view of a moment, and what changed since the last
    graphemes              grapheme boundaries: where text may be cut

    browser                the browser host: the only module that touches the browser
    intents                what the person did in the page, as events
    token_answer           the token route's answer as an event
    lazy_stdlib            the rest of the standard library, fetched when it is imported

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
