"""Playback order: one voice at a time.

Where a server makes two replies at once and sends their sound in turns, what comes of the second one waits until the
first is complete.
"""

from __future__ import annotations

from pyclient.audio.reply_log import Reply
from pyclient.call import Call
from pyclient.core.commands import PlayAudio

# Sound of a reply that waits for the end of another one: nearly three minutes at 24 kHz.
MAX_HELD_BYTES = 8 << 20


class PlaybackOrder:
    """Hands the sound of replies to the speaker."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.reset()

    def reset(self) -> None:
        """A new call."""
        self._voice: Reply | None = None  # whose sound was handed to the speaker last
        self.clear()

    def clear(self) -> None:
        """What is held is not to be heard any more."""
        self._held: list[tuple[Reply, bytes]] = []  # sound that waits for the end of another reply
        self._held_bytes = 0

    def play(self, reply: Reply, pcm: bytes) -> bool:
        """Hand over sound of a reply, or hold it. False where there is no room to hold it."""
        if self._may_speak(reply):
            self._voice = reply
            self._call.ledger.queued(reply.id, pcm)
            self._call.commands.add(PlayAudio(item_id=reply.id, pcm=pcm))
        elif self._held_bytes + len(pcm) <= MAX_HELD_BYTES:
            self._call.ledger.queued(reply.id, pcm)
            self._held.append((reply, pcm))
            self._held_bytes += len(pcm)
        else:
            return False
        return True

    def has_the_voice(self, reply: Reply) -> bool:
        """Would its sound go to the speaker as it comes?"""
        return self._voice is reply

    def speaker_empty(self) -> None:
        """Whoever waited for their turn gets it."""
        self._voice = None
        self.go_on()

    def ended(self) -> None:
        """No more sound is coming: all that is held is handed over."""
        self._voice = None
        self._call.key_held = False
        for reply, _ in self._held:
            reply.done = reply.ended = True
        self.go_on()

    def go_on(self) -> None:
        """Hand over what was held, one reply after the other, as long as none is in the way."""
        while self._held and self._may_speak(self._held[0][0]):
            self._voice = self._held[0][0]
            for reply, pcm in self._held:
                if reply is self._voice:
                    self._held_bytes -= len(pcm)
                    self._call.commands.add(PlayAudio(item_id=reply.id, pcm=pcm))
            self._held = [one for one in self._held if one[0] is not self._voice]

    def _may_speak(self, reply: Reply) -> bool:
        """A newer reply follows one that seems to be over; an older one waits until the newer one is.

        None speaks over the talk key.
        """
        if self._call.key_held:
            return False
        voice = self._voice
        if voice is None or voice is reply or voice.ended or voice.silenced:
            return True
        return voice.done and reply.order > voice.order
