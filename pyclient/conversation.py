"""What was said, by whom, and how much of it counts?

Folds transcripts into turns. A user's partial replaces the one before; an agent's delta is appended with the spacing
rule of `join_words`; a final text settles a turn and later deltas for it are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TURN_CHARS = 20_000

_NO_SPACE_BEFORE = frozenset(".,!?;:%)]}”»…。、，！？：；）」』")
_NO_SPACE_AFTER = frozenset("([{“«¿¡「『（")
_CONTRACTIONS = ("s", "t", "d", "m", "re", "ve", "ll")


@dataclass(slots=True)
class Turn:
    """One party's stretch. `role` is user, agent, system or tool. `reply_id` ties an agent turn to its audio."""

    id: str
    role: str
    text: str = ""
    final: bool = False
    interrupted: bool = False
    reply_id: str = ""


class Conversation:
    """The turns in the order in which they began, at most `max_turns` of them."""

    def __init__(self, max_turns: int) -> None:
        self._max_turns = max_turns
        self._turns: dict[str, Turn] = {}
        self._made = 0

    @property
    def turns(self) -> list[Turn]:
        return list(self._turns.values())

    def user_said(self, item_id: str, text: str, final: bool) -> None:
        """A partial or final transcript of the user. Without an id it belongs to the last turn that is not settled."""
        turn = self._turns.get(f"user:{item_id}") if item_id else self._open_turn("user")
        if turn is None:
            if not text.strip():
                return
            turn = self._add(f"user:{item_id}" if item_id else self._next_id("user"), "user")
        if turn.final and not final:
            return
        turn.text = _bounded(text.strip())
        turn.final = final
        if final and not turn.text:
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
        if not turn.final:
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

    def tool_called(self, call_id: str, text: str) -> None:
        self._add(f"tool:{call_id}", "tool").text = _bounded(text)

    def tool_settled(self, call_id: str, text: str, cancelled: bool = False) -> None:
        turn = self._turns.get(f"tool:{call_id}")
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

    def _settled(self, role: str, text: str) -> None:
        turn = self._add(self._next_id(role), role)
        turn.text = _bounded(text)
        turn.final = True

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
