"""The OpenAI wire where the vendor's package does not go: handshakes, errors, items, odd
responses, limits and faults.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import websockets

from server.agent.options import AgentOptions
from tests.server.support.agent_support import RunningAgent, running_agent, spoken
from tests.server.support.inbox import Event
from tests.server.support.openai_client import WEATHER, OpenAIClient
from tests.server.support.openai_socket import KEY_PROTOCOL, browser, message, secret, until_closed


@pytest.fixture(scope="module")
def agent() -> Iterator[RunningAgent]:
    with running_agent(AgentOptions(allow_control=True)) as running:
        yield running


def test_a_page_opens_a_socket_with_a_minted_key(agent: RunningAgent) -> None:
    value = secret(agent).json()["value"]

    async def run() -> None:
        async with browser(agent, "realtime", KEY_PROTOCOL + value, "openai-agents-sdk.0.20.0") as socket:
            assert socket.subprotocol == "realtime"
            created = json.loads(await socket.recv())
            assert (created["type"], created["session"]["model"]) == ("session.created", "m")
        # Nothing may be selected that was not offered.
        async with browser(agent, KEY_PROTOCOL + value) as socket:
            assert socket.subprotocol is None

    asyncio.run(run())


@pytest.mark.parametrize("protocols", [("realtime",), ("realtime", KEY_PROTOCOL + "ek_forged")])
def test_a_wrong_key_is_told_after_the_handshake(agent: RunningAgent, protocols: tuple[str, ...]) -> None:
    async def run() -> list[Event]:
        async with browser(agent, *protocols) as socket:
            return await until_closed(socket)

    error, closed = asyncio.run(run())
    assert error["error"]["code"] == "invalid_api_key"
    assert (closed["code"], closed["reason"]) == (3000, "invalid_request_error.invalid_api_key")


def test_the_beta_protocol_is_refused(agent: RunningAgent) -> None:
    async def run() -> Event:
        async with browser(agent, "realtime", KEY_PROTOCOL + "k", "openai-beta.realtime-v1") as socket:
            return (await until_closed(socket))[-1]

    closed = asyncio.run(run())
    assert (closed["code"], closed["reason"]) == (4000, "invalid_request_error.beta_api_shape_disabled")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"expires_after": {"anchor": "created_at", "seconds": 7201}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "later", "seconds": 60}}, "expires_after.anchor"),
        ({"session": {"type": "realtime", "voice": "cedar"}}, "session.voice"),
        ({"session": {}}, "session.type"),
        ({"sesion": {}}, "sesion"),
    ],
)
def test_a_wrong_body_mints_nothing(agent: RunningAgent, body: Any, param: str) -> None:
    answer = secret(agent, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_no_key_mints_nothing_and_a_scenario_can_refuse(agent: RunningAgent) -> None:
    assert secret(agent, Authorization="").status_code == 401
    agent.scenario("token_429")
    refused = secret(agent)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert secret(agent).status_code == 200, "one refusal uses the scenario up"


def test_an_update_merges_and_the_whole_session_is_echoed(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            created = (await client.wait("session.created"))["session"]
            detection = {"type": "semantic_vad", "eagerness": "high"}
            first = await client.configure(
                model="another", instructions="", audio={"input": {"turn_detection": detection}}
            )
            second = await client.configure(
                audio={"input": {"turn_detection": {"type": "semantic_vad", "interrupt_response": False}}}
            )
            third = await client.configure(audio={"input": {"turn_detection": None}, "output": {"voice": "cedar"}})
            assert first["session"]["audio"]["input"]["turn_detection"] == {
                **detection,
                "create_response": True,
                "interrupt_response": True,
            }
            kept = second["session"]["audio"]["input"]["turn_detection"]
            assert (kept["eagerness"], kept["interrupt_response"]) == ("high", False)
            changed = {
                **created,
                "instructions": "",
                "audio": {
                    "input": {**created["audio"]["input"], "turn_detection": None},
                    "output": {**created["audio"]["output"], "voice": "cedar"},
                },
            }
            assert third["session"] == changed, "nothing else moved, the model least of all"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "realtime", "modalities": ["text"]}, "unknown_parameter", "session.modalities"),
        ({"type": "realtime", "audio": {"input": {"vad": 1}}}, "unknown_parameter", "session.audio.input.vad"),
        ({"instructions": "x"}, "missing_required_parameter", "session.type"),
        ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}, "invalid_value",
         "session.audio.input.format.rate"),
        ({"type": "realtime", "tools": [{"type": "mcp"}]}, "unknown", "session.tools[0].type"),
        ({"type": "realtime", "audio": {"output": {"voice": "nobody"}}}, "invalid_value", "session.audio.output.voice"),
    ],
)  # fmt: skip
def test_a_wrong_update_is_refused_by_its_path(agent: RunningAgent, session: Event, code: str, param: str) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.send("session.update", session=session, event_id="mine")
            error = (await client.wait("error"))["error"]
            assert (error["param"], error["event_id"]) == (param, "mine")
            assert error["code"] == code or code == "unknown"
            assert client.of("session.updated") == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"no.such"}', "invalid_value"),
        ('{"x":1}', "invalid_event"),
        ('{"type":"response.cancel"}', "response_cancel_not_active"),
        ('{"type":"conversation.item.retrieve","item_id":"x"}', "item_retrieve_invalid_item_id"),
        ('{"type":"conversation.item.delete"}', "missing_required_parameter"),
        ('{"type":"input_audio_buffer.append","audio":"%"}', "invalid_value"),
        ('{"type":"response.create","response":{"modalities":["text"]}}', "unknown_parameter"),
        ('{"type":"response.create","response":{"metadata":{"a":1}}}', "invalid_value"),
        ("[" * 200, "invalid_json"),
        ("", "invalid_json"),
        (b"\x00\x01", "invalid_event"),
    ],
)
def test_a_wrong_event_is_answered_and_the_session_goes_on(agent: RunningAgent, text: str | bytes, code: str) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.connection.send_raw(text)
            assert (await client.wait("error"))["error"]["code"] == code
            await client.configure()

    asyncio.run(run())


def test_items_stand_where_the_client_puts_them(agent: RunningAgent) -> None:
    """History is accepted, kept in order, counted, and given back."""

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.send("conversation.item.create", item=message("user", "one", id="a"))
            await client.send("conversation.item.create", item=message("assistant", "three", id="c"))
            await client.send("conversation.item.create", item=message("system", "two", id="b"), previous_item_id="a")
            await client.send("conversation.item.create", item=message("user", "zero", id="z"), previous_item_id="root")
            await client.send("conversation.item.create", item=message("user", "x"), previous_item_id="nobody")
            assert (await client.wait("error"))["error"]["param"] == "previous_item_id"
            done = client.of("conversation.item.done")
            assert [(e["item"]["id"], e["previous_item_id"]) for e in done] == [
                ("a", None), ("c", "a"), ("b", "a"), ("z", None),
            ]  # fmt: skip
            await client.send("conversation.item.delete", item_id="b")
            await client.wait("conversation.item.deleted")
            await client.send("conversation.item.retrieve", item_id="c")
            item = (await client.wait("conversation.item.retrieved"))["item"]
            assert item["content"] == [{"type": "output_text", "text": "three"}]
            record = agent.record((await client.wait("session.created"))["session"]["id"])
            assert record["items"] == {"user message": 2, "assistant message": 1, "system message": 1}

    asyncio.run(run())


def text_of(done: Event) -> str:
    content = done["response"]["output"][0]["content"][0]
    return str(content.get("transcript") or content.get("text"))


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Say exactly: Good morning, I'm here.", "Good morning, I'm here."),
        ('Greet the user. Say "Welcome back." and nothing else.', "Welcome back."),
    ],
)
def test_a_greeting_is_spoken_word_for_word(agent: RunningAgent, instructions: str, said: str) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.send("response.create", response={"instructions": instructions})
            assert text_of(await client.wait("response.done")) == said

    asyncio.run(run())


def test_one_response_at_a_time_but_for_those_outside_the_conversation(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url, scenario="real_time") as client:
            await client.configure()
            await client.ask("tell me a long story")
            active = (await client.wait("response.created"))["response"]["id"]
            await client.send("response.create", event_id="second")
            error = (await client.wait("error"))["error"]
            assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")
            assert active in error["message"]
            side = {"conversation": "none", "metadata": {"topic": "side"}, "output_modalities": ["text"]}
            await client.send("response.create", response={**side, "input": [message("user", "count to two")]})
            await client.wait("response.output_audio_transcript.delta")
            begin = len(client.events)
            await client.send("response.cancel", response_id=active)
            cancelled = await client.wait("response.done", after=begin)
            assert cancelled["response"]["status_details"]["reason"] == "client_cancelled"
            outside = await client.wait("response.done", where=lambda e: e["response"]["metadata"] is not None)
            response = outside["response"]
            assert (response["conversation_id"], response["metadata"]) == (None, {"topic": "side"})
            assert text_of(outside) == "One, two."
            side_item = response["output"][0]["id"]
            inside = [e["item"]["id"] for e in client.of("conversation.item.added")]
            assert side_item not in inside

    asyncio.run(run())


def test_a_response_can_have_its_own_tools_and_length(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(tools=[WEATHER], output_modalities=["text"])
            await client.ask("what is the weather in rome", tool_choice="none")
            assert "no weather tool" in text_of(await client.wait("response.done"))
            begin = len(client.events)
            await client.ask("count to ten", max_output_tokens=4)
            done = await client.wait("response.done", after=begin)
            assert done["response"]["status"] == "incomplete"
            assert done["response"]["status_details"]["reason"] == "max_output_tokens"
            assert text_of(done) == "One, two, three,"

    asyncio.run(run())


@pytest.mark.slow
def test_turns_without_answers(agent: RunningAgent) -> None:
    """create_response false: the turn is committed and understood, and nobody answers until asked."""
    off = {"type": "server_vad", "create_response": False}

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio={"input": {"turn_detection": off, "transcription": {"model": "whisper-1"}}})
            await client.talk(spoken("count to three"))
            heard = await client.wait("conversation.item.input_audio_transcription.completed")
            deltas = client.of("conversation.item.input_audio_transcription.delta")
            assert [e["delta"] for e in deltas] == [heard["transcript"]], "whisper-1 tells all in one"
            assert client.of("response.created") == []
            await client.send("response.create")
            assert text_of(await client.wait("response.done")) == "One, two, three."

    asyncio.run(run())


@pytest.mark.slow
def test_speech_does_not_stop_a_reply_that_may_not_be_interrupted(agent: RunningAgent) -> None:
    keep = {"type": "server_vad", "interrupt_response": False}

    async def run() -> None:
        async with OpenAIClient(agent.url, scenario="real_time") as client:
            await client.configure(audio={"input": {"turn_detection": keep}})
            await client.ask("count to ten")
            await client.wait("response.output_audio.delta")
            await client.talk(spoken("count to three"))
            await client.wait("input_audio_buffer.committed")
            first = await client.wait("response.done")
            assert first["response"]["status"] == "completed"
            second = await client.wait("response.done", after=client.events.index(first) + 1)
            assert text_of(second) == "One, two, three."

    asyncio.run(run())


@pytest.mark.slow
def test_a_commit_by_hand_ends_the_turn_that_is_heard(agent: RunningAgent) -> None:
    """Then no speech_stopped follows, and no answer comes unasked."""

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio={"input": {"transcription": {"model": "gpt-transcribe"}}})
            await client.talk(spoken("count to three"), silence_ms=0)
            started = await client.wait("input_audio_buffer.speech_started")
            await client.send("input_audio_buffer.commit")
            heard = await client.wait("conversation.item.input_audio_transcription.completed")
            assert heard["item_id"] == started["item_id"]
            await client.send("response.create")
            await client.wait("response.done")
            assert client.of("input_audio_buffer.speech_stopped") == []
            assert len(client.of("response.created")) == 1

    asyncio.run(run())


def test_silence_after_a_reply_is_noticed_when_asked_for(agent: RunningAgent) -> None:
    idle = {"type": "server_vad", "idle_timeout_ms": 200}

    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio={"input": {"turn_detection": idle}})
            await client.send("response.create", response={"instructions": "Say exactly: Hi."})
            triggered = await client.wait("input_audio_buffer.timeout_triggered")
            done = await client.wait("response.done", after=client.events.index(triggered))
            assert text_of(done) == "Are you still there?"

    asyncio.run(run())


def test_the_end_of_a_sessions_time(agent: RunningAgent) -> None:
    agent.scenario({"cap_s": 0.3})

    async def run() -> list[Event]:
        async with OpenAIClient(agent.url) as client:
            await client.wait("(closed)")
            return client.events

    events = asyncio.run(run())
    assert [event["type"] for event in events] == ["session.created", "error", "(closed)"]
    assert (events[1]["error"]["code"], events[2]["code"]) == ("session_expired", 1001)


@pytest.mark.slow
def test_a_response_can_fail_and_a_transcription_too(agent: RunningAgent) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url, scenario="reply_failed") as client:
            await client.ask("count to three")
            response = (await client.wait("response.done"))["response"]
            assert (response["status"], response["output"]) == ("failed", [])
            assert response["status_details"]["error"]["code"] == "rate_limit_exceeded"
        async with OpenAIClient(agent.url, scenario="transcription_failed") as client:
            manual = {"input": {"turn_detection": None, "transcription": {"model": "gpt-transcribe"}}}
            await client.configure(audio=manual)
            await client.append(spoken("count to three"))
            await client.send("input_audio_buffer.commit")
            await client.wait("conversation.item.input_audio_transcription.failed")

    asyncio.run(run())


@pytest.mark.parametrize("form", ["audio/pcmu", "audio/pcma"])
def test_telephone_encodings(agent: RunningAgent, form: str) -> None:
    async def run() -> None:
        async with OpenAIClient(agent.url) as client:
            await client.configure(audio={"output": {"format": {"type": form}}})
            await client.ask("count to three")
            done = await client.wait("response.done")
            size = len(client.audio(done["response"]["output"][0]["id"]))
            assert 8000 < size < 8000 * 6

    asyncio.run(run())


def test_the_independent_server_deviates_as_one_was_seen_to(agent: RunningAgent) -> None:
    async def run() -> None:
        protocols = ("realtime", KEY_PROTOCOL + "k")
        async with browser(agent, *protocols, query="?model=m&scenario=independent_server") as socket:
            created = json.loads(await socket.recv())
            assert created["session"]["tools"] is None
            await socket.send('{"type":"response.cancel"}')
            await socket.send('{"type":"no.such"}')
            error = json.loads(await socket.recv())["error"]
            assert (error["type"], error["code"]) == ("invalid_value", None)
            item = message("user", "count to three")
            await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
            assert json.loads(await socket.recv())["type"] == "conversation.item.created"
            await socket.send('{"type":"response.create"}')
            seen: list[str] = []
            while not seen or seen[-1] != "response.done":
                seen.append(json.loads(await socket.recv())["type"])
            assert "conversation.item.created" in seen
            assert not {"conversation.item.added", "conversation.item.done"} & set(seen)

    asyncio.run(run())


def test_no_log_line_holds_a_key_or_what_was_said(agent: RunningAgent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="parley")
    value = secret(agent, Authorization="Bearer canary-key").json()["value"]

    async def run() -> None:
        async with OpenAIClient(agent.url, api_key=value) as client:
            await client.send("response.create", response={"instructions": 'Say "xylophone".'})
            await client.wait("response.done")

    asyncio.run(run())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("parley")]
    for word in (value, "canary-key", "xylophone"):
        assert not any(word in line for line in lines)


@pytest.mark.parametrize("path", ["/v1/realtime?model=m", "/api/v1/sdk/ws"])
def test_a_foreign_page_gets_no_socket(agent: RunningAgent, path: str) -> None:
    async def run() -> int:
        url = agent.url.replace("http", "ws", 1) + path
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, origin="https://evil.example", proxy=None)  # type: ignore[arg-type]
        return refused.value.response.status_code

    assert asyncio.run(run()) == 403
