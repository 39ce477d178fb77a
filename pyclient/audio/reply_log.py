"""Reply log: the replies of one call, by the vendor's ids and by ours.

Item ids of the speaker are our reply ids: the vendor's, which get a suffix after a lost session, because the next
session may count from the beginning. What is done about a reply is `barge_in`'s; here is what is known of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyclient.audio.playout_ledger import PlayoutLedger

# How many replies are remembered, so that late audio of an interrupted one is known for what it is.
MAX_REPLIES = 128


@dataclass(slots=True)
class Reply:
    """What is known of one reply."""

    id: str  # ours: the vendor's, with a suffix after a lost session
    wire_id: str
    order: int
    announced: bool = False  # the server said that it begins
    done: bool = False  # the server made all of it, or stopped making it, or began another one meanwhile
    ended: bool = False  # and it said so: no sound of it is on its way
    interrupted: bool = False  # the server said so
    cut: bool = False  # we stopped it ourselves; the server may not know
    held: bool = False  # the flush policy waits for the person to finish
    reported: bool = False  # how much of it was heard was told, or is about to be
    stale: bool = False  # of a session that is lost
    worded: bool = False  # the server itself said which words were heard

    @property
    def silenced(self) -> bool:
        return self.interrupted or self.cut


class ReplyLog:
    """The replies of one call. `ledger` knows what of them waits to be heard."""

    def __init__(self, ledger: PlayoutLedger) -> None:
        self._ledger = ledger
        self._suffix = ""
        self._lost_sessions = 0
        self._made = 0
        self._replies: dict[str, Reply] = {}
        self._last: Reply | None = None
        self.current: Reply | None = None  # the one that the server is making
        self.last_done: Reply | None = None  # the one of which the server said last that it is over
        # For each flush that the speaker has not answered: the replies of which the server is told then
        # how much was heard.
        self.owed: list[list[Reply]] = []
        self.cancelling: Reply | None = None  # the server was asked to stop making it, and has not said that it did

    def __len__(self) -> int:
        return len(self._replies)

    # --- ids ---------------------------------------------------------------------------------------------------------

    def id_of(self, reply_id: str) -> str:
        """Our id for the vendor's. Older documents leave it out: it is the reply being made, or else the last one."""
        if reply_id:
            return reply_id + self._suffix
        reply = self.current or self._last
        return reply.id if reply else ""

    def wire_id_of(self, own_id: str) -> str:
        """The vendor's id for ours."""
        reply = self._replies.get(own_id)
        return own_id if reply is None else reply.wire_id

    def known(self, wire_id: str) -> Reply | None:
        """A reply that the vendor names and that has begun."""
        return self._replies.get(wire_id + self._suffix) if wire_id else None

    def find(self, reply_id: str) -> Reply | None:
        """The reply that a message with this id, or with none, is about."""
        return self._replies.get(self.id_of(reply_id))

    # --- changes -----------------------------------------------------------------------------------------------------

    def add(self, reply_id: str) -> Reply:
        self._made += 1
        own_id = reply_id + self._suffix if reply_id else f"reply#{self._made}"
        reply = Reply(id=own_id, wire_id=reply_id, order=self._made)
        self._replies[reply.id] = reply
        if len(self._replies) > MAX_REPLIES:
            del self._replies[next(iter(self._replies))]
        return reply

    def announced(self, reply_id: str) -> Reply | None:
        """The server says that a reply begins. None for one that had begun before: said twice, it is no new reply."""
        reply = self._replies.get(reply_id + self._suffix)
        known = reply is not None and (reply.announced or reply.ended or reply is self.current)
        if reply is None:
            reply = self.add(reply_id)
        reply.announced = True
        return None if known else reply

    def begin(self, reply: Reply) -> None:
        """The server makes this one from now on."""
        if self.current is not None:
            self.current.done = True  # a server makes one reply at a time: its "done" got lost
        self.current = self._last = reply

    def release(self) -> None:
        """The person is done: no reply waits for that any more."""
        for reply in self._replies.values():
            reply.held = False

    def new_session(self) -> None:
        """The session is lost and another one began: its ids are not those of before."""
        for reply in self._replies.values():
            reply.done = reply.stale = True
        self._last = None
        self._lost_sessions += 1
        self._suffix = f"~{self._lost_sessions}"

    # --- what is heard -----------------------------------------------------------------------------------------------

    @property
    def making(self) -> Reply | None:
        """The reply that the server is making, unless it is not to be heard any more."""
        return None if self.current is None or self.current.silenced else self.current

    def all_making(self) -> list[Reply]:
        """As `making`, of a server that makes several at once: those that it may still be making, the newest first."""
        found = [reply for reply in self._replies.values() if reply.announced and not (reply.ended or reply.stale)]
        if self.current is not None and self.current not in found:
            found.append(self.current)
        return [reply for reply in reversed(found) if not reply.silenced]

    @property
    def unsettled(self) -> bool:
        """Is the last interruption still on its way? A new reply must not be asked for before it is complete."""
        return bool(self.owed) or self.cancelling is not None

    def can_interrupt(self) -> bool:
        return self._ledger.pending() > 0 or self.making is not None

    def waiting(self) -> list[Reply]:
        """Those of which something waits to be heard, oldest first."""
        found = (self._replies.get(item_id) for item_id in self._ledger.waiting_items())
        return [reply for reply in found if reply is not None]

    def sounding(self) -> list[Reply]:
        """What waits to be heard, and a reply whose next sound is late: it is not over because the network stutters."""
        replies, making = self.waiting(), self.making
        if making is not None and making not in replies and self._ledger.heard_ms(making.id):
            replies.append(making)
        return replies

    def whole(self, own_id: str) -> bool:
        """Has all of it come, or is no more to come?"""
        reply = self._replies.get(own_id)
        return reply is None or reply.done or reply.silenced

    def open_ended(self, own_id: str) -> bool:
        """Is it not known yet how much of this reply is heard in the end?"""
        reply = self._replies.get(own_id)
        if reply is None:
            return False
        owed = any(reply in batch for batch in self.owed)
        return owed or self._ledger.waits(own_id) or not (reply.done or reply.silenced)
