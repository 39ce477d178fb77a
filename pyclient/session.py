"""One conversation: what to do about each thing that happens.

`Session.handle(event, now_ms)` is the whole interface. It owns no clock, socket, timer, random source or logger: time
comes in as an argument, everything else leaves as commands, in the order in which the host must run them. It names no
vendor's message; the codec does that.

A life, in events and the commands that answer them:

    ConnectRequested -> RequestToken    TokenGranted -> OpenSocket    SocketOpened -> SendMessage (settings)
    SessionReady -> audio flows         HangUpRequested -> SendMessage (goodbye)    SessionEnded -> CloseSocket

    SocketClosed -> SetTimer (back-off) -> RequestToken -> OpenSocket -> SendMessage (resume, or settings)

The parts: `states` says what is legal, `replies` decides about audio and barge-in, `toolcalls` about tools,
`conversation` keeps the transcript, `lifeline` opens, ends and fails, `rejoin` mends a broken line, `floor` takes turns,
`talk` knows the talk key, `typed` what was typed, `early` what was said before the call was live, `shortway` lets audio pass that changes nothing,
`localturns` hears for itself where a server does not. Here is only who gets to hear of what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyclient import events, notices
from pyclient.audio import BYTES_PER_SAMPLE
from pyclient.codecs import Codec, create_codec
from pyclient.commands import Command, SendMessage, SetCaptureMuted, ShowView
from pyclient.config import ClientConfig
from pyclient.early import EarlyWords
from pyclient.ears import is_loud
from pyclient.errors import ConfigError, LocalProtocolError
from pyclient.floor import ASK_TIMER, SETTLE_TIMER, Floor
from pyclient.lifeline import Lifeline
from pyclient.localturns import PAUSE_TIMER, LocalTurns
from pyclient.rejoin import Jitter
from pyclient.replies import THINKING_TIMER, VERDICT_TIMER
from pyclient.shortway import ShortWay
from pyclient.snapshot import Updates, snapshot
from pyclient.states import COMING_BACK, FROM_SERVER, Activity, State, activity_in, means_something
from pyclient.talk import TALK_DRAIN_TIMER, Talk
from pyclient.toolcalls import WATCHDOG_TIMER
from pyclient.tools import ToolRegistry
from pyclient.typed import ASK_AGAIN_TIMER, Typed
from pyclient.view import View, ViewUpdate

# Who mutes in mid-sentence must still be answered: servers find the end of a turn by hearing silence, so silence is what
# they get for longer than any usual `max_silence`, and then nothing.
MUTED_TAIL_MS = 4_000

# Too many to be worth a line each, or logged with more to say where they are handled.
_UNLOGGED = frozenset(
    {events.ReplyAudio, events.ReplyTranscribed, events.UserTranscribed, events.MessageIgnored, events.MessageRejected}
)

# A flood of bad messages must not become a flood of log lines.
_LOGGED_REJECTIONS = 20


class Session:
    """The session core. One instance serves a page for its whole life, one conversation after the other."""

    def __init__(
        self,
        config: ClientConfig,
        codec: Codec | None = None,
        tools: ToolRegistry | None = None,
        jitter: Jitter = lambda: 0.5,
    ) -> None:
        """`codec` speaks for `config.provider` unless another one is given; `tools` are what the agent may call.

        `jitter` gives a number from 0 to 1 that spreads the attempts to reconnect. A host with a random source hands it
        over; without one the schedule is exact, as tests want it.
        """
        self._life = Lifeline(
            config,
            create_codec(config.provider) if codec is None else codec,
            ToolRegistry() if tools is None else tools,
            send_result=self._send_tool_result,
            results_sent=self._tool_results_sent,
            report_heard=self._report_heard,
            line_lost=self._line_lost,
            jitter=jitter,
        )
        self._out = self._life.out
        self._floor = Floor(self._life)
        self._talk = Talk(self._life, self._floor)
        self._local = LocalTurns(self._life, self._floor)
        self._early = EarlyWords(self._life)
        self.short_way = ShortWay(self._life, self._floor)
        self._typed = Typed(self._life, self._floor)
        self._muted = False
        self._muted_since_ms = 0.0
        self._now_ms = 0.0  # of the event that is being handled
        self._unreadable_told = False  # once in a call
        self._doing = Activity.NONE
        self._changed = False
        self._updates = Updates()
        self._show_anyhow = False
        self._handlers: dict[type[events.Event], Callable[[Any, float], None]] = {
            events.ConnectRequested: self._connect,
            events.HangUpRequested: self._hang_up,
            events.MuteChanged: self._mute,
            events.InterruptRequested: self._interrupt,
            events.TalkPressed: lambda event, now: self._talk.pressed(self._muted, now),
            events.TalkReleased: lambda event, now: self._talk.released(now, event.cancelled),
            events.TextSubmitted: lambda event, now: self._typed.submitted(event.text, now),
            events.SettingsChanged: self._settings_changed,
            events.TokenGranted: lambda event, now: self._life.token_granted(event, now),
            events.TokenRefused: lambda event, now: self._life.token_refused(event, now),
            events.SocketOpened: lambda event, now: self._life.socket_opened(event, now),
            events.SocketClosed: lambda event, now: self._life.socket_closed(event, now),
            events.MessageReceived: self._message,
            events.CaptureHeld: lambda event, now: self._early.held(event),
            events.CaptureCaughtUp: lambda event, now: self._early.caught_up(),
            events.CaptureDrained: lambda event, now: self._talk.drained(now),
            events.CaptureFailed: self._capture_failed,
            events.CaptureRecovered: lambda event, now: self._life.capture_recovered(event),
            events.PlaybackProgressed: self._progressed,
            events.PlaybackDrained: self._drained,
            events.PlaybackFlushed: self._flushed,
            events.TimerFired: self._timer,
            events.ToolFinished: self._tool_finished,
            events.SessionConfigured: lambda event, now: None,
            events.SessionReady: self._ready,
            events.AgentJoined: lambda event, now: self._life.agent_joined(),
            events.SessionEnded: lambda event, now: self._life.server_ended(now),
            events.SessionFaulted: self._faulted,
            events.UserSpeechStarted: self._user_started,
            events.UserSpeechStopped: self._user_stopped,
            events.UserTranscribed: self._user_transcribed,
            events.TurnPlaced: self._turn_placed,
            events.ReplyStarted: self._reply_started,
            events.ReplyAudio: self._reply_audio,
            events.ReplyTranscribed: self._reply_transcribed,
            events.ReplyDone: self._reply_done,
            events.ReplyRefused: lambda event, now: self._floor.refused(event.instructions, now),
            events.ReplyNeeded: lambda event, now: self._floor.reply_needed(now),
            events.ToolCalled: self._tool_called,
            events.MessageIgnored: self._message_ignored,
            events.MessageRejected: self._message_rejected,
        }

    @property
    def state(self) -> State:
        return self._life.state

    @property
    def max_message_bytes(self) -> int:
        """Longer messages are refused unread."""
        return self._life.config.max_message_bytes

    @property
    def activity(self) -> Activity:
        """What is going on at this moment."""
        life = self._life
        true_now = set()
        if life.replies.user_speaking:
            true_now.add(Activity.USER_SPEAKING)
        if life.ledger.sounding:
            true_now.add(Activity.AGENT_SPEAKING)
        if life.desk.busy:
            true_now.add(Activity.TOOL_PENDING)
        if life.replies.awaited or life.replies.current is not None or life.ledger.pending() > 0:
            true_now.add(Activity.THINKING)
        return activity_in(life.state, frozenset(true_now))

    def handle(self, event: events.Event, now_ms: float) -> list[Command]:
        """Take one event; get the commands that the host must run, in order.

        `now_ms` is any clock that does not run backwards. Events of an older socket or attempt, and wishes that make no
        sense in this state, are harmless. Raises `LocalProtocolError` for an object that is no event of this package.
        """
        if type(event) is events.AudioCaptured:
            self._captured(event, now_ms)
            if self._life.changed:  # our own ears noticed something
                self._show(now_ms)
            return self._out.take()
        if type(event) not in self._handlers:
            raise LocalProtocolError(f"a session cannot be told {type(event).__name__}")
        self._now_ms = now_ms
        self._dispatch(event, now_ms)
        self._show(now_ms)
        return self._out.take()

    def view(self, now_ms: float = 0.0) -> View:
        """The snapshot as of now, for a page that has not drawn anything yet."""
        return snapshot(self._life, self.activity, self._muted, self._talk.held, now_ms)

    def whole_update(self, now_ms: float = 0.0) -> ViewUpdate:
        """The same as the first of the updates that `ShowView` carries; those that follow build on it."""
        self._updates.forget()
        update = self._updates.next(self._life, self.activity, self._muted, self._talk.held, now_ms, anyhow=True)
        assert update is not None
        return update

    def _dispatch(self, event: events.Event, now_ms: float) -> None:
        if type(event) not in FROM_SERVER or (self._life.socket_up and means_something(self.state, event)):
            self._handlers[type(event)](event, now_ms)

    # --- the person ------------------------------------------------------------------------------------------------

    def _connect(self, event: events.ConnectRequested, now_ms: float) -> None:
        self._life.connect(event, self._muted, now_ms)
        if self.state is State.MINTING:
            self._unreadable_told = False
            self._floor.begin()
            self._talk.begin()
            self._typed.begin()
            self._local.begin()
            self._early.begin()
            self.short_way.begin(self._talk, self._local)

    def _hang_up(self, event: events.HangUpRequested, now_ms: float) -> None:
        self._life.hang_up(now_ms, page_gone=event.page_gone)

    def _mute(self, event: events.MuteChanged, now_ms: float) -> None:
        if event.muted != self._muted:
            self._muted = self.short_way.muted = event.muted
            self._muted_since_ms = now_ms
            self._out.add(SetCaptureMuted(muted=event.muted))
            self._changed = True
            if event.muted:
                self._talk.muted(now_ms)
                if self._local.used and self.state is State.LIVE:
                    self._local.muted(now_ms)

    def _interrupt(self, event: events.InterruptRequested, now_ms: float) -> None:
        self._floor.interrupt()

    def _settings_changed(self, event: events.SettingsChanged, now_ms: float) -> None:
        try:
            self._life.change_settings(event)
        except ConfigError as error:
            self._life.tell(notices.bad_setting(str(error)))

    # --- the microphone and the speaker ------------------------------------------------------------------------------

    def _captured(self, event: events.AudioCaptured, now_ms: float) -> None:
        """The hot path: about 25 times a second, and hardly anything of it is ever visible."""
        life, talk = self._life, self._talk
        if self._muted:
            life.stats.frames_muted += 1
            tail = now_ms - self._muted_since_ms < MUTED_TAIL_MS and not talk.chosen
            if tail and life.state is State.LIVE:
                self._send_audio(bytes(len(event.pcm)))  # whatever came in: what goes out is silence
        elif not event.pcm or len(event.pcm) % BYTES_PER_SAMPLE:
            life.stats.frames_dropped += 1
        elif talk.chosen and not talk.open:
            pass  # nobody holds the key: this is not meant for the agent
        elif life.state is State.LIVE:
            self._take_frame(event.pcm, now_ms)
        elif life.state in COMING_BACK:
            life.stats.gap_frames_dropped += life.rejoin.gap.add(event.pcm)
        else:
            life.stats.frames_dropped += 1

    def _take_frame(self, pcm: bytes, now_ms: float) -> None:
        self._life.stats.frames_sent += 1
        self._send_audio(pcm)
        if self._talk.open:
            self._talk.frame_sent(pcm)
        if is_loud(pcm):
            self._floor.last_loud_ms = now_ms
        if self._local.used:
            self._local.captured(pcm, now_ms)

    def _send_gap(self) -> None:
        """What the person said while the line was down, in one go; it was bounded when it was kept."""
        life = self._life
        for pcm in life.rejoin.gap.take():
            life.stats.gap_frames_sent += 1
            self._send_audio(pcm)
            if self._talk.open:
                self._talk.frame_sent(pcm)

    def _send_audio(self, pcm: bytes) -> None:
        life = self._life
        data = life.codec.encode_audio(pcm)
        if data:  # a wire of fixed frames may wait for the rest of one
            # What was kept for so long is not dropped now because it comes as a burst.
            droppable = not self._early.catching_up
            self._out.add(SendMessage(socket_id=life.socket_id, data=data, droppable=droppable))

    def _progressed(self, event: events.PlaybackProgressed, now_ms: float) -> None:
        life = self._life
        age_ms = life.ledger.progressed(event.item_id, int(event.rendered_samples), int(event.underruns))
        if age_ms is not None:
            self._floor.first_sound(now_ms - age_ms)

    def _drained(self, event: events.PlaybackDrained, now_ms: float) -> None:
        self._life.drained()
        self._changed = True  # what was heard of the last turn is known now

    def _flushed(self, event: events.PlaybackFlushed, now_ms: float) -> None:
        self._life.replies.flushed(event.item_id, int(event.rendered_samples))
        self._floor.settled()
        self._changed = True

    def _report_heard(self, reply_id: str, heard_ms: int) -> None:
        messages = self._life.codec.reply_heard(reply_id, heard_ms) if self.state is State.LIVE else []
        if messages:
            self._life.send("heard position", messages)

    # --- the wire ----------------------------------------------------------------------------------------------------

    def _message(self, event: events.MessageReceived, now_ms: float) -> None:
        if not self._life.is_current(event.socket_id):
            return
        self._life.heartbeat.heard(now_ms)
        for normal in self._life.codec.decode(event.data, self._life.config.limits):
            if type(normal) not in _UNLOGGED:
                self._out.log("<", type(normal).__name__)
            self._dispatch(normal, now_ms)

    def _message_ignored(self, event: events.MessageIgnored, now_ms: float) -> None:
        stats = self._life.stats
        stats.ignored_messages += 1
        if stats.ignored_messages <= _LOGGED_REJECTIONS:
            self._out.log("<", f"a message of unknown type {event.type!r} was left alone")

    def _message_rejected(self, event: events.MessageRejected, now_ms: float) -> None:
        stats = self._life.stats
        stats.rejected_messages += 1
        if stats.rejected_messages <= _LOGGED_REJECTIONS:
            of_type = f" of type {event.type}" if event.type else ""
            self._out.log("!", f"a message{of_type} was refused: {event.reason}")
        if event.audio and not self._unreadable_told:
            self._unreadable_told = True
            self._life.tell(notices.AUDIO_UNREADABLE)

    def _ready(self, event: events.SessionReady, now_ms: float) -> None:
        coming_back = self.state is State.RESUMING
        self._life.ready(event, now_ms)
        if coming_back:
            self._life.stats.reconnects += 1
            self._talk.line_back()
            self._send_gap()
            self._typed.line_back(now_ms)
            self._floor.line_back(now_ms)

    def _line_lost(self) -> None:
        """The line broke under a live session."""
        self._floor.line_lost()
        self._talk.line_lost()
        self._typed.line_lost()
        self._local.begin()

    def _faulted(self, event: events.SessionFaulted, now_ms: float) -> None:
        self._life.faulted(event, now_ms)
        if event.kind == "reply":
            self._floor.stop_awaiting()

    # --- turns -------------------------------------------------------------------------------------------------------

    def _user_started(self, event: events.UserSpeechStarted, now_ms: float) -> None:
        self._life.conversation.speech_began(event.item_id)
        self._life.replies.user_started(now_ms)
        self._floor.speech_began(now_ms)

    def _user_stopped(self, event: events.UserSpeechStopped, now_ms: float) -> None:
        self._life.replies.user_stopped()
        self._floor.speech_ended(now_ms)

    def _user_transcribed(self, event: events.UserTranscribed, now_ms: float) -> None:
        self._life.conversation.user_said(event.item_id, event.text, event.final)
        self._changed = True

    def _turn_placed(self, event: events.TurnPlaced, now_ms: float) -> None:
        if event.role in ("user", "agent") and event.turn_id:
            self._life.conversation.placed(event.turn_id, event.after_id, event.role)
            self._changed = True

    def _reply_started(self, event: events.ReplyStarted, now_ms: float) -> None:
        if self._local.used:
            return  # such a wire knows no replies: they are made here, by the pauses between them
        reply = self._life.replies.started(event)
        self._life.desk.reply_started(reply.id)
        self._typed.reply_started()
        self._floor.reply_started()

    def _reply_audio(self, event: events.ReplyAudio, now_ms: float) -> None:
        self._life.agent_joined()  # who is heard is there
        audio = self._local.audio(event, now_ms) if self._local.used else event
        if audio is not None:
            self._typed.answered()
            self._life.replies.audio(audio)

    def _reply_transcribed(self, event: events.ReplyTranscribed, now_ms: float) -> None:
        self._typed.answered()
        self._life.replies.transcribed(event)
        self._changed = True

    def _reply_done(self, event: events.ReplyDone, now_ms: float) -> None:
        reply = self._life.replies.done(event)
        self._typed.answered()
        if not (event.failed or reply.silenced):
            self._life.cause_over("reply")
        self._floor.reply_done(now_ms)
        if self._life.desk.reply_done(reply.id, reply.interrupted, now_ms):
            self._floor.await_reply(now_ms)
        self._life.reply_done()
        self._changed = True

    # --- tools and time ------------------------------------------------------------------------------------------------

    def _tool_called(self, event: events.ToolCalled, now_ms: float) -> None:
        desk = self._life.desk
        desk.called(event, self._life.replies.id_of(event.reply_id), now_ms)
        if desk.hopeless:
            self._life.fail(notices.TOOL_CIRCLE_ENDED, now_ms, goodbye=True)
        elif desk.circling:
            self._life.tell(notices.TOOL_CIRCLE)
        self._changed = True

    def _tool_finished(self, event: events.ToolFinished, now_ms: float) -> None:
        if self._life.desk.finished(event, now_ms):
            self._floor.await_reply(now_ms)
        self._changed = True

    def _send_tool_result(self, call_id: str, result_json: str, is_error: bool) -> None:
        self._life.send("tool result", self._life.codec.tool_result(call_id, result_json, is_error))

    def _tool_results_sent(self, reply_id: str) -> None:
        if self._life.desk.circling:
            return  # it would only call again; the person has the word
        if self._life.codec.tool_results_sent(self._life.replies.wire_id_of(reply_id)):
            self._floor.want(("results", reply_id), self._now_ms)

    def _timer(self, event: events.TimerFired, now_ms: float) -> None:
        if not self._out.fired(event.name, now_ms):
            return
        if event.name == VERDICT_TIMER:
            self._life.replies.verdict_overdue()
        elif event.name == THINKING_TIMER:
            self._life.replies.awaited = False
            self._floor.overdue(now_ms)
        elif event.name == ASK_TIMER:
            self._floor.overdue(now_ms)
        elif event.name == SETTLE_TIMER:
            self._floor.settled(force=True)
        elif event.name == TALK_DRAIN_TIMER:
            self._talk.drained(now_ms)
        elif event.name == ASK_AGAIN_TIMER:
            self._typed.overdue(now_ms)
        elif event.name == PAUSE_TIMER:
            self._local.pause_timer(now_ms)
        elif event.name == WATCHDOG_TIMER:
            if self._life.desk.overdue(now_ms, self._floor.speech_is_stale(now_ms)):
                self._floor.await_reply(now_ms)
        else:
            self._life.timer(event.name, now_ms)

    # --- the page ------------------------------------------------------------------------------------------------------

    def _capture_failed(self, event: events.CaptureFailed, now_ms: float) -> None:
        self._life.capture_failed(event, now_ms)
        if event.fatal:
            # It may be the answer to a new click that fails as the one before did: the page waits for it, alike or not.
            self._show_anyhow = True

    def _show(self, now_ms: float) -> None:
        """At most one update for one event, and only when a person would see a difference."""
        doing = self.activity
        if not (self._changed or self._life.changed or doing is not self._doing):
            return
        self._changed = self._life.changed = False
        self._doing = doing
        anyhow, self._show_anyhow = self._show_anyhow, False
        update = self._updates.next(self._life, doing, self._muted, self._talk.held, now_ms, anyhow=anyhow)
        if update is not None:
            self._out.add(ShowView(view=dict(update)))
