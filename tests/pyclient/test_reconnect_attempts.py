"""How often is a broken line tried again, and what ends the trying?"""

from __future__ import annotations

import pytest

from pyclient.config import ClientConfig
from pyclient.connection.backoff import DELAYS_MS, OFFLINE_MS, STABLE_MS
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.session import Session
from tests.support.brokenlines import attempt_fails, back
from tests.support.fakewire import FakeWire, wire_host
from tests.support.playbook import FakeHost, of_type, sent_types


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(greeting="Hello.").go_live()


# --- trying again -----------------------------------------------------------------------------------------------------


def test_every_attempt_asks_for_a_fresh_token_on_the_agreed_schedule_and_then_it_is_given_up(host: FakeHost) -> None:
    delays = []
    host.drop()
    for _ in DELAYS_MS:
        delays.append(host.timers["retry"] - host.now_ms)
        attempt_fails(host)
    assert delays == [250, 300, 1_200, 2_700, 4_800, 7_000, 7_000, 7_000, 7_000, 7_000]
    assert host.tokens_asked == 1 + len(DELAYS_MS)
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "reconnect_failed"
    assert host.view["notice"]["retry"] and host.view["can_connect"]
    assert host.timers == {} and host.open_sockets == set()


def test_a_page_that_wakes_up_tries_at_once_and_has_all_attempts_again(host: FakeHost) -> None:
    host.drop()
    for _ in range(6):
        attempt_fails(host)
    asked = host.tokens_asked
    assert host.timers["retry"] - host.now_ms > 3_000
    commands = host.tell(ev.PageAwake())
    assert "retry" not in host.timers and of_type(commands, cmd.RequestToken)
    assert (host.view["state"], host.tokens_asked) == ("resuming", asked + 1)
    host.tell(ev.PageAwake())
    assert host.tokens_asked == asked + 1, "one attempt at a time"
    host.tell(ev.TokenRefused(attempt=host.attempt, status=0))
    assert host.timers["retry"] - host.now_ms <= DELAYS_MS[0]


def test_without_a_network_attempts_are_slower_and_do_not_count(host: FakeHost) -> None:
    host.tell(ev.NetworkLost())
    host.drop()
    for _ in range(3 * len(DELAYS_MS)):
        assert host.timers["retry"] - host.now_ms == OFFLINE_MS
        attempt_fails(host)
    assert host.view["state"] == "dropped"
    host.tell(ev.PageAwake())
    assert host.view["state"] == "resuming"


def test_a_live_line_is_asked_whether_it_is_there_when_the_page_wakes_up(host: FakeHost) -> None:
    assert sent_types(host.tell(ev.PageAwake())) == ["session.update"]
    assert host.tell(ev.PageAwake()) == [], "an answer is awaited already"
    host.wait("keepalive")
    assert host.view["state"] == "dropped", "a line that does not answer is given up in half the usual time"


@pytest.mark.parametrize("state", ["idle", "minting", "configuring", "ending", "ended", "failed"])
def test_waking_up_changes_nothing_elsewhere(state: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(ev.PageAwake()) == [] and host.tell(ev.NetworkLost()) == []


def test_the_jitter_is_the_hosts() -> None:
    draws = iter([0.0, 1.0])
    host = FakeHost().go_live()
    host.session = Session(ClientConfig(), jitter=lambda: next(draws))
    host.attempt = 0
    host.go_live()
    host.drop()
    assert host.timers["retry"] == host.now_ms
    attempt_fails(host)
    assert host.timers["retry"] - host.now_ms == 450


def test_a_line_that_breaks_again_soon_goes_on_counting_and_one_that_holds_begins_anew(host: FakeHost) -> None:
    host.drop()
    attempt_fails(host)
    back(host)
    host.drop(after_ms=STABLE_MS - 1_000)
    assert host.timers["retry"] - host.now_ms == 1_200
    back(host)
    host.drop(after_ms=STABLE_MS)
    assert host.timers["retry"] - host.now_ms == 250


@pytest.mark.parametrize("timer", ["token", "open", "ready"])
def test_whoever_does_not_answer_an_attempt_is_left_and_tried_again(host: FakeHost, timer: str) -> None:
    host.drop()
    host.wait("retry")
    if timer != "token":
        host.grant()
    if timer == "ready":
        host.opened()
    commands = host.wait(timer)
    assert host.view["state"] == "dropped" and "retry" in host.timers
    assert of_type(commands, cmd.CloseSocket) == ([cmd.CloseSocket(socket_id=2)] if timer != "token" else [])


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_a_token_route_in_trouble_is_asked_again(host: FakeHost, status: int) -> None:
    host.drop()
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=status))
    assert host.view["state"] == "dropped" and host.timers["retry"] - host.now_ms == 300


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_token_route_that_refuses_ends_it_and_says_why(host: FakeHost, status: int) -> None:
    host.drop()
    host.wait("retry")
    commands = host.tell(ev.TokenRefused(attempt=host.attempt, status=status))
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == f"token_{status}"
    assert cmd.StopCapture() in commands and host.timers == {}


@pytest.mark.parametrize("code", ["redirected", "policy", "no_bearer"])
def test_a_sign_in_that_expired_and_a_policy_end_it_at_once(host: FakeHost, code: str) -> None:
    host.drop()
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=0, code=code))
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == f"token_{code}" and host.timers == {}


def test_a_socket_that_the_page_forbids_is_not_tried_again(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.tell(ev.SocketClosed(socket_id=host.socket_id, code=1006, reason="blocked by policy: wss://voice.example"))
    notice = host.view["notice"]
    assert host.view["state"] == "failed" and notice["code"] == "socket_policy" and host.timers == {}
    assert "wss://voice.example" in notice["hint"] and "connect in agent.toml" in notice["hint"]


def test_the_patience_that_the_server_asks_for_is_kept_and_too_much_is_not(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=429, retry_after_s=20))
    assert host.timers["retry"] - host.now_ms == 20_000
    host.wait("retry")
    host.tell(ev.TokenRefused(attempt=host.attempt, status=429, retry_after_s=3_600))
    assert host.view["state"] == "failed"


def test_answers_to_an_older_attempt_are_ignored(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    old = host.attempt
    host.wait("token")
    host.wait("retry")
    assert host.grant(attempt=old) == []
    assert host.tell(ev.TokenRefused(attempt=old, status=403)) == []
    assert host.view["state"] == "resuming"


# --- what no attempt can mend -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["unauthorized", "FORBIDDEN", "server_error"])
def test_a_fault_that_closes_a_live_session_ends_it_and_the_close_behind_it_changes_nothing(
    host: FakeHost, code: str
) -> None:
    host.hear("session.error", code=code, message="Nope")
    host.drop(1006)
    assert host.view["state"] == "failed" and "Nope" in host.view["notice"]["hint"]
    assert host.timers == {}


def test_codes_that_are_our_own_fault_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDK voice protocol file, section 6: 4001 and 4002 are not retried."""
    host = wire_host(monkeypatch)
    host.drop(4001)
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "closed_4001"


def test_a_refused_token_gets_one_more_and_not_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDK voice protocol file, section 6: 4003 is tried once more with a fresh token."""
    host = wire_host(monkeypatch)
    host.drop(4500)
    for _ in range(2):
        assert host.view["state"] == "dropped"
        host.wait("retry")
        host.grant()
        host.drop(4003)
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == "closed_4003"


@pytest.mark.parametrize(
    ("code", "state"), [("forbidden", "failed"), ("at_capacity", "dropped"), ("server_error", "dropped")]
)
def test_a_refusal_of_an_attempt_ends_it_or_waits(host: FakeHost, code: str, state: str) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.error", code=code, message="m")
    assert host.view["state"] == state


def test_a_resume_that_is_not_understood_is_not_asked_for_again(host: FakeHost) -> None:
    """Protocol file section 6: `invalid_format` leaves the socket open and silent."""
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.error", code="invalid_format", message="m")
    host.wait("ready")
    host.wait("retry")
    host.grant()
    host.opened()
    assert host.sent[-1]["type"] == "session.update"


def test_a_resume_that_works_in_spite_of_an_error_is_the_old_session(host: FakeHost) -> None:
    """What the error was about is not known; the old id says that nothing is lost."""
    known = host.view["session_id"]
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.error", code="odd_code", message="m")
    host.hear("session.ready", session_id=known)
    assert host.view["state"] == "live" and host.view["session_id"] == known
    assert host.view["notice"] is None, "nothing was forgotten"


def test_the_server_may_end_the_session_when_we_come_back(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    host.hear("session.ended")
    assert host.view["state"] == "ended" and host.open_sockets == set()


@pytest.mark.parametrize("event", [ev.SessionReady(session_id="s"), ev.SessionEnded()])
def test_a_server_without_an_open_socket_says_nothing(event: ev.Event) -> None:
    """A host that mixes up its order must not make a session live that has no line."""
    host = FakeHost().reach("resuming")
    assert host.tell(event) == []
    assert host.view["state"] == "resuming"


def test_a_normal_close_is_an_end(host: FakeHost) -> None:
    host.drop(1000)
    assert host.view["state"] == "ended" and "retry" not in host.timers


# --- hanging up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_gone", [False, True])
@pytest.mark.parametrize("stage", ["dropped", "token", "socket"])
def test_hanging_up_without_a_line_just_ends(host: FakeHost, stage: str, page_gone: bool) -> None:
    host.drop()
    if stage != "dropped":
        host.wait("retry")
    if stage == "socket":
        host.grant()
    commands = host.tell(ev.HangUpRequested(page_gone=page_gone))
    assert cmd.StopCapture() in commands and sent_types(commands) == []
    assert host.view["state"] == "ended" and host.view["notice"] is None
    assert host.timers == {} and host.open_sockets == set()
    assert host.grant() == []


def test_hanging_up_on_a_new_line_says_goodbye(host: FakeHost) -> None:
    host.drop()
    host.wait("retry")
    host.grant()
    host.opened()
    assert sent_types(host.tell(ev.HangUpRequested())) == ["session.end"]
    assert host.view["state"] == "ending"


def test_a_vendor_without_a_goodbye_is_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For some, closing the socket is the goodbye, and nothing would answer."""
    host = wire_host(monkeypatch)
    monkeypatch.setattr(FakeWire, "end", lambda self: [])
    assert cmd.CloseSocket(socket_id=1) in host.tell(ev.HangUpRequested())
    assert host.view["state"] == "ended" and host.timers == {}


@pytest.mark.parametrize("state", ["dropped", "resuming"])
def test_a_microphone_that_goes_away_meanwhile_ends_it(state: str) -> None:
    host = FakeHost().reach(state)
    host.tell(ev.CaptureFailed(kind="ended"))
    assert host.view["state"] == "failed" and host.timers == {}


def test_the_next_call_begins_with_a_greeting_and_a_clean_slate(host: FakeHost) -> None:
    host.drop()
    back(host, "sess_2")
    host.tell(ev.HangUpRequested())
    host.hear("session.ended")
    host.go_live()
    assert host.sent[-1]["session"]["greeting"] == "Hello."
    assert host.view["turns"] == [] and host.stats["reconnects"] == 0
