"""What is said between the click and a live call: asked for when it can be taken, never dropped on the way,
told when too much.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyclient.config import ClientConfig
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.errors import ConfigError
from pyclient.host import pyodide_host as browser
from pyclient.tools import ToolRegistry
from pyclient.turns.preconnect_audio import PreconnectAudio
from tests.support.fake_browser import FakeBuffer, grant
from tests.support.fake_browser import FakeHost as FakeBrowser
from tests.support.fakewire import wire_host
from tests.support.parts import call_in, told
from tests.support.playbook import FakeHost, of_type, tone


def started(commands: list[cmd.Command]) -> list[cmd.Command]:
    return of_type(commands, cmd.StartCapture)


def test_frames_are_asked_for_once_and_not_before_the_server_takes_audio() -> None:
    """Until then the capture side holds what is said: a frame that came earlier would be one that is lost."""
    host = FakeHost()
    assert not started(host.click()) and not started(host.grant()) and not started(host.opened())
    assert started(host.hear("session.ready", session_id="s")) == [
        cmd.StartCapture(rate_hz=24_000, frame_samples=960, pace=2)
    ]
    host.drop()
    host.wait("retry")
    assert not started(host.open_wire("s")), "a worklet that is told again forgets its half-filled frame"


def test_held_frames_go_out_first_and_are_not_dropped_where_the_network_is_slow() -> None:
    host = FakeHost().go_live()
    host.tell(ev.CaptureHeld(kept_ms=1_200, dropped_ms=0))
    (held,) = host.tell(ev.AudioCaptured(pcm=tone(960)))
    host.tell(ev.CaptureCaughtUp())
    (live,) = host.tell(ev.AudioCaptured(pcm=tone(960)))
    assert isinstance(held, cmd.SendMessage) and isinstance(live, cmd.SendMessage)
    assert (held.droppable, live.droppable) == (False, True)
    assert host.stats["preconnect_audio_ms"] == 1_200 and host.view["notice"] is None


def test_too_much_is_told_with_its_length() -> None:
    host = FakeHost(preconnect_audio_ms=5_000).go_live()
    host.tell(ev.CaptureHeld(kept_ms=5_000, dropped_ms=3_100))
    notice = host.view["notice"]
    assert notice["code"] == "preconnect_audio_dropped"
    assert "3 s" in notice["title"] and "last 5 s" in notice["hint"]
    assert host.stats["preconnect_dropped_ms"] == 3_100


def test_the_next_call_begins_with_nothing_held() -> None:
    host = FakeHost().go_live()
    host.tell(ev.CaptureHeld(kept_ms=1_200, dropped_ms=0))
    host.tell(ev.HangUpRequested())
    host.hear("session.ended")
    host.go_live()
    (live,) = host.tell(ev.AudioCaptured(pcm=tone(960)))
    assert isinstance(live, cmd.SendMessage) and live.droppable
    assert host.stats["preconnect_audio_ms"] == 0


def test_word_of_held_sound_after_the_end_changes_nothing() -> None:
    """It may be under way when the person hangs up; the reason of a failure must stay on the page."""
    host = FakeHost().reach("failed")
    before = host.view
    host.tell(ev.CaptureHeld(kept_ms=5_000, dropped_ms=3_000))
    assert host.view == before


def test_where_nobody_spoke_nothing_is_told() -> None:
    host = FakeHost().go_live()
    host.logs.clear()
    host.tell(ev.CaptureHeld(kept_ms=0, dropped_ms=0))
    assert host.logs == [] and host.view["notice"] is None


def test_the_page_says_that_it_listens_while_the_call_is_set_up() -> None:
    host = FakeHost()
    for step in (host.click, host.grant, host.opened):
        step()
        assert host.view["status"] == "Listening while the call is set up…", step


@pytest.mark.parametrize(
    ("config", "muted"),
    [
        ({"preconnect_audio_ms": 0}, False),
        ({"provider": "openai_realtime", "turn_style": "push_to_talk"}, False),
        ({}, True),
    ],
)
def test_it_says_so_only_where_it_is_true(config: dict[str, Any], muted: bool) -> None:
    """Switched off, with a talk key that nobody can hold yet, and with a muted microphone nothing is kept."""
    host = FakeHost(**config)
    host.tell(ev.MuteChanged(muted=muted))
    host.click()
    assert host.view["status"] == "Connecting…"


def test_with_nothing_held_the_microphone_still_waits_for_the_server() -> None:
    host = FakeHost(preconnect_audio_ms=0)
    assert not started(host.click()) and not started(host.grant()) and not started(host.opened())
    assert started(host.hear("session.ready", session_id="s"))


def test_an_agent_that_is_not_there_yet_is_not_talked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is open and nobody listens: what is held waits, but no longer than the page does."""
    for end in ("joins", "is heard", "is late"):
        host = wire_host(monkeypatch, agent_joins=True, server_barge_in=False)
        host.tell(ev.HangUpRequested())
        host.tell(ev.SessionEnded())
        assert not started(host.open_wire("s"))
        if end == "joins":
            commands = host.tell(ev.AgentJoined())
        elif end == "is heard":
            commands = host.tell(ev.ReplyAudio(reply_id="r", pcm=tone(480)))
        else:
            commands = host.wait("agent")
        assert len(started(commands)) == 1, end
        assert not started(host.tell(ev.AgentJoined())), end


@pytest.mark.parametrize("value", [-1, 60_001, 1.5, True, "15000", None])
def test_a_limit_that_is_none_is_named(value: Any) -> None:
    with pytest.raises(ConfigError, match="preconnect_audio_ms"):
        ClientConfig.from_dict({"preconnect_audio_ms": value})


def test_the_host_is_told_the_pace_and_tells_what_was_held() -> None:
    """From the worklet's two messages to the socket: a full socket takes held frames and drops live ones."""
    host = FakeBrowser()
    client = browser.Client(host, ClientConfig.from_dict({}), ToolRegistry())
    socket_id = grant(client, host)
    client.message(socket_id, json.dumps({"type": "session.ready", "session_id": "sess_1"}))
    configure = [json.loads(text) for (text,) in host.said("capture") if "configure" in text]
    assert configure == [{"type": "configure", "rate_hz": 24_000, "frame_samples": 960, "pace": 2}]
    host.waiting_bytes = browser.MAX_BUFFERED_BYTES + 1
    sent = len(host.said("send"))
    client.capture_held(400, 0)
    client.frame(FakeBuffer(tone(960)))
    assert len(host.said("send")) == sent + 1
    client.capture_caught_up()
    client.frame(FakeBuffer(tone(960)))
    assert len(host.said("send")) == sent + 1


# --- the part alone ---------------------------------------------------------------------------------------------------


def test_alone_it_knows_which_frames_are_late_ones() -> None:
    part = PreconnectAudio(call_in())
    told(part, ev.CaptureHeld(kept_ms=500, dropped_ms=1_200))
    assert part.catching_up and part.call.stats.preconnect_audio_ms == 500
    assert part.call.notice is not None and part.call.notice.code == "preconnect_audio_dropped"
    told(part, ev.CaptureCaughtUp())
    assert not part.catching_up
