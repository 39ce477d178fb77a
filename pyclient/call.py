"""Call: the data of one call after the other, which all parts share.

Passive: it knows no part and handles no event. Its few verbs change what several parts look at: the state, which moves
only as the table in `states` says, what is sent, the notice, the socket.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyclient.audio.outage_buffer import OutageBuffer
from pyclient.audio.playout_ledger import PlayoutLedger
from pyclient.audio.reply_log import ReplyLog
from pyclient.codecs import BaseCodec, Message
from pyclient.config import ClientConfig
from pyclient.core.command_queue import CommandQueue
from pyclient.core.commands import CloseSocket, FlushPlayback, SendMessage
from pyclient.core.states import OVER, State, Trigger, next_state
from pyclient.page.notice_texts import Notice
from pyclient.page.transcript import Transcript
from pyclient.page.view import Stats

DRAIN_TIMER = "drain"


class Call:
    """What is known of the call. `begin` makes all of it new, apart from what belongs to the page."""

    def __init__(self, config: ClientConfig, codec: BaseCodec) -> None:
        self.commands = CommandQueue()
        self.base_config = config
        self.codec = codec
        # The yes and no of what the wire can do, for the page.
        self.features = codec.features.yes_and_no()
        if config.agent_id:  # the person can change nothing of a stored agent
            self.features |= {"voices": False, "greeting": False, "system_prompt": False}
        self.state = State.IDLE
        self.notice: Notice | None = None
        self.voices: tuple[str, ...] = ()
        self.muted = False
        self.changed = True  # the page should be drawn anew
        self.show_anyhow = False  # and be told even if nothing is different
        self.begin(config)

    def begin(self, config: ClientConfig) -> None:
        """Everything that belongs to one call and must not leak into the next."""
        self.config = config
        self.stats = Stats()
        self.transcript = Transcript(config.max_turns)
        self.ledger = PlayoutLedger(self.codec.wire_rate_hz)
        self.replies = ReplyLog(self.ledger)
        self.outage_audio = OutageBuffer(config.outage_audio_ms, self.codec.wire_rate_hz)
        self.session_id: str | None = None
        self.socket_id = 0  # 0: there is none
        self.socket_up = False  # it is open: a goodbye would be heard
        self.agent_there = True
        self.user_speaking = False
        self.paused = False  # the person holds the agent: nobody is heard
        self.key_held = False  # the talk key: nothing of the agent is to sound
        self.reply_awaited = False  # somebody spoke, and the server has not begun to answer
        self.speech_began_ms = 0.0
        self.last_loud_ms: float | None = None  # the last loud frame of the microphone
        self.draining = False  # the call is over, and its last words are still heard

    @property
    def interruptible(self) -> bool:
        """May the person's speech interrupt the agent?"""
        return self.config.turn_detection.get("interrupt_response") is not False

    @property
    def microphone_off(self) -> bool:
        """Nothing of the microphone is to be sent, whatever the reason."""
        return self.muted or self.paused

    def move(self, trigger: Trigger) -> None:
        before = self.state
        self.state = next_state(before, trigger)
        self.changed = True
        self.commands.log("=", f"{before.value} -> {self.state.value}")

    # --- the wire --------------------------------------------------------------------------------------------------

    def is_current(self, socket_id: int) -> bool:
        """Is this the socket of now? Browsers report the end of an abandoned one up to a minute later."""
        return self.socket_id != 0 and socket_id == self.socket_id

    def send(self, what: str, messages: Iterable[Message]) -> None:
        self.commands.log(">", what)
        for data in messages:
            self.commands.add(SendMessage(socket_id=self.socket_id, data=data))

    def close_socket(self) -> None:
        if self.socket_id:
            self.commands.add(CloseSocket(socket_id=self.socket_id))
            self.socket_id = 0
        self.socket_up = False

    # --- the notice ------------------------------------------------------------------------------------------------

    def notify(self, notice: Notice) -> None:
        """Show a notice. One about a call that is over has no cause any more."""
        if notice.until and self.state in OVER:
            return
        self.notice = notice
        self.changed = True

    def clear_notice(self, code: str) -> None:
        """Take a notice back that is not true any more. A newer one stays."""
        if self.notice is not None and self.notice.code == code:
            self.notice = None
            self.changed = True

    def cause_over(self, until: str) -> None:
        """Take back a notice whose cause ended: see `Notice.until`."""
        if self.notice is not None and self.notice.until and until in (self.notice.until, "call"):
            self.notice = None
            self.changed = True

    # --- the last words --------------------------------------------------------------------------------------------

    def stop_draining(self) -> None:
        """What is still queued of a call that is over is not to be heard any more. Harmless where nothing is."""
        if not self.draining:
            return
        self.draining = False
        self.changed = True
        self.commands.cancel_timer(DRAIN_TIMER)
        if self.ledger.pending():
            self.commands.add(FlushPlayback())
            self.ledger.flush()
