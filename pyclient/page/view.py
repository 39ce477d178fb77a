"""View: the shape of what the page sees, and the words of the status line.

A snapshot is JSON-ready and bounded. The page draws it and adds nothing of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypedDict

from pyclient.core.states import Activity, State
from pyclient.page.transcript import Turn

# A text of the catalogues (`templates/languages/`): its key, and what goes into its braces: words, numbers, such a
# text, or a list of them. The page puts it into its language.
Text = list[Any]


class NoticeView(TypedDict):
    """One message to the person. `tone`: info, warn or error. `retry`: pressing Connect again can help.

    `hint`: said in a row.
    """

    tone: str
    code: str
    title: Text
    hint: list[Text]
    retry: bool


class TurnView(TypedDict):
    """One line of the transcript. `heard_ms` is None for a turn without audio.

    `sounding`: more of it will be heard, or it is not known yet where it was cut: until then `text` is more than the
    person has heard.

    `heard_chars`: how much of `text` was heard while it sounds, in UTF-16 units as scripts count; None where
    all of it counts.

    `role` is user, agent, system, tool, or mark: a line of our own between turns, whose `text`
    names it: "context_lost", "history".
    """

    id: str
    role: str
    text: str
    final: bool
    interrupted: bool
    heard_ms: int | None
    heard_chars: int | None
    sounding: bool


class View(TypedDict):
    """Everything the page shows.

    `state` and `activity` are values of `State` and `Activity`; `status` names the text for them (`status.` of the
    catalogues); `tone` is one of idle, busy, good, speaking, warn, error. While `audio_wanted` is true the page keeps
    microphone and audio context open. `can_type` stays true while the line comes back: nobody's sentence is taken from
    under their hands, only sending it waits. `voices` is a live list from the provider, once it named one. `ends_in_ms`
    counts to the session's time limit as of this snapshot; the page counts on by itself. `cost`: an estimate of what
    the call has cost by then, where rates are configured. `stats` never causes a snapshot, it rides along.

    `provider` is the vendor of this call and `features` what its wire can do (the names of `codecs.Features`): the page
    offers no more. `paused`: the person holds the agent. `turn_style` is vad, half_duplex, push_to_talk or text;
    `talking` is true while the talk key counts as held.
    """

    state: str
    activity: str
    status: str
    tone: str
    audio_wanted: bool
    can_connect: bool
    can_hang_up: bool
    can_interrupt: bool
    can_type: bool
    muted: bool
    paused: bool
    provider: str
    features: dict[str, bool]
    turn_style: str
    talking: bool
    notice: NoticeView | None
    turns: list[TurnView]
    voices: list[str] | None
    session_id: str | None
    ends_in_ms: int | None
    cost: float | None
    stats: dict[str, Any]


class ViewUpdate(View):
    """What a page that keeps the list of turns is told: a `View` whose `turns` are only those that are new or changed.

    `gone` are ids that left the list. `order` holds all ids where the list is to be put in order, and None where known
    turns stay where they are and new ones follow behind them. See `merge_turns`.
    """

    gone: list[str]
    order: list[str] | None


def merge_turns(turns: list[TurnView], update: ViewUpdate) -> list[TurnView]:
    """The whole list after `update`; the page does the same in its own language."""
    known = {turn["id"]: turn for turn in turns}
    for gone in update["gone"]:
        known.pop(gone, None)
    known.update({turn["id"]: turn for turn in update["turns"]})
    return list(known.values()) if update["order"] is None else [known[turn_id] for turn_id in update["order"]]


@dataclass(slots=True, kw_only=True)
class Stats:
    """Counters of one session. `*_to_first_sound_ms` are the last turn's.

    `speech_end_to_first_sound_ms` starts at the last loud microphone frame, `commit_to_first_sound_ms` at the server's
    decision that the turn is over, `arrival_to_first_sound_ms` when the first audio that can be heard came; all end at
    the first sample that could be heard. `round_trip_at_most_ms`: the quickest of what the network was asked in this
    call, so that a way there and back takes no longer.
    """

    frames_sent: int = 0
    frames_dropped: int = 0  # no audio, or before the server was ready
    preconnect_audio_ms: int = 0  # said before the call was live, and kept for it: what can be heard of it
    preconnect_dropped_ms: int = 0  # said before that, and too much
    frames_muted: int = 0
    outage_frames_sent: int = 0  # kept while the line was down
    outage_frames_dropped: int = 0
    reconnects: int = 0  # times that the line came back
    rejected_messages: int = 0
    ignored_messages: int = 0
    late_audio_dropped: int = 0
    underruns: int = 0
    queued_ms: int = 0
    replies: int = 0
    interruptions: int = 0
    ducks: int = 0
    tool_calls: int = 0
    faults: int = 0
    input_tokens: int = 0  # as the vendor reports them, with those that it had cached
    output_tokens: int = 0
    speech_end_to_first_sound_ms: int | None = None
    commit_to_first_sound_ms: int | None = None
    arrival_to_first_sound_ms: int | None = None
    round_trip_at_most_ms: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


_STATUS: Mapping[State, tuple[str, str]] = MappingProxyType(
    {
        State.IDLE: ("idle", "idle"),
        State.MINTING: ("connecting", "busy"),
        State.CONNECTING: ("connecting", "busy"),
        State.CONFIGURING: ("setting_up", "busy"),
        State.LIVE: ("listening", "good"),
        State.ENDING: ("ending", "busy"),
        State.ENDED: ("ended", "idle"),
        State.FAILED: ("not_connected", "error"),
        State.DROPPED: ("dropped", "warn"),
        State.RESUMING: ("resuming", "warn"),
    }
)
# While the call is being set up and what is said is kept for it.
_KEEPING = ("kept_until_call", "busy")
_SETTING_UP = frozenset({State.MINTING, State.CONNECTING, State.CONFIGURING})
_DOING: Mapping[Activity, tuple[str, str]] = MappingProxyType(
    {
        Activity.LISTENING: ("listening", "good"),
        Activity.USER_SPEAKING: ("user_speaking", "good"),
        Activity.THINKING: ("thinking", "busy"),
        Activity.TOOL_PENDING: ("tool_pending", "busy"),
        Activity.AGENT_SPEAKING: ("agent_speaking", "speaking"),
    }
)


def status_words(
    state: State,
    activity: Activity,
    muted: bool,
    agent_there: bool = True,
    keeps: bool = False,
    types: bool = False,
    paused: bool = False,
) -> tuple[str, str]:
    """The name of the status line's text, and the tone. `keeps`: what is said before the call is kept for it.

    `types`: nobody listens.
    """
    if keeps and not muted and state in _SETTING_UP:
        return _KEEPING
    if activity is Activity.NONE:
        return _STATUS[state]
    if paused:
        return "paused", "warn"
    if not agent_there and activity is Activity.LISTENING:
        return "agent_awaited", "busy"
    if types and activity is Activity.LISTENING:
        return "typing", "good"
    if muted and activity is Activity.LISTENING:
        return "muted", "warn"
    return _DOING[activity]


def turn_view(turn: Turn, heard_ms: int | None, sounding: bool = False, share: float = 1.0) -> TurnView:
    """One turn. `share` of what came of its sound was heard."""
    heard = turn.text[: turn.heard_length(heard_ms or 0, share)] if sounding else ""
    return {
        "id": turn.id,
        "role": turn.role,
        "text": turn.text.rstrip(),
        "final": turn.final,
        "interrupted": turn.interrupted,
        "heard_ms": heard_ms,
        "heard_chars": len(heard.encode("utf-16-le", "surrogatepass")) // 2 if sounding else None,
        "sounding": sounding,
    }
