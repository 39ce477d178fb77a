"""The browser glue, run in CPython against a fake host: every callback becomes an event, every command a host call."""

import asyncio
import json
import py_compile
import sys
from pathlib import Path
from typing import Any

import pytest

from pyclient import codecs
from pyclient.config import ClientConfig
from pyclient.core import commands, events
from pyclient.host import intents, token_answer
from pyclient.host import pyodide_host as browser
from pyclient.page import notices
from pyclient.tools import ToolRegistry
from tests.support.fake_browser import FakeBuffer, FakeHost, grant
from tests.support.fakewire import FakeWire
from tests.support.texts import of_notice


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def client(host: FakeHost) -> browser.Client:
    return browser.Client(host, ClientConfig.from_dict({}), ToolRegistry())


def test_the_first_view_is_shown_before_anything_happens(client: browser.Client, host: FakeHost) -> None:
    (view,) = host.said("show")[0]
    assert json.loads(view)["state"] == "idle"


def test_every_command_has_something_that_runs_it(client: browser.Client) -> None:
    """A command nobody runs would be lost without a word."""
    defined = {
        value
        for value in vars(commands).values()
        if isinstance(value, type) and issubclass(value, commands.Command) and value is not commands.Command
    }
    assert set(client.run_command) == defined


def test_a_click_leads_to_a_token_a_socket_and_the_opening_message(client: browser.Client, host: FakeHost) -> None:
    socket_id = grant(client, host)
    url = host.said("open_socket")[-1][1]
    assert url.startswith("ws://localhost/agent/v1/ws?token=t")
    sent_to, text = host.said("send")[0]
    assert sent_to == socket_id
    assert json.loads(text)["type"] == "session.update"


def test_a_frame_goes_out_after_ready_and_its_buffer_goes_back(client: browser.Client, host: FakeHost) -> None:
    socket_id = grant(client, host)
    buffer = FakeBuffer(b"\x01\x02" * 960)
    client.frame(buffer)
    assert len(host.said("send")) == 1, "before ready only the opening message may go out"
    client.message(socket_id, json.dumps({"type": "session.ready", "session_id": "sess_1"}))
    client.frame(buffer)
    assert json.loads(host.said("send")[-1][1])["type"] == "input.audio"
    assert host.said("recycle") == [(buffer,), (buffer,)]


def test_a_network_that_does_not_keep_up_loses_audio_and_keeps_control_messages(
    client: browser.Client, host: FakeHost
) -> None:
    """Old speech is worth less than speech on time; the goodbye must still get through."""
    socket_id = grant(client, host)
    client.message(socket_id, json.dumps({"type": "session.ready", "session_id": "sess_1"}))
    before = len(host.said("send"))
    host.waiting_bytes = browser.MAX_BUFFERED_BYTES + 1
    client.frame(FakeBuffer(b"\0" * 1920))
    assert len(host.said("send")) == before
    client.intent(json.dumps({"type": "hang_up", "page_gone": False}))
    assert json.loads(host.said("send")[-1][1])["type"] == "session.end"


def test_reply_audio_reaches_the_playback_port(client: browser.Client, host: FakeHost) -> None:
    socket_id = grant(client, host)
    client.message(socket_id, json.dumps({"type": "session.ready", "session_id": "sess_1"}))
    client.message(socket_id, json.dumps({"type": "reply.started", "reply_id": "r1", "item_id": "m1"}))
    client.message(socket_id, json.dumps({"type": "reply.audio", "reply_id": "r1", "data": "AAABAA=="}))
    (_, pcm) = host.said("play")[-1]
    assert bytes(pcm) == b"\0\0\1\0"


def test_binary_messages_arrive_as_bytes(client: browser.Client, host: FakeHost) -> None:
    """A codec that expects text names it and goes on."""
    socket_id = grant(client, host)
    client.message(socket_id, FakeBuffer(b"\x00\x01"))
    assert client.session.view()["state"] == "configuring"


@pytest.mark.parametrize("intent", sorted(intents.INTENTS))
def test_every_intent_of_the_page_is_harmless_in_an_idle_session(client: browser.Client, intent: str) -> None:
    message = {"type": intent, "muted": True, "paused": True, "text": "hello", "kind": "denied", "call": 1}
    client.intent(json.dumps(message))


def test_a_microphone_that_was_refused_is_told_before_any_call(client: browser.Client, host: FakeHost) -> None:
    """The click failed in the page, so the session never heard of a call; the person still gets the reason."""
    client.intent(json.dumps({"type": "capture_failed", "call": 1, "kind": "denied", "detail": "", "fatal": True}))
    view = json.loads(host.said("show")[-1][0])
    assert view["notice"]["title"] and view["can_connect"] and not view["audio_wanted"]


def test_the_talk_key_drains_the_capture_and_hears_that_it_is_drained(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "_CODECS", {"assemblyai": lambda: FakeWire(push_to_talk=True)})
    config = ClientConfig.from_dict({"turn_style": "push_to_talk", "min_talk_ms": 0})
    client = browser.Client(host, config, ToolRegistry())
    socket_id = grant(client, host)
    client.handle(events.SessionReady(session_id="s"))
    client.intent(json.dumps({"type": "talk", "pressed": True}))
    assert json.loads(host.said("show")[-1][0])["talking"] is True
    client.frame(FakeBuffer(b"\0" * 9_600))
    client.intent(json.dumps({"type": "talk", "pressed": False}))
    assert json.loads(host.said("capture")[-1][0]) == {"type": "drain"}
    client.capture_drained()
    assert host.said("send")[-1] == (socket_id, json.dumps({"type": "talk end"}))


def test_a_talk_that_the_page_takes_back_is_cancelled() -> None:
    assert intents.INTENTS["talk"]({"pressed": False, "cancelled": True}) == events.TalkReleased(cancelled=True)
    assert intents.INTENTS["talk"]({"pressed": False}) == events.TalkReleased(cancelled=False)
    assert intents.INTENTS["talk"]({"pressed": True}) == events.TalkPressed()


def test_the_jitter_is_random_and_between_0_and_1() -> None:
    draws = {browser.jitter() for _ in range(50)}
    assert len(draws) > 40 and all(0 <= draw <= 1 for draw in draws)


def test_a_lost_line_is_retried_at_a_random_moment(client: browser.Client, host: FakeHost) -> None:
    socket_id = grant(client, host)
    client.message(socket_id, json.dumps({"type": "session.ready", "session_id": "sess_1"}))
    client.socket_closed(socket_id, 1006, "")
    name, delay_ms = host.said("set_timer")[-1]
    assert name == "retry" and 0 <= delay_ms <= 500
    host.now_ms = lambda: 9_000.0  # type: ignore[method-assign]
    client.timer("retry")
    assert len(host.said("request_token")) == 2


# --- the token route's answer -----------------------------------------------------------------------------------------


def test_a_token_is_taken_with_its_limits() -> None:
    body = {"token": "t", "ws_url": "wss://voice.example/ws", "expires_at": 5.5, "max_session_seconds": 60}
    event = token_answer.token_event(3, 200, json.dumps(body), "")
    assert event == events.TokenGranted(
        attempt=3, token="t", ws_url="wss://voice.example/ws", expires_at=5.5, max_session_s=60
    )
    assert "'t'" not in repr(event)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "absent"),
        ("<html>", "absent"),
        ("[]", "absent"),
        ("null", "absent"),
        ("{}", "bad_answer"),
        ('{"token": 1, "ws_url": "wss://a"}', "bad_answer"),
        ('{"token": "t"}', "bad_answer"),
        ('{"token": "t", "ws_url": "javascript:1"}', "bad_answer"),
        ("[" * 6000, "absent"),
    ],
)
def test_an_answer_that_is_no_token_is_a_refusal_and_never_an_exception(body: str, code: str) -> None:
    """What is not even an object comes from no token server: a static host answers with its page."""
    event = token_answer.token_event(1, 200, body, "")
    assert isinstance(event, events.TokenRefused) and event.code == code


@pytest.mark.parametrize(
    ("status", "body", "code", "notice"),
    [
        (0, "redirected", "redirected", "token_redirected"),
        (0, "offline", "offline", "token_offline"),
        (0, "policy", "policy", "token_policy"),
        (0, "no_bearer", "no_bearer", "token_no_bearer"),
        (0, "TypeError", "", "token_unreachable"),
        (404, "<html>", "absent", "token_absent"),
        (405, "<?xml?><Error/>", "absent", "token_absent"),
        (501, "", "absent", "token_absent"),
        (404, '{"error": {"code": "not_found", "message": "Nothing."}}', "not_found", "token_404"),
        (
            403,
            '{"error": {"code": "forbidden_origin", "message": "No."}}',
            "forbidden_origin",
            "token_forbidden_origin",
        ),
        (403, '{"error": {"code": "forbidden_host", "message": "No."}}', "forbidden_host", "token_forbidden_host"),
        (403, "<html>denied</html>", "", "token_403"),
        (401, "<html>sign in</html>", "", "token_401"),
        (503, "<html>busy</html>", "", "token_503"),
    ],
)
def test_who_answered_in_a_token_servers_place_is_told(status: int, body: str, code: str, notice: str) -> None:
    event = token_answer.token_event(1, status, body, "")
    assert isinstance(event, events.TokenRefused) and (event.status, event.code) == (status, code)
    told = notices.token_refused(event)
    assert told.code == notice and all(of_notice(told))


def test_a_refusal_keeps_status_words_and_patience() -> None:
    event = token_answer.token_event(1, 429, '{"error": {"code": "rate_limited", "message": "Too many."}}', "7")
    assert event == events.TokenRefused(
        attempt=1, status=429, code="rate_limited", message="Too many.", retry_after_s=7.0
    )


# --- tools ------------------------------------------------------------------------------------------------------------


def run_tool(
    host: FakeHost, registry: ToolRegistry, name: str, arguments: dict[str, Any], timeout_ms: int = 1000
) -> events.ToolFinished:
    client = browser.Client(host, ClientConfig.from_dict({}), registry)
    told: list[events.Event] = []
    client.handle = told.append  # type: ignore[method-assign, assignment]

    async def go() -> None:
        client.run_command[commands.RunTool](
            commands.RunTool(call_id="c1", name=name, arguments=arguments, timeout_ms=timeout_ms)
        )
        await asyncio.gather(*client.running.values())

    asyncio.run(go())
    (event,) = told
    assert isinstance(event, events.ToolFinished)
    return event


def test_a_plain_and_an_async_tool_both_answer(host: FakeHost) -> None:
    registry = ToolRegistry()

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    async def later(word: str) -> str:
        """Wait a little."""
        await asyncio.sleep(0)
        return word

    registry.register(add)
    registry.register(later)
    assert run_tool(host, registry, "add", {"a": 1, "b": 2}).result_json == "3"
    assert run_tool(host, registry, "later", {"word": "x"}).result_json == '"x"'


def test_a_tool_that_raises_tells_the_agent_and_not_the_person(host: FakeHost) -> None:
    registry = ToolRegistry()

    def broken() -> None:
        """Break."""
        raise KeyError("no such light")

    registry.register(broken)
    event = run_tool(host, registry, "broken", {})
    assert event.is_error and "no such light" in event.result_json


def test_a_tool_that_takes_too_long_is_ended(host: FakeHost) -> None:
    registry = ToolRegistry()

    async def forever() -> None:
        """Never end."""
        await asyncio.Event().wait()

    registry.register(forever)
    event = run_tool(host, registry, "forever", {}, timeout_ms=20)
    assert event.is_error and "too long" in event.result_json


TOOLS = """from pyclient.tools import tool

@tool
def whoami() -> str:
    \"\"\"Say who this is.\"\"\"
    return __name__ + " " + __file__.rpartition(".")[2]
"""


@pytest.mark.parametrize("suffix", ["py", "pyc"])
def test_the_page_s_tools_are_loaded_from_where_the_boot_script_puts_them(
    client: browser.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str
) -> None:
    source, bytecode = tmp_path / "agent_tools.py", tmp_path / "agent_tools.pyc"
    monkeypatch.setattr(browser, "TOOLS_SOURCE", str(source))
    monkeypatch.setattr(browser, "TOOLS_BYTECODE", str(bytecode))
    monkeypatch.delitem(sys.modules, "agent_tools", raising=False)
    source.write_text(TOOLS)
    if suffix == "pyc":
        py_compile.compile(str(source), cfile=str(bytecode))
        source.unlink()
    client.load_tools()
    assert client.registry.invoke("whoami", {}) == f"agent_tools {suffix}"
    assert sys.modules["agent_tools"].whoami() == f"agent_tools {suffix}"


def test_other_settings_begin_a_new_session_and_wait_while_a_call_is_on(client: browser.Client, host: FakeHost) -> None:
    other = json.dumps({"type": "configure", "settings": {"greeting": "Good day.", "max_turns": 7}})
    client.intent(other)
    assert client.session.view()["state"] == "idle" and len(host.said("show")) == 2
    grant(client, host)
    sent = json.loads(host.said("send")[0][1])
    before = client.session
    client.intent(other)
    assert client.session is before
    assert sent["type"] == "session.update"


def test_another_service_starts_with_its_own_codec_and_settings_and_asks_for_its_own_token(
    client: browser.Client, host: FakeHost
) -> None:
    client.intent(json.dumps({"type": "configure", "settings": {"provider": "sdk_voice", "frame_ms": 40}}))
    view = client.session.view()
    assert view["provider"] == "sdk_voice" and view["features"]["typed_text"] is False and view["voices"] is None
    client.intent(json.dumps({"type": "connect", "voice": ""}))
    (request,) = host.said("request_token")
    assert json.loads(request[2])["provider"] == "sdk_voice"
    (playback,) = [
        told for told in map(json.loads, (it[0] for it in host.said("playback"))) if told["type"] == "configure"
    ]
    assert playback["rate_hz"] == 16_000
