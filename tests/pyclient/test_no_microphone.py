"""What does a session do without a microphone?"""

from __future__ import annotations

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.playbook import FakeHost, sent_types

ACTIVE = ["minting", "connecting", "configuring", "live"]
OVER = ["idle", "ended", "failed"]


KINDS = ["insecure", "unsupported", "denied", "dismissed", "not_found", "busy", "overconstrained", "no_worklet", "context_suspended", "paused", "ended", "silent", "unknown"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_way_to_have_no_microphone_has_its_own_words(kind: str) -> None:
    host = FakeHost().reach("minting")
    host.tell(ev.CaptureFailed(kind=kind, detail="NotReadableError"))
    assert host.view["state"] == "failed"
    assert host.view["notice"]["code"] == f"mic_{kind}"
    assert host.view["notice"]["title"] and host.view["notice"]["hint"]
    assert ("NotReadableError" in host.view["notice"]["hint"]) is (kind == "unknown")


def test_losing_the_microphone_in_a_call_ends_it_politely() -> None:
    host = FakeHost().go_live()
    commands = host.tell(ev.CaptureFailed(kind="ended"))
    assert sent_types(commands) == ["session.end"]
    assert cmd.CloseSocket(socket_id=1) in commands
    assert host.view["state"] == "failed"


@pytest.mark.parametrize("state", OVER)
def test_a_microphone_refused_before_the_session_begins_is_told(state: str) -> None:
    """The page asks for the microphone inside the click, before the session hears of it."""
    host = FakeHost().reach(state)
    assert host.tell(ev.CaptureFailed(kind="denied")) == []
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "mic_denied"
    assert host.view["can_connect"]


def test_each_click_that_is_refused_the_microphone_is_answered() -> None:
    """The page of the second click shows "Connecting" until it hears of it, and what it hears looks like the first."""
    host = FakeHost()
    refused = ev.CaptureFailed(kind="denied")
    for _ in range(2):
        shown = [command for command in host.session.handle(refused, host.now_ms) if isinstance(command, cmd.ShowView)]
        assert [command.view["state"] for command in shown] == ["failed"]


@pytest.mark.parametrize("state", OVER)
def test_a_microphone_that_ends_after_the_session_is_no_news(state: str) -> None:
    host = FakeHost().reach(state)
    host.tell(ev.CaptureFailed(kind="ended"))
    host.tell(ev.CaptureFailed(kind="silent", fatal=False))
    assert host.view["state"] == state


def test_a_silent_microphone_is_a_notice_that_goes_away_when_it_is_heard_again() -> None:
    host = FakeHost().go_live()
    host.tell(ev.CaptureFailed(kind="silent", fatal=False))
    assert host.view["state"] == "live" and host.view["notice"]["tone"] == "warn"
    host.tell(ev.CaptureRecovered(kind="other"))
    assert host.view["notice"]["code"] == "mic_silent"
    host.tell(ev.CaptureRecovered(kind="silent"))
    assert host.view["notice"] is None


def test_a_microphone_that_recovers_does_not_take_the_reason_of_a_failure_away() -> None:
    host = FakeHost().reach("minting")
    host.tell(ev.CaptureFailed(kind="denied"))
    host.tell(ev.CaptureRecovered(kind="denied"))
    assert host.view["notice"]["code"] == "mic_denied"
