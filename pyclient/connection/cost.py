"""Cost estimate: what a call has cost so far, by the rates in `agent.toml` and by the tokens that the vendor reports.

An estimate: rates are the team's own figures, and vendors round in their ways.
"""

from __future__ import annotations

from pyclient.call import Call
from pyclient.core import events
from pyclient.core.server_events import Usage
from pyclient.part import End, Part

PER_MINUTE = "per_minute"
MILLION = 1_000_000


class Cost(Part):
    """The cost of one call after the other."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._reset()
        self.handlers = {
            events.SocketOpened: lambda event, now_ms: self._opened(now_ms),
            events.ReplyDone: lambda event, now_ms: self._reply(event.usage),
        }

    def _reset(self) -> None:
        self._since_ms: float | None = None
        self._over_ms: float | None = None
        self._of_tokens = 0.0

    def begin(self, now_ms: float) -> None:
        self._reset()

    def end(self, now_ms: float, end: End) -> None:
        if self._over_ms is None:
            self._over_ms = now_ms

    def _opened(self, now_ms: float) -> None:
        """Vendors bill from the open socket on, also while a line is mended."""
        if self._since_ms is None:
            self._since_ms = now_ms

    def _reply(self, usage: Usage | None) -> None:
        if usage is None:
            return
        stats, rates = self.call.stats, self.call.config.cost
        stats.input_tokens += usage.input_text + usage.input_audio + usage.input_cached
        stats.output_tokens += usage.output_text + usage.output_audio
        for kind in usage.KINDS:
            self._of_tokens += getattr(usage, kind) * rates.get(kind, 0) / MILLION

    def so_far(self, now_ms: float) -> float | None:
        """None where no rate is known."""
        rates = self.call.config.cost
        if not any(isinstance(rate, int | float) for rate in rates.values()):
            return None
        if self._since_ms is None:
            return 0.0
        until_ms = now_ms if self._over_ms is None else self._over_ms
        minutes = max(0.0, until_ms - self._since_ms) / 60_000
        return round(minutes * float(rates.get(PER_MINUTE, 0)) + self._of_tokens, 6)
