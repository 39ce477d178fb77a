"""Recent fault alone: it explains what follows within seconds, and nothing later."""

from __future__ import annotations

from pyclient.connection.recent_fault import FAULT_MEMORY_MS, RecentFault
from pyclient.page.notice_texts import Notice
from pyclient.page.notices import TIME_LIMIT


def test_it_explains_a_close_that_follows_soon() -> None:
    fault = RecentFault()
    assert (fault.cause(0), fault.kind(0)) == (None, "")
    notice: Notice = TIME_LIMIT
    fault.note("expired", notice, 100)
    assert (fault.cause(100 + FAULT_MEMORY_MS), fault.kind(100 + FAULT_MEMORY_MS)) == (notice, "expired")
    assert (fault.cause(101 + FAULT_MEMORY_MS), fault.kind(101 + FAULT_MEMORY_MS)) == (None, "")
