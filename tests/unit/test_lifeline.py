"""How a session begins, ends and fails."""

from __future__ import annotations

import pytest

from pyclient import commands as cmd
from pyclient import events as ev
from pyclient.lifeline import DRAIN_TIMEOUT_MS, FAULT_GRACE_MS
from pyclient.timelimit import CAP_GRACE_MS
from tests.unit.playbook import TOKEN, WS_URL, FakeHost, of_type, sent_types, tone

ACTIVE = ["minting", "connecting", "configuring", "live"]
OVER = ["idle", "ended", "failed"]


# --- beginning -----------------------------------------------------------------------------------------------------------


def test_a_click_asks_for_a_token_and_starts_both_sound_paths() -> None:
    """The microphone must run before the server is ready, or the first words are cut."""
    host = FakeHost(frame_ms=20, expires_in_seconds=60, max_session_duration_seconds=600)
    assert host.click() == [
        cmd.StartPlayback(rate_hz=24_000),
        cmd.StartCapture(rate_hz=24_000, frame_samples=480),
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


def test_a_token_opens_the_socket_and_the_token_stays_out_of_every_repr() -> None:
    """Commands end up in debug output."""
    host = FakeHost()
    host.click()
    commands = host.grant()
    url = f"{WS_URL}?token=secret-token%2Fwith%2Bsigns"
    assert commands == [
        cmd.CancelTimer(name="token"),
        cmd.OpenSocket(socket_id=1, url=url),
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


# --- refused tokens ------------------------------------------------------------------------------------------------------


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
    ("after", "hint"), [(29.6, "30 seconds"), (0.2, "1 seconds"), (None, "a little"), (-5, "a little")]
)
def test_too_many_calls_name_the_seconds_to_wait_when_the_server_does(after: float | None, hint: str) -> None:
    host = FakeHost()
    host.click()
    host.tell(ev.TokenRefused(attempt=1, status=429, retry_after_s=after))
    assert hint in host.view["notice"]["hint"]


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


# --- close codes and faults ------------------------------------------------------------------------------------------------


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
    """In a live session only those that neither time nor a fresh token can mend: see test_rejoin.py."""
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


# --- ending ----------------------------------------------------------------------------------------------------------------


def test_hanging_up_says_goodbye_and_waits_for_the_last_word() -> None:
    """Protocol file section 4.8: billing stops at once. The microphone stops before anything else."""
    host = FakeHost().go_live()
    host.speak_reply("r1")
    commands = host.tell(ev.HangUpRequested())
    assert commands[0] == cmd.StopCapture()
    assert cmd.FlushPlayback() in commands
    assert sent_types(commands) == ["session.end"]
    assert commands[-1] == cmd.SetTimer(name="end", delay_ms=3_000)
    assert host.view["state"] == "ending" and not host.view["audio_wanted"]
    assert set(host.timers) == {"end"}
    assert host.hear("session.ended", session_duration_seconds=1.0) == [
        cmd.CancelTimer(name="end"),
        cmd.CloseSocket(socket_id=1),
    ]
    assert host.view["state"] == "ended" and host.view["notice"] is None
    assert host.view["can_connect"]


def test_a_server_that_never_answers_the_goodbye_is_left_after_the_time_out() -> None:
    host = FakeHost(end_timeout_ms=500).reach("ending")
    assert host.wait("end") == [cmd.CloseSocket(socket_id=1)]
    assert host.view["state"] == "ended"


def test_a_close_while_hanging_up_is_as_good_as_the_last_word() -> None:
    host = FakeHost().reach("ending")
    assert host.tell(ev.SocketClosed(socket_id=1, code=1006)) == [cmd.CancelTimer(name="end")]
    assert host.view["state"] == "ended" and host.view["notice"] is None


def test_a_fault_while_hanging_up_is_not_told() -> None:
    host = FakeHost().reach("ending")
    host.hear("session.error", code="internal_error", message="m")
    assert host.tell(ev.CaptureFailed(kind="ended")) == [cmd.CancelTimer(name="end"), cmd.CloseSocket(socket_id=1)]
    assert host.view["state"] == "ended" and host.view["notice"] is None


def test_a_page_that_goes_away_says_goodbye_and_closes_in_one_breath() -> None:
    """Protocol file section 15.8: there is no time for an answer."""
    host = FakeHost().go_live()
    commands = host.tell(ev.HangUpRequested(page_gone=True))
    assert sent_types(commands) == ["session.end"]
    assert commands[-1] == cmd.CloseSocket(socket_id=1)
    assert host.view["state"] == "ended" and host.timers == {}


def test_a_page_that_goes_away_while_hanging_up_closes_at_once() -> None:
    host = FakeHost().reach("ending")
    assert host.tell(ev.HangUpRequested(page_gone=True)) == [cmd.CancelTimer(name="end"), cmd.CloseSocket(socket_id=1)]


@pytest.mark.parametrize("state", ["minting", "connecting"])
@pytest.mark.parametrize("page_gone", [False, True])
def test_hanging_up_before_there_is_a_session_just_ends(state: str, page_gone: bool) -> None:
    host = FakeHost().reach(state)
    commands = host.tell(ev.HangUpRequested(page_gone=page_gone))
    assert sent_types(commands) == []
    assert host.view["state"] == "ended" and host.open_sockets == set() and host.timers == {}
    assert host.grant() == [] and host.opened() == []


def test_hanging_up_while_the_server_gets_ready_is_polite_too() -> None:
    """The server counts, and bills, from the open socket on."""
    host = FakeHost().reach("configuring")
    assert sent_types(host.tell(ev.HangUpRequested())) == ["session.end"]
    assert host.view["state"] == "ending"


def test_when_the_server_ends_the_session_its_goodbye_is_heard_to_the_end() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    commands = host.hear("session.ended")
    assert cmd.StopCapture() in commands and cmd.FlushPlayback() not in commands
    assert host.view["state"] == "ended" and host.view["audio_wanted"]
    assert host.view["activity"] == "agent_speaking"
    assert host.view["notice"]["code"] == "server_ended"
    host.render("r1", 24_000)
    assert host.tell(ev.PlaybackDrained()) == [cmd.CancelTimer(name="drain")]
    assert not host.view["audio_wanted"] and host.view["activity"] == "none"


def test_a_goodbye_that_never_drains_is_cut_after_a_while() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    host.hear("session.ended")
    assert host.timers["drain"] == host.now_ms + DRAIN_TIMEOUT_MS
    assert host.wait("drain") == [cmd.FlushPlayback()]
    assert not host.view["audio_wanted"]


@pytest.mark.parametrize("event", [ev.HangUpRequested(), ev.InterruptRequested(), ev.ConnectRequested()])
def test_a_goodbye_can_be_cut_short(event: ev.Event) -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    host.hear("session.ended")
    assert cmd.FlushPlayback() in host.tell(event)
    assert "drain" not in host.timers
    assert host.view["audio_wanted"] is isinstance(event, ev.ConnectRequested)


def test_a_goodbye_that_was_lowered_by_the_users_voice_comes_back_to_full_level() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r1")
    host.hear("input.speech.started")
    commands = host.hear("session.ended")
    assert cmd.SetPlaybackGain(gain=1.0, ramp_ms=120) in commands and cmd.FlushPlayback() not in commands


def test_a_server_that_ends_with_nothing_queued_leaves_no_microphone_open() -> None:
    host = FakeHost().go_live()
    host.hear("session.ended")
    assert not host.view["audio_wanted"] and host.timers == {}


# --- the time limit ----------------------------------------------------------------------------------------------------------


def test_before_the_limit_the_agent_is_asked_to_wrap_up_and_at_the_limit_we_hang_up() -> None:
    """Protocol file section 13: the server gives no warning, and did not even enforce the limit."""
    host = FakeHost(max_session_duration_seconds=60, wrap_up_lead_seconds=10, wrap_up_instructions="Say goodbye.")
    host.reach("connecting")
    host.opened()
    opened_at = host.now_ms
    host.hear("session.ready", session_id="s")
    assert host.timers["wrap_up"] == opened_at + 50_000
    assert host.timers["cap"] == opened_at + 60_000 + CAP_GRACE_MS
    commands = host.wait("wrap_up")
    assert host.sent[-1] == {"type": "reply.create", "instructions": "Say goodbye."}
    assert sent_types(commands) == ["reply.create"]
    assert "10 seconds" in host.view["notice"]["title"] and host.view["ends_in_ms"] == 10_000
    assert sent_types(host.wait("cap")) == ["session.end"]
    assert host.view["state"] == "ending" and host.view["notice"]["code"] == "time_limit"


def test_the_shorter_of_the_two_limits_holds() -> None:
    """The token route may give less than was asked for."""
    host = FakeHost(max_session_duration_seconds=1800, wrap_up_lead_seconds=15)
    host.click()
    host.grant(max_session_s=60.0)
    host.opened()
    opened_at = host.now_ms
    host.hear("session.ready", session_id="s")
    assert host.timers["wrap_up"] == opened_at + 45_000


def test_without_a_lead_there_is_no_wrap_up() -> None:
    host = FakeHost(wrap_up_lead_seconds=0).go_live()
    assert set(host.timers) == {"cap", "heartbeat"}


def test_a_wrap_up_waits_for_the_reply_that_is_being_made() -> None:
    """Two replies at once would talk over each other."""
    host = FakeHost().go_live()
    host.speak_reply("r1")
    assert sent_types(host.wait("wrap_up")) == []
    assert host.view["notice"]["code"] == "wrap_up"
    assert sent_types(host.hear("reply.done", reply_id="r1", status="completed")) == ["reply.create"]
    host.speak_reply("r2")
    assert sent_types(host.hear("reply.done", reply_id="r2", status="completed")) == [], "asked for once"


def test_a_wrap_up_waits_for_the_answer_to_a_user_who_is_speaking() -> None:
    host = FakeHost().go_live()
    host.hear("input.speech.started")
    assert sent_types(host.wait("wrap_up")) == []
    host.hear("input.speech.stopped")
    host.speak_reply("r1")
    assert sent_types(host.hear("reply.done", reply_id="r1")) == ["reply.create"]


def test_an_end_at_the_limit_is_called_the_limit() -> None:
    host = FakeHost(max_session_duration_seconds=60).go_live()
    host.hear("session.ended", after_ms=60_000)
    assert host.view["notice"]["code"] == "time_limit"


def test_an_expired_session_is_an_end_not_a_failure() -> None:
    """Protocol file section 6: some servers say it with an error."""
    host = FakeHost().go_live()
    host.hear("session.error", code="session_expired", message="limit")
    assert host.view["state"] == "ended" and host.view["notice"]["code"] == "time_limit"


# --- the microphone ------------------------------------------------------------------------------------------------------------

KINDS = ["insecure", "unsupported", "denied", "dismissed", "not_found", "busy", "overconstrained", "no_worklet", "context_suspended", "ended", "silent", "unknown"]  # fmt: skip


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


# --- what makes no sense is harmless -----------------------------------------------------------------------------------------------


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
