"""Recent fault: what the server complained of a moment ago, which explains a close or a silence that follows."""

from __future__ import annotations

from pyclient.page.notice_texts import Notice

# A close this soon after a reported error is its consequence.
FAULT_MEMORY_MS = 5_000


class RecentFault:
    """The last complaint of a call."""

    def __init__(self) -> None:
        self._last: tuple[float, str, Notice] | None = None

    def note(self, kind: str, notice: Notice, now_ms: float) -> None:
        self._last = (now_ms, kind, notice)

    def cause(self, now_ms: float) -> Notice | None:
        """The notice that explains a close at this moment."""
        if self._last is None or now_ms - self._last[0] > FAULT_MEMORY_MS:
            return None
        return self._last[2]

    def kind(self, now_ms: float) -> str:
        """What the server complained of just now, or ""."""
        return self._last[1] if self._last is not None and self.cause(now_ms) is not None else ""
