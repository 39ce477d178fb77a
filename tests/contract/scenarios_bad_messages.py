"""Messages that no vendor should send. None of them may end a call, reach the speaker, or be taken in silence."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.contract.book import Scenario, scenario
from tests.contract.call import GREETING, Call


async def receive(call: Call, text: str, *, base: str = "default", **fault: Any) -> None:
    """The text comes in mid-call, or what a scenario of the agent by the name of `base` sends; the
    greeting is heard whole.
    """
    faults = [{"after": "reply" if call.adapter.name != "sdk_voice" else "sound", "do": "send", "text": text, **fault}]
    switches = {"faults": faults} if text else {"base": base}
    await call.open(greeting=GREETING, agent=switches)
    await call.heard_all(1, ms=400)
    assert call.heard_ms == call.received_ms >= 400
    assert call.view["state"] == "live" and call.view["stats"]["reconnects"] == 0


def rejected(name: str, expected: str, text: str, base: str = "default") -> Scenario:
    @scenario(name, f"{expected}: it is refused, counted and logged, and the call goes on.")
    async def run(call: Call) -> None:
        await receive(call, text, base=base)
        await call.until(lambda view: view["stats"]["rejected_messages"] == 1, "the refusal")
        assert call.logged("was refused") and call.notice == ""

    return run


def of_vendor(name: str, expected: str, field: str) -> Scenario:
    """A message of the vendor's own, with a fault in it."""

    @scenario(name, f"{expected}: it does no harm, and the call goes on.")
    async def run(call: Call) -> None:
        await receive(call, getattr(call.adapter, field))
        stats = call.view["stats"]
        assert stats["rejected_messages"] + stats["ignored_messages"] >= 1, stats

    return run


rejected("malformed", "A message that is no JSON", '{"type":"reply.audio","data":"AAA')
rejected("not an object", "JSON that is no object", '["reply.audio"]')
rejected("too deep", "JSON nested six thousand deep", "[" * 6_000 + "]" * 6_000)
rejected("too large", "A message of two megabytes", "", base="huge_message")
rejected("number without end", "A number that JSON does not know", '{"type":"no.such.event","x":NaN}')
of_vendor("missing field", "A message without the field that matters", "missing_field")
of_vendor("wrong type", "A message with a list where a text belongs", "wrong_type")


@scenario("bad base64", "Sound that is no base64: it is refused, nothing of it is played, and the call goes on.")
async def bad_base64(call: Call) -> None:
    await receive(call, call.adapter.bad_base64)
    assert call.view["stats"]["rejected_messages"] == 1


@bad_base64.cannot("sdk_voice", "sound is not encoded: it comes as binary messages (section 4)")
async def _(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1, ms=400)
    assert call.view["stats"]["rejected_messages"] == 0


@scenario("unknown event", "A message of a type that nobody knows is left alone and counted: no error, no notice.")
async def unknown(call: Call) -> None:
    await receive(call, '{"type":"no.such.event","x":{"y":[1]}}')
    await call.until(lambda view: view["stats"]["ignored_messages"] >= 1, "the count")
    stats = call.view["stats"]
    assert (stats["rejected_messages"], stats["faults"], call.notice) == (0, 0, "")
    assert call.logged("'no.such.event' was left alone")


@scenario("flood", "Two thousand unknown messages at once neither end the call nor fill the log.")
async def flood(call: Call) -> None:
    await receive(call, '{"type":"no.such.event"}', repeat=2_000)
    await call.until(lambda view: view["stats"]["ignored_messages"] >= 2_000, "the count")
    assert len([text for _, text in call.host.logs if "left alone" in text]) <= 20


@scenario("binary message", "A binary message where only text belongs is refused, and the call goes on.")
async def binary(call: Call) -> None:
    await receive(call, "\0\1\2\3", do="send_binary")
    await call.until(lambda view: view["stats"]["rejected_messages"] == 1, "the refusal")


@binary.cannot("sdk_voice", "binary messages are the agent's voice (section 3)")
async def _(call: Call) -> None:
    await receive(call, "\0\1\2\3", do="send_binary")
    assert call.received_ms > 400 and call.view["stats"]["rejected_messages"] == 0


@scenario(
    "odd bytes", "Sound in pieces of an odd number of bytes is put together again: not a sample is shifted or lost."
)
async def odd_bytes(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"odd_bytes": True, "frame_bytes": 641, "tone_ms": 1_000})
    await call.heard_all(1, ms=999)
    samples = memoryview(b"".join(pcm for _, pcm in call.host.sound.played)).cast("h")
    # A tone of 440 Hz at half level moves by less than this from one sample to the next; a shifted byte is noise.
    assert max(abs(after - before) for before, after in pairwise(samples)) < 4_000 < max(samples)


@odd_bytes.cannot("assemblyai", "every message holds whole samples (section 7)")
async def _(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"odd_bytes": True})
    await call.until(lambda view: view["stats"]["rejected_messages"] > 10, "the refusals")
    assert call.received_ms == 0 and call.view["state"] == "live" and call.logged("half a sample")


@scenario(
    "words out of turn", "A fault that the service reports and survives is told to the person, and the call goes on."
)
async def reported_fault(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1)
    call.host.send(1, '{"type":"no.such.event"}')
    await call.until(lambda view: view["notice"] is not None, "the notice")
    assert (call.notice, call.view["state"], call.view["stats"]["faults"]) == ("fault_invalid_message", "live", 1)


@reported_fault.cannot("sdk_voice", "every error stands before a close (section 3)")
async def _(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1)
    call.host.send(1, '{"type":"no.such.event"}')
    await call.wait_ms(500)
    assert (call.notice, call.view["state"], call.view["stats"]["faults"]) == ("", "live", 0)
