"""Protocol file section 14: where documents and the live service disagree, a session works under both.

Rows that concern the token route, the browser's audio or the server's own pace alone are tested where those live; each
row that a session can notice has a test here with its number.
"""

from __future__ import annotations

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.playbook import TOKEN, FakeHost, of_type, sent_types, tone
from tests.support.two_tools import call, finish, live, results


@pytest.mark.parametrize("path", ["/v1/voice", "/v1/ws"])
def test_row_1_the_path_is_whatever_the_server_names(path: str) -> None:
    host = FakeHost()
    host.click()
    (opened,) = of_type(host.grant(ws_url=f"wss://voice.test{path}"), cmd.OpenSocket)
    assert isinstance(opened, cmd.OpenSocket) and opened.url.startswith(f"wss://voice.test{path}?token=")


def test_row_3_a_token_is_never_used_twice() -> None:
    """Single use in the documents, reusable in life: a fresh one for every socket is right under both."""
    host = FakeHost().go_live()
    host.tell(ev.SocketClosed(socket_id=1, code=1006))
    commands = host.wait("retry")
    assert of_type(commands, cmd.RequestToken) and not of_type(commands, cmd.OpenSocket)
    (opened,) = of_type(host.grant(token="another"), cmd.OpenSocket)
    assert isinstance(opened, cmd.OpenSocket) and "another" in opened.url and TOKEN not in opened.url


@pytest.mark.parametrize("enforced", [True, False])
def test_row_4_the_session_ends_at_its_limit_whether_the_server_enforces_it_or_not(enforced: bool) -> None:
    host = FakeHost(max_session_duration_seconds=60).go_live()
    if enforced:
        host.hear("session.ended", after_ms=60_000)
    else:
        host.wait("cap")
        host.hear("session.ended")
    assert host.view["state"] == "ended" and host.view["notice"]["code"] == "time_limit"


@pytest.mark.parametrize("with_event", [True, False])
def test_row_5_a_refused_token_is_understood_with_an_event_and_without(with_event: bool) -> None:
    host = FakeHost().reach("connecting")
    if with_event:
        host.opened()
        host.hear("session.error", code="unauthorized", message="Authentication failed")
        host.tell(ev.SocketClosed(socket_id=1, code=1008))
    else:
        host.tell(ev.SocketClosed(socket_id=1, code=1006))
    assert host.view["state"] == "failed" and "fresh one" in host.view["notice"]["hint"]


@pytest.mark.parametrize("code", ["unauthorized", "UNAUTHORIZED", "Unauthorized"])
def test_row_6_the_case_of_a_code_means_nothing(code: str) -> None:
    host = FakeHost().reach("configuring")
    host.hear("session.error", code=code, message="m")
    assert host.view["notice"]["code"] == "fault_auth"


@pytest.mark.parametrize("status", [400, 401, 404, 422, 502])
def test_row_7_any_shape_of_a_mint_error_is_told(status: int) -> None:
    host = FakeHost()
    host.click()
    host.tell(ev.TokenRefused(attempt=1, status=status))
    assert host.view["notice"]["code"] == f"token_{status}"


def test_row_8_volume_is_sent_and_the_fixed_fields_never_are() -> None:
    """And if a server holds volume for fixed too, its refusal is a notice, not an end."""
    host = FakeHost(voice="alba", greeting="Hi").go_live()
    host.tell(ev.SettingsChanged(volume=10, voice="eve"))
    assert host.sent[-1]["session"] == {"output": {"volume": 10}}
    host.hear("session.error", code="immutable_field", message="m", param="output.volume")
    assert host.view["state"] == "live"


def test_row_9_a_voice_of_the_older_documents_is_refused_with_a_way_out() -> None:
    host = FakeHost(voice="claire").reach("configuring")
    host.hear("session.error", code="invalid_value", message="Must be one of: alba, eve", param="output.voice")
    assert host.view["voices"] == ["alba", "eve"]
    host.go_live(voice="")
    update = [message for message in host.sent if message["type"] == "session.update"][-1]
    assert "output" not in update["session"]


@pytest.mark.parametrize("samples", [240, 24_000 * 15])
def test_row_11_a_reply_plays_whole_at_any_pace_and_chunk_size(samples: int) -> None:
    host = FakeHost().go_live()
    host.hear("reply.started", reply_id="r")
    for _ in range(4):
        host.hear_audio("r", tone(samples), after_ms=1)
    host.hear("reply.done", reply_id="r", status="completed")
    assert host.played == [("r", samples)] * 4


@pytest.mark.parametrize("policy", ["after_reply_done", "immediate"])
def test_row_12_a_tool_is_answered_under_either_timing(policy: str) -> None:
    host = live(tool_result_policy=policy)
    host.hear("reply.started", reply_id="p")
    call(host)
    finish(host)
    assert len(results(host)) == (policy == "immediate")
    host.hear("reply.done", reply_id="p")
    assert len(results(host)) == 1


@pytest.mark.parametrize("told", [True, False])
def test_row_13_a_tool_that_the_service_runs_gets_no_answer_whether_we_are_told_or_not(told: bool) -> None:
    host = FakeHost().reach("configuring")
    host.hear("session.ready", session_id="s", config={"tools": [{"name": "stock", "http": {"url": "https://x.test"}}]})
    host.hear("reply.started", reply_id="p")
    if told:
        host.hear("tool.call", call_id="c", name="stock", arguments={})
    assert sent_types(host.hear("reply.done", reply_id="p")) == []


@pytest.mark.parametrize("reply_id", ["fc-call_1", "resp_0123456789abcdef0123456789abcdef"])
def test_row_14_the_reply_to_a_tool_may_have_any_id(reply_id: str) -> None:
    host = live()
    call(host)
    host.hear("reply.done")
    finish(host)
    host.hear("reply.started", reply_id=reply_id)
    assert of_type(host.hear_audio(reply_id, tone(240)), cmd.PlayAudio)


@pytest.mark.parametrize("honest", [True, False])
def test_row_16_words_of_an_interrupted_reply_are_marked_even_when_the_server_does_not(honest: bool) -> None:
    host = FakeHost().go_live()
    host.speak_reply("r", text="Once upon")
    host.hear("reply.done", reply_id="r", status="interrupted")
    host.hear("transcript.agent", reply_id="r", text="Once upon a", interrupted=honest)
    assert host.turns("agent") == [("agent", "Once upon a", True, True)]


def test_row_16_a_reply_held_silent_shows_that_nothing_of_it_was_heard() -> None:
    host = FakeHost().go_live()
    host.hear("reply.started", reply_id="r")
    host.hear_audio("r", tone(2_400))
    host.hear("transcript.agent", reply_id="r", text="Never heard", interrupted=False)
    host.tell(ev.InterruptRequested())
    assert host.view["turns"][-1]["heard_ms"] == 0
