"""What does a close or an error of the server do to a session?"""

from __future__ import annotations

import pytest

from pyclient.connection.connection import FAULT_GRACE_MS
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.playbook import FakeHost, of_type, sent_types, tone

ACTIVE = ["minting", "connecting", "configuring", "live"]
OVER = ["idle", "ended", "failed"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        *((state, code) for state in ("connecting", "configuring")
          for code in (1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 4000)),
        ("live", 1008),
        ("live", 1009),
    ],
)  # fmt: skip
def test_a_close_fails_the_session_with_words_of_its_own(state: str, code: int) -> None:
    """In a live session only those that neither time nor a fresh token can mend: see test_reconnect_attempts.py."""
    host = FakeHost().reach(state)
    commands = host.tell(ev.SocketClosed(socket_id=1, code=code, reason=""))
    assert host.view["state"] == "failed"
    assert host.view["notice"]["code"] == f"closed_{code}"
    assert of_type(commands, cmd.CloseSocket) == [] and cmd.StopCapture() in commands
    assert host.timers == {}


def test_the_close_codes_are_told_apart() -> None:
    titles = set()
    for code in (1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013):
        host = FakeHost().reach("configuring")
        host.tell(ev.SocketClosed(socket_id=1, code=code))
        titles.add(host.view["notice"]["title"])
    assert len(titles) == 8


def test_1006_before_ready_means_a_stale_token_and_after_it_a_lost_line() -> None:
    """Protocol file section 2.1: a browser sees no more of a refused token than this."""
    before, after = FakeHost().reach("connecting"), FakeHost().reach("live")
    for host in (before, after):
        host.tell(ev.SocketClosed(socket_id=1, code=1006))
    assert before.view["state"] == "failed" and "fetches a fresh one" in before.view["notice"]["hint"]
    assert before.view["notice"]["retry"]
    assert after.view["state"] == "dropped" and "lost" in after.view["notice"]["title"]


def test_a_normal_close_of_a_live_session_is_an_end_and_before_it_a_failure() -> None:
    host = FakeHost().reach("live")
    host.tell(ev.SocketClosed(socket_id=1, code=1000))
    assert host.view["state"] == "ended" and host.view["notice"]["tone"] == "info"
    host = FakeHost().reach("configuring")
    host.tell(ev.SocketClosed(socket_id=1, code=1000))
    assert host.view["state"] == "failed"


def test_a_refused_voice_fails_with_the_live_list_in_the_picker_and_the_list_stays() -> None:
    """Protocol file section 11: every voice of the older documents is refused today."""
    host = FakeHost(voice="ivy").reach("configuring")
    commands = host.hear(
        "session.error",
        code="invalid_value",
        message="Invalid voice 'ivy'. Must be one of: alba, anna, charles",
        param="output.voice",
    )
    assert cmd.CloseSocket(socket_id=1) in commands and sent_types(commands) == []
    assert host.view["state"] == "failed"
    assert host.view["voices"] == ["alba", "anna", "charles"]
    assert host.view["notice"]["retry"]
    host.tell(ev.SocketClosed(socket_id=1, code=1008))
    assert host.view["notice"]["title"].startswith("This voice is not available"), "the first cause survives"
    host.click()
    assert host.view["voices"] == ["alba", "anna", "charles"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("unauthorized", "auth"), ("UNAUTHORIZED", "auth"), ("FORBIDDEN", "forbidden"), ("at_capacity", "capacity"), ("INTERNAL_ERROR", "server")],
)  # fmt: skip
def test_an_error_that_closes_ends_the_session_with_its_own_words(code: str, kind: str) -> None:
    """The close code that follows says less, so nothing waits for it."""
    host = FakeHost().reach("configuring")
    host.hear("session.error", code=code, message="Nope")
    assert host.view["state"] == "failed"
    assert host.view["notice"]["code"] == f"fault_{kind}"
    assert "Nope" in host.view["notice"]["hint"]


@pytest.mark.parametrize(
    "code",
    ["invalid_format", "invalid_audio", "audio_rate_violation", "immutable_field", "invalid_config", "no_such_code"],
)
def test_an_error_that_leaves_the_socket_open_is_a_notice_and_the_call_goes_on(code: str) -> None:
    host = FakeHost().go_live()
    assert host.hear("session.error", code=code, message="m") == []
    assert host.view["state"] == "live"
    assert host.view["notice"]["tone"] == "warn"
    assert host.stats["faults"] == 1
    assert sent_types(host.tell(ev.AudioCaptured(pcm=tone(960)))) == ["input.audio"]


def test_a_refused_first_message_does_not_wait_the_whole_time_for_ready() -> None:
    """Protocol file section 6: the socket stays open and silent. The reason given is the refusal, not the silence."""
    host = FakeHost().reach("configuring")
    host.hear("session.error", code="invalid_format", message="Invalid message format for type 'session.update'")
    assert host.timers["ready"] == host.now_ms + FAULT_GRACE_MS
    commands = host.wait("ready")
    assert host.view["notice"]["code"] == "fault_invalid_message"
    assert sent_types(commands) == ["session.end"], "the server still listens, and bills"


def test_a_refused_first_message_that_is_followed_by_ready_is_forgiven() -> None:
    host = FakeHost().reach("configuring")
    host.hear("session.error", code="invalid_format", message="m")
    host.hear("session.ready", session_id="s")
    assert host.view["state"] == "live" and "ready" not in host.timers


def test_a_close_right_after_an_error_is_explained_by_the_error() -> None:
    host = FakeHost().go_live()
    host.hear("session.error", code="internal_error", message="Oh dear")
    assert host.view["state"] == "live"
    host.tell(ev.SocketClosed(socket_id=1, code=1008))
    assert host.view["notice"]["code"] == "fault_server"


def test_a_close_long_after_an_error_has_its_own_reason() -> None:
    host = FakeHost().go_live()
    host.hear("session.error", code="internal_error", message="Oh dear")
    host.tell(ev.SocketClosed(socket_id=1, code=1008), after_ms=60_000)
    assert host.view["notice"]["code"] == "closed_1008"
