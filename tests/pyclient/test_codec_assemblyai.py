"""The golden messages of AssemblyAI's wire, through the codec in both directions.

What the codec must make of each server message stands here; the messages stand in `tests/wire/assemblyai.jsonl`, which
the local agent's tests read too, so that one misreading cannot agree with itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from pyclient.codecs import SessionSettings
from pyclient.codecs.assemblyai import AssemblyAICodec
from pyclient.core import events as ev
from pyclient.core.errors import ConfigError, RemoteProtocolError
from pyclient.core.safejson import Limits
from tests.support.playbook import golden
from tests.support.texts import of_close

GOLDEN = golden()
CLIENT = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "client"}
SERVER = {name: line["message"] for name, line in GOLDEN.items() if line["direction"] == "server"}

LIMITS = Limits()
RID, MID, SID = "resp_9b1f4c0e6a2d4f58b7c3d1e0f9a8b7c6", "msg_7c2e", "sess_0123456789abcdef0123456789abcdef"
PCM = b"\x00\x00\x01\x00\xff\x7f\xff\x80"
WEATHER = {
    "name": "weather",
    "description": "Tell the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
    },
    "execution_mode": "interactive",
    "timeout_ms": 30_000,
}
FULL = SessionSettings(
    voice="alba",
    system_prompt="Be brief.",
    greeting="Hello.",
    input={"keyterms": ["Parley"], "transcription_mode": "min_latency", "language_codes": None},
    turn_detection={"vad_threshold": 0.5, "interrupt_response": True},
    volume=80,
    tools=(WEATHER,),
)
# The page's tools stay here: the service takes nothing beside the id, and calls the tools that its agent names.
STORED = SessionSettings(agent_id="agent_0123456789abcdef0123456789abcdef", tools=(WEATHER,))
ASK = "The user typed this message instead of saying it. Answer it: "

Codec = AssemblyAICodec
ENCODED: dict[str, Callable[[Codec], Any]] = {
    "session.update minimal": lambda codec: codec.opening(SessionSettings()),
    "session.update full": lambda codec: codec.opening(FULL),
    "session.update stored agent": lambda codec: codec.opening(STORED),
    "session.update mutable": lambda codec: (
        codec.update(system_prompt="Be funny.", turn_detection={"min_silence": 600}, volume=40).messages
    ),
    "session.update tools replaced": lambda codec: codec.update(tools=(WEATHER,)).messages,
    "session.update tools removed": lambda codec: codec.update(tools=()).messages,
    "input.audio": lambda codec: [codec.encode_audio(PCM)],
    "tool.result": lambda codec: codec.tool_result("call_1", '{"sky": "clear"}', False),
    "tool.result error": lambda codec: codec.tool_result("call_1", '{"error": "no such city"}', True),
    "reply.create": lambda codec: codec.reply_create(""),
    "reply.create instructions": lambda codec: codec.reply_create("Say goodbye."),
    "conversation.message user": lambda codec: codec.context("user", "What time is it?"),
    "conversation.message system": lambda codec: codec.context("system", "The user is in Oslo."),
    "reply.cancel": lambda codec: codec.reply_cancel(RID),
    "session.resume": lambda codec: codec.resume(SID),
    "session.end": lambda codec: codec.end(),
}


def fault(
    name: str, kind: str, *, retryable: bool = False, closes: bool = False, choices: Any = ()
) -> ev.SessionFaulted:
    message = SERVER[name]
    return ev.SessionFaulted(
        kind=kind,
        code=message["code"],
        message=message["message"],
        param=message.get("param"),
        retryable=retryable,
        closes=closes,
        choices=tuple(choices),
    )


def ready(**fields: Any) -> ev.SessionReady:
    return ev.SessionReady(session_id=SID, **fields)


# What each server message means when it is the first thing heard, that is, before the server was ready.
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("error unauthorized", "auth", {"retryable": True, "closes": True}),
    ("error UNAUTHORIZED, documented", "auth", {"retryable": True, "closes": True}),
    ("error FORBIDDEN", "forbidden", {"closes": True}),
    ("error INTERNAL_ERROR", "server", {"retryable": True, "closes": True}),
    ("error internal_error", "server", {"retryable": True, "closes": True}),
    ("error server_error", "server", {"retryable": True, "closes": True}),
    ("error at_capacity", "capacity", {"retryable": True, "closes": True}),
    ("error concurrency_exceeded", "capacity", {"retryable": True, "closes": True}),
    ("error session_not_found", "not_resumable", {"retryable": True, "closes": True}),
    ("error session_forbidden", "not_resumable", {"closes": True}),
    ("error session_expired", "expired", {"retryable": True, "closes": True}),
    ("error invalid voice", "invalid_setting", {"closes": True, "choices": ("alba", "anna", "charles")}),
    ("error agent_id with inline fields", "invalid_setting", {"closes": True}),
    ("error agent_not_found", "invalid_setting", {"closes": True}),
    ("error inline llm", "invalid_setting", {"closes": True}),
    ("error greeting null", "invalid_message", {}),
    ("error agent_id_not_first", "immutable_setting", {}),
    ("error immutable_field", "immutable_setting", {}),
    ("error bad tool schema", "invalid_setting", {}),
    ("error invalid_config", "invalid_setting", {}),
    ("error invalid_webhook", "invalid_setting", {}),
    ("error unknown type", "invalid_message", {}),
    ("error not JSON", "invalid_message", {}),
    ("error wrong fields", "invalid_message", {}),
    ("error invalid_audio", "invalid_audio", {}),
    ("error audio_rate_violation", "rate", {}),
    ("error agent_init_failed", "server", {"retryable": True, "closes": True}),
    ("error agent_timeout", "server", {"retryable": True, "closes": True}),
    ("error of type error", "invalid_audio", {}),
]

DECODED: dict[str, list[ev.Event]] = {
    "session.updated": [ev.SessionConfigured(config=SERVER["session.updated"]["config"])],
    "session.ready": [ready(resume_token="rt_abc", expires_at=1790215466.0)],
    "session.ready bare": [ready()],
    "session.ready with HTTP tool": [ready(resume_token="rt_abc", expires_at=1790215466.0)],
    "session.ended": [ev.SessionEnded(duration_s=35.279485)],
    "input.speech.started": [ev.UserSpeechStarted()],
    "input.speech.stopped": [ev.UserSpeechStopped()],
    "transcript.user.delta": [ev.UserTranscribed(item_id="msg_2b", text="What is the wea", final=False)],
    "transcript.user": [ev.UserTranscribed(item_id="msg_2b", text="What is the weather?", final=True)],
    "reply.started": [ev.ReplyStarted(reply_id=RID, item_id=MID)],
    "reply.started of a tool reply, documented id": [ev.ReplyStarted(reply_id="fc-call_1", item_id=MID)],
    "reply.audio": [ev.ReplyAudio(reply_id=RID, pcm=PCM)],
    "reply.audio without id": [ev.ReplyAudio(reply_id="", pcm=PCM)],
    "transcript.agent.delta": [
        ev.ReplyTranscribed(reply_id=RID, item_id=MID, text="It ", delta=True, start_ms=32, end_ms=145)
    ],
    "transcript.agent.delta untimed": [ev.ReplyTranscribed(reply_id=RID, item_id=MID, text="Hello", delta=True)],
    "transcript.agent": [ev.ReplyTranscribed(reply_id=RID, item_id=MID, text="It is sunny.", delta=False)],
    "transcript.agent interrupted": [
        ev.ReplyTranscribed(reply_id=RID, item_id=MID, text="It is", delta=False, interrupted=True)
    ],
    "reply.done completed": [ev.ReplyDone(reply_id=RID, interrupted=False)],
    "reply.done interrupted": [ev.ReplyDone(reply_id=RID, interrupted=True)],
    "reply.done without fields": [ev.ReplyDone(reply_id="", interrupted=False)],
    "tool.call": [ev.ToolCalled(call_id="chatcmpl-tool-0f", name="weather", arguments={"city": "Oslo"})],
    "tool.call of an HTTP tool": [ev.ToolCalled(call_id="call_2", name="stock", arguments={})],
    "reply.error": [
        ev.SessionFaulted(kind="reply", code="provider_error", message="The language model failed", retryable=True),
        ev.ReplyDone(reply_id=RID, interrupted=False, failed=True),
    ],
    **{name: [fault(name, kind, **more)] for name, kind, more in FAULTS},
}


def decode(codec: Codec, **fields: Any) -> list[ev.Event]:
    return codec.decode(json.dumps(fields), LIMITS)


def test_no_golden_message_is_forgotten() -> None:
    """A message that is added to the file must be given a meaning here."""
    assert set(CLIENT) == set(ENCODED)
    assert set(SERVER) == set(DECODED)


def test_every_golden_message_names_its_source() -> None:
    for line in GOLDEN.values():
        assert set(line) == {"direction", "name", "source", "date", "message"}
        assert line["source"].startswith("protocol section ")


@pytest.mark.parametrize("name", CLIENT)
def test_what_we_say_is_exactly_the_golden_message(name: str) -> None:
    (message,) = ENCODED[name](Codec())
    assert json.loads(message) == CLIENT[name]


@pytest.mark.parametrize("name", SERVER)
def test_what_the_server_says_means_what_the_table_says(name: str) -> None:
    assert Codec().decode(json.dumps(SERVER[name]), LIMITS) == DECODED[name]


@pytest.mark.parametrize("name", SERVER)
def test_the_order_of_keys_and_a_time_stamp_mean_nothing(name: str) -> None:
    """Protocol file section 5."""
    message = {"timestamp": "2026-09-24T12:00:00Z", **dict(reversed(list(SERVER[name].items())))}
    assert Codec().decode(json.dumps(message, indent=1), LIMITS) == DECODED[name]


@pytest.mark.parametrize("name", SERVER)
def test_a_message_cut_short_anywhere_is_refused_and_raises_nothing(name: str) -> None:
    text = json.dumps(SERVER[name])
    for length in range(0, len(text), 7):
        (event,) = Codec().decode(text[:length], LIMITS)
        assert isinstance(event, ev.MessageRejected)


@pytest.mark.parametrize("name", SERVER)
@pytest.mark.parametrize("junk", [None, 0, -1.5, "", "x", [], [[]], {}, True], ids=repr)
def test_a_message_with_any_field_of_another_type_raises_nothing(name: str, junk: Any) -> None:
    """A field may be missing, null or something else entirely; the worst that may come of it is a refusal."""
    for key in SERVER[name]:
        message = {**SERVER[name], key: junk}
        for event in Codec().decode(json.dumps(message), LIMITS):
            assert isinstance(event, ev.Event)
        del message[key]
        Codec().decode(json.dumps(message), LIMITS)


# --- after the server was ready ---------------------------------------------------------------------------------------


def after_ready(name: str = "session.ready") -> Codec:
    codec = Codec()
    codec.decode(json.dumps(SERVER[name]), LIMITS)
    return codec


@pytest.mark.parametrize("name", ["error invalid voice", "error inline llm", "error internal_error"])
def test_errors_that_close_in_the_beginning_leave_a_ready_session_open(name: str) -> None:
    """Protocol file section 6: only the refusal of the first update closes."""
    (event,) = after_ready().decode(json.dumps(SERVER[name]), LIMITS)
    assert isinstance(event, ev.SessionFaulted) and not event.closes


def test_a_call_of_a_tool_that_the_service_runs_is_marked_as_information() -> None:
    codec = after_ready("session.ready with HTTP tool")
    (event,) = codec.decode(json.dumps(SERVER["tool.call of an HTTP tool"]), LIMITS)
    assert isinstance(event, ev.ToolCalled) and event.informational
    (event,) = codec.decode(json.dumps(SERVER["tool.call"]), LIMITS)
    assert isinstance(event, ev.ToolCalled) and not event.informational


def test_the_next_session_does_not_inherit_what_the_last_one_taught() -> None:
    codec = after_ready("session.ready with HTTP tool")
    codec.opening(SessionSettings())
    (event,) = codec.decode(json.dumps(SERVER["tool.call of an HTTP tool"]), LIMITS)
    assert isinstance(event, ev.ToolCalled) and not event.informational
    (event,) = codec.decode(json.dumps(SERVER["error invalid voice"]), LIMITS)
    assert isinstance(event, ev.SessionFaulted) and event.closes


def test_a_session_that_becomes_ready_after_a_resume_says_so() -> None:
    codec = Codec()
    codec.resume(SID)
    (event,) = codec.decode(json.dumps(SERVER["session.ready"]), LIMITS)
    assert isinstance(event, ev.SessionReady) and event.resumed


def test_a_config_of_any_shape_is_survived() -> None:
    shapes: tuple[object, ...] = (
        None,
        1,
        [],
        {"tools": 1},
        {"tools": [1, {}, {"name": 1, "http": {}}, {"name": "x", "http": None}]},
    )
    for config in shapes:
        codec = Codec()
        (event,) = decode(codec, type="session.ready", session_id="s", config=config)
        assert isinstance(event, ev.SessionReady)
        (event,) = decode(codec, type="tool.call", call_id="c", name="x", arguments={})
        assert isinstance(event, ev.ToolCalled) and not event.informational


# --- details ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("%%%", "not base64"),
        ("A", "not base64"),
        ("AA=", "not base64"),
        ("AA==AA==", "not base64"),
        ("äöü", "not base64"),
        ("AAAA", "half a sample"),
        (None, "must be text"),
        (7, "must be text"),
    ],
)
def test_audio_that_is_no_audio_is_refused_by_name(data: Any, reason: str) -> None:
    (event,) = decode(Codec(), type="reply.audio", reply_id="r", data=data)
    assert isinstance(event, ev.MessageRejected)
    assert reason in event.reason and event.type == "reply.audio"


def test_empty_audio_is_nothing_and_no_mistake() -> None:
    assert decode(Codec(), type="reply.audio", reply_id="r", data="") == []


def test_a_binary_message_is_refused() -> None:
    """Protocol file section 2: text only, in both directions."""
    (event,) = Codec().decode(b'{"type":"session.ready"}', LIMITS)
    assert isinstance(event, ev.MessageRejected) and "binary" in event.reason


def test_an_unknown_type_is_named_and_left_alone() -> None:
    assert decode(Codec(), type="brand.new") == [ev.MessageIgnored(type="brand.new")]
    (event,) = decode(Codec(), type="x" * 10_000)
    assert isinstance(event, ev.MessageIgnored) and len(event.type) == 80


def test_an_id_that_is_too_long_is_refused_and_not_cut() -> None:
    """Cut, two of them might become one."""
    (event,) = decode(Codec(), type="reply.started", reply_id="x" * 257)
    assert isinstance(event, ev.MessageRejected)


def test_a_tool_call_that_cannot_be_answered_is_refused() -> None:
    (event,) = decode(Codec(), type="tool.call", name="x")
    assert isinstance(event, ev.MessageRejected)


@pytest.mark.parametrize("fields", [{}, {"name": "x", "arguments": "[1]"}, {"name": "x", "arguments": 7}])
def test_a_tool_call_that_can_only_be_answered_with_an_error_is_told(fields: dict[str, Any]) -> None:
    (event,) = decode(Codec(), type="tool.call", call_id="c", **fields)
    assert isinstance(event, ev.ToolCalled) and event.call_id == "c"
    assert not event.name or "(arguments that are not a JSON object)" in event.arguments


def test_a_tool_call_without_arguments_has_none() -> None:
    assert decode(Codec(), type="tool.call", call_id="c", name="x") == [
        ev.ToolCalled(call_id="c", name="x", arguments={})
    ]


def test_a_status_in_capitals_is_the_same_status() -> None:
    assert decode(Codec(), type="reply.done", reply_id="r", status="INTERRUPTED") == [
        ev.ReplyDone(reply_id="r", interrupted=True)
    ]


def test_an_error_may_be_nested() -> None:
    (event,) = decode(Codec(), type="error", error={"code": "invalid_audio", "message": "m"})
    assert isinstance(event, ev.SessionFaulted) and event.kind == "invalid_audio"


def test_only_the_field_code_is_read() -> None:
    """Protocol file section 6: never `error_code`."""
    (event,) = decode(Codec(), type="session.error", error_code="unauthorized", message="m")
    assert isinstance(event, ev.SessionFaulted) and event.kind == "unknown" and not event.closes


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Invalid voice 'x'. Must be one of: alba, anna", ("alba", "anna")),
        ("must be one of: 'alba', 'anna'.", ("alba", "anna")),
        ("Must be one of: ['alba', \"anna\", 'alba']", ("alba", "anna")),
        ("Must be one of: ", ()),
        ("Something else", ()),
        ("Must be one of: " + "x" * 100, ()),
        ("Must be one of: " + ", ".join(f"v{number}" for number in range(1_000)), tuple(f"v{number}" for number in range(200))),
    ],
)  # fmt: skip
def test_the_live_list_is_read_from_the_refusal(message: str, expected: tuple[str, ...]) -> None:
    (event,) = decode(Codec(), type="session.error", code="invalid_value", message=message, param="output.voice")
    assert isinstance(event, ev.SessionFaulted) and event.choices == expected


@pytest.mark.parametrize(
    ("ws_url", "token", "expected"),
    [
        ("wss://a.test/v1/ws", "a/b+c=", "wss://a.test/v1/ws?token=a%2Fb%2Bc%3D"),
        ("wss://a.test/v1/voice", "t", "wss://a.test/v1/voice?token=t"),
        ("ws://localhost:8000/agent/v1/ws?x=1", "t", "ws://localhost:8000/agent/v1/ws?x=1&token=t"),
        ("wss://a.test/v1/ws#part", "t", "wss://a.test/v1/ws?token=t"),
    ],
)
def test_the_token_goes_into_the_query_of_whatever_path_the_server_names(
    ws_url: str, token: str, expected: str
) -> None:
    """Protocol file section 14.1: the path has changed before."""
    grant = ev.TokenGranted(attempt=1, token=token, ws_url=ws_url)
    assert Codec().connect(grant) == (expected, ())


@pytest.mark.parametrize(
    ("ws_url", "token"), [("https://a.test", "t"), ("", "t"), ("wss://a\n.test", "t"), ("wss://a.test", "")]
)
def test_an_address_that_is_none_is_the_servers_fault(ws_url: str, token: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Codec().connect(ev.TokenGranted(attempt=1, token=token, ws_url=ws_url))


def test_audio_of_any_length_is_encoded_as_json_would() -> None:
    for length in range(0, 12, 2):
        pcm = bytes(range(length))
        expected = {"type": "input.audio", "audio": base64.b64encode(pcm).decode()}
        assert json.loads(Codec().encode_audio(pcm)) == expected


def test_typed_text_goes_both_ways_that_are_known() -> None:
    messages = [json.loads(message) for message in Codec().user_text('say "hi"')]
    assert messages == [
        {"type": "conversation.message", "role": "user", "content": 'say "hi"'},
        {"type": "reply.create", "instructions": ASK + 'say "hi"'},
    ]


def test_an_update_names_what_must_wait_and_sends_nothing_for_it() -> None:
    update = Codec().update(voice="eve", greeting="Ahoy.")
    assert (update.messages, update.applied, update.immutable) == ((), (), ("voice", "greeting"))
    update = Codec().update(system_prompt="", volume=0, voice="eve")
    assert json.loads(update.messages[0])["session"] == {"system_prompt": "", "output": {"volume": 0}}
    assert (update.applied, update.immutable) == (("system_prompt", "volume"), ("voice",))


def test_tool_time_limits_stay_in_the_vendors_range() -> None:
    for milliseconds, seconds in ((100, 1), (1_000, 1), (1_001, 2), (300_000, 300)):
        (message,) = Codec().opening(SessionSettings(tools=({**WEATHER, "timeout_ms": milliseconds},)))
        assert json.loads(message)["session"]["tools"][0]["timeout_seconds"] == seconds


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"input": {"keytrms": []}}, "input.keytrms"),
        ({"input": {"format": {}}}, "input.format"),
        ({"input": {"keyterms": "Parley"}}, "input.keyterms"),
        ({"input": {"keyterms": ["x"] * 101}}, "input.keyterms"),
        ({"input": {"keyterms": [1]}}, "input.keyterms"),
        ({"input": {"transcription_mode": "fast"}}, "input.transcription_mode"),
        ({"input": {"transcription_prompt": "x" * 1_751}}, "input.transcription_prompt"),
        ({"turn_detection": {"vad": 1}}, "turn_detection.vad"),
        ({"turn_detection": {"vad_threshold": 1.1}}, "turn_detection.vad_threshold"),
        ({"turn_detection": {"vad_threshold": True}}, "turn_detection.vad_threshold"),
        ({"turn_detection": {"interruption_delay": 1_001}}, "turn_detection.interruption_delay"),
        ({"turn_detection": {"min_silence": -1}}, "turn_detection.min_silence"),
        ({"turn_detection": {"min_silence": 900, "max_silence": 899}}, "turn_detection.min_silence"),
        ({"turn_detection": {"type": 1}}, "turn_detection.type"),
        ({"turn_detection": {"interrupt_response": "no"}}, "turn_detection.interrupt_response"),
        ({"volume": 101}, "volume"),
    ],
)
def test_settings_that_the_vendor_would_refuse_are_refused_before_they_are_sent(
    settings: dict[str, Any], key: str
) -> None:
    """A refused first update can leave the socket open and silent."""
    with pytest.raises(ConfigError) as caught:
        Codec().check(SessionSettings(**settings))
    assert caught.value.key == key


def test_good_settings_pass() -> None:
    Codec().check(FULL)
    Codec().check(SessionSettings(turn_detection={"min_silence": 900, "max_silence": 900}))


# --- close codes ------------------------------------------------------------------------------------------------------


def test_close_codes_are_told_apart_in_words() -> None:
    codes = [1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 4001]
    reasons = {code: Codec().close_reason(code, "", True) for code in codes}
    assert len({of_close(reason)[0] for reason in reasons.values()}) == len(codes)
    assert all(of_close(reason)[1] for reason in reasons.values())
    assert [code for code in codes if reasons[code].kind == "ended"] == [1000]
    assert [code for code in codes if not reasons[code].retryable] == [1009]


def test_the_same_code_means_something_else_before_the_server_was_ready() -> None:
    for code, before, after in ((1006, "auth", "network"), (1000, "server", "ended"), (1008, "policy", "policy")):
        assert Codec().close_reason(code, "", False).kind == before
        assert Codec().close_reason(code, "", True).kind == after


def test_the_reason_of_an_unknown_code_is_shown_but_not_at_any_length() -> None:
    reason = Codec().close_reason(4999, "because " * 1_000, True)
    assert "because" in of_close(reason)[1] and len(of_close(reason)[1]) < 200


def test_what_this_wire_has_no_message_for_sends_nothing() -> None:
    """Protocol file sections 4.5, 5 and 8. A session asks `features` first; asked all the same, nothing goes out."""
    codec = after_ready("session.ready")
    assert not (codec.features.push_to_talk or codec.features.history)
    assert [*codec.talk_begin(), *codec.talk_end(), *codec.history([("user", "Hello.")])] == []
    assert [*codec.reply_heard(RID, 300), *codec.tool_results_sent(RID)] == []


def test_a_question_whether_the_server_is_there_changes_nothing() -> None:
    """Protocol file section 4.1."""
    assert [json.loads(message) for message in Codec().probe()] == [{"type": "session.update", "session": {}}]


def test_typed_text_is_a_message_and_a_request_that_holds_it_too() -> None:
    """Protocol file sections 4.4 and 4.5: the message alone was seen not to reach the model."""
    message, request = (json.loads(text) for text in Codec().user_text("Is it late?"))
    assert message == {"type": "conversation.message", "role": "user", "content": "Is it late?"}
    assert request["type"] == "reply.create" and request["instructions"].endswith("Is it late?")
