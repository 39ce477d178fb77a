"""Browser host: turns the worker's callbacks into events and runs the session's commands. The only module that knows
a browser.

`start` is called once by the worker's boot script with a *host*: an object of plain mechanics (sockets, timers, ports);
`load_tools` of what it returns once before a call, if the page has tools.
The host calls the methods of `Client` that stand under "told by the host"; the session's commands go back through
`Host`. Neither `js` nor any browser name is imported, so that this module, too, runs in CPython with a fake host.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from types import ModuleType
from typing import Any, Protocol

from pyclient.audio.vad import LOUD_PEAK
from pyclient.codecs import create_codec
from pyclient.config import ClientConfig
from pyclient.core import commands, events
from pyclient.core.errors import PageToolError, ToolError
from pyclient.host.intents import INTENTS
from pyclient.host.page_tools import PageTools
from pyclient.host.recorder import RecordedFastPath, Recorder
from pyclient.host.token_answer import token_event
from pyclient.session import Session
from pyclient.tools.jsonable import clean
from pyclient.tools.registry import ToolRegistry, error_json, result_json

# Where the boot script puts agents/<name>/tools.py; the source where its bytecode could not be had.
TOOLS_BYTECODE = "/home/pyodide/agent_tools.pyc"
TOOLS_SOURCE = "/home/pyodide/agent_tools.py"
# `json.loads` begins with a regular expression, for spaces that are not there: much code that a start has no other
# use for.
_READ = json.JSONDecoder().raw_decode
TOKEN_TIMEOUT_MS = 15_000
# What may wait in the socket before frames are dropped: older speech is worth less than speech on time.
MAX_BUFFERED_BYTES = 256 * 1024
# The longest message that is looked at without Python: two seconds of audio.
MAX_SHORT_CHARS = 128 * 1024


class Host(Protocol):
    """What the worker's script offers. Values are numbers, text and buffers; structured values travel as JSON text."""

    def now_ms(self) -> float: ...
    def capture(self, message: str) -> None: ...
    def playback(self, message: str) -> None: ...
    def play(self, item: str, view: Any) -> None: ...
    def recycle(self, buffer: Any) -> None: ...
    def open_socket(self, socket_id: int, url: str, protocols: str, audio: str) -> None: ...
    def send(self, socket_id: int, data: Any) -> None: ...
    def buffered(self, socket_id: int) -> int: ...
    def close_socket(self, socket_id: int, code: int, reason: str) -> None: ...
    def set_timer(self, name: str, delay_ms: int) -> None: ...
    def cancel_timer(self, name: str) -> None: ...
    def request_token(self, attempt: int, url: str, body: str, timeout_ms: int) -> Any: ...
    def show(self, view: str) -> None: ...
    def ask_page(self, question: str) -> None: ...
    def record(self, lines: str) -> None: ...
    def log(self, direction: str, text: str) -> None: ...
    def settle(self) -> None: ...


def start(host: Host, settings: str) -> Client:
    """Build the session from the page's settings (JSON text) and show its first view. Raises ConfigError."""
    client = Client(host, ClientConfig.from_dict(_READ(settings)[0]), ToolRegistry())
    # What is there by now stays for good. A whole collection that looks at it all held up frames for up to 50 ms where
    # it was tried.
    gc.freeze()
    return client


def _agent_tools() -> ModuleType:
    """The page's tools. Loaded from where they lie: to have Python look for them in all its folders takes a page longer
    than to run them.
    """
    path = TOOLS_BYTECODE if os.path.exists(TOOLS_BYTECODE) else TOOLS_SOURCE
    spec = importlib.util.spec_from_file_location("agent_tools", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Client:
    """One page's session and the means to run its commands."""

    def __init__(self, host: Host, config: ClientConfig, registry: ToolRegistry) -> None:
        self.host = host
        self.registry = registry
        self.recorder = Recorder(host.record)
        self._begin(config)
        self.running: dict[str, asyncio.Task[None]] = {}
        self.page_tools = PageTools(host.ask_page)
        self.to_buffer = _buffer_maker()
        self.run_command: dict[type[commands.Command], Callable[[Any], None]] = {
            commands.RequestToken: self._request_token,
            commands.OpenSocket: self._open_socket,
            commands.SendMessage: self._send,
            commands.CloseSocket: lambda it: host.close_socket(it.socket_id, it.code, it.reason),
            commands.StartCapture: lambda it: self._to_capture(
                type="configure", rate_hz=it.rate_hz, frame_samples=it.frame_samples, pace=it.pace
            ),
            commands.DrainCapture: lambda it: self._to_capture(type="drain"),
            commands.StopCapture: lambda it: self._to_capture(type="stop"),
            commands.SetCaptureMuted: lambda it: self._to_capture(type="mute", on=it.muted, silence=True),
            commands.StartPlayback: lambda it: self._to_playback(type="configure", rate_hz=it.rate_hz),
            commands.PlayAudio: lambda it: host.play(it.item_id, self.to_buffer(it.pcm)),
            commands.FlushPlayback: lambda it: self._to_playback(type="flush"),
            commands.PausePlayback: lambda it: self._to_playback(type="pause", on=it.on),
            commands.SetPlaybackGain: lambda it: self._to_playback(type="gain", gain=it.gain, ramp_ms=it.ramp_ms),
            commands.SetTimer: lambda it: host.set_timer(it.name, it.delay_ms),
            commands.CancelTimer: lambda it: host.cancel_timer(it.name),
            commands.RunTool: self._run_tool,
            commands.CancelTool: self._cancel_tool,
            commands.ShowView: lambda it: host.show(json.dumps(it.view)),
            commands.Log: lambda it: self._log(it.direction, it.text),
        }
        host.show(json.dumps(self.session.whole_update()))

    def _begin(self, config: ClientConfig) -> None:
        self.recorder.began(config, self.registry)
        self.session = Session(
            config, create_codec(config.provider), self.registry, lambda: self.recorder.drew(jitter())
        )

    def handle(self, event: events.Event) -> None:
        now_ms = self.host.now_ms()
        line = self.recorder.took(event, now_ms)
        try:
            made = self.session.handle(event, now_ms)
        except BaseException as error:
            self.recorder.raised(line, error)
            raise
        self.recorder.gave(line, made)
        for command in made:
            self.run_command[type(command)](command)

    # --- told by the host ---------------------------------------------------------------------------------------------

    def load_tools(self) -> None:
        """Import the page's tools, which the boot script has written to the disk, for all calls from now on.

        Raises what they raise, and `ToolDefinitionError`.
        """
        self.registry.register_module(_agent_tools())
        gc.freeze()

    def ping(self) -> None:
        """Do nothing, in Python: the page wants to know that Python still runs."""

    def intent(self, message: str) -> None:
        """Take what the person did, as the page's JSON text."""
        intent = json.loads(message)
        if intent["type"] == "configure":
            self._configure(intent["settings"])
        elif intent["type"] in ("tool_answered", "tool_approved"):
            self.page_tools.answered(intent)
        elif intent["type"] == "record":
            self._hand_over(whole=bool(intent["whole"]))
        else:
            self.handle(INTENTS[intent["type"]](intent))

    def _hand_over(self, whole: bool) -> None:
        """What was recorded goes to the page now; `whole`: with how things stand, for the end of a session bundle."""
        if whole:
            now_ms = self.host.now_ms()
            self.recorder.looked(self.session.view(now_ms), now_ms)
        else:
            self.recorder.flush()

    def _configure(self, settings: dict[str, Any]) -> None:
        """Begin again with other settings, as another page would: another service, say. Not while a call is on."""
        if not self.session.view()["can_connect"]:
            self.host.log("!", "other settings were left alone: a call is on")
            return
        config = ClientConfig.from_dict(settings)
        self._begin(config)
        self.host.show(json.dumps(self.session.whole_update()))

    def frame(self, buffer: Any) -> None:
        """Take one captured frame, and give its buffer back to the worklet's pool."""
        pcm = buffer.to_bytes()
        self.host.recycle(buffer)
        self.handle(events.AudioCaptured(pcm=pcm))

    def capture_held(self, kept_ms: int, dropped_ms: int) -> None:
        """The microphone was held from the click on; those frames come next."""
        self.handle(events.CaptureHeld(kept_ms=int(kept_ms), dropped_ms=int(dropped_ms)))

    def capture_caught_up(self) -> None:
        """Frames are live from now on."""
        self.handle(events.CaptureCaughtUp())

    @property
    def audio_fast_path(self) -> RecordedFastPath:
        """What the host asks about audio.

        It fetches the methods anew for each socket: a call may have brought another session.
        """
        return self.recorder.fast_path(self.session.audio_fast_path)

    def capture_drained(self) -> None:
        """The half-filled frame, if there was one, was handed over before this."""
        self.handle(events.CaptureDrained())

    def progress(self, item: str, rendered: int, queued: int, underruns: int) -> None:
        self.handle(
            events.PlaybackProgressed(
                item_id=item, rendered_samples=int(rendered), queued_samples=int(queued), underruns=int(underruns)
            )
        )

    def drained(self) -> None:
        self.handle(events.PlaybackDrained())

    def flushed(self, item: str, rendered: int) -> None:
        self.handle(events.PlaybackFlushed(item_id=item, rendered_samples=int(rendered)))

    def socket_opened(self, socket_id: int) -> None:
        self.handle(events.SocketOpened(socket_id=socket_id))

    def message(self, socket_id: int, data: Any) -> None:
        """Take one WebSocket message: text arrives as `str`, binary as a JavaScript buffer."""
        self.handle(
            events.MessageReceived(socket_id=socket_id, data=data if isinstance(data, str) else data.to_bytes())
        )

    def socket_closed(self, socket_id: int, code: int, reason: str) -> None:
        self.handle(events.SocketClosed(socket_id=socket_id, code=int(code), reason=reason))

    def timer(self, name: str) -> None:
        self.handle(events.TimerFired(name=name))

    def token_answered(self, attempt: int, status: int, body: str, retry_after: str) -> None:
        self.handle(token_event(attempt, int(status), body, retry_after))

    # --- commands that are more than one call -------------------------------------------------------------------------

    def _to_capture(self, **message: Any) -> None:
        self.host.capture(json.dumps(message))

    def _to_playback(self, **message: Any) -> None:
        self.host.playback(json.dumps(message))

    def _request_token(self, command: commands.RequestToken) -> None:
        self.host.request_token(command.attempt, command.url, json.dumps(command.body), TOKEN_TIMEOUT_MS)

    def _open_socket(self, command: commands.OpenSocket) -> None:
        audio: dict[str, Any] = {}
        if command.audio is not None:
            # A character can be three bytes of the limit. What is longer takes the usual path.
            most_chars = min(MAX_SHORT_CHARS, self.session.max_message_bytes // 3)
            limits = {"most_buffered": MAX_BUFFERED_BYTES, "most_chars": most_chars, "loud_peak": LOUD_PEAK}
            audio = {**asdict(command.audio), **limits}
        self.host.open_socket(command.socket_id, command.url, json.dumps(command.protocols), json.dumps(audio))

    def _send(self, command: commands.SendMessage) -> None:
        if command.droppable and self.host.buffered(command.socket_id) > MAX_BUFFERED_BYTES:
            return
        data = command.data if isinstance(command.data, str) else self.to_buffer(command.data)
        self.host.send(command.socket_id, data)

    def _run_tool(self, command: commands.RunTool) -> None:
        task = asyncio.ensure_future(self._tool(command))
        self.running[command.call_id] = task
        task.add_done_callback(lambda _: self.running.pop(command.call_id, None))

    async def _tool(self, command: commands.RunTool) -> None:
        """Run one tool to its end.

        Whatever way it ends, the agent is told in words; only our own cancelling is silent.
        """
        text, is_error = await self._refusal(command) or await self._within_time(command)
        self.host.settle()  # the one event that the host does not tell
        self.handle(events.ToolFinished(call_id=command.call_id, result_json=text, is_error=is_error))

    async def _refusal(self, command: commands.RunTool) -> tuple[str, bool] | None:
        """What the agent is told where the person must allow a tool and does not."""
        try:
            if asked := self.registry.lookup(command.name).approval(command.arguments):
                await self.page_tools.allow(command.call_id, asked)
        except ToolError as error:
            return error_json(str(error)), True
        return None

    async def _within_time(self, command: commands.RunTool) -> tuple[str, bool]:
        outcome = asyncio.ensure_future(self._outcome(command))
        try:
            done, _ = await asyncio.wait({outcome}, timeout=command.timeout_ms / 1000)
        except asyncio.CancelledError:  # ours: nobody else has this task
            outcome.cancel()
            raise
        if done:
            text, is_error = outcome.result()
            if is_error:
                self._log("!", f"tool {command.name}: {text}")
            return text, is_error
        outcome.cancel()  # a tool that does not let itself be cancelled is answered for all the same
        return error_json(f"{command.name} took too long"), True

    async def _outcome(self, command: commands.RunTool) -> tuple[str, bool]:
        """JSON text and whether it is an error.

        A team's own code may raise anything, `SystemExit` and `CancelledError` too.
        """
        try:
            made = self.registry.lookup(command.name)
            if made.page:
                arguments = made.complete(command.arguments)
                return result_json(await self.page_tools.run(command.call_id, command.name, arguments)), False
            result = self.registry.invoke(command.name, command.arguments)
            if inspect.isawaitable(result):
                result = await result
            return result_json(result), False
        except PageToolError as error:
            return error_json(str(error)), True
        except BaseException as error:
            return error_json(_words_of(error)), True

    def _log(self, direction: str, text: str) -> None:
        self.host.log(direction, clean(text))

    def _cancel_tool(self, command: commands.CancelTool) -> None:
        task = self.running.pop(command.call_id, None)
        if task:
            task.cancel()


def _words_of(error: BaseException) -> str:
    """An exception in words. Its own text may be empty, or raise."""
    try:
        text = str(error)
    except Exception:
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def jitter() -> float:
    """The random source that the core does not own: a number from 0 to 1."""
    return int.from_bytes(os.urandom(4), "big") / 0xFFFF_FFFF


def _buffer_maker() -> Callable[[bytes], Any]:
    """Return what copies bytes into a JavaScript buffer of its own; in CPython there is none, and bytes
    serve a fake host.
    """
    try:
        from pyodide.ffi import to_js
    except ImportError:
        return bytes
    return to_js  # type: ignore[no-any-return]
