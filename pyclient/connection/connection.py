"""Connection: from the click to the server's "ready", and again after the line broke: token, socket, settings.

Also finds out that the line broke: the socket closed, the server is silent, or an answer is overdue. What follows is
decided by `reconnect`, and every part takes the step that is returned here.
"""

from __future__ import annotations

from dataclasses import replace

from pyclient.audio.pcm import frame_samples
from pyclient.call import Call
from pyclient.config import for_call
from pyclient.connection.keepalive import KEEPALIVE_TIMER, Keepalive, Liveness
from pyclient.connection.recent_fault import RecentFault
from pyclient.connection.reconnect import Jitter, Reconnect, Retry, Verdict
from pyclient.connection.session_limit import SessionLimit
from pyclient.connection.settings_change import SettingsChange
from pyclient.core import events
from pyclient.core.commands import OpenSocket, RequestToken, SetCaptureMuted, StartCapture, StartPlayback
from pyclient.core.errors import ConfigError, RemoteProtocolError
from pyclient.core.states import State, Trigger, can
from pyclient.page import notices
from pyclient.page.notice_texts import Notice
from pyclient.part import Begin, End, LineBack, LineLost, Part, Step
from pyclient.tools.registry import ToolRegistry

# A refused first message can leave the socket open and silent: no use in waiting the whole time for "ready".
FAULT_GRACE_MS = 1_500
# How long an agent that comes after its line may take before the person is told (a suggestion of the third protocol
# file, section 5).
AGENT_TIMEOUT_MS = 15_000
AGENT_TIMER = "agent"
RETRY_TIMER = "retry"


class Connection(Part):
    """The connection of one call after the other."""

    def __init__(
        self, call: Call, registry: ToolRegistry, settings: SettingsChange, limit: SessionLimit, jitter: Jitter
    ) -> None:
        super().__init__(call)
        self._registry = registry
        self._settings = settings
        self._limit = limit
        self._reconnect = Reconnect(call, jitter)
        self._token = self.timer("token", lambda now_ms: self._overdue(self._token_overdue(), now_ms))
        self._open = self.timer("open", lambda now_ms: self._overdue(notices.OPEN_TIMEOUT, now_ms))
        self._ready = self.timer("ready", self._ready_overdue)
        self._keepalive_timer = self.timer(KEEPALIVE_TIMER, self._beat)
        self._retry = self.timer(RETRY_TIMER, self._try_again)
        self._agent = self.timer(AGENT_TIMER, self._agent_overdue)
        self._attempt = 0
        self._sockets = 0
        self._reset()
        self.handlers = {
            events.ConnectRequested: self._connect,
            events.TokenGranted: self._token_granted,
            events.TokenRefused: self._token_refused,
            events.SocketOpened: self._socket_opened,
            events.SocketClosed: self._socket_closed,
            events.PageAwake: self._awake,
            events.NetworkLost: lambda event, now_ms: self._network_lost(),
            events.SessionConfigured: lambda event, now_ms: None,
            events.SessionReady: self._session_ready,
            events.SessionFaulted: self._faulted,
            events.AgentJoined: lambda event, now_ms: self._agent_joined(),
            events.ReplyAudio: lambda event, now_ms: self._agent_joined(),  # who is heard is there
        }

    def _reset(self) -> None:
        self._reconnect.begin()
        self._asked_ms = 0.0  # when the network was asked for the socket, or the server for the session
        self.keepalive = Keepalive(self._keepalive_timer, self.call.config.keepalive_ms)
        self._capturing = False  # frames of the microphone are wanted
        self._fault = RecentFault()

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        call = self.call
        self._reset()
        call.move(Trigger.CONNECT)
        call.notice = None
        self.add(StartPlayback(rate_hz=call.codec.wire_rate_hz))
        self.add(SetCaptureMuted(muted=call.microphone_off))  # a muted microphone is not held either
        self._request_token(now_ms)

    def line_back(self, now_ms: float, back: LineBack) -> None:
        call = self.call
        call.stats.reconnects += 1
        if back.same:
            return
        call.transcript.new_session(notices.MARK_HISTORY if back.history else notices.MARK_CONTEXT_LOST)
        if back.history:
            call.send("history", back.history)
        else:
            call.notify(notices.CONTEXT_LOST)

    # --- from the click to the server's "ready" -----------------------------------------------------------------------

    def _connect(self, event: events.ConnectRequested, now_ms: float) -> Step | None:
        call = self.call
        if not can(call.state, Trigger.CONNECT):
            call.commands.log("!", f"connect was left alone in state {call.state.value}")
            return None
        call.stop_draining()
        try:
            return Begin(for_call(call.base_config, event))
        except ConfigError as error:
            return End(Trigger.FAULT, notices.bad_setting(str(error)))

    def _request_token(self, now_ms: float) -> None:
        """A fresh one for every attempt: none is ever used twice."""
        config = self.call.config
        self._attempt += 1
        body = {
            "provider": config.provider,
            "expires_in_seconds": config.expires_in_seconds,
            "max_session_duration_seconds": config.max_session_duration_seconds,
        }
        self.add(RequestToken(attempt=self._attempt, url=config.token_url, body=body))
        self._token.set(config.open_timeout_ms, now_ms)

    def _token_granted(self, event: events.TokenGranted, now_ms: float) -> Step | None:
        call = self.call
        if not self._token.running or event.attempt != self._attempt:
            return None
        self._token.cancel()
        try:
            url, protocols = call.codec.connect(event)
        except RemoteProtocolError as error:
            return End(Trigger.FAULT, notices.bad_grant(str(error)))
        if call.state is State.MINTING:
            self._limit.shorten(event.max_session_s)
            call.move(Trigger.TOKEN)
        self._sockets += 1
        call.socket_id = self._sockets
        audio = call.codec.features.audio_json
        self.add(OpenSocket(socket_id=call.socket_id, url=url, protocols=protocols, audio=audio))
        self._open.set(call.config.open_timeout_ms, now_ms)
        self._asked_ms = now_ms
        return None

    def _token_refused(self, event: events.TokenRefused, now_ms: float) -> Step | None:
        if not self._token.running or event.attempt != self._attempt:
            return None
        self._token.cancel()
        if self.call.state is State.RESUMING:
            return self._follow(self._reconnect.token_refused(event, now_ms), now_ms)
        return End(Trigger.FAULT, notices.token_refused(event))

    def _socket_opened(self, event: events.SocketOpened, now_ms: float) -> None:
        call = self.call
        if not self._open.running or not call.is_current(event.socket_id):
            return
        self._open.cancel()
        call.socket_up = True
        self._answered(now_ms)
        if call.state is not State.RESUMING:
            call.move(Trigger.OPEN)
            self._limit.opened(now_ms)
            self._open_session(call.config.greeting)
        elif (resume := self._reconnect.resume(now_ms)) is not None:
            call.send("resume", resume)
        else:
            self._open_session(greeting="" if call.transcript.spoken() else call.config.greeting)
        self._ready.set(call.config.ready_timeout_ms, now_ms)
        self._asked_ms = now_ms

    def _answered(self, now_ms: float) -> None:
        """An answer cannot come sooner than its request got there and it came back."""
        took_ms, stats = max(1, round(now_ms - self._asked_ms)), self.call.stats
        known_ms = stats.round_trip_at_most_ms
        stats.round_trip_at_most_ms = took_ms if known_ms is None else min(known_ms, took_ms)

    def _open_session(self, greeting: str) -> None:
        """The first message of a new session."""
        call = self.call
        self._settings.session_begins()
        settings = call.config.settings(self._registry.schemas(call.config.tool_timeout_ms))
        call.send("opening", call.codec.opening(replace(settings, greeting=greeting)))

    def _session_ready(self, event: events.SessionReady, now_ms: float) -> Step | None:
        call = self.call
        if self._ready.running:
            self._answered(now_ms)
        self._ready.cancel()
        back = self._reconnect.ready(event, now_ms) if call.state is State.RESUMING else None
        call.move(Trigger.READY)
        if back is None:
            self._limit.start(now_ms)
        else:
            call.clear_notice(notices.LINE_LOST.code)
        if back is None or not back.same:
            call.session_id = event.session_id or None
        if call.codec.probe():
            self.keepalive.start(now_ms)
        if call.codec.features.agent_joins:
            call.agent_there = False
            self._agent.set(AGENT_TIMEOUT_MS, now_ms)
        if call.agent_there or not call.config.preconnect_audio_ms:
            self._start_capture()  # else what is held waits for somebody who hears it
        return back

    def _agent_joined(self) -> None:
        """The agent said so itself, or was heard."""
        call = self.call
        if not call.agent_there:
            call.agent_there = True
            call.changed = True
            self._start_capture()
            self._agent.cancel()
            call.clear_notice(notices.AGENT_LATE.code)

    def _agent_overdue(self, now_ms: float) -> None:
        self._start_capture()  # whoever is not announced may hear all the same
        self.call.notify(notices.AGENT_LATE)

    def _start_capture(self) -> None:
        """The service takes audio: first what was held since the click, then live frames.

        Once in a call, never where the person types.
        """
        if self._capturing or self.call.config.turn_style == "text":
            return
        self._capturing = True
        rate_hz, features = self.call.codec.wire_rate_hz, self.call.codec.features
        samples = frame_samples(rate_hz, features.frame_ms or self.call.config.frame_ms)
        self.add(StartCapture(rate_hz=rate_hz, frame_samples=samples, pace=features.catch_up))

    # --- the line breaks ----------------------------------------------------------------------------------------------

    def _socket_closed(self, event: events.SocketClosed, now_ms: float) -> Step | None:
        call = self.call
        if not call.is_current(event.socket_id):
            return None
        was_ready = call.state is State.LIVE
        call.socket_id = 0
        call.socket_up = False
        call.commands.log("=", f"socket closed with {event.code}")
        reason = call.codec.close_reason(event.code, event.reason, was_ready)
        why = self._fault.cause(now_ms) or notices.closed(reason, event.code)
        if call.state is State.ENDING:
            return End(Trigger.FINISH)
        if event.code == 1006 and event.reason.startswith(notices.BLOCKED):
            return End(Trigger.FAULT, notices.socket_blocked(event.reason))
        if was_ready or call.state is State.RESUMING:
            verdict = self._reconnect.closed(reason, event.code, why, self._fault.kind(now_ms), now_ms)
            return self._follow(verdict, now_ms)
        if reason.kind == "ended" and can(call.state, Trigger.FINISH):
            return End(Trigger.FINISH, notices.closed(reason, event.code))
        return End(Trigger.FAULT, why)

    def _beat(self, now_ms: float) -> Step | None:
        liveness = self.keepalive.fired(now_ms)
        if liveness is Liveness.PROBE:
            self.call.send("probe", self.call.codec.probe())
        elif liveness is Liveness.DEAD:
            # The socket is forgotten: its close may take a minute to be reported.
            self.call.close_socket()
            return self._follow(self._reconnect.lost(notices.LINE_SILENT, now_ms), now_ms)
        return None

    def _awake(self, event: events.PageAwake, now_ms: float) -> None:
        """The page slept, or the network is back: try at once, or find out at once."""
        self._reconnect.awake()
        if self._retry.running:
            self._retry.cancel()
            self._try_again(now_ms)
        elif self.call.state is State.LIVE and self.keepalive.look(now_ms) is Liveness.PROBE:
            self.call.send("probe", self.call.codec.probe())

    def _network_lost(self) -> None:
        self._reconnect.offline = True

    def _token_overdue(self) -> Notice:
        return notices.token_refused(events.TokenRefused(attempt=self._attempt, status=0))

    def _ready_overdue(self, now_ms: float) -> Step | None:
        return self._overdue(self._fault.cause(now_ms) or notices.READY_TIMEOUT, now_ms)

    def _overdue(self, why: Notice, now_ms: float) -> Step | None:
        """Somebody did not answer in time: the token route, the socket, or the server with its "ready"."""
        if self.call.state is not State.RESUMING:
            return End(Trigger.FAULT, why, goodbye=True)
        self.call.close_socket()
        return self._follow(self._reconnect.lost(why, now_ms), now_ms)

    def _follow(self, verdict: Verdict, now_ms: float) -> Step | None:
        """Another attempt: what hung on the line ends, and the microphone stays open.

        It is a step for all where the line was live.
        """
        if not isinstance(verdict, Retry):
            return verdict
        call = self.call
        was_live = call.state is State.LIVE
        call.close_socket()
        for timer in self.timers.values():
            timer.cancel()
        call.agent_there = True
        call.move(Trigger.DROP)
        call.notify(notices.LINE_LOST)
        self._retry.set(verdict.wait_ms, now_ms)
        return LineLost() if was_live else None

    def _try_again(self, now_ms: float) -> None:
        self.call.move(Trigger.RETRY)
        self._reconnect.attempt_begins()
        self._request_token(now_ms)

    # --- the server complains -----------------------------------------------------------------------------------------

    def _faulted(self, event: events.SessionFaulted, now_ms: float) -> Step | None:
        """The server reported an error. Fatal ones end the session here: the close that follows says less."""
        call = self.call
        call.stats.faults += 1
        call.commands.log("!", f"the server reported {event.kind} ({event.code})")
        if event.kind == "expired" and call.state is State.LIVE:
            return End(Trigger.FINISH, notices.TIME_LIMIT)
        if event.choices and event.param is not None and event.param.endswith("voice"):
            call.voices = event.choices
        self._fault.note(event.kind, notices.fault(event, True), now_ms)
        if call.state is State.RESUMING:
            verdict = self._reconnect.faulted(event, self._limit.reached(now_ms), now_ms)
            if verdict is not None:
                return self._follow(verdict, now_ms)
        elif event.closes:
            return End(Trigger.FAULT, notices.fault(event, True))
        else:
            call.notify(notices.fault(event, False))
        if call.state in (State.CONFIGURING, State.RESUMING):
            self._ready.set(FAULT_GRACE_MS, now_ms)  # no use in waiting the whole time
        return None
