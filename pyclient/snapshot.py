"""What does the page see at this moment, and what of it is new?

Reads a session's parts and changes none of them, apart from the two counters that are only worth taking when they are shown.
"""

from __future__ import annotations

from typing import Any

from pyclient.conversation import Conversation, Turn
from pyclient.early import keeps_early_words
from pyclient.lifeline import Lifeline
from pyclient.states import IN_CALL, Activity, State, Trigger, can
from pyclient.view import TurnView, View, ViewUpdate, status_words, turn_view

# Where no sound is wanted: the page then gives the microphone back, so that its lamp goes out.
_QUIET = frozenset({State.IDLE, State.ENDING, State.ENDED, State.FAILED})
_OVER = frozenset({State.IDLE, State.ENDED, State.FAILED})

# What changes all the time and is no reason for a view of its own.
_RIDES_ALONG = frozenset({"stats", "ends_in_ms"})


def snapshot(life: Lifeline, doing: Activity, muted: bool, talking: bool, now_ms: float) -> View:
    """A whole view: see `View` for its shape."""
    turns = [_turn(life, turn) for turn in life.conversation.turns]
    return {**_frame(life, doing, muted, talking, now_ms), "turns": turns}  # type: ignore[typeddict-item]


class Updates:
    """What one page has been shown, so that it is told only what is new. Its cost does not grow with the conversation."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The next update is sent in any case, and is whole."""
        self._frame: dict[str, Any] | None = None
        self._of: Conversation | None = None
        self._turns: dict[str, TurnView] = {}
        self._sounding: set[str] = set()

    def next(
        self, life: Lifeline, doing: Activity, muted: bool, talking: bool, now_ms: float, *, anyhow: bool = False
    ) -> ViewUpdate | None:
        """The update for this moment, or None where a person would see no difference."""
        frame = _frame(life, doing, muted, talking, now_ms)
        turns, gone, order = self._changes(life)
        before = self._frame
        same = before is not None and all(before[key] == frame[key] for key in frame if key not in _RIDES_ALONG)
        if same and not (turns or gone or order is not None or anyhow):
            return None
        self._frame = frame
        return {**frame, "turns": turns, "gone": gone, "order": order}  # type: ignore[typeddict-item]

    def _changes(self, life: Lifeline) -> tuple[list[TurnView], list[str], list[str] | None]:
        conversation = life.conversation
        whole = conversation is not self._of
        if whole:
            self._of = conversation
            self._turns.clear()
            self._sounding.clear()
        # What was heard of a turn, and whether more comes, changes without a word.
        for reply_id in self._sounding | life.ledger.changed:
            conversation.touch(reply_id)
        life.ledger.changed.clear()
        changed, gone, order = conversation.take_changes(whole)
        for turn_id in gone:
            self._turns.pop(turn_id, None)
        shown = [(turn, _turn(life, turn)) for turn in changed]
        for turn, _ in shown:
            self._sounding.discard(turn.reply_id)
        self._sounding |= {turn.reply_id for turn, view in shown if view["sounding"]}
        news = [view for _, view in shown if self._turns.get(view["id"]) != view]
        self._turns.update({view["id"]: view for view in news})
        return news, gone, order


def _turn(life: Lifeline, turn: Turn) -> TurnView:
    over = life.state in _OVER and not life.draining  # nothing is heard any more, whatever the speaker still owes us
    sounding = bool(turn.reply_id) and not over and life.replies.sounding(turn.reply_id)
    return turn_view(turn, life.ledger.heard_ms(turn.reply_id) if turn.reply_id else None, sounding)


def _frame(life: Lifeline, doing: Activity, muted: bool, talking: bool, now_ms: float) -> dict[str, Any]:
    """Everything but the turns."""
    status, tone = status_words(life.state, doing, muted, life.agent_there, keeps_early_words(life.config))
    in_call = life.state in IN_CALL
    life.stats.underruns = life.ledger.underruns
    life.stats.queued_ms = life.ledger.queued_ms
    return {
        "state": life.state.value,
        "activity": doing.value,
        "status": status,
        "tone": tone,
        "audio_wanted": life.draining or life.state not in _QUIET,
        "can_connect": can(life.state, Trigger.CONNECT),
        "can_hang_up": can(life.state, Trigger.HANG_UP),
        "can_interrupt": (in_call or life.draining) and life.replies.can_interrupt(),
        "can_type": in_call,
        "muted": muted,
        "provider": life.codec.name,
        "features": life.features,
        "turn_style": life.config.turn_style,
        "talking": talking and in_call,
        "notice": life.notice.view() if life.notice is not None else None,
        "voices": list(life.voices) if life.voices else None,
        "session_id": life.session_id,
        "ends_in_ms": life.limit.left_ms(now_ms) if in_call else None,
        "stats": life.stats.as_dict(),
    }
