"""The ordering rule alone: every latest event, every policy, every mode."""

from __future__ import annotations

import pytest

from pyclient.tools.result_gate import Latest, ResultGate


@pytest.mark.parametrize(
    ("policy", "latest", "hold_mode", "is_open"),
    [
        ("after_reply_done", Latest.NOTHING, False, False),
        ("after_reply_done", Latest.REPLY_STARTED, False, False),
        ("after_reply_done", Latest.SPEECH_STARTED, False, False),
        ("after_reply_done", Latest.REPLY_DONE, False, True),
        ("after_reply_done", Latest.NOTHING, True, True),
        ("after_reply_done", Latest.REPLY_STARTED, True, False),
        ("after_reply_done", Latest.SPEECH_STARTED, True, True),
        ("after_reply_done", Latest.REPLY_DONE, True, True),
        ("immediate", Latest.NOTHING, False, True),
        ("immediate", Latest.REPLY_STARTED, False, True),
        ("immediate", Latest.SPEECH_STARTED, False, True),
        ("immediate", Latest.REPLY_DONE, False, True),
    ],
)
def test_the_gate(policy: str, latest: Latest, hold_mode: bool, is_open: bool) -> None:
    gate = ResultGate(policy)
    assert gate.latest is Latest.NOTHING
    gate.latest = latest
    assert gate.open_for(hold_mode=hold_mode) is is_open
    assert gate.opens_when_overdue() is (latest is not Latest.REPLY_STARTED)
