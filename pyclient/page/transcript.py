"""Transcript: what was said, by whom, and how much of it counts.

Folds transcripts into turns. A user's partial replaces the one before; an agent's delta is appended with the spacing
rule of `join_words`; a final text settles a turn and later deltas for it are ignored.

Turns stand in the order in which they began, unless the vendor says where a turn belongs: servers settle transcripts
late, so the order of arrival is not the order of speech. Where it does not say, a user's turn stands where its speech
began. A turn that has its place and no words yet is not shown.

`take_changes` says what is new for a page that keeps the list, at a cost that does not grow with the conversation.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from pyclient.core.graphemes import clip, heard_part
from pyclient.page.spacing import join_words

MAX_TURN_CHARS = 20_000
MAX_SPEECHES = 64  # that are waiting for their first word


@dataclass(slots=True)
class Turn:
    """One party's stretch. `role` is user, agent, system, tool or mark. `reply_id` ties an agent turn to its audio.

    A mark is a line of our own between turns, such as "context lost". `placed`: the vendor said where it stands.
    `spoken_at`: where the vendor says when each word begins in the sound of its reply: (ms, length of the text with
    that word). `cut_off`: final only because no more was to come (the reply is complete, the line broke); words that
    still come are taken.
    """

    id: str
    role: str
    text: str = ""
    final: bool = False
    interrupted: bool = False
    reply_id: str = ""
    placed: bool = False
    cut_off: bool = False
    spoken_at: list[tuple[int, int]] = field(default_factory=list)

    def heard_length(self, heard_ms: int, share: float) -> int:
        """How many characters of the text were heard, after so many ms of its sound, which are `share` of
        what came of it.
        """
        if not self.spoken_at:
            return len(heard_part(self.text, share)) if heard_ms else 0
        begun = bisect_left(self.spoken_at, (heard_ms,))
        return self.spoken_at[begun - 1][1] if begun else 0


class Transcript:
    """The turns of one call, at most `max_turns` of them. Ids of the vendor's get a suffix after a lost session."""

    def __init__(self, max_turns: int) -> None:
        self._max_turns = max_turns
        self._turns: dict[str, Turn] = {}
        self._made = 0
        self._suffix = ""
        self._lost_sessions = 0
        self._session_mark: str | None = None  # the mark behind which the present session begins
        self._speech_behind: dict[str, str | None] = {}  # item id -> the last turn when its speech began
        self._changed: dict[str, None] = {}
        self._gone: list[str] = []
        self._reordered = False
        self._shown: dict[str, None] = {}  # what a page that took all changes has

    def __len__(self) -> int:
        """How many turns are kept, also those that have a place and no words yet."""
        return len(self._turns)

    @property
    def unplaced_speeches(self) -> int:
        """How many stretches of speech wait for their first word."""
        return len(self._speech_behind)

    @property
    def turns(self) -> list[Turn]:
        return [turn for turn in self._turns.values() if _visible(turn)]

    def spoken(self) -> list[tuple[str, str]]:
        """(role, text) of what the two parties said, oldest first."""
        return [(turn.role, turn.text.strip()) for turn in self.turns if turn.role in ("user", "agent") and turn.text]

    def placed(self, turn_id: str, after_id: str, role: str) -> None:
        """A turn stands right behind another one; "" is the first place of this session.

        Behind a turn that nobody knows: at the end, or where it already stands.
        """
        key = f"{role}:{turn_id}{self._suffix}"
        turn = self._turns.get(key)
        if turn is None:
            turn = self._add(key, role)
            turn.reply_id = turn_id + self._suffix if role == "agent" else ""
        turn.placed = True
        self._changed[key] = None
        if after_id:
            behind = [f"{one}:{after_id}{self._suffix}" for one in ("user", "agent")]
            anchor = next((one for one in behind if one in self._turns and one != key), None)
            if anchor is None:
                return
        else:
            anchor = self._session_mark if self._session_mark in self._turns else None
        self._move_behind(key, anchor)

    def speech_began(self, item_id: str = "") -> None:
        """The user begins to speak: their words belong here, however late they come."""
        if len(self._speech_behind) >= MAX_SPEECHES:
            del self._speech_behind[next(iter(self._speech_behind))]
        self._speech_behind[item_id] = next(reversed(self._turns), None)

    def take_changes(self, whole: bool = False) -> tuple[list[Turn], list[str], list[str] | None]:
        """Turns that changed since the last time, ids that went, and the order of all where it is not told by the rest.

        Without an order: known turns stand as before, new ones behind them. `whole`: for a page that has nothing yet.
        """
        if whole:
            self._shown.clear()
            self._changed = dict.fromkeys(self._turns)
        changed = [self._turns[key] for key in self._changed if key in self._turns]
        gone = [key for key in self._gone if self._shown.pop(key, self) is not self]
        gone += [turn.id for turn in changed if not _visible(turn) and self._shown.pop(turn.id, self) is not self]
        changed = [turn for turn in changed if _visible(turn)]
        new = [turn.id for turn in changed if turn.id not in self._shown]
        order = [turn.id for turn in self.turns] if whole or self._reordered or not self._at_end(new) else None
        self._shown.update(dict.fromkeys(new))
        self._changed.clear()
        self._gone.clear()
        self._reordered = False
        return changed, gone, order

    def touch(self, reply_id: str) -> None:
        """Something about the sound of an agent's turn changed."""
        key = f"agent:{reply_id}"
        if key in self._turns:
            self._changed[key] = None

    def new_session(self, mark: str) -> None:
        """The session is lost and another one goes on here: every turn so far is as final as it will get."""
        self.finish()
        self._lost_sessions += 1
        self._suffix = f"~{self._lost_sessions}"
        self._session_mark = self._settled("mark", mark).id

    def user_said(self, item_id: str, text: str, final: bool) -> None:
        """A partial or final transcript of the user. Without an id it belongs to the last turn that is not settled."""
        key = f"user:{item_id}{self._suffix}"
        turn = self._turns.get(key) if item_id else self._open_turn("user")
        if turn is None:
            if not text.strip():
                return
            turn = self._add(key if item_id else self._next_id("user"), "user")
            self._move_to_speech(turn.id, item_id)
        if turn.final and not final:
            return
        self._changed[turn.id] = None
        turn.text = _bounded(text.strip())
        turn.final = final
        if final and not turn.text and not turn.placed:
            self._remove(turn.id)  # the recogniser changed its mind: nothing had been said

    def user_typed(self, text: str) -> None:
        self._settled("user", text)

    def note(self, text: str) -> None:
        """A line of the system's own in the transcript."""
        self._settled("system", text)

    def agent_delta(self, reply_id: str, text: str, start_ms: int | None = None) -> None:
        """Words to append, and when they begin in the sound.

        Ignored once the turn has its final text, or was interrupted.
        """
        turn = self._agent_turn(reply_id)
        if turn is None:
            if not text.strip():
                return
            turn = self._add_agent(reply_id)
        if not turn.final or turn.cut_off:
            self._changed[turn.id] = None
            turn.text = _bounded(join_words(turn.text, text))
            if start_ms is not None and start_ms >= (turn.spoken_at[-1][0] if turn.spoken_at else 0):
                turn.spoken_at.append((start_ms, len(turn.text.rstrip())))

    def agent_said(self, reply_id: str, text: str, interrupted: bool) -> None:
        """The whole text. A text cut by an interruption replaces a longer one, and is never replaced by it."""
        turn = self._agent_turn(reply_id)
        if turn is None:
            if not text.strip():
                return
            turn = self._add_agent(reply_id)
        if turn.final and turn.interrupted and not interrupted:
            return
        self._changed[turn.id] = None
        whole = _bounded(text.strip())
        if whole != turn.text.strip():
            turn.spoken_at.clear()  # these are no longer the places of those words
        turn.text = whole
        turn.final = True
        turn.cut_off = False
        turn.interrupted = turn.interrupted or interrupted

    def agent_text(self, reply_id: str) -> str:
        """What the transcript shows of a reply so far."""
        turn = self._agent_turn(reply_id)
        return turn.text if turn is not None else ""

    def agent_stopped(self, reply_id: str, interrupted: bool) -> None:
        """No more is to come for this reply.

        Keeps whatever text there is; late words of a complete one are still taken.
        """
        turn = self._agent_turn(reply_id)
        if turn is not None:
            self._changed[turn.id] = None
            turn.interrupted = turn.interrupted or interrupted
            turn.cut_off = (turn.cut_off or not turn.final) and not turn.interrupted
            turn.final = True
            turn.text = turn.text.rstrip()

    def agent_heard(self, reply_id: str, heard_ms: int, share: float) -> None:
        """Of an interrupted turn keep the words that were heard.

        Where the vendor says when each begins: those that had begun. Else as many as `share` of its sound, up to the
        end of a word, or, where words have no spaces between them, of a character, as a reader counts them.
        """
        turn = self._agent_turn(reply_id)
        if turn is not None and turn.interrupted and share < 1.0:
            self._changed[turn.id] = None
            turn.text = turn.text[: turn.heard_length(heard_ms, share)].rstrip()

    def agent_cut_off(self, reply_id: str) -> None:
        """The line broke in mid-reply: the turn ends as it stands, unless the server goes on with it after all."""
        turn = self._agent_turn(reply_id)
        if turn is not None and not turn.final:
            self._changed[turn.id] = None
            turn.final = turn.cut_off = True

    def tool_called(self, call_id: str, text: str) -> None:
        self._add(f"tool:{call_id}{self._suffix}", "tool").text = _bounded(text)

    def tool_settled(self, call_id: str, text: str, cancelled: bool = False) -> None:
        turn = self._turns.get(f"tool:{call_id}{self._suffix}")
        if turn is not None and not turn.final:
            self._changed[turn.id] = None
            turn.text = _bounded(text)
            turn.final = True
            turn.interrupted = cancelled

    def finish(self) -> None:
        """The session is over: every turn is as final as it will get."""
        for turn in self._turns.values():
            if not turn.final:
                self._changed[turn.id] = None
                turn.final = True

    def _at_end(self, new: list[str]) -> bool:
        """Are these the last turns that are shown? Puts them in their order."""
        wanted = set(new)
        found: list[str] = []
        for turn in reversed(self._turns.values()):
            if len(found) == len(new):
                break
            if turn.id in wanted:
                found.append(turn.id)
            elif _visible(turn):
                return False
        new[:] = reversed(found)
        return True

    def _move_to_speech(self, key: str, item_id: str) -> None:
        """A turn that begins with its first word stands where its speech began."""
        name = item_id if item_id in self._speech_behind else ""
        if name not in self._speech_behind:
            return
        behind = self._speech_behind.pop(name)
        self._speech_behind.pop("", None)
        if behind is None:
            behind = self._session_mark
        if behind != key and (behind is None or behind in self._turns):
            self._move_behind(key, behind)

    def _move_behind(self, key: str, anchor: str | None) -> None:
        """Right behind `anchor`, or first where there is none."""
        last = reversed(self._turns)
        if next(last) == key and next(last, None) == anchor:
            return  # as nearly always: it is the newest, and stands there already
        order = [one for one in self._turns if one != key]
        order.insert(order.index(anchor) + 1 if anchor is not None else 0, key)
        self._turns = {one: self._turns[one] for one in order}
        self._reordered = True

    def _remove(self, key: str) -> None:
        del self._turns[key]
        self._gone.append(key)

    def _agent_turn(self, reply_id: str) -> Turn | None:
        return self._turns.get(f"agent:{reply_id}")

    def _add_agent(self, reply_id: str) -> Turn:
        turn = self._add(f"agent:{reply_id}", "agent")
        turn.reply_id = reply_id
        return turn

    def _open_turn(self, role: str) -> Turn | None:
        for turn in reversed(self._turns.values()):
            if turn.role == role:
                return None if turn.final else turn
        return None

    def _settled(self, role: str, text: str) -> Turn:
        turn = self._add(self._next_id(role), role)
        turn.text = _bounded(text)
        turn.final = True
        return turn

    def _next_id(self, role: str) -> str:
        self._made += 1
        return f"{role}#{self._made}"

    def _add(self, turn_id: str, role: str) -> Turn:
        turn = self._turns[turn_id] = Turn(id=turn_id, role=role)
        self._changed[turn_id] = None
        while len(self._turns) > self._max_turns:
            self._remove(next(iter(self._turns)))
        return turn


def _visible(turn: Turn) -> bool:
    return bool(turn.text) or not turn.placed


def _bounded(text: str) -> str:
    return clip(text, MAX_TURN_CHARS)
