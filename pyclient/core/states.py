"""State machine: which state may follow which, and what a session may be doing in each.

Two rules:

1. Everything that decides legality lives in this file. Other modules look it up; none of them compares states to
   find out what is allowed next.
2. This file knows no vendor, no message, no timer and no command. It could drive any conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from types import MappingProxyType

from pyclient.core import events
from pyclient.core.errors import LocalProtocolError


@unique
class State(Enum):
    """Where a session is in its life. The value is the word that the page sees."""

    IDLE = "idle"  # nothing was asked yet
    MINTING = "minting"  # waiting for a token
    CONNECTING = "connecting"  # waiting for the socket to open
    CONFIGURING = "configuring"  # settings sent, waiting for the server to be ready
    LIVE = "live"  # audio flows
    ENDING = "ending"  # we said goodbye and wait for the server's last word
    ENDED = "ended"  # over, as somebody wished
    FAILED = "failed"  # over, as nobody wished: a notice says why
    DROPPED = "dropped"  # the line broke; waiting for the next attempt, while the server may still hold the session
    RESUMING = "resuming"  # on the way back into the same session, or a new one: token, socket, settings


@unique
class Trigger(Enum):
    """What can move a session from one state to another."""

    CONNECT = "connect"  # the person asked for a session
    TOKEN = "token"  # a token came
    OPEN = "open"  # the socket opened
    READY = "ready"  # the server takes audio
    HANG_UP = "hang_up"  # the person, or the session's time limit, ends it
    FINISH = "finish"  # the end is complete: the server's last word, its close, or our patience
    FAULT = "fault"  # something went wrong that ends the session
    DROP = "drop"  # the line broke under a live session, or an attempt to mend it failed
    RETRY = "retry"  # time for the next attempt to come back


@unique
class Activity(Enum):
    """What is going on inside a state, as a person would say it."""

    NONE = "none"
    LISTENING = "listening"
    USER_SPEAKING = "user_speaking"
    THINKING = "thinking"
    TOOL_PENDING = "tool_pending"
    AGENT_SPEAKING = "agent_speaking"


# The line of a live session broke, and it is on its way back.
COMING_BACK = frozenset({State.DROPPED, State.RESUMING})
# A call is going on, whatever the line does.
IN_CALL = COMING_BACK | {State.LIVE}
# No call is on.
OVER = frozenset({State.IDLE, State.ENDED, State.FAILED})

TRANSITIONS: Mapping[State, Mapping[Trigger, State]] = MappingProxyType(
    {
        State.IDLE: {
            Trigger.CONNECT: State.MINTING,
            Trigger.FAULT: State.FAILED,  # the microphone was refused before anything was asked of us
        },
        State.MINTING: {
            Trigger.TOKEN: State.CONNECTING,
            Trigger.HANG_UP: State.ENDED,  # no session exists yet that could be ended politely
            Trigger.FAULT: State.FAILED,
        },
        State.CONNECTING: {
            Trigger.OPEN: State.CONFIGURING,
            Trigger.HANG_UP: State.ENDED,
            Trigger.FAULT: State.FAILED,
        },
        State.CONFIGURING: {
            Trigger.READY: State.LIVE,
            Trigger.HANG_UP: State.ENDING,  # the server counts (and bills) from the open socket on
            Trigger.FINISH: State.ENDED,
            Trigger.FAULT: State.FAILED,
        },
        State.LIVE: {
            Trigger.HANG_UP: State.ENDING,
            Trigger.FINISH: State.ENDED,
            Trigger.FAULT: State.FAILED,
            Trigger.DROP: State.DROPPED,
        },
        State.ENDING: {
            Trigger.FINISH: State.ENDED,  # a fault while saying goodbye changes nothing: it is over either way
        },
        State.ENDED: {
            Trigger.CONNECT: State.MINTING,
            Trigger.FAULT: State.FAILED,
        },
        State.FAILED: {
            Trigger.CONNECT: State.MINTING,
            Trigger.FAULT: State.FAILED,  # the next attempt failed before it began, for a reason of its own
        },
        State.DROPPED: {
            Trigger.RETRY: State.RESUMING,
            Trigger.HANG_UP: State.ENDED,
            Trigger.FAULT: State.FAILED,
        },
        State.RESUMING: {
            Trigger.READY: State.LIVE,
            Trigger.DROP: State.DROPPED,
            Trigger.HANG_UP: State.ENDING,
            Trigger.FINISH: State.ENDED,
            Trigger.FAULT: State.FAILED,
        },
    }
)

# A session that ended may still be heard: what was queued plays out.
ACTIVITIES: Mapping[State, frozenset[Activity]] = MappingProxyType(
    {
        State.IDLE: frozenset({Activity.NONE}),
        State.MINTING: frozenset({Activity.NONE}),
        State.CONNECTING: frozenset({Activity.NONE}),
        State.CONFIGURING: frozenset({Activity.NONE}),
        State.LIVE: frozenset(Activity) - {Activity.NONE},
        State.ENDING: frozenset({Activity.NONE}),
        State.ENDED: frozenset({Activity.NONE, Activity.AGENT_SPEAKING}),
        State.FAILED: frozenset({Activity.NONE}),
        State.DROPPED: frozenset({Activity.NONE, Activity.AGENT_SPEAKING}),
        State.RESUMING: frozenset({Activity.NONE, Activity.AGENT_SPEAKING}),
    }
)

# Several things can be true at once; the first that holds, and that the state allows, is what is going on.
PRECEDENCE: tuple[Activity, ...] = (
    Activity.USER_SPEAKING,
    Activity.AGENT_SPEAKING,
    Activity.TOOL_PENDING,
    Activity.THINKING,
)


# Which of the server's words mean something in which state. The rest is left alone: a greeting before the server said
# that it is ready, say, or speech events of a session that we are already leaving.
HEARD: Mapping[State, frozenset[type[events.Event]]] = MappingProxyType(
    {
        State.CONFIGURING: frozenset(
            {events.SessionConfigured, events.SessionReady, events.SessionEnded, events.SessionFaulted}
        ),
        State.LIVE: frozenset(
            {
                events.SessionConfigured,
                events.SessionEnded,
                events.SessionFaulted,
                events.AgentJoined,
                events.UserSpeechStarted,
                events.UserSpeechStopped,
                events.UserTranscribed,
                events.TurnPlaced,
                events.ReplyStarted,
                events.ReplyAudio,
                events.ReplyTranscribed,
                events.ReplyDone,
                events.ReplyRefused,
                events.ReplyNeeded,
                events.ToolCalled,
            }
        ),
        State.ENDING: frozenset({events.SessionEnded, events.UserTranscribed, events.TurnPlaced}),
        State.RESUMING: frozenset(
            {events.SessionConfigured, events.SessionReady, events.SessionEnded, events.SessionFaulted}
        ),
    }
)

FROM_SERVER: frozenset[type[events.Event]] = frozenset().union(*HEARD.values())


def means_something(state: State, event: events.Event) -> bool:
    """Is this word of the server's to be acted on in `state`?"""
    return type(event) in HEARD.get(state, frozenset())


def next_state(state: State, trigger: Trigger) -> State:
    """The state after `trigger`. Raises `LocalProtocolError` where the table has no entry; nothing changes then."""
    try:
        return TRANSITIONS[state][trigger]
    except KeyError:
        raise LocalProtocolError(f"{trigger.value} is not possible in state {state.value}") from None


def can(state: State, trigger: Trigger) -> bool:
    """Would `next_state` accept this?"""
    return trigger in TRANSITIONS[state]


def activity_in(state: State, true_now: frozenset[Activity]) -> Activity:
    """What is going on, given everything that is true at this moment."""
    allowed = ACTIVITIES[state]
    for activity in PRECEDENCE:
        if activity in true_now and activity in allowed:
            return activity
    return Activity.NONE if Activity.NONE in allowed else Activity.LISTENING
