"""What does the page see at this moment?

Reads a session's parts and changes none of them, apart from the two counters that are only worth taking when they are shown.
"""

from __future__ import annotations

from dataclasses import asdict

from pyclient.early import keeps_early_words
from pyclient.lifeline import Lifeline
from pyclient.states import IN_CALL, Activity, State, Trigger, can
from pyclient.view import View, status_words, turn_view

# Where no sound is wanted: the page then gives the microphone back, so that its lamp goes out.
_QUIET = frozenset({State.IDLE, State.ENDING, State.ENDED, State.FAILED})


def snapshot(life: Lifeline, doing: Activity, muted: bool, talking: bool, now_ms: float) -> View:
    """A whole view: see `View` for its shape."""
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
        "features": {name: can_do for name, can_do in asdict(life.codec.features).items() if isinstance(can_do, bool)},
        "turn_style": life.config.turn_style,
        "talking": talking and in_call,
        "notice": life.notice.view() if life.notice is not None else None,
        "turns": [turn_view(turn, life.ledger.heard_ms(turn.reply_id)) for turn in life.conversation.turns],
        "voices": list(life.voices) if life.voices else None,
        "session_id": life.session_id,
        "ends_in_ms": life.limit.left_ms(now_ms) if in_call else None,
        "stats": life.stats.as_dict(),
    }
