"""Audio fast path: decides whether audio may move between socket and worklet without calling Python.

In a call that goes well nearly every event is a frame of audio that changes nothing but a few counters. A host that can
move base64 itself (`OpenSocket.audio`) asks here once, and may then move audio on its own side until anything else
happens; before the session is told of that, it reports what has passed. Where a frame would have to change more the
answer is no, and the host tells the session the usual event, `AudioCaptured` or `MessageReceived`. So each rule stands
once, on the usual path; this module holds the conditions under which the usual path only counts. The fast path is
optional: without it a session behaves the same.
"""

from __future__ import annotations

from pyclient.audio.reply_log import Reply
from pyclient.call import Call
from pyclient.connection.connection import Connection
from pyclient.core.states import State
from pyclient.part import Part
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.client_turn_detection import ClientTurnDetection
from pyclient.turns.echo_guard import EchoGuard
from pyclient.turns.push_to_talk import PushToTalk

_LIVE = State.LIVE


class AudioFastPath(Part):
    """The fast path of one call after the other."""

    def __init__(
        self,
        call: Call,
        barge_in: BargeIn,
        push_to_talk: PushToTalk,
        client_turns: ClientTurnDetection,
        connection: Connection,
        echo_guard: EchoGuard,
    ) -> None:
        super().__init__(call)
        self._barge_in = barge_in
        self._push_to_talk = push_to_talk
        self._client_turns = client_turns
        self._connection = connection
        self._echo_guard = echo_guard
        self._usable = False
        self._reply: Reply | None = None

    def begin(self, now_ms: float) -> None:
        """Who holds a talk key, and who hears turns for himself, looks at every sample."""
        can_do = self.call.codec.features.audio_json is not None
        self._usable = can_do and not self._push_to_talk.chosen and not self._client_turns.used
        self._reply = None

    def may_send(self) -> bool:
        """May frames of whole samples go out as they are, until the next event? Next: `sent`."""
        if self._echo_guard.watches:
            return False
        return self._usable and not self.call.microphone_off and self.call.state is _LIVE

    def sent(self, frames: int, loud_at_ms: float) -> None:
        """So many did; the last that was louder than `LOUD_PEAK` at `loud_at_ms`, 0 for none."""
        self.call.stats.frames_sent += frames
        if loud_at_ms:
            self.call.last_loud_ms = loud_at_ms

    def item_of(self, reply_id: str) -> str:
        """The rest is about this reply from now on.

        The item to play it under, or "" for one that only the usual path knows.
        """
        self._reply = self.call.replies.known(reply_id)
        return "" if self._reply is None else self._reply.id

    def may_play(self) -> bool:
        """May audio of the reply of `item_of` go to the speaker as it comes on the socket of now, until the
        next event? Next: `played`.

        Not where nothing of it waits to be heard: then more of it changes what the page shows.
        """
        call, reply = self.call, self._reply
        if reply is None or reply.silenced or reply.held or reply.stale or not self._usable:
            return False
        if not self._barge_in.order.has_the_voice(reply):
            return False  # another one speaks: what comes of this waits
        return call.state is _LIVE and call.agent_there and call.socket_up and call.ledger.continues(reply.id)

    def played(self, samples: int, heard_at_ms: float) -> None:
        """So many samples went; the last of them came at `heard_at_ms`."""
        assert self._reply is not None
        self.call.ledger.add(self._reply.id, samples)
        self._connection.keepalive.heard(heard_at_ms)
