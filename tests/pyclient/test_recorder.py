"""Session recorder and replay: whatever happened, the same comes out once more, and no secret is in the lines."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from typing import Any

import pytest

from pyclient.config import ClientConfig
from pyclient.core import events
from pyclient.host import pyodide_host
from pyclient.host.recorder import Recorder
from pyclient.tools import ToolRegistry, tool
from tests.replay.player import play, unreduced
from tests.support import playbook, worlds
from tests.support.fake_browser import FakeBuffer, FakeHost, grant
from tests.support.playbook import silence, tone
from tests.support.recorded import RecordedSession

SEEDS = 400


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playbook, "Session", RecordedSession)


def played_world(seed: int) -> RecordedSession:
    chance = random.Random(seed)
    world = worlds.world_of(seed)
    for _ in range(4):
        world.go_on(0)
    for _ in range(chance.randrange(10, 60)):
        world.step(chance.randrange(1 << 16), chance.randrange(1 << 16))
    world.settled()
    session = world.host.session
    assert isinstance(session, RecordedSession)
    return session


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    "first", [pytest.param(first, marks=[pytest.mark.slow] if first else []) for first in range(0, SEEDS, 50)]
)
def test_what_was_recorded_of_a_world_comes_out_the_same(first: int) -> None:
    for seed in range(first, first + 50):
        lines = played_world(seed).lines(1e9)
        done = play(lines)
        assert done.difference is None, (seed, done.difference)
        assert done.events == len(lines) and len(done.transitions) >= 4


def first_difference(lines: list[list[Any]]) -> int:
    found = play(lines).difference
    assert found is not None
    return found.number


@pytest.mark.usefixtures("recorded")
def test_another_core_is_noticed_at_the_first_command_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = played_world(3).lines(1e9)
    changed = next(number for number, line in enumerate(lines) if len(line) > 3 and line[1] == "MessageReceived")
    kept = json.loads(json.dumps(lines))
    kept[changed][3][0] = ["Log", "=", "live -> elsewhere"]
    assert first_difference(kept) == changed + 1
    kept = json.loads(json.dumps(lines))
    del kept[changed][3][-1]
    assert first_difference(kept) == changed + 1
    kept = json.loads(json.dumps(lines))
    kept[-1][2]["status"] = "never so"
    assert first_difference(kept) == len(lines)


@pytest.mark.parametrize("level", [0, 10, 1_700, 32_767])
@pytest.mark.parametrize("size", [0, 2, 3, 640, 1_921])
def test_a_frame_that_stands_for_another_is_as_long_and_as_loud(level: int, size: int) -> None:
    frame = b"".join(value.to_bytes(2, "little", signed=True) for value in (0, level, -level, 5))
    pcm = (frame * (size // 8 + 1))[:size]
    assert said_again(events.AudioCaptured(pcm=pcm)) == said_again(
        unreduced(*said_again(events.AudioCaptured(pcm=pcm)))
    )


@pytest.mark.parametrize("quiet", [0, 100, 480, 5_000, None])
def test_audio_of_a_reply_is_heard_from_the_same_sample_on(quiet: int | None) -> None:
    pcm = silence(2_000) if quiet is None else silence(quiet) + tone(480)
    for data in (json.dumps({"type": "reply.audio", "data": base64.b64encode(pcm).decode()}), pcm, pcm + b"\1"):
        event = events.MessageReceived(socket_id=1, data=data)
        again = unreduced(*said_again(event))
        assert isinstance(again, events.MessageReceived)
        assert len(again.data) == len(data)
        assert said_again(again) == said_again(event)


def said_again(event: events.Event) -> tuple[str, dict[str, Any]]:
    """An event as a line has it."""
    _, kind, what = Recorder(lambda _: None).took(event, 0)
    return kind, json.loads(json.dumps(what))


@tool
def booking(count: int, kind: str = "any", extra: bool | None = None, tags: list[str] | None = None) -> str:
    """Book something."""
    return ""


def recording_of(host: FakeHost) -> str:
    return "".join(text for (text,) in host.said("record"))


TOKEN = "tok-PLANTED-0123456789/abc+def"
KEY = "sk-planted-ABCDEFGHIJKLMNOPQRST"


async def call_with_secrets(host: FakeHost) -> pyodide_host.Client:
    """A call of a page whose token comes back in messages, and in which a person types a key."""
    settings = ClientConfig.from_dict({"token_url": "/api/token?site=planted-in-the-address", "system_prompt": KEY})
    client = pyodide_host.Client(host, settings, ToolRegistry([booking]))
    client.intent(json.dumps({"type": "connect", "call": 1, "voice": "", "greeting": "Hello", "system_prompt": KEY}))
    body = {"token": TOKEN, "ws_url": "ws://user:planted-password@localhost/agent/v1/ws?k=planted-query"}
    client.token_answered(host.said("request_token")[-1][0], 200, json.dumps(body), "")
    socket_id = int(host.said("open_socket")[-1][0])
    client.socket_opened(socket_id)
    ready = {"type": "session.ready", "session_id": "sess_1", "resume_token": "planted-resume-token", "echo": TOKEN}
    client.message(socket_id, json.dumps(ready))
    arguments = [{"count": 1}, {"count": "many"}, {"count": 2, "extra": None}, {"count": 1, "tags": [3]}, {"kind": "x"}]
    for number, given in enumerate(arguments):
        call = {"type": "tool.call", "call_id": f"c{number}", "name": "booking", "arguments": given}
        client.message(socket_id, json.dumps(call))
    await asyncio.gather(*client.running.values())
    client.intent(json.dumps({"type": "text", "text": f"my key is {KEY}, and {TOKEN}"}))
    audio = {"type": "reply.audio", "reply_id": "r1", "data": base64.b64encode(tone(2_000)).decode()}
    client.message(socket_id, json.dumps({"type": "reply.started", "reply_id": "r1"}))
    client.message(socket_id, json.dumps(audio))
    path = client.audio_fast_path
    assert path.item_of("r1") and path.may_play()
    path.played(4_800, 900.0)
    path.sent(7, 950.0)
    client.frame(FakeBuffer(tone(960)))
    client.progress("r1", 1_200, 4_000, 0)
    return client


def test_a_page_is_recorded_with_its_fast_path_and_another_service() -> None:
    host = FakeHost()
    client = asyncio.run(call_with_secrets(host))
    client.intent(json.dumps({"type": "record", "whole": True}))
    client.intent(json.dumps({"type": "hang_up", "page_gone": True}))
    client.intent(json.dumps({"type": "configure", "settings": {"provider": "sdk_voice"}}))
    client.intent(json.dumps({"type": "connect", "call": 2}))
    client.intent(json.dumps({"type": "record", "whole": True}))
    lines = [json.loads(line) for line in recording_of(host).splitlines()]
    kinds = [line[1] for line in lines]
    assert kinds.count("start") == kinds.count("view") == 2 and {"item_of", "played", "sent", "ToolFinished"} <= set(
        kinds
    )
    done = play(lines)
    assert done.difference is None, done.difference
    assert done.transitions[-1] == "idle -> minting"


def test_what_is_there_is_handed_over_without_the_view_of_the_moment() -> None:
    host = FakeHost()
    client = pyodide_host.Client(host, ClientConfig.from_dict({}), ToolRegistry())
    client.timer("any")
    before = recording_of(host)
    client.intent(json.dumps({"type": "record", "whole": False}))
    client.intent(json.dumps({"type": "record", "whole": False}))
    kinds = [json.loads(line)[1] for line in recording_of(host).removeprefix(before).splitlines()]
    assert kinds == ["start", "TimerFired"]


def test_no_secret_is_recorded_as_it_is_or_as_base64() -> None:
    host = FakeHost()
    client = asyncio.run(call_with_secrets(host))
    client.intent(json.dumps({"type": "record", "whole": True}))
    text = recording_of(host)
    for secret in (TOKEN, KEY, "planted-resume-token", "planted-in-the-address", "planted-password", "planted-query"):
        assert secret not in text
        for shift in range(3):
            assert base64.b64encode(b"." * shift + secret.encode()).decode()[4:-4] not in text
    assert "my key is " in text and "reply.audio" in text
    assert len(text) < 20_000, "audio is not in it"


def test_what_ends_python_is_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost()
    client = pyodide_host.Client(host, ClientConfig.from_dict({}), ToolRegistry())
    monkeypatch.setattr(client.session, "handle", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.timer("any")
    (*_, last) = recording_of(host).splitlines()
    assert json.loads(last)[1:] == ["TimerFired", {"name": "any"}, [["raised", "ZeroDivisionError"]]]


def test_random_numbers_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost()
    client = pyodide_host.Client(host, ClientConfig.from_dict({}), ToolRegistry())
    drawn = iter([0.125, 0.875])
    monkeypatch.setattr(pyodide_host, "jitter", lambda: next(drawn))
    socket_id = grant(client, host)
    client.message(socket_id, json.dumps({"type": "session.ready", "session_id": "s"}))
    client.socket_closed(socket_id, 1006, "")
    lines = [json.loads(line) for line in recording_of(host).splitlines()]
    (closed,) = [line for line in lines if line[1] == "SocketClosed"]
    assert ["random", 0.125] in closed[3]
    assert play(lines).difference is None
    closed[3][closed[3].index(["random", 0.125])] = ["random", 0.5]
    assert first_difference(lines) == lines.index(closed) + 1
