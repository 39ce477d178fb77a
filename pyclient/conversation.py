"""What was said, by whom, and how much of it counts?

Folds transcripts into turns. A user's partial replaces the one before; an agent's delta is appended with the spacing
rule of `join_words`; a final text settles a turn and later deltas for it are ignored.

Turns stand in the order in which they began, unless the vendor says where a turn belongs: servers settle transcripts late,
so the order of arrival is not the order of speech. A turn that has its place and no words yet is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TURN_CHARS = 20_000

_NO_SPACE_BEFORE = frozenset(".,!?;:%)]}”»…。、，！？：；）」』")
_NO_SPACE_AFTER = frozenset("([{“«¿¡「『（")
_CONTRACTIONS = ("s", "t", "d", "m", "re", "ve", "ll")


@dataclass(slots=True)
class Turn:
    """One party's stretch. `role` is user, agent, system, tool or mark. `reply_id` ties an agent turn to its audio.

    A mark is a line of our own between turns, such as "context lost". `placed`: the vendor said where it stands.
    `cut_off`: final only because the line broke; words that still come are taken.
    """

    id: str
    role: str
    text: str = ""
    final: bool = False
    interrupted: bool = False
    reply_id: str = ""
    placed: bool = False
    cut_off: bool = False


class Conversation:
    """The turns of one call, at most `max_turns` of them. Ids of the vendor's get a suffix after a lost session."""

    def __init__(self, max_turns: int) -> None:
        self._max_turns = max_turns
        self._turns: dict[str, Turn] = {}
        self._made = 0
        self._suffix = ""
        self._lost_sessions = 0
        self._floor: str | None = None  # the mark behind which the session of now begins

    @property
    def turns(self) -> list[Turn]:
        return [turn for turn in self._turns.values() if turn.text or not turn.placed]

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
        if after_id:
            behind = [f"{one}:{after_id}{self._suffix}" for one in ("user", "agent")]
            anchor = next((one for one in behind if one in self._turns and one != key), None)
            if anchor is None:
                return
        else:
            anchor = self._floor if self._floor in self._turns else None
        order = [one for one in self._turns if one != key]
        order.insert(order.index(anchor) + 1 if anchor is not None else 0, key)
        self._turns = {one: turn if one == key else self._turns[one] for one in order}

    def new_session(self, mark: str) -> None:
        """The session is lost and another one goes on here: every turn so far is as final as it will get."""
        self.finish()
        self._lost_sessions += 1
        self._suffix = f"~{self._lost_sessions}"
        self._floor = self._settled("mark", mark).id

    def user_said(self, item_id: str, text: str, final: bool) -> None:
        """A partial or final transcript of the user. Without an id it belongs to the last turn that is not settled."""
        key = f"user:{item_id}{self._suffix}"
        turn = self._turns.get(key) if item_id else self._open_turn("user")
        if turn is None:
            if not text.strip():
                return
            turn = self._add(key if item_id else self._next_id("user"), "user")
        if turn.final and not final:
            return
        turn.text = _bounded(text.strip())
        turn.final = final
        if final and not turn.text and not turn.placed:
            del self._turns[turn.id]  # the recogniser changed its mind: nothing had been said

    def user_typed(self, text: str) -> None:
        self._settled("user", text)

    def note(self, text: str) -> None:
        """A line of the system's own in the transcript."""
        self._settled("system", text)

    def agent_delta(self, reply_id: str, text: str) -> None:
        """Words to append. Ignored once the turn has its final text."""
        turn = self._agent_turn(reply_id)
        if turn is None:
            if not text.strip():
                return
            turn = self._add_agent(reply_id)
        if not turn.final or turn.cut_off:
            turn.text = _bounded(join_words(turn.text, text))

    def agent_said(self, reply_id: str, text: str, interrupted: bool) -> None:
        """The whole text. A text cut by an interruption replaces a longer one, and is never replaced by it."""
        turn = self._agent_turn(reply_id)
        if turn is None:
            if not text.strip():
                return
            turn = self._add_agent(reply_id)
        if turn.final and turn.interrupted and not interrupted:
            return
        turn.text = _bounded(text.strip())
        turn.final = True
        turn.cut_off = False
        turn.interrupted = turn.interrupted or interrupted

    def agent_text(self, reply_id: str) -> str:
        """What the transcript shows of a reply so far."""
        turn = self._agent_turn(reply_id)
        return turn.text if turn is not None else ""

    def agent_stopped(self, reply_id: str, interrupted: bool) -> None:
        """No more is to come for this reply. Keeps whatever text there is."""
        turn = self._agent_turn(reply_id)
        if turn is not None:
            turn.final = True
            turn.text = turn.text.rstrip()
            turn.interrupted = turn.interrupted or interrupted

    def agent_heard(self, reply_id: str, share: float) -> None:
        """Of an interrupted turn keep the words that were heard: as many as `share` of its sound, up to the end of a word."""
        turn = self._agent_turn(reply_id)
        if turn is not None and turn.interrupted and share < 1.0:
            end = turn.text.find(" ", round(len(turn.text) * share))
            turn.text = turn.text if end < 0 else turn.text[:end]

    def agent_cut_off(self, reply_id: str) -> None:
        """The line broke in mid-reply: the turn ends as it stands, unless the server goes on with it after all."""
        turn = self._agent_turn(reply_id)
        if turn is not None and not turn.final:
            turn.final = turn.cut_off = True

    def tool_called(self, call_id: str, text: str) -> None:
        self._add(f"tool:{call_id}{self._suffix}", "tool").text = _bounded(text)

    def tool_settled(self, call_id: str, text: str, cancelled: bool = False) -> None:
        turn = self._turns.get(f"tool:{call_id}{self._suffix}")
        if turn is not None and not turn.final:
            turn.text = _bounded(text)
            turn.final = True
            turn.interrupted = cancelled

    def finish(self) -> None:
        """The session is over: every turn is as final as it will get."""
        for turn in self._turns.values():
            turn.final = True

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
        while len(self._turns) > self._max_turns:
            del self._turns[next(iter(self._turns))]
        return turn


def join_words(text: str, delta: str) -> str:
    """Append a delta that may or may not bring its own spaces (protocol file section 5).

    One space between words, none before punctuation, closing quotes or contractions, none after an opening bracket
    or quote, none between characters of scripts that are written without spaces; a line break stays one.
    """
    word = delta.strip()
    kept = text.rstrip()
    if not kept:
        return delta.lstrip()
    if not word:
        return text if text[-1].isspace() else text + delta[:1]
    gap = text[len(kept) :] + delta[: len(delta) - len(delta.lstrip())]
    tail = delta[len(delta.rstrip()) :]
    if "\n" in gap:
        return f"{kept}\n{word}{tail}"
    space = "" if _joins(kept, word, bool(gap)) else " "
    return f"{kept}{space}{word}{tail}"


def _joins(kept: str, word: str, gap: bool) -> bool:
    first, last = word[0], kept[-1]
    if first in _NO_SPACE_BEFORE or last in _NO_SPACE_AFTER:
        return True
    if first in "'’":
        return word[1:].rstrip(".,!?;:").lower() in _CONTRACTIONS
    if first == '"' and len(word.rstrip(".,!?;:")) == 1:
        return kept.count('"') % 2 == 1  # a quote mark alone: closes if one is open
    if last == '"':
        return kept.count('"') % 2 == 1  # just opened
    return not gap and _spaceless(first) and _spaceless(last)


def _spaceless(char: str) -> bool:
    """Han, kana and their full-width punctuation; Hangul is written with spaces."""
    return "\u3000" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef"


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_TURN_CHARS else text[: MAX_TURN_CHARS - 1] + "…"
