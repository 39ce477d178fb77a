"""How does a session begin?"""

from __future__ import annotations

import pytest

from pyclient.codecs.assemblyai import AUDIO
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.playbook import TOKEN, WS_URL, FakeHost, of_type, sent_types, tone

ACTIVE = ["minting", "connecting", "configuring", "live"]
OVER = ["idle", "ended", "failed"]


# --- beginning --------------------------------------------------------------------------------------------------------


def test_a_click_asks_for_a_token_and_leaves_the_microphone_held() -> None:
    """The page's worklet holds it from the click on; frames are wanted when the server takes them."""
    host = FakeHost(frame_ms=20, expires_in_seconds=60, max_session_duration_seconds=600)
    assert host.click() == [
        cmd.StartPlayback(rate_hz=24_000),
        cmd.SetCaptureMuted(muted=False),
        cmd.RequestToken(
            attempt=1,
            url="/api/token",
            body={"provider": "assemblyai", "expires_in_seconds": 60, "max_session_duration_seconds": 600},
        ),
        cmd.SetTimer(name="token", delay_ms=10_000),
    ]
    assert host.view["state"] == "minting"
    assert host.view["audio_wanted"] and host.view["can_hang_up"] and not host.view["can_connect"]
    assert not host.view["can_type"]


def test_a_token_opens_the_socket_and_the_token_stays_out_of_every_repr() -> None:
    """Commands end up in debug output."""
    host = FakeHost()
    host.click()
    commands = host.grant()
    url = f"{WS_URL}?token=secret-token%2Fwith%2Bsigns"
    assert commands == [
        cmd.CancelTimer(name="token"),
        cmd.OpenSocket(socket_id=1, url=url, audio=AUDIO),
        cmd.SetTimer(name="open", delay_ms=10_000),
    ]
    assert "secret" not in repr(commands)
    assert TOKEN not in repr(ev.TokenGranted(attempt=1, token=TOKEN, ws_url=WS_URL))


def test_the_settings_are_the_first_thing_on_the_socket_and_nothing_else_is_sent_before_ready() -> None:
    """Protocol file section 3. Audio that comes too early is dropped and counted."""
    host = FakeHost(greeting="Hello.", system_prompt="Be brief.", voice="alba")
    host.click()
    host.grant()
    commands = host.opened()
    assert sent_types(commands) == ["session.update"]
    assert host.sent[0]["session"] == {
        "system_prompt": "Be brief.",
        "greeting": "Hello.",
        "output": {"voice": "alba"},
    }
    assert host.tell(ev.AudioCaptured(pcm=tone(960))) == []
    assert host.stats["frames_dropped"] == 1
    host.hear("session.ready", session_id="sess_1")
    assert sent_types(host.tell(ev.AudioCaptured(pcm=tone(960)))) == ["input.audio"]
    assert host.stats["frames_sent"] == 1
    assert host.view["session_id"] == "sess_1"


def test_the_wishes_of_a_click_hold_for_that_session_only() -> None:
    host = FakeHost(voice="alba", greeting="Hello.")
    host.go_live(voice="", system_prompt="Be funny.", greeting="")
    assert host.sent[0]["session"] == {"system_prompt": "Be funny."}
    host.tell(ev.HangUpRequested())
    host.hear("session.ended")
    host.go_live()
    updates = [message for message in host.sent if message["type"] == "session.update"]
    assert updates[-1]["session"] == {"system_prompt": "", "greeting": "Hello.", "output": {"voice": "alba"}}


def test_wishes_that_cannot_be_are_refused_in_words_before_anything_is_asked() -> None:
    host = FakeHost()
    commands = host.click(greeting="x" * 5_000)
    assert commands == []
    assert host.view["state"] == "failed"
    assert "greeting" in host.view["notice"]["hint"]


def test_settings_changed_before_the_socket_is_open_are_what_the_session_starts_with() -> None:
    host = FakeHost().reach("connecting")
    host.tell(ev.SettingsChanged(system_prompt="Sing.", greeting="La."))
    host.opened()
    assert host.sent[0]["session"] == {"system_prompt": "Sing.", "greeting": "La."}


def test_settings_changed_while_the_server_gets_ready_are_sent_once_it_is() -> None:
    """Nothing that a person did may be lost."""
    host = FakeHost().reach("configuring")
    host.tell(ev.SettingsChanged(system_prompt="Sing."))
    host.tell(ev.SettingsChanged(volume=50))
    assert len(host.sent) == 1
    host.hear("session.ready", session_id="s")
    assert host.sent[1:] == [
        {"type": "session.update", "session": {"system_prompt": "Sing.", "output": {"volume": 50}}}
    ]


@pytest.mark.parametrize(
    ("state", "timer", "code"),
    [("minting", "token", "token_unreachable"), ("connecting", "open", "open_timeout"), ("configuring", "ready", "ready_timeout")],
)  # fmt: skip
def test_whoever_does_not_answer_in_time_is_named(state: str, timer: str, code: str) -> None:
    host = FakeHost().reach(state)
    commands = host.wait(timer)
    assert host.view["state"] == "failed"
    assert host.view["notice"]["code"] == code
    assert cmd.StopCapture() in commands
    assert host.open_sockets == set() and host.timers == {}


def test_ready_said_twice_changes_nothing() -> None:
    host = FakeHost().go_live()
    shown = len(host.views)
    assert host.hear("session.ready", session_id="other") == []
    assert len(host.views) == shown and host.view["session_id"] == "sess_1"


# --- refused tokens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 401, 403, 404, 422, 429, 500, 502, 503, 504, 418])
def test_each_refusal_of_a_token_has_words_that_say_what_to_do(status: int) -> None:
    host = FakeHost()
    host.click()
    host.tell(ev.TokenRefused(attempt=1, status=status, code="c", message="ASSEMBLYAI_API_KEY is not set"))
    notice = host.view["notice"]
    assert host.view["state"] == "failed" and notice["tone"] == "error"
    assert notice["title"] and "ASSEMBLYAI_API_KEY is not set" in notice["hint"]
    assert notice["retry"] is (status not in (403, 404, 422))


def test_the_refusals_are_told_apart() -> None:
    titles = set()
    for status in (0, 401, 403, 404, 422, 429, 500, 502, 503, 504):
        host = FakeHost()
        host.click()
        host.tell(ev.TokenRefused(attempt=1, status=status))
        titles.add(host.view["notice"]["title"])
    assert len(titles) == 10


@pytest.mark.parametrize(
    ("after", "hint"),
    [
        *[(29.6, "30 seconds"), (0.2, "2 seconds"), (99, "99 seconds"), (100, "2 minutes"), (3600, "60 minutes")],
        *[(5_999, "100 minutes"), (6_001, "2 hours"), (86_400, "24 hours")],
        *[(86_401, "a little"), (None, "a little"), (-5, "a little")],
    ],
)
def test_too_many_calls_name_the_time_to_wait_when_the_server_does(after: float | None, hint: str) -> None:
    host = FakeHost()
    host.click()
    host.tell(ev.TokenRefused(attempt=1, status=429, retry_after_s=after))
    assert hint in host.view["notice"]["hint"]


def test_what_our_own_server_refuses_is_told_by_its_code_and_not_said_twice() -> None:
    host = FakeHost()
    host.click()
    used_up = "Today's talk time of this service is used up; it begins anew at midnight UTC."
    refused = ev.TokenRefused(attempt=1, status=429, code="talk_budget_used_up", message=used_up, retry_after_s=50_000)
    host.tell(refused)
    notice = host.view["notice"]
    assert notice["title"] == "Today's talk time on this site is used up"
    assert notice["hint"] == "Wait 14 hours, then press Connect."


@pytest.mark.parametrize(("after", "wait"), [(5, "Wait 5 seconds"), (None, "Wait a few seconds")])
def test_a_wait_leaves_whom_to_tell(after: float | None, wait: str) -> None:
    host = FakeHost()
    host.click()
    host.tell(ev.TokenRefused(attempt=1, status=503, code="sign_in_failed", message="...", retry_after_s=after))
    assert host.view["notice"]["hint"] == f"{wait}, then press Connect. If it stays so, tell the site's owner."


@pytest.mark.parametrize("grant", [{"ws_url": "https://voice.test"}, {"ws_url": "wss://a b"}, {"token": ""}])
def test_a_grant_that_cannot_be_used_fails_in_words(grant: dict[str, str]) -> None:
    host = FakeHost()
    host.click()
    assert of_type(host.grant(**grant), cmd.OpenSocket) == []
    assert host.view["notice"]["code"] == "token_unusable"


def test_answers_to_an_older_click_are_ignored() -> None:
    host = FakeHost()
    host.click()
    host.tell(ev.HangUpRequested())
    host.click()
    assert host.attempt == 2
    assert host.grant(attempt=1) == []
    assert host.tell(ev.TokenRefused(attempt=1, status=500)) == []
    assert host.view["state"] == "minting"


@pytest.mark.parametrize("provider", ["assemblyai", "sdk_voice"])
@pytest.mark.parametrize(
    ("code", "reason", "notice"),
    [(1006, "blocked by policy: wss://x.example", "socket_policy"), (1006, "", "closed_1006")],
)
def test_a_socket_that_the_pages_policy_forbids_is_told_apart_from_a_line_that_broke(
    provider: str, code: int, reason: str, notice: str
) -> None:
    host = FakeHost(provider=provider)
    host.click()
    host.grant()
    host.tell(ev.SocketClosed(socket_id=1, code=code, reason=reason))
    assert host.view["state"] == "failed" and host.view["notice"]["code"] == notice
