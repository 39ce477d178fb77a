"""Microphone: which captured frames go out, which wait, and which are dropped; muting; a microphone that fails."""

from __future__ import annotations

from pyclient.audio.pcm import BYTES_PER_SAMPLE
from pyclient.audio.vad import is_loud
from pyclient.call import Call
from pyclient.core import events
from pyclient.core.commands import SendMessage, SetCaptureMuted
from pyclient.core.states import COMING_BACK, OVER, State, Trigger
from pyclient.page import notices
from pyclient.part import End, LineBack, Part, Step
from pyclient.turns.client_turn_detection import ClientTurnDetection
from pyclient.turns.echo_guard import EchoGuard
from pyclient.turns.preconnect_audio import PreconnectAudio
from pyclient.turns.push_to_talk import TRAILING_SILENCE_MS, PushToTalk

# Who mutes in mid-sentence must still be answered: for so long the server gets silence, and then nothing.
MUTED_TAIL_MS = TRAILING_SILENCE_MS


class Microphone(Part):
    """The microphone of a page."""

    def __init__(
        self,
        call: Call,
        push_to_talk: PushToTalk,
        client_turns: ClientTurnDetection,
        preconnect: PreconnectAudio,
        echo_guard: EchoGuard,
    ) -> None:
        super().__init__(call)
        self._echo_guard = echo_guard
        self._push_to_talk = push_to_talk
        self._client_turns = client_turns
        self._preconnect = preconnect
        self._off_since_ms = 0.0
        self.handlers = {
            events.MuteChanged: self._mute,
            events.AudioCaptured: self._captured,
            events.CaptureFailed: self._failed,
            events.CaptureRecovered: lambda event, now_ms: self._recovered(event),
        }

    def line_back(self, now_ms: float, back: LineBack) -> None:
        """What the person said while the line was down goes out in one go; it was bounded when it was kept."""
        for pcm in self.call.outage_audio.take():
            self.call.stats.outage_frames_sent += 1
            self._send(pcm)
            if self._push_to_talk.open:
                self._push_to_talk.frame_sent(pcm)

    def _mute(self, event: events.MuteChanged, now_ms: float) -> None:
        call = self.call
        if event.muted == call.muted:
            return
        was_off = call.microphone_off
        call.muted = event.muted
        call.changed = True
        self.switch(was_off, now_ms)

    def switch(self, was_off: bool, now_ms: float) -> None:
        """It may be off now, or on again, by whoever wants it."""
        call, off = self.call, self.call.microphone_off
        if off == was_off:
            return
        self._off_since_ms = now_ms
        self.add(SetCaptureMuted(muted=off))
        if off:
            self._push_to_talk.muted(now_ms)
            if self._client_turns.used and call.state is State.LIVE:
                self._client_turns.muted(now_ms)

    def _captured(self, event: events.AudioCaptured, now_ms: float) -> None:
        """The hot path: about 25 times a second, and hardly anything of it is ever visible."""
        call, push_to_talk = self.call, self._push_to_talk
        if call.microphone_off:
            call.stats.frames_muted += 1
            tail = now_ms - self._off_since_ms < MUTED_TAIL_MS and not push_to_talk.chosen
            if tail or push_to_talk.trailing(now_ms):
                self._send_silence(event.pcm)
        elif not event.pcm or len(event.pcm) % BYTES_PER_SAMPLE:
            call.stats.frames_dropped += 1
        elif push_to_talk.chosen and not push_to_talk.open:
            if push_to_talk.trailing(now_ms):  # else nobody holds the key: this is not meant for the agent
                self._send_silence(event.pcm)
        elif call.state is State.LIVE:
            self._take(event.pcm, now_ms)
        elif call.state in COMING_BACK:
            call.stats.outage_frames_dropped += call.outage_audio.add(event.pcm)
        else:
            call.stats.frames_dropped += 1

    def _take(self, pcm: bytes, now_ms: float) -> None:
        by_key = self._push_to_talk.chosen
        guarded = not (by_key or self._preconnect.catching_up)
        if by_key:
            frames = self._push_to_talk.due(pcm, now_ms)
        else:
            frames = self._echo_guard.frames(pcm, now_ms) if guarded else [pcm]
        for frame in frames:
            self.call.stats.frames_sent += 1
            self._send(frame)
            if is_loud(frame):
                self.call.last_loud_ms = now_ms
            if self._client_turns.used and not by_key:  # else the key says when somebody speaks
                self._client_turns.captured(frame, now_ms)

    def _send_silence(self, pcm: bytes) -> None:
        """Whatever came in: what goes out is silence."""
        if self.call.state is State.LIVE:
            self._send(bytes(len(pcm)))

    def _send(self, pcm: bytes) -> None:
        call = self.call
        data = call.codec.encode_audio(pcm)
        if data:  # a wire of fixed frames may wait for the rest of one
            # What was kept for so long is not dropped now because it comes as a burst.
            droppable = not self._preconnect.catching_up
            self.add(SendMessage(socket_id=call.socket_id, data=data, droppable=droppable))

    def _failed(self, event: events.CaptureFailed, now_ms: float) -> Step | None:
        call = self.call
        active = call.state not in OVER
        if not event.fatal:
            if active:
                call.notify(notices.capture_failed(event))
            return None
        # It may be the answer to a new click that fails as the one before did: the page waits for it, alike or not.
        call.show_anyhow = True
        # A microphone that ends after the call did is what we asked for, not news.
        if active or event.kind not in ("ended", "silent"):
            return End(Trigger.FAULT, notices.capture_failed(event), goodbye=True)
        return None

    def _recovered(self, event: events.CaptureRecovered) -> None:
        """Takes back the notice of a complaint that did not end the call. The reason of a failure stays."""
        call = self.call
        complaint = notices.capture_failed(events.CaptureFailed(kind=event.kind, fatal=False))
        if call.notice is not None and (call.notice.code, call.notice.tone) == (complaint.code, complaint.tone):
            call.notice = None
            call.changed = True
