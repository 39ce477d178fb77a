"""View builder: what the page sees at this moment, and what of it is new.

Reads a session's parts and changes none of them, apart from those counters that are only worth taking
when they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from pyclient.call import Call
from pyclient.core.states import IN_CALL, OVER, Activity, State, Trigger, can
from pyclient.page.transcript import Transcript, Turn
from pyclient.page.view import TurnView, View, ViewUpdate, status_words, turn_view
from pyclient.turns.preconnect_audio import keeps_preconnect_audio

# Where no sound is wanted: the page then gives the microphone back, so that its lamp goes out.
_QUIET = frozenset({State.IDLE, State.ENDING, State.ENDED, State.FAILED})

# Of speech with spaces between words; others take longer.
QUICKEST_MS_PER_CHAR = 50

# What changes all the time and is no reason for a view of its own.
_RIDES_ALONG = frozenset({"stats", "ends_in_ms", "cost"})


@dataclass(frozen=True, slots=True)
class Moment:
    """What the parts know of now: what is going on, whether the talk key counts as held, the time that the limits
    leave, the cost.
    """

    doing: Activity
    talking: bool
    left_ms: int
    cost: float | None


def build_view(call: Call, now: Moment) -> View:
    """A whole view: see `View` for its shape."""
    turns = [_turn(call, turn) for turn in call.transcript.turns]
    return {**_frame(call, now), "turns": turns}  # type: ignore[typeddict-item]


class ViewUpdates:
    """What one page has been shown, so that it is told only what is new.

    Its cost does not grow with the conversation.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The next update is sent in any case, and is whole."""
        self._frame: dict[str, Any] | None = None
        self._of: Transcript | None = None
        self._turns: dict[str, TurnView] = {}
        self._sounding: set[str] = set()

    def next(self, call: Call, now: Moment, *, anyhow: bool = False) -> ViewUpdate | None:
        """The update for this moment, or None where a person would see no difference."""
        frame = _frame(call, now)
        turns, gone, order = self._changes(call)
        before = self._frame
        same = before is not None and all(before[key] == frame[key] for key in frame if key not in _RIDES_ALONG)
        if same and not (turns or gone or order is not None or anyhow):
            return None
        self._frame = frame
        update: Any = {**frame, "turns": turns, "gone": gone, "order": order}
        return cast(ViewUpdate, update)

    def _changes(self, call: Call) -> tuple[list[TurnView], list[str], list[str] | None]:
        transcript = call.transcript
        whole = transcript is not self._of
        if whole:
            self._of = transcript
            self._turns.clear()
            self._sounding.clear()
        # What was heard of a turn, and whether more comes, changes without a word.
        for reply_id in self._sounding | call.ledger.changed:
            transcript.touch(reply_id)
        call.ledger.changed.clear()
        changed, gone, order = transcript.take_changes(whole)
        for turn_id in gone:
            self._turns.pop(turn_id, None)
        shown = [(turn, _turn(call, turn)) for turn in changed]
        for turn, _ in shown:
            self._sounding.discard(turn.reply_id)
        self._sounding |= {turn.reply_id for turn, view in shown if view["sounding"]}
        news = [view for _, view in shown if not _same(self._turns.get(view["id"]), view)]
        self._turns.update({view["id"]: view for view in news})
        return news, gone, order


def _same(before: TurnView | None, turn: TurnView) -> bool:
    """Nothing to be seen: while a turn sounds, its time alone is no news."""
    if before is None or not turn["sounding"]:
        return before == turn
    return {**before, "heard_ms": turn["heard_ms"]} == turn


def _turn(call: Call, turn: Turn) -> TurnView:
    over = call.state in OVER and not call.draining  # nothing is heard any more, whatever the speaker still owes us
    sounding = bool(turn.reply_id) and not over and call.replies.open_ended(turn.reply_id)
    if not turn.reply_id:
        return turn_view(turn, None)
    heard_ms, share = call.ledger.heard_ms(turn.reply_id), call.ledger.share_heard(turn.reply_id)
    if not call.replies.whole(turn.reply_id):
        # How long it will be is not known yet; nobody speaks faster than that.
        share = min(share, (heard_ms or 0) / (len(turn.text) * QUICKEST_MS_PER_CHAR or 1))
    return turn_view(turn, heard_ms, sounding, share)


def _frame(call: Call, now: Moment) -> dict[str, Any]:
    """Everything but the turns."""
    status, tone = status_words(
        call.state,
        now.doing,
        call.muted,
        call.agent_there,
        keeps_preconnect_audio(call.config),
        call.config.turn_style == "text",
        call.paused,
    )
    in_call = call.state in IN_CALL
    call.stats.underruns = call.ledger.underruns
    call.stats.queued_ms = call.ledger.queued_ms
    return {
        "state": call.state.value,
        "activity": now.doing.value,
        "status": status,
        "tone": tone,
        "audio_wanted": call.draining or call.state not in _QUIET,
        "can_connect": can(call.state, Trigger.CONNECT),
        "can_hang_up": can(call.state, Trigger.HANG_UP),
        "can_interrupt": (in_call or call.draining) and call.replies.can_interrupt(),
        "can_type": in_call,
        "muted": call.muted,
        "paused": call.paused,
        "provider": call.codec.name,
        "features": call.features,
        "turn_style": call.config.turn_style,
        "talking": now.talking and in_call,
        "notice": call.notice.view() if call.notice is not None else None,
        "voices": list(call.voices) if call.voices else None,
        "session_id": call.session_id,
        "ends_in_ms": now.left_ms if in_call else None,
        "cost": now.cost,
        "stats": call.stats.as_dict(),
    }
