"""Speech over a reply, at every moment of it, and what becomes of the rest."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.book import SPOKEN, scenario
from tests.contract.call import GREETING, Call, square_wave

# The wall judges here what was heard, so nothing is compressed (see `headless_host`).
REAL: dict[str, Any] = {"speed": 1.0}
LONG_MS = 8_000
OVER = "hello hello I want to say something"


def sounding_for(call: Call, ms: float) -> Any:
    return lambda: call.heard_ms >= ms


async def quiet_again(call: Call) -> None:
    await call.until(lambda view: not view["can_interrupt"] and view["activity"] != "agent_speaking", "silence")
    await call.wait_ms(100)  # the flush is on its way to the speaker (20 ms at most), and its answer back (60)


def check_cut(call: Call) -> None:
    """Part of the reply was heard, and after the flush no sample more."""
    assert 0 < call.heard_ms < LONG_MS - 200, call.heard_ms
    assert call.host.sound.flushes <= 1  # nothing may have been queued at that moment
    assert call.view["stats"]["interruptions"] == 1


async def speak_over(call: Call, after_ms: float, **agent: Any) -> None:
    """A greeting of three seconds is interrupted by speech when so much of it was heard."""
    await call.rehearse(OVER)
    await call.open(greeting=GREETING, agent={"tone_ms": LONG_MS, **agent}, **REAL)
    await call.happens(sounding_for(call, after_ms), "sound")
    await call.say(OVER, end=False)
    await call.until(lambda view: view["stats"]["interruptions"] > 0, "an interruption")
    await quiet_again(call)


@scenario("barge-in early", "Speech in the first moments of a reply silences it within the word.", spoken=SPOKEN)
async def early(call: Call) -> None:
    await speak_over(call, 60, pace="real-time")
    check_cut(call)


@scenario("barge-in late", "Speech in the middle of a reply silences it there.", spoken=SPOKEN)
async def late(call: Call) -> None:
    await speak_over(call, 900, pace="real-time")
    check_cut(call)
    assert call.heard_ms >= 900


@scenario(
    "barge-in after the last byte",
    "A reply whose every byte has come is silenced as well: what is queued is dropped.",
    spoken=SPOKEN,
)
async def after_last_byte(call: Call) -> None:
    await speak_over(call, 400, pace="burst")
    assert call.received_ms >= LONG_MS
    check_cut(call)
    assert call.heard_ms >= 400


@scenario("late sound", "Sound of an interrupted reply that was still on its way is never heard.", spoken=SPOKEN)
async def late_sound(call: Call) -> None:
    await speak_over(call, 300, pace="real-time", late_audio_chunks=20)
    heard_ms = call.heard_ms
    await call.wait_ms(300)
    assert call.heard_ms == heard_ms, (heard_ms, call.heard_ms)


@scenario(
    "transcript of what was heard",
    "The text of an interrupted reply is cut to what was heard and marked as interrupted.",
    spoken=SPOKEN,
)
async def heard_text(call: Call) -> None:
    await call.rehearse(OVER)
    await call.open(
        greeting="One two three four five six seven eight nine ten.",
        agent={"tone_hz": 0.0, "pace": "real-time"},
        **REAL,
    )
    await call.happens(sounding_for(call, 900), "sound")
    await call.say(OVER, end=False)
    await call.until(lambda view: any(t["interrupted"] and t["final"] for t in view["turns"]), "an interrupted turn")
    await quiet_again(call)
    turn = call.turns("agent")[0]
    assert turn["text"].startswith("One") and "ten" not in turn["text"], turn
    assert turn["heard_ms"] == int(call.heard_ms), (turn, call.host.sound.rendered, call.heard_ms)


@heard_text.cannot("sdk_voice", "there are no transcripts on this wire, only sound (section 4)", spoken=SPOKEN)
async def _(call: Call) -> None:
    await speak_over(call, 300, pace="real-time")
    assert call.view["turns"] == []


@scenario(
    "reported truncation",
    "The server is told to the millisecond how much of an interrupted reply was heard.",
    spoken=SPOKEN,
)
async def reported(call: Call) -> None:
    await speak_over(call, 500, pace="burst")
    await call.happens(lambda: call.adapter.reported_heard_ms(call.host.sent) != [], "the report")
    (told_ms,) = call.adapter.reported_heard_ms(call.host.sent)
    assert abs(told_ms - call.heard_ms) <= 10, (told_ms, call.heard_ms)
    assert call.view["stats"]["faults"] == 0


async def nothing_reported(call: Call) -> None:
    await speak_over(call, 300, pace="burst")
    kinds = {message["type"] for message in map(_as_json, call.host.sent) if "type" in message}
    assert kinds <= {"session.update", "input.audio"}, kinds


reported.cannot("assemblyai", "there is no such message; the server trims its own record (section 5)", spoken=SPOKEN)(
    nothing_reported
)
reported.cannot("sdk_voice", "there is no such message (section 3)", spoken=SPOKEN)(nothing_reported)


@scenario("cough", "A noise too short for a word does not stop the reply.")
async def cough(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": 1_500, "pace": "real-time"}, **REAL)
    await call.happens(sounding_for(call, 300), "sound")
    call.host.sound.say(square_wave(call.adapter.rate_hz, 80))
    await call.heard_all(1, ms=1_500)
    assert call.heard_ms == call.received_ms >= 1_500
    assert (call.host.sound.flushes, call.view["stats"]["interruptions"]) == (0, 0)
    assert call.host.sound.gains[-1:] in ([], [1.0])


@scenario(
    "back-channel",
    "An “uh-huh” that the server means to talk over lowers the voice, which then comes back; the reply goes on.",
    long=True,
)
async def back_channel(call: Call) -> None:
    # Five seconds: a starved server may notice speech two late, and a reply that is over cannot be lowered.
    agent = {"tone_ms": 5_000, "pace": "real-time", "speech_started": "early", "barge_in_ms": 1_100}
    await call.open(greeting=GREETING, agent=agent, **REAL)
    # Not into its first 400 ms: what is short and loud there is taken for the agent's
    # own echo (pyclient/turns/echo_guard.py).
    await call.happens(sounding_for(call, 700), "sound")
    # As short as an "uh-huh": longer is speech, also to a wire that leaves the judging to the page (240 ms).
    call.host.sound.say(square_wave(call.adapter.rate_hz, 180))
    await call.happens(lambda: 0.2 in call.host.sound.gains, "a lower voice")
    await call.happens(sounding_for(call, 5_000), "the rest")
    assert call.heard_ms == call.received_ms >= 5_000
    assert call.host.sound.gains[-1] == 1.0 and call.host.sound.flushes == 0
    assert call.view["stats"]["ducks"] == 1


@scenario("stop button", "The button silences the agent at once, and what still comes of that reply is not heard.")
async def stop_button(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": LONG_MS, "pace": "real-time"}, **REAL)
    await call.happens(sounding_for(call, 300), "sound")
    call.intend("interrupt")
    await quiet_again(call)
    heard_ms = call.heard_ms
    await call.wait_ms(400)
    assert call.heard_ms == heard_ms < LONG_MS - 200, (heard_ms, call.heard_ms)
    assert call.host.sound.flushes <= 1


@scenario("stop button stops the server", "The button also makes the server stop making the reply.")
async def server_stops(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": LONG_MS, "pace": "real-time"}, **REAL)
    await call.happens(sounding_for(call, 300), "sound")
    call.intend("interrupt")
    assert len(call.adapter.told(call.host.sent, call.adapter.cancel)) == 1
    await call.wait_ms(300)
    received_ms = call.received_ms
    await call.wait_ms(400)
    assert call.received_ms == received_ms < LONG_MS
    assert (call.view["stats"]["faults"], call.notice) == (0, "")


async def server_goes_on(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": LONG_MS, "pace": "real-time"}, **REAL)
    await call.happens(sounding_for(call, 300), "sound")
    before = [data for data in call.host.sent if isinstance(data, str) and '"input.audio"' not in data]
    call.intend("interrupt")
    await call.until(lambda view: view["stats"]["late_audio_dropped"] > 0, "sound that nobody is to hear")
    assert [data for data in call.host.sent if isinstance(data, str) and '"input.audio"' not in data] == before


server_stops.cannot("assemblyai", "reply.cancel is undocumented; the rest is dropped here (section 4.6)")(
    server_goes_on
)
server_stops.cannot("sdk_voice", "there is no such message; the rest is dropped here (section 3)")(server_goes_on)


@scenario("typing over a reply", "Who types while the agent speaks silences it, and is answered.")
async def typing(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": LONG_MS, "pace": "burst"}, **REAL)
    await call.happens(sounding_for(call, 300), "sound")
    call.intend("text", text="thank you very much")
    await call.until(lambda view: view["stats"]["replies"] == 2, "a second reply")
    first = next(iter(call.host.sound.rendered))
    assert call.host.sound.rendered[first] < call.host.sound.received[first]
    assert call.texts("agent")[0] != "" and call.turns("agent")[0]["interrupted"]


@typing.cannot("sdk_voice", "the client sends a token and sound, nothing else (section 3)")
async def _(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": 1_000})
    await call.happens(sounding_for(call, 100), "sound")
    call.intend("text", text="thank you very much")
    await call.heard_all(1)
    assert call.heard_ms == call.received_ms and call.logged("this provider takes none")


def _as_json(data: str | bytes) -> dict[str, Any]:
    return dict(json.loads(data)) if isinstance(data, str) else {}
