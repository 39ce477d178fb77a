"""Session limit: when a session must wrap up, and when it must end.

The server gives no warning before the session cap, and was seen not to enforce it (protocol file sections 13 and 14.4),
so the clock runs here: some seconds before the cap the agent is asked to say goodbye, a moment after it we hang up.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core.events import ReplyDone
from pyclient.core.states import State, Trigger
from pyclient.page import notices
from pyclient.part import End, LineBack, Part, Step
from pyclient.tools.calls import ToolCalls

WRAP_UP_TIMER = "wrap_up"
CAP_TIMER = "cap"

# The server may close at the limit itself, and says so better than we can guess.
CAP_GRACE_MS = 2_000


class SessionLimit(Part):
    """The cap of one call after the other.

    Two replies at once would talk over each other: the wrap-up waits for its moment.
    """

    def __init__(self, call: Call, tool_calls: ToolCalls) -> None:
        super().__init__(call)
        self._tool_calls = tool_calls
        self._wrap_up = self.timer(WRAP_UP_TIMER, self._wrap_up_due)
        self._cap = self.timer(CAP_TIMER, self._reached)
        self.handlers = {ReplyDone: lambda event, now_ms: self._ask_if_quiet()}
        self._reset()

    def _reset(self) -> None:
        self._cap_ms = self.call.config.max_session_duration_seconds * 1000
        self._deadline_ms: float | None = None
        self._due = False

    # --- the life of a call ------------------------------------------------------------------------------------------

    def begin(self, now_ms: float) -> None:
        self._reset()

    def line_back(self, now_ms: float, back: LineBack) -> None:
        if not self.call.reply_awaited:
            self._ask_if_quiet()

    # --- the clock ---------------------------------------------------------------------------------------------------

    def shorten(self, granted_s: float | None) -> None:
        """The token may allow less than was asked for; nonsense allows what was asked for."""
        if granted_s is not None and granted_s > 0:
            self._cap_ms = round(min(self._cap_ms, granted_s * 1000))

    def opened(self, now_ms: float) -> None:
        """The server counts from the open socket on."""
        self._deadline_ms = now_ms + self._cap_ms

    def start(self, now_ms: float) -> None:
        """The session is live: set the timers. Without a lead there is no wrap-up."""
        left_ms, lead_ms = self.left_ms(now_ms), self.call.config.wrap_up_lead_seconds * 1000
        if lead_ms:
            self._wrap_up.set(left_ms - min(lead_ms, self._cap_ms // 2), now_ms)
        self._cap.set(left_ms + CAP_GRACE_MS, now_ms)

    def left_ms(self, now_ms: float) -> int:
        """Never negative. Before the socket is open: all of it."""
        return self._cap_ms if self._deadline_ms is None else max(0, round(self._deadline_ms - now_ms))

    def reached(self, now_ms: float) -> bool:
        """Is an end at this moment the limit's doing?"""
        return self.left_ms(now_ms) <= CAP_GRACE_MS

    def _wrap_up_due(self, now_ms: float) -> None:
        self.call.notify(notices.wrap_up(round(self.left_ms(now_ms) / 1000)))
        self._due = True
        if not self.call.reply_awaited:
            self._ask_if_quiet()

    def _ask_if_quiet(self) -> None:
        """Ask for the goodbye, if it is due and nobody speaks, works or is about to."""
        call = self.call
        quiet = call.replies.current is None and not self._tool_calls.busy and not call.user_speaking
        if self._due and call.state is State.LIVE and quiet:
            self._due = False
            call.send("wrap-up", call.codec.reply_create(call.config.wrap_up_instructions))

    def _reached(self, now_ms: float) -> Step | None:
        return End(Trigger.HANG_UP, notices.TIME_LIMIT)
