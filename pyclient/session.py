"""Session: the entry of the core. Routes each event to the parts that handle it.

`Session.handle(event, now_ms)` is the whole interface. It owns no clock, socket, timer, random source or logger: time
comes in as an argument, everything else leaves as commands, in the order in which the host must run them. It names no
vendor's message; the codec does that.

A life, in events and the commands that answer them:

    ConnectRequested -> RequestToken    TokenGranted -> OpenSocket    SocketOpened -> SendMessage (settings)
    SessionReady -> audio flows         HangUpRequested -> SendMessage (goodbye)    SessionEnded -> CloseSocket

    SocketClosed -> SetTimer (backoff) -> RequestToken -> OpenSocket -> SendMessage (resume, or settings)

This module only routes: events and timers to the parts that handle them, and each step that a part decides on (a call
begins, its line is lost or back, it ends) to all of them.
"""

from __future__ import annotations

from functools import cached_property

from pyclient.audio_fast_path import AudioFastPath
from pyclient.build_view import Moment, ViewUpdates, build_view
from pyclient.call import Call
from pyclient.codecs import BaseCodec, create_codec
from pyclient.config import ClientConfig
from pyclient.connection.bad_messages import BadMessages
from pyclient.connection.call_end import CallEnd
from pyclient.connection.connection import Connection
from pyclient.connection.cost import Cost
from pyclient.connection.idle import IdleHangUp
from pyclient.connection.reconnect import Jitter
from pyclient.connection.session_limit import SessionLimit
from pyclient.connection.settings_change import SettingsChange
from pyclient.core import events
from pyclient.core.commands import Command, ShowView
from pyclient.core.errors import LocalProtocolError
from pyclient.core.states import FROM_SERVER, Activity, State, activity_in, means_something
from pyclient.page.view import View, ViewUpdate
from pyclient.part import Handler, Part, Step, Timer
from pyclient.tools.calls import ToolCalls
from pyclient.tools.registry import ToolRegistry
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.client_turn_detection import ClientTurnDetection
from pyclient.turns.echo_detector import EchoDetector
from pyclient.turns.echo_guard import EchoGuard
from pyclient.turns.microphone import Microphone
from pyclient.turns.pause import Pause
from pyclient.turns.preconnect_audio import PreconnectAudio
from pyclient.turns.push_to_talk import PushToTalk
from pyclient.turns.text_input import TextInput
from pyclient.turns.turn_taking import TurnTaking

# Too many to be worth a line each, or logged with more to say where they are handled.
_UNLOGGED = frozenset(
    {events.ReplyAudio, events.ReplyTranscribed, events.UserTranscribed, events.MessageIgnored, events.MessageRejected}
)


class Session:
    """The session core. One instance serves a page for its whole life, one conversation after the other."""

    def __init__(
        self,
        config: ClientConfig,
        codec: BaseCodec | None = None,
        tools: ToolRegistry | None = None,
        jitter: Jitter = lambda: 0.5,
    ) -> None:
        """`codec` speaks for `config.provider` unless another one is given; `tools` are what the agent may call.

        `jitter` gives a number from 0 to 1 that spreads the attempts to reconnect. A host with a random source hands it
        over; without one the schedule is exact, as tests want it.
        """
        registry = ToolRegistry() if tools is None else tools
        self.call = call = Call(config, create_codec(config.provider) if codec is None else codec)
        self.barge_in = barge_in = BargeIn(call)
        self.tool_calls = tool_calls = ToolCalls(call, registry)
        self.turn_taking = turn_taking = TurnTaking(call, barge_in, tool_calls)
        self.push_to_talk = push_to_talk = PushToTalk(call, turn_taking, tool_calls)
        self.limit = limit = SessionLimit(call, tool_calls)
        self._idle = IdleHangUp(call, tool_calls)
        self._cost = Cost(call)
        self._client_turns = ClientTurnDetection(call, barge_in, turn_taking)
        preconnect = PreconnectAudio(call)
        settings = SettingsChange(call)
        self.connection = Connection(call, registry, settings, limit, jitter)
        echo_guard = EchoGuard(call)
        self.audio_fast_path = AudioFastPath(
            call, barge_in, push_to_talk, self._client_turns, self.connection, echo_guard
        )
        microphone = Microphone(call, push_to_talk, self._client_turns, preconnect, echo_guard)
        # In this order they get events and take steps. First who must see what sounds before it is silenced; then
        # whatever a lost session's replies and calls leave behind, then the line, so that what is sent after it is lost
        # or back comes in the right order; the end of a call comes last.
        self.parts: tuple[Part, ...] = (
            EchoDetector(call),
            Pause(call, barge_in, microphone),
            barge_in,
            tool_calls,
            self.connection,
            settings,
            push_to_talk,
            microphone,
            TextInput(call, turn_taking, tool_calls),
            turn_taking,
            echo_guard,
            limit,
            self._idle,
            self._cost,
            self._client_turns,
            preconnect,
            self.audio_fast_path,
            BadMessages(call),
            CallEnd(call, limit),
        )
        self._doing = Activity.NONE
        self._updates = ViewUpdates()

    @cached_property
    def _handlers(self) -> dict[type[events.Event], list[Handler]]:
        """Of all parts; put together for the first event, since a page that starts has none."""
        handlers: dict[type[events.Event], list[Handler]] = {
            events.MessageReceived: [self._message],
            events.TimerFired: [self._timer],
        }
        for part in self.parts:
            for kind, handler in part.handlers.items():
                handlers.setdefault(kind, []).append(handler)
        return handlers

    @cached_property
    def _timers(self) -> dict[str, Timer]:
        return {name: timer for part in self.parts for name, timer in part.timers.items()}

    @property
    def state(self) -> State:
        return self.call.state

    @property
    def max_message_bytes(self) -> int:
        """Longer messages are refused unread."""
        return self.call.config.max_message_bytes

    @property
    def activity(self) -> Activity:
        """What is going on at this moment."""
        call = self.call
        true_now = set()
        if call.user_speaking:
            true_now.add(Activity.USER_SPEAKING)
        if call.ledger.sounding:
            true_now.add(Activity.AGENT_SPEAKING)
        if self.tool_calls.busy:
            true_now.add(Activity.TOOL_PENDING)
        if call.reply_awaited or call.replies.making is not None or call.ledger.pending() > 0:
            true_now.add(Activity.THINKING)
        return activity_in(call.state, frozenset(true_now))

    def handle(self, event: events.Event, now_ms: float) -> list[Command]:
        """Take one event; get the commands that the host must run, in order.

        `now_ms` is any clock that does not run backwards. Events of an older socket or attempt, and wishes that make no
        sense in this state, are harmless. Raises `LocalProtocolError` for an object that is no event of this package.
        """
        if type(event) not in self._handlers:
            raise LocalProtocolError(f"a session cannot be told {type(event).__name__}")
        self._dispatch(event, now_ms)
        if (
            self.call.changed or type(event) is not events.AudioCaptured
        ):  # a frame of the microphone hardly ever changes anything
            self._show(now_ms)
        return self.call.commands.take()

    def view(self, now_ms: float = 0.0) -> View:
        """The snapshot as of now, for a page that has not drawn anything yet."""
        return build_view(self.call, self._moment(now_ms))

    def whole_update(self, now_ms: float = 0.0) -> ViewUpdate:
        """The same as the first of the updates that `ShowView` carries; those that follow build on it."""
        self._updates.forget()
        update = self._updates.next(self.call, self._moment(now_ms), anyhow=True)
        assert update is not None
        return update

    # --- routing -----------------------------------------------------------------------------------------------------

    def _dispatch(self, event: events.Event, now_ms: float) -> None:
        if type(event) in FROM_SERVER:
            if not (self.call.socket_up and means_something(self.state, event)):
                return
            found = self._client_turns.translate(event, now_ms)
            if found is None:
                return
            event = found
        for handler in self._handlers[type(event)]:
            step = handler(event, now_ms)
            if step is not None:
                self._take(step, now_ms)

    def _take(self, decided: Step, now_ms: float) -> None:
        """The life of a call: every part takes the step that one of them decided on."""
        step = decided.prepare(self.call)
        if step is not None:
            for part in self.parts:
                step.take(part, now_ms)

    def _message(self, event: events.MessageReceived, now_ms: float) -> None:
        call = self.call
        if not call.is_current(event.socket_id):
            return
        self.connection.keepalive.heard(now_ms)
        for normal in call.codec.decode(event.data, call.config.limits):
            if type(normal) not in _UNLOGGED:
                call.commands.log("<", type(normal).__name__)
            self._dispatch(normal, now_ms)

    def _timer(self, event: events.TimerFired, now_ms: float) -> Step | None:
        if not self.call.commands.fired(event.name, now_ms):
            return None
        return self._timers[event.name].handler(now_ms)

    # --- the page -----------------------------------------------------------------------------------------------------

    def _moment(self, now_ms: float) -> Moment:
        left_ms, idle_ms = self.limit.left_ms(now_ms), self._idle.left_ms(now_ms)
        left_ms = left_ms if idle_ms is None else min(left_ms, idle_ms)
        return Moment(self.activity, self.push_to_talk.held, left_ms, self._cost.so_far(now_ms))

    def _show(self, now_ms: float) -> None:
        """At most one update for one event, and only when a person would see a difference."""
        call, doing = self.call, self.activity
        if not (call.changed or doing is not self._doing):
            return
        call.changed = False
        self._doing = doing
        anyhow, call.show_anyhow = call.show_anyhow, False
        update = self._updates.next(call, self._moment(now_ms), anyhow=anyhow)
        if update is not None:
            call.commands.add(ShowView(view=dict(update)))
