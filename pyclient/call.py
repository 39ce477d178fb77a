"""Call: how a session begins, ends and fails, and the state that its parts share.

Everything between a click and a live session, and between a live session and silence: token, socket, settings, time
limit, goodbye, faults. What happens in between is `session`'s, and what follows a broken connection is `reconnect`'s. Every
change of state goes through `move`, which asks the table in `states`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from pyclient import events, notices
from pyclient.audio import frame_samples
from pyclient.barge_in import THINKING_TIMER, BargeIn, ReportHeard
from pyclient.codecs import Codec, Message
from pyclient.command_queue import CommandQueue
from pyclient.commands import (
    CloseSocket,
    FlushPlayback,
    OpenSocket,
    RequestToken,
    SendMessage,
    SetCaptureMuted,
    StartCapture,
    StartPlayback,
    StopCapture,
)
from pyclient.config import ClientConfig, changed_settings, for_call
from pyclient.errors import ConfigError, RemoteProtocolError
from pyclient.keepalive import KEEPALIVE_TIMER, Keepalive, Liveness
from pyclient.notices import Notice
from pyclient.playout_ledger import PlayoutLedger
from pyclient.reconnect import RETRY_TIMER, Jitter, Reconnect
from pyclient.session_limit import CAP_TIMER, WRAP_UP_TIMER, SessionLimit
from pyclient.states import COMING_BACK, State, Trigger, can, next_state
from pyclient.tool_calls import ResultsSent, SendResult, ToolCalls
from pyclient.tools import ToolRegistry
from pyclient.transcript import Transcript
from pyclient.view import Stats

# What is still queued when the server ends a session is the goodbye: it is heard, but not for ever.
DRAIN_TIMEOUT_MS = 10_000
# A refused first message can leave the socket open and silent: no use in waiting the whole time for "ready".
FAULT_GRACE_MS = 1_500
# A close this soon after a reported error is its consequence.
FAULT_MEMORY_MS = 5_000
# How long an agent that comes after its line may take before the person is told (a suggestion of the third protocol file, section 5).
AGENT_TIMEOUT_MS = 15_000
AGENT_TIMER = "agent"

# What belongs to one line, and not to the call: the time limits and the watchdog of the tools run on.
_LINE_TIMERS = ("token", "open", "ready", KEEPALIVE_TIMER, RETRY_TIMER, AGENT_TIMER, THINKING_TIMER)


class Call:
    """State, socket and time limits of one session after the other.

    `send_result` and `results_sent` go to each new tool desk, `report_heard` to its replies; `line_lost` is called when the
    line of a live session broke; `jitter` spreads the attempts to reconnect.
    """

    def __init__(
        self,
        config: ClientConfig,
        codec: Codec,
        registry: ToolRegistry,
        *,
        send_result: SendResult,
        results_sent: ResultsSent,
        report_heard: ReportHeard,
        line_lost: Callable[[], None],
        jitter: Jitter,
    ) -> None:
        self.out = CommandQueue()
        self.state = State.IDLE
        self.changed = True  # the page should redraw
        self.base_config = config
        self.codec = codec
        # The yes and no of what the wire can do, for the page.
        self.features = {name: can_do for name, can_do in asdict(codec.features).items() if isinstance(can_do, bool)}
        if config.agent_id:  # the person can change nothing of a stored agent
            self.features |= {"voices": False, "greeting": False, "system_prompt": False}
        self._registry = registry
        self._send_result = send_result
        self._results_sent = results_sent
        self._report_heard = report_heard
        self.line_lost = line_lost
        self._attempt = 0
        self._sockets = 0
        self.voices: tuple[str, ...] = ()
        self.notice: Notice | None = None
        self.config = config
        self.reconnect = Reconnect(self, jitter)
        self._begin(config)

    def _begin(self, config: ClientConfig) -> None:
        """Everything that belongs to one session and must not leak into the next."""
        self.config = config
        self.stats = Stats()
        self.transcript = Transcript(config.max_turns)
        self.ledger = PlayoutLedger(self.codec.wire_rate_hz)
        self.replies = BargeIn(
            policy=config.barge_in,
            verdict_timeout_ms=config.verdict_timeout_ms,
            ledger=self.ledger,
            transcript=self.transcript,
            out=self.out,
            stats=self.stats,
            report=self._report_heard,
        )
        self.replies.interruptible = config.turn_detection.get("interrupt_response") is not False
        self.tool_calls = ToolCalls(
            registry=self._registry,
            config=config,
            transcript=self.transcript,
            out=self.out,
            stats=self.stats,
            send=self._send_result,
            results_sent=self._results_sent,
            answers_results=not self.codec.features.results_need_asking,
        )
        self.reconnect.begin()
        self.keepalive = Keepalive(self.out, config.keepalive_ms)
        self.socket_id = 0  # 0: there is none
        self.socket_up = False  # it is open: a goodbye would be heard
        self.agent_there = True
        self.capturing = False  # frames of the microphone are wanted
        self.session_id: str | None = None
        self.draining = False
        self.limit = SessionLimit(config.max_session_duration_seconds * 1000, config.wrap_up_lead_seconds * 1000)
        self._wrap_up_due = False
        self._last_fault: tuple[float, str, Notice] | None = None
        self._waiting_change: events.SettingsChanged | None = None

    # --- from the click to the server's "ready" ------------------------------------------------------------------------

    def connect(self, event: events.ConnectRequested, muted: bool, now_ms: float) -> None:
        if not can(self.state, Trigger.CONNECT):
            self.out.log("!", f"connect was left alone in state {self.state.value}")
            return
        if self.draining:
            self._stop_draining()
        try:
            config = for_call(self.base_config, event)
        except ConfigError as error:
            self.fail(notices.bad_setting(str(error)), now_ms)
            return
        self._begin(config)
        self.move(Trigger.CONNECT)
        self.notice = None
        self.out.add(StartPlayback(rate_hz=self.codec.wire_rate_hz))
        self.out.add(SetCaptureMuted(muted=muted))  # a muted microphone is not held either
        self.request_token(now_ms)

    def start_capture(self) -> None:
        """The service takes audio: first what was held since the click, then live frames. Once in a call."""
        if self.capturing:
            return
        self.capturing = True
        rate_hz, features = self.codec.wire_rate_hz, self.codec.features
        samples = frame_samples(rate_hz, features.frame_ms or self.config.frame_ms)
        self.out.add(StartCapture(rate_hz=rate_hz, frame_samples=samples, pace=features.catch_up))

    def request_token(self, now_ms: float) -> None:
        """A fresh one for every attempt: none is ever used twice."""
        config = self.config
        self._attempt += 1
        body = {
            "provider": config.provider,
            "expires_in_seconds": config.expires_in_seconds,
            "max_session_duration_seconds": config.max_session_duration_seconds,
        }
        self.out.add(RequestToken(attempt=self._attempt, url=config.token_url, body=body))
        self.out.set_timer("token", config.open_timeout_ms, now_ms)

    def token_granted(self, event: events.TokenGranted, now_ms: float) -> None:
        if not self.out.running("token") or event.attempt != self._attempt:
            return
        self.out.cancel_timer("token")
        try:
            url, protocols = self.codec.connect(event)
        except RemoteProtocolError as error:
            self.fail(notices.bad_grant(str(error)), now_ms)
            return
        if self.state is State.MINTING:
            self.limit.shorten(event.max_session_s)
            self.move(Trigger.TOKEN)
        self._sockets += 1
        self.socket_id = self._sockets
        self.out.add(
            OpenSocket(socket_id=self.socket_id, url=url, protocols=protocols, audio=self.codec.features.audio_json)
        )
        self.out.set_timer("open", self.config.open_timeout_ms, now_ms)

    def token_refused(self, event: events.TokenRefused, now_ms: float) -> None:
        if not self.out.running("token") or event.attempt != self._attempt:
            return
        self.out.cancel_timer("token")
        if self.state is State.RESUMING:
            self.reconnect.token_refused(event, now_ms)
        else:
            self.fail(notices.token_refused(event), now_ms)

    def socket_opened(self, event: events.SocketOpened, now_ms: float) -> None:
        if not self.out.running("open") or not self.is_current(event.socket_id):
            return
        self.out.cancel_timer("open")
        self.socket_up = True
        if self.state is State.RESUMING:
            self.reconnect.opened(now_ms)
        else:
            self.move(Trigger.OPEN)
            self.limit.opened(now_ms)
            self.open_session(self.config.greeting)
        self.out.set_timer("ready", self.config.ready_timeout_ms, now_ms)

    def open_session(self, greeting: str) -> None:
        """The first message of a new session."""
        if self._waiting_change is not None:  # chosen while the line was down
            self.config, self._waiting_change = replace(self.config, **changed_settings(self._waiting_change)), None
        settings = self.config.settings(self._registry.schemas(self.config.tool_timeout_ms))
        self.send("opening", self.codec.opening(replace(settings, greeting=greeting)))

    def ready(self, event: events.SessionReady, now_ms: float) -> None:
        self.out.cancel_timer("ready")
        first = self.state is State.CONFIGURING
        self.move(Trigger.READY)
        if first:
            self.session_id = event.session_id or None
            self.limit.start(self.out, now_ms)
        else:
            self.reconnect.ready(event, now_ms)
        if self.codec.probe():
            self.keepalive.start(now_ms)
        if self.codec.features.agent_joins:
            self.agent_there = False
            self.out.set_timer(AGENT_TIMER, AGENT_TIMEOUT_MS, now_ms)
        if self.agent_there or not self.config.preconnect_audio_ms:
            self.start_capture()  # else what is held waits for somebody who hears it
        if self._waiting_change is not None:
            change, self._waiting_change = self._waiting_change, None
            self.change_settings(change)
        if not first:
            self.reply_done()

    def agent_joined(self) -> None:
        """The agent said so itself, or was heard."""
        if not self.agent_there:
            self.agent_there = True
            self.changed = True
            self.start_capture()
            self.out.cancel_timer(AGENT_TIMER)
            self.untell(notices.AGENT_LATE.code)

    # --- in between ----------------------------------------------------------------------------------------------------

    def is_current(self, socket_id: int) -> bool:
        """Is this the socket of now? Browsers report the end of an abandoned one up to a minute later."""
        return self.socket_id != 0 and socket_id == self.socket_id

    def send(self, what: str, messages: list[Message] | tuple[Message, ...]) -> None:
        self.out.log(">", what)
        for data in messages:
            self.out.add(SendMessage(socket_id=self.socket_id, data=data))

    def tell(self, notice: Notice) -> None:
        """Show a notice. One about a call that is over has no cause any more."""
        if notice.until and self.state in (State.IDLE, State.ENDED, State.FAILED):
            return
        self.notice = notice
        self.changed = True

    def untell(self, code: str) -> None:
        """Take a notice back that is not true any more. A newer one stays."""
        if self.notice is not None and self.notice.code == code:
            self.notice = None
            self.changed = True

    def cause_over(self, until: str) -> None:
        """Take back a notice whose cause ended: see `Notice.until`."""
        if self.notice is not None and self.notice.until and until in (self.notice.until, "call"):
            self.notice = None
            self.changed = True

    def change_settings(self, event: events.SettingsChanged) -> None:
        """Raises `ConfigError` for a value that cannot be; nothing has changed then."""
        wanted = changed_settings(event)
        checked = replace(self.config, **wanted)
        if self.state in (State.MINTING, State.CONNECTING):
            self.config = checked  # nothing was sent yet: it is simply what the session starts with
        elif self.state is State.CONFIGURING or self.state in COMING_BACK:
            before = self._waiting_change or events.SettingsChanged()
            self._waiting_change = replace(before, **wanted)
            return
        elif self.state is State.LIVE:
            self.config = checked
            update = self.codec.update(**wanted)
            if update.messages:
                self.send("settings", update.messages)
            if update.immutable:
                self.tell(notices.next_call(update.immutable))
            if impossible := set(wanted) - set(update.applied) - set(update.immutable):
                self.out.log("!", f"left alone, this provider takes no such setting: {', '.join(sorted(impossible))}")
        self.replies.interruptible = self.config.turn_detection.get("interrupt_response") is not False

    def reply_done(self) -> None:
        """A reply ended: a wrap-up that waited for that can be asked for now."""
        quiet = self.replies.current is None and not self.tool_calls.busy and not self.replies.user_speaking
        if self._wrap_up_due and self.state is State.LIVE and quiet:
            self._wrap_up_due = False
            self.send("wrap-up", self.codec.reply_create(self.config.wrap_up_instructions))

    def timer(self, name: str, now_ms: float) -> None:
        if name in ("token", "open", "ready"):
            self._overdue(name, now_ms)
        elif name == RETRY_TIMER:
            self.reconnect.retry(now_ms)
        elif name == KEEPALIVE_TIMER:
            self._beat(now_ms)
        elif name == AGENT_TIMER:
            self.start_capture()  # whoever is not announced may hear all the same
            self.tell(notices.AGENT_LATE)
        elif name == WRAP_UP_TIMER:
            self.tell(notices.wrap_up(round(self.limit.left_ms(now_ms) / 1000)))
            # Two replies at once would talk over each other: wait for the one that is being made or must follow.
            self._wrap_up_due = True
            if not self.replies.user_speaking and not self.replies.awaited:
                self.reply_done()
        elif name == CAP_TIMER:
            self.hang_up(now_ms)
            self.tell(notices.TIME_LIMIT)
        elif name == "end":
            self.finish(None, now_ms)
        elif name == "drain":
            self._stop_draining()

    def _overdue(self, name: str, now_ms: float) -> None:
        """Somebody did not answer in time: the token route, the socket, or the server with its "ready"."""
        why = {
            "token": notices.token_refused(events.TokenRefused(attempt=self._attempt, status=0)),
            "open": notices.OPEN_TIMEOUT,
            "ready": self.cause(now_ms) or notices.READY_TIMEOUT,
        }[name]
        if self.state is State.RESUMING:
            self.close_socket()
            self.reconnect.lost(why, now_ms)
        else:
            self.fail(why, now_ms, goodbye=True)

    def _beat(self, now_ms: float) -> None:
        liveness = self.keepalive.fired(now_ms)
        if liveness is Liveness.PROBE:
            self.send("probe", self.codec.probe())
        elif liveness is Liveness.DEAD:
            self.reconnect.silent(now_ms)

    def line_down(self) -> None:
        """The line broke: what hung on it ends; what is queued plays on, and the microphone stays open."""
        self.close_socket()
        for name in _LINE_TIMERS:
            self.out.cancel_timer(name)
        self.agent_there = True
        self.replies.line_lost()
        self.tool_calls.line_lost()

    def hurry(self, now_ms: float) -> None:
        """The server complained before it was ready: no use in waiting the whole time."""
        self.out.set_timer("ready", FAULT_GRACE_MS, now_ms)

    # --- the end -------------------------------------------------------------------------------------------------------

    def hang_up(self, now_ms: float, *, page_gone: bool = False) -> None:
        """Politely where a session exists; at once where none does or nobody is left to wait."""
        if self.draining:
            self._stop_draining()
        if can(self.state, Trigger.HANG_UP):
            goodbye = self.codec.end() if self.socket_up else []
            self._silence()
            if goodbye:
                self.send("end", goodbye)
            self.move(Trigger.HANG_UP)
            if self.state is State.ENDED:
                self.close_socket()
                self.transcript.finish()
                self.cause_over("call")
                return
            if not goodbye:  # no line, or a vendor for whom closing it is the goodbye
                self.finish(None, now_ms)
                return
            self.out.set_timer("end", self.config.end_timeout_ms, now_ms)
        if page_gone and self.state is State.ENDING:
            self.finish(None, now_ms)

    def server_ended(self, now_ms: float) -> None:
        """The server's last word. What it said before is still played."""
        if self.state is State.ENDING:
            self.finish(None, now_ms)
        else:
            self.finish(notices.TIME_LIMIT if self.limit.reached(now_ms) else notices.SERVER_ENDED, now_ms)

    def socket_closed(self, event: events.SocketClosed, now_ms: float) -> None:
        if not self.is_current(event.socket_id):
            return
        was_ready = self.state is State.LIVE
        ending = self.state is State.ENDING
        self.socket_id = 0
        self.socket_up = False
        self.out.log("=", f"socket closed with {event.code}")
        reason = self.codec.close_reason(event.code, event.reason, was_ready)
        if ending:
            self.finish(None, now_ms)
        elif event.code == 1006 and event.reason.startswith(notices.BLOCKED):
            self.fail(notices.socket_blocked(event.reason), now_ms)
        elif was_ready or self.state is State.RESUMING:
            self.reconnect.closed(reason, event.code, now_ms)
        elif reason.kind == "ended" and can(self.state, Trigger.FINISH):
            self.finish(notices.closed(reason, event.code), now_ms)
        else:
            self.fail(self.cause(now_ms) or notices.closed(reason, event.code), now_ms)

    def faulted(self, event: events.SessionFaulted, now_ms: float) -> None:
        """The server reported an error. Fatal ones end the session here: the close that follows says less."""
        self.stats.faults += 1
        self.out.log("!", f"the server reported {event.kind} ({event.code})")
        if event.kind == "expired" and self.state is State.LIVE:
            self.finish(notices.TIME_LIMIT, now_ms)
            return
        if event.choices and event.param is not None and event.param.endswith("voice"):
            self.voices = event.choices
        self._last_fault = (now_ms, event.kind, notices.fault(event, True))
        if self.state is State.RESUMING:
            self.reconnect.faulted(event, now_ms)
            return
        if event.closes:
            self.fail(notices.fault(event, True), now_ms)
            return
        self.tell(notices.fault(event, False))
        if self.state is State.CONFIGURING:
            self.hurry(now_ms)

    def capture_failed(self, event: events.CaptureFailed, now_ms: float) -> None:
        active = self.state not in (State.IDLE, State.ENDED, State.FAILED)
        if not event.fatal:
            if active:
                self.tell(notices.capture_failed(event))
        elif active or event.kind not in ("ended", "silent"):
            # A microphone that ends after the session did is what we asked for, not news.
            self.fail(notices.capture_failed(event), now_ms, goodbye=True)

    def capture_recovered(self, event: events.CaptureRecovered) -> None:
        """Takes back the notice of a complaint that did not end the session. The reason of a failure stays."""
        complaint = notices.capture_failed(events.CaptureFailed(kind=event.kind, fatal=False))
        if self.notice is not None and (self.notice.code, self.notice.tone) == (complaint.code, complaint.tone):
            self.notice = None
            self.changed = True

    def drained(self) -> None:
        """The speaker's queue ran empty."""
        self.ledger.drained()
        self.replies.speaker_empty()
        self.check_drained()

    def check_drained(self) -> None:
        """An ended session that waits for its last words may have nothing left to wait for."""
        if self.draining and self.ledger.pending() == 0:
            self._stop_draining()

    def fail(self, notice: Notice, now_ms: float, *, goodbye: bool = False) -> None:
        """End the session because of `notice`. A session that is being ended anyway just ends.

        `goodbye`: the fault is ours and the server still listens. An open session is billed until the server hears a
        goodbye, and half a minute longer without one.
        """
        if not can(self.state, Trigger.FAULT):
            if can(self.state, Trigger.FINISH):
                self.finish(None, now_ms)
            return
        if self.draining:
            self._stop_draining()
        self._silence()
        messages = self.codec.end() if goodbye and self.socket_up else []
        if messages:
            self.send("end", messages)
        self.close_socket()
        self.move(Trigger.FAULT)
        self.transcript.finish()
        self.tell(notice)

    def finish(self, notice: Notice | None, now_ms: float) -> None:
        self.tool_calls.cancel_all()
        self.out.cancel_all_timers()
        if self.state is not State.ENDING:
            self.out.add(StopCapture())
        self.close_socket()
        self.move(Trigger.FINISH)
        self.transcript.finish()
        self.replies.ended()
        self.cause_over("call")
        if self.ledger.pending():
            self.draining = True
            self.out.set_timer("drain", DRAIN_TIMEOUT_MS, now_ms)
        if notice is not None:
            self.tell(notice)

    def _silence(self) -> None:
        """Nothing more goes in or out, and no timer fires."""
        if self.state not in (State.IDLE, State.ENDED, State.FAILED):
            self.out.add(StopCapture())
        self.tool_calls.cancel_all()
        self.replies.abandon()
        self.out.cancel_all_timers()

    def close_socket(self) -> None:
        if self.socket_id:
            self.out.add(CloseSocket(socket_id=self.socket_id))
            self.socket_id = 0
        self.socket_up = False

    def _stop_draining(self) -> None:
        self.draining = False
        self.changed = True
        self.out.cancel_timer("drain")
        if self.ledger.pending():
            self.out.add(FlushPlayback())
            self.ledger.flush()

    def cause(self, now_ms: float) -> Notice | None:
        """The fault that explains a close at this moment."""
        if self._last_fault is None or now_ms - self._last_fault[0] > FAULT_MEMORY_MS:
            return None
        return self._last_fault[2]

    def last_fault_kind(self, now_ms: float) -> str:
        """What the server complained of just now, or ""."""
        return self._last_fault[1] if self._last_fault is not None and self.cause(now_ms) is not None else ""

    def move(self, trigger: Trigger) -> None:
        before = self.state
        self.state = next_state(before, trigger)
        self.changed = True
        self.out.log("=", f"{before.value} -> {self.state.value}")
