"""Session: the entry of the core. Routes each event to the part that handles it.

`Session.handle(event, now_ms)` is the whole interface. It owns no clock, socket, timer, random source or logger: time
comes in as an argument, everything else leaves as commands, in the order in which the host must run them. It names no
vendor's message; the codec does that.

A life, in events and the commands that answer them:

    ConnectRequested -> RequestToken    TokenGranted -> OpenSocket    SocketOpened -> SendMessage (settings)
    SessionReady -> audio flows         HangUpRequested -> SendMessage (goodbye)    SessionEnded -> CloseSocket

    SocketClosed -> SetTimer (back-off) -> RequestToken -> OpenSocket -> SendMessage (resume, or settings)

This module only routes events to the parts, which `pyclient` lists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyclient import events, notices
from pyclient.audio import BYTES_PER_SAMPLE
from pyclient.audio_fast_path import AudioFastPath
from pyclient.barge_in import THINKING_TIMER, VERDICT_TIMER
from pyclient.build_view import ViewUpdates, build_view
from pyclient.call import Call
from pyclient.client_turn_detection import PAUSE_TIMER, ClientTurnDetection
from pyclient.codecs import Codec, create_codec
from pyclient.commands import Command, SendMessage, SetCaptureMuted, ShowView
from pyclient.config import ClientConfig
from pyclient.errors import ConfigError, LocalProtocolError
from pyclient.preconnect_audio import PreconnectAudio
from pyclient.push_to_talk import TALK_DRAIN_TIMER, PushToTalk
from pyclient.reconnect import Jitter
from pyclient.states import COMING_BACK, FROM_SERVER, Activity, State, activity_in, means_something
from pyclient.text_input import ASK_AGAIN_TIMER, TextInput
from pyclient.tool_calls import WATCHDOG_TIMER
from pyclient.tools import ToolRegistry
from pyclient.turn_taking import ASK_TIMER, SETTLE_TIMER, TurnTaking
from pyclient.vad import is_loud
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
        self._call = Call(
            config,
            create_codec(config.provider) if codec is None else codec,
            ToolRegistry() if tools is None else tools,
            send_result=self._send_tool_result,
            results_sent=self._tool_results_sent,
            report_heard=self._report_heard,
            line_lost=self._line_lost,
            jitter=jitter,
        )
        self._out = self._call.out
        self._turn_taking = TurnTaking(self._call)
        self._push_to_talk = PushToTalk(self._call, self._turn_taking)
        self._client_turns = ClientTurnDetection(self._call, self._turn_taking)
        self._preconnect = PreconnectAudio(self._call)
        self.audio_fast_path = AudioFastPath(self._call, self._turn_taking)
        self._text_input = TextInput(self._call, self._turn_taking)
        self._muted = False
        self._muted_since_ms = 0.0
        self._now_ms = 0.0  # of the event that is being handled
        self._unreadable_told = False  # once in a call
        self._doing = Activity.NONE
        self._changed = False
        self._updates = ViewUpdates()
        self._show_anyhow = False
        self._handlers: dict[type[events.Event], Callable[[Any, float], None]] = {
            events.ConnectRequested: self._connect,
            events.HangUpRequested: self._hang_up,
            events.MuteChanged: self._mute,
            events.InterruptRequested: self._interrupt,
            events.TalkPressed: lambda event, now: self._push_to_talk.pressed(self._muted, now),
            events.TalkReleased: lambda event, now: self._push_to_talk.released(now, event.cancelled),
            events.TextSubmitted: lambda event, now: self._text_input.submitted(event.text, now),
            events.SettingsChanged: self._settings_changed,
            events.TokenGranted: lambda event, now: self._call.token_granted(event, now),
            events.TokenRefused: lambda event, now: self._call.token_refused(event, now),
            events.SocketOpened: lambda event, now: self._call.socket_opened(event, now),
            events.SocketClosed: lambda event, now: self._call.socket_closed(event, now),
            events.MessageReceived: self._message,
            events.CaptureHeld: lambda event, now: self._preconnect.held(event),
            events.CaptureCaughtUp: lambda event, now: self._preconnect.caught_up(),
            events.CaptureDrained: lambda event, now: self._push_to_talk.drained(now),
            events.CaptureFailed: self._capture_failed,
            events.CaptureRecovered: lambda event, now: self._call.capture_recovered(event),
            events.PlaybackProgressed: self._progressed,
            events.PlaybackDrained: self._drained,
            events.PlaybackFlushed: self._flushed,
            events.TimerFired: self._timer,
            events.ToolFinished: self._tool_finished,
            events.SessionConfigured: lambda event, now: None,
            events.SessionReady: self._ready,
            events.AgentJoined: lambda event, now: self._call.agent_joined(),
            events.SessionEnded: lambda event, now: self._call.server_ended(now),
            events.SessionFaulted: self._faulted,
            events.UserSpeechStarted: self._user_started,
            events.UserSpeechStopped: self._user_stopped,
            events.UserTranscribed: self._user_transcribed,
            events.TurnPlaced: self._turn_placed,
            events.ReplyStarted: self._reply_started,
            events.ReplyAudio: self._reply_audio,
            events.ReplyTranscribed: self._reply_transcribed,
            events.ReplyDone: self._reply_done,
            events.ReplyRefused: lambda event, now: self._turn_taking.refused(event.instructions, now),
            events.ReplyNeeded: lambda event, now: self._turn_taking.reply_needed(now),
            events.ToolCalled: self._tool_called,
            events.MessageIgnored: self._message_ignored,
            events.MessageRejected: self._message_rejected,
        }

    @property
    def state(self) -> State:
        return self._call.state

    @property
    def max_message_bytes(self) -> int:
        """Longer messages are refused unread."""
        return self._call.config.max_message_bytes

    @property
    def activity(self) -> Activity:
        """What is going on at this moment."""
        call = self._call
        true_now = set()
        if call.replies.user_speaking:
            true_now.add(Activity.USER_SPEAKING)
        if call.ledger.sounding:
            true_now.add(Activity.AGENT_SPEAKING)
        if call.tool_calls.busy:
            true_now.add(Activity.TOOL_PENDING)
        if call.replies.awaited or call.replies.current is not None or call.ledger.pending() > 0:
            true_now.add(Activity.THINKING)
        return activity_in(call.state, frozenset(true_now))

    def handle(self, event: events.Event, now_ms: float) -> list[Command]:
        """Take one event; get the commands that the host must run, in order.

        `now_ms` is any clock that does not run backwards. Events of an older socket or attempt, and wishes that make no
        sense in this state, are harmless. Raises `LocalProtocolError` for an object that is no event of this package.
        """
        if type(event) is events.AudioCaptured:
            self._captured(event, now_ms)
            if self._call.changed:  # voice activity detection changed what the page shows
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
        return build_view(self._call, self.activity, self._muted, self._push_to_talk.held, now_ms)

    def whole_update(self, now_ms: float = 0.0) -> ViewUpdate:
        """The same as the first of the updates that `ShowView` carries; those that follow build on it."""
        self._updates.forget()
        update = self._updates.next(
            self._call, self.activity, self._muted, self._push_to_talk.held, now_ms, anyhow=True
        )
        assert update is not None
        return update

    def _dispatch(self, event: events.Event, now_ms: float) -> None:
        if type(event) not in FROM_SERVER or (self._call.socket_up and means_something(self.state, event)):
            self._handlers[type(event)](event, now_ms)

    # --- the person ------------------------------------------------------------------------------------------------

    def _connect(self, event: events.ConnectRequested, now_ms: float) -> None:
        self._call.connect(event, self._muted, now_ms)
        if self.state is State.MINTING:
            self._unreadable_told = False
            self._turn_taking.begin()
            self._push_to_talk.begin()
            self._text_input.begin()
            self._client_turns.begin()
            self._preconnect.begin()
            self.audio_fast_path.begin(self._push_to_talk, self._client_turns)

    def _hang_up(self, event: events.HangUpRequested, now_ms: float) -> None:
        self._call.hang_up(now_ms, page_gone=event.page_gone)

    def _mute(self, event: events.MuteChanged, now_ms: float) -> None:
        if event.muted != self._muted:
            self._muted = self.audio_fast_path.muted = event.muted
            self._muted_since_ms = now_ms
            self._out.add(SetCaptureMuted(muted=event.muted))
            self._changed = True
            if event.muted:
                self._push_to_talk.muted(now_ms)
                if self._client_turns.used and self.state is State.LIVE:
                    self._client_turns.muted(now_ms)

    def _interrupt(self, event: events.InterruptRequested, now_ms: float) -> None:
        self._turn_taking.interrupt()

    def _settings_changed(self, event: events.SettingsChanged, now_ms: float) -> None:
        try:
            self._call.change_settings(event)
        except ConfigError as error:
            self._call.tell(notices.bad_setting(str(error)))

    # --- the microphone and the speaker ------------------------------------------------------------------------------

    def _captured(self, event: events.AudioCaptured, now_ms: float) -> None:
        """The hot path: about 25 times a second, and hardly anything of it is ever visible."""
        call, push_to_talk = self._call, self._push_to_talk
        if self._muted:
            call.stats.frames_muted += 1
            tail = now_ms - self._muted_since_ms < MUTED_TAIL_MS and not push_to_talk.chosen
            if tail and call.state is State.LIVE:
                self._send_audio(bytes(len(event.pcm)))  # whatever came in: what goes out is silence
        elif not event.pcm or len(event.pcm) % BYTES_PER_SAMPLE:
            call.stats.frames_dropped += 1
        elif push_to_talk.chosen and not push_to_talk.open:
            pass  # nobody holds the key: this is not meant for the agent
        elif call.state is State.LIVE:
            self._take_frame(event.pcm, now_ms)
        elif call.state in COMING_BACK:
            call.stats.outage_frames_dropped += call.reconnect.outage.add(event.pcm)
        else:
            call.stats.frames_dropped += 1

    def _take_frame(self, pcm: bytes, now_ms: float) -> None:
        self._call.stats.frames_sent += 1
        self._send_audio(pcm)
        if self._push_to_talk.open:
            self._push_to_talk.frame_sent(pcm)
        if is_loud(pcm):
            self._turn_taking.last_loud_ms = now_ms
        if self._client_turns.used:
            self._client_turns.captured(pcm, now_ms)

    def _send_outage_audio(self) -> None:
        """What the person said while the line was down, in one go; it was bounded when it was kept."""
        call = self._call
        for pcm in call.reconnect.outage.take():
            call.stats.outage_frames_sent += 1
            self._send_audio(pcm)
            if self._push_to_talk.open:
                self._push_to_talk.frame_sent(pcm)

    def _send_audio(self, pcm: bytes) -> None:
        call = self._call
        data = call.codec.encode_audio(pcm)
        if data:  # a wire of fixed frames may wait for the rest of one
            # What was kept for so long is not dropped now because it comes as a burst.
            droppable = not self._preconnect.catching_up
            self._out.add(SendMessage(socket_id=call.socket_id, data=data, droppable=droppable))

    def _progressed(self, event: events.PlaybackProgressed, now_ms: float) -> None:
        call = self._call
        age_ms = call.ledger.progressed(event.item_id, int(event.rendered_samples), int(event.underruns))
        if age_ms is not None:
            self._turn_taking.first_sound(now_ms - age_ms)

    def _drained(self, event: events.PlaybackDrained, now_ms: float) -> None:
        self._call.drained()
        self._changed = True  # what was heard of the last turn is known now

    def _flushed(self, event: events.PlaybackFlushed, now_ms: float) -> None:
        self._call.replies.flushed(event.item_id, int(event.rendered_samples))
        self._turn_taking.interruption_over(now_ms)
        self._changed = True

    def _report_heard(self, reply_id: str, heard_ms: int) -> None:
        messages = self._call.codec.reply_heard(reply_id, heard_ms) if self.state is State.LIVE else []
        if messages:
            self._call.send("heard position", messages)

    # --- the wire ----------------------------------------------------------------------------------------------------

    def _message(self, event: events.MessageReceived, now_ms: float) -> None:
        if not self._call.is_current(event.socket_id):
            return
        self._call.keepalive.heard(now_ms)
        for normal in self._call.codec.decode(event.data, self._call.config.limits):
            if type(normal) not in _UNLOGGED:
                self._out.log("<", type(normal).__name__)
            self._dispatch(normal, now_ms)

    def _message_ignored(self, event: events.MessageIgnored, now_ms: float) -> None:
        stats = self._call.stats
        stats.ignored_messages += 1
        if stats.ignored_messages <= _LOGGED_REJECTIONS:
            self._out.log("<", f"a message of unknown type {event.type!r} was left alone")

    def _message_rejected(self, event: events.MessageRejected, now_ms: float) -> None:
        stats = self._call.stats
        stats.rejected_messages += 1
        if stats.rejected_messages <= _LOGGED_REJECTIONS:
            of_type = f" of type {event.type}" if event.type else ""
            self._out.log("!", f"a message{of_type} was refused: {event.reason}")
        if event.audio and not self._unreadable_told:
            self._unreadable_told = True
            self._call.tell(notices.AUDIO_UNREADABLE)

    def _ready(self, event: events.SessionReady, now_ms: float) -> None:
        coming_back = self.state is State.RESUMING
        self._call.ready(event, now_ms)
        if coming_back:
            self._call.stats.reconnects += 1
            self._push_to_talk.line_back()
            self._send_outage_audio()
            self._text_input.line_back(now_ms)
            self._turn_taking.line_back(now_ms)

    def _line_lost(self) -> None:
        """The line broke under a live session."""
        self._turn_taking.line_lost()
        self._push_to_talk.line_lost()
        self._text_input.line_lost()
        self._client_turns.begin()

    def _faulted(self, event: events.SessionFaulted, now_ms: float) -> None:
        self._call.faulted(event, now_ms)
        if event.kind == "reply":
            self._turn_taking.stop_awaiting()

    # --- turns -------------------------------------------------------------------------------------------------------

    def _user_started(self, event: events.UserSpeechStarted, now_ms: float) -> None:
        self._call.transcript.speech_began(event.item_id)
        self._call.replies.user_started(now_ms)
        self._turn_taking.speech_began(now_ms)

    def _user_stopped(self, event: events.UserSpeechStopped, now_ms: float) -> None:
        self._call.replies.user_stopped()
        self._turn_taking.speech_ended(now_ms)

    def _user_transcribed(self, event: events.UserTranscribed, now_ms: float) -> None:
        self._call.transcript.user_said(event.item_id, event.text, event.final)
        self._changed = True

    def _turn_placed(self, event: events.TurnPlaced, now_ms: float) -> None:
        if event.role in ("user", "agent") and event.turn_id:
            self._call.transcript.placed(event.turn_id, event.after_id, event.role)
            self._changed = True

    def _reply_started(self, event: events.ReplyStarted, now_ms: float) -> None:
        if self._client_turns.used:
            return  # such a wire knows no replies: they are made here, by the pauses between them
        reply = self._call.replies.started(event)
        self._call.tool_calls.reply_started(reply.id)
        self._text_input.reply_started()
        self._turn_taking.reply_started()

    def _reply_audio(self, event: events.ReplyAudio, now_ms: float) -> None:
        self._call.agent_joined()  # who is heard is there
        audio = self._client_turns.audio(event, now_ms) if self._client_turns.used else event
        if audio is not None:
            self._text_input.answered()
            self._call.replies.audio(audio)

    def _reply_transcribed(self, event: events.ReplyTranscribed, now_ms: float) -> None:
        self._text_input.answered()
        self._call.replies.transcribed(event)
        self._changed = True

    def _reply_done(self, event: events.ReplyDone, now_ms: float) -> None:
        reply = self._call.replies.done(event)
        self._text_input.answered()
        if not (event.failed or reply.silenced):
            self._call.cause_over("reply")
        self._turn_taking.reply_done(now_ms)
        if self._call.tool_calls.reply_done(reply.id, reply.interrupted, now_ms):
            self._turn_taking.await_reply(now_ms)
        self._call.reply_done()
        self._changed = True

    # --- tools and time ------------------------------------------------------------------------------------------------

    def _tool_called(self, event: events.ToolCalled, now_ms: float) -> None:
        tool_calls = self._call.tool_calls
        tool_calls.called(event, self._call.replies.id_of(event.reply_id), now_ms)
        if tool_calls.hopeless:
            self._call.fail(notices.TOOL_CIRCLE_ENDED, now_ms, goodbye=True)
        elif tool_calls.circling:
            self._call.tell(notices.TOOL_CIRCLE)
        self._changed = True

    def _tool_finished(self, event: events.ToolFinished, now_ms: float) -> None:
        if self._call.tool_calls.finished(event, now_ms):
            self._turn_taking.await_reply(now_ms)
        self._changed = True

    def _send_tool_result(self, call_id: str, result_json: str, is_error: bool) -> None:
        self._call.send("tool result", self._call.codec.tool_result(call_id, result_json, is_error))

    def _tool_results_sent(self, reply_id: str) -> None:
        if self._call.tool_calls.circling:
            return  # it would only call again; the person has the word
        if self._call.codec.tool_results_sent(self._call.replies.wire_id_of(reply_id)):
            self._turn_taking.want(("results", reply_id), self._now_ms)

    def _timer(self, event: events.TimerFired, now_ms: float) -> None:
        if not self._out.fired(event.name, now_ms):
            return
        if event.name == VERDICT_TIMER:
            self._call.replies.verdict_overdue()
        elif event.name == THINKING_TIMER:
            self._call.replies.awaited = False
            self._turn_taking.overdue(now_ms)
        elif event.name == ASK_TIMER:
            self._turn_taking.overdue(now_ms)
        elif event.name == SETTLE_TIMER:
            self._turn_taking.interruption_over(now_ms, force=True)
        elif event.name == TALK_DRAIN_TIMER:
            self._push_to_talk.drained(now_ms)
        elif event.name == ASK_AGAIN_TIMER:
            self._text_input.overdue(now_ms)
        elif event.name == PAUSE_TIMER:
            self._client_turns.pause_timer(now_ms)
        elif event.name == WATCHDOG_TIMER:
            if self._call.tool_calls.overdue(now_ms, self._turn_taking.speech_is_stale(now_ms)):
                self._turn_taking.await_reply(now_ms)
        else:
            self._call.timer(event.name, now_ms)

    # --- the page ------------------------------------------------------------------------------------------------------

    def _capture_failed(self, event: events.CaptureFailed, now_ms: float) -> None:
        self._call.capture_failed(event, now_ms)
        if event.fatal:
            # It may be the answer to a new click that fails as the one before did: the page waits for it, alike or not.
            self._show_anyhow = True

    def _show(self, now_ms: float) -> None:
        """At most one update for one event, and only when a person would see a difference."""
        doing = self.activity
        if not (self._changed or self._call.changed or doing is not self._doing):
            return
        self._changed = self._call.changed = False
        self._doing = doing
        anyhow, self._show_anyhow = self._show_anyhow, False
        update = self._updates.next(self._call, doing, self._muted, self._push_to_talk.held, now_ms, anyhow=anyhow)
        if update is not None:
            self._out.add(ShowView(view=dict(update)))
