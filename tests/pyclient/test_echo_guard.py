"""Echo guard: which frames go out while the agent is heard."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.turns.echo_guard import LEARNING_MS, TAIL_MS, EchoGuard
from tests.support.parts import call_in, done, told
from tests.support.playbook import FakeHost, silence, tone

LOUD, QUIET = tone(960), silence(960)
FAINT = (500).to_bytes(2, "little") * 960
SOUND = ev.PlaybackProgressed(item_id="r1", rendered_samples=2_400, queued_samples=0, underruns=0)


def guard(**config: Any) -> EchoGuard:
    part = EchoGuard(call_in(**{"greeting": "Hello.", **config}))
    part.begin(0)
    return part


def heard(part: EchoGuard, now_ms: float) -> None:
    part.call.ledger.sounding = True
    told(part, SOUND, now_ms)


def went(part: EchoGuard, sound: bytes, from_ms: float, frames: int) -> str:
    """So many frames of 40 ms; what went out in the place of each: "0" silence, "x" sound, with a number
    where it is more.
    """
    out = []
    for number in range(frames):
        sent = part.frames(sound, from_ms + 40 * number)
        out.append("0" if sent == [QUIET] and sound != QUIET else f"({len(sent)})" if len(sent) != 1 else "x")
    return "".join(out)


def test_half_duplex_is_silence_while_the_agent_is_heard_and_a_moment_longer() -> None:
    part = guard(turn_style="half_duplex")
    assert part.watches and went(part, LOUD, 0, 2) == "xx"
    heard(part, 100)
    assert went(part, LOUD, 100, 3) == "000"
    part.call.ledger.sounding = False
    tail = -(-TAIL_MS // 40)
    assert went(part, LOUD, 220, tail + 2).lstrip("0") == "xxx", "by the last frame over which it sounded"


def test_it_can_be_wanted_in_mid_call_and_its_notice_goes() -> None:
    host = FakeHost().go_live()
    host.session.call.changed = True
    host.tell(ev.HalfDuplexRequested())
    assert host.view["turn_style"] == "half_duplex"
    host.speak_reply("r1")
    host.tell(ev.AudioCaptured(pcm=LOUD), after_ms=40)
    assert base64.b64decode(host.sent[-1]["audio"]) == QUIET
    host.hear("reply.done", reply_id="r1", status="completed")
    host.tell(ev.PlaybackDrained())
    host.tell(ev.AudioCaptured(pcm=LOUD), after_ms=TAIL_MS + 40)
    assert base64.b64decode(host.sent[-1]["audio"]) == LOUD


def test_who_types_or_holds_a_key_has_it_already() -> None:
    part = guard(turn_style="text")
    told(part, ev.HalfDuplexRequested())
    assert part.call.config.turn_style == "text" and done(part) == []


def test_an_echo_in_the_first_second_of_the_greeting_is_not_sent() -> None:
    part = guard()
    assert went(part, LOUD, 0, 2) == "xx", "before it nothing is held back"
    heard(part, 1_000)
    assert part.watches
    assert went(part, LOUD, 1_000, 20) == "0" * 20
    assert went(part, QUIET, 1_800, 12) == "x" * 12 and not part.watches
    heard(part, 3_000)
    assert went(part, LOUD, 3_000, 5) == "xxxxx", "once in a call"


def test_who_is_still_speaking_after_it_is_heard_from_the_first_word_on() -> None:
    part = guard()
    heard(part, 1_000)
    frames = LEARNING_MS // 40
    assert went(part, FAINT, 1_000, 3) == "xxx"
    assert went(part, LOUD, 1_120, frames - 2) == "0" * (frames - 3) + f"({frames - 2})"
    assert went(part, LOUD, 3_000, 2) == "xx"


def test_where_it_is_quiet_at_first_the_guard_is_over_soon() -> None:
    part = guard()
    heard(part, 1_000)
    assert went(part, FAINT, 1_000, 11) == "x" * 11 and not part.watches, "no frame of it is lost"
    assert went(part, LOUD, 1_440, 2) == "xx"


@pytest.mark.parametrize("config", [{"greeting": ""}, {"turn_style": "push_to_talk"}])
def test_without_a_greeting_or_with_a_key_nothing_is_guarded(config: dict[str, str]) -> None:
    part = guard(**config)
    heard(part, 1_000)
    assert not part.watches


def test_who_spoke_before_the_first_reply_is_never_held_back() -> None:
    part = guard()
    told(part, ev.UserSpeechStarted(), 500)
    heard(part, 1_000)
    assert not part.watches


def test_a_reply_that_is_not_heard_yet_starts_nothing() -> None:
    part = guard()
    told(part, SOUND, 900)
    assert not part.watches
    heard(part, 1_000)
    assert part.watches


def test_in_a_session_python_sees_every_frame_meanwhile_and_the_fast_path_goes_on_after_it() -> None:
    host = FakeHost(greeting="Hello.").go_live()
    path = host.session.audio_fast_path
    assert path.may_send()
    host.speak_reply("r1")
    assert not path.may_send()
    for _ in range(12):
        (sent,) = host.tell(ev.AudioCaptured(pcm=QUIET), after_ms=40)
        assert isinstance(sent, cmd.SendMessage) and json.loads(sent.data)["type"] == "input.audio"
    assert path.may_send()
