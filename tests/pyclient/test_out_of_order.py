"""What makes no sense at this moment is harmless."""

from __future__ import annotations

import pytest

from pyclient.core import events as ev
from tests.support.playbook import FakeHost

ACTIVE = ["minting", "connecting", "configuring", "live"]
OVER = ["idle", "ended", "failed"]


@pytest.mark.parametrize("state", [*ACTIVE, "ending"])
def test_a_second_click_is_harmless(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.click() == []
    assert host.view["state"] == state


@pytest.mark.parametrize("state", [*OVER, "ending"])
def test_a_second_hang_up_is_harmless(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(ev.HangUpRequested()) == []
    assert host.view["state"] == state


@pytest.mark.parametrize("state", [*ACTIVE, *OVER, "ending"])
def test_events_of_an_older_socket_are_ignored(state: str) -> None:
    """Browsers report the end of an abandoned socket up to a minute later."""
    host = FakeHost().reach(state)
    old = 99
    assert host.tell(ev.SocketOpened(socket_id=old)) == []
    assert host.tell(ev.MessageReceived(socket_id=old, data='{"type":"session.ended"}')) == []
    assert host.tell(ev.SocketClosed(socket_id=old, code=1006)) == []
    assert host.view["state"] == state


def test_a_timer_that_was_cancelled_or_restarted_may_still_fire() -> None:
    """A browser may have queued it already."""
    host = FakeHost().reach("connecting")
    host.opened()
    assert host.tell(ev.TimerFired(name="open")) == []
    assert host.tell(ev.TimerFired(name="ready")) == [], "long before it is due: the one before it was meant"
    assert host.tell(ev.TimerFired(name="no such timer")) == []
    assert host.view["state"] == "configuring"


def test_a_session_can_be_had_again_and_again() -> None:
    """Nothing of the last session leaks into the next: transcript, counters, notices, sockets."""
    host = FakeHost()
    for number in range(1, 4):
        host.go_live()
        assert host.socket_id == number
        host.hear("transcript.user", item_id="m", text=f"Hello {number}")
        host.speak_reply("r1")
        assert host.turns("user") == [("user", f"Hello {number}", True, False)]
        assert host.stats["replies"] == 1
        host.hear("session.error", code="unauthorized", message="m")
        assert host.view["state"] == "failed"
        assert host.timers == {} and host.open_sockets == set()
        assert all(turn["final"] for turn in host.view["turns"])
