"""Wherever a reply is interrupted, the server is told what the speaker rendered, to within 10 ms."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support.fakewire import WireHost, wire_host
from tests.support.playbook import tone
from tests.support.speaker import QUANTUM_MS, Speaker

# A search with drawn numbers: seconds of a processor, and what it found once has a test of its own that is fast.
pytestmark = pytest.mark.slow

RATE_HZ = 24_000
TOLERANCE_MS = 10
INTERRUPTIONS = 240
WAYS = ("button", "typed", "verdict", "speech after the last word")


class Room:
    """A session, its speaker, and the time that passes between them."""

    def __init__(self, host: WireHost, rng: random.Random) -> None:
        self.host = host
        self.rng = rng
        self.speaker = Speaker(RATE_HZ, rng)

    def tell(self, event: ev.Event) -> list[cmd.Command]:
        commands = self.host.tell(event, after_ms=0)
        self.speaker.tell(commands, self.host.now_ms)
        return commands

    def pass_ms(self, ms: float) -> None:
        for _ in range(int(ms / QUANTUM_MS) + 1):
            self.host.now_ms += QUANTUM_MS
            self.speaker.quantum(self.host.now_ms)
            for event in self.speaker.outbox.arrived(self.host.now_ms):
                assert isinstance(event, ev.Event)
                self.tell(event)

    def reply(self, reply_id: str, done: bool) -> int:
        """A reply in bursts of any size. Returns how many ms of it came."""
        self.tell(ev.ReplyStarted(reply_id=reply_id))
        samples = self.goes_on(reply_id)
        if done:
            self.tell(ev.ReplyDone(reply_id=reply_id, interrupted=False))
        return samples * 1000 // RATE_HZ

    def goes_on(self, reply_id: str) -> int:
        """Returns how many samples came."""
        samples = 0
        for _ in range(self.rng.randint(1, 6)):
            count = self.rng.randint(100, 20_000)
            samples += count
            self.tell(ev.ReplyAudio(reply_id=reply_id, pcm=tone(count)))
            self.pass_ms(self.rng.choice([0, 0, 5, 200]))
        return samples

    def interrupt(self, way: str, reply_id: str) -> None:
        if way == "button":
            self.tell(ev.InterruptRequested())
        elif way == "typed":
            self.tell(ev.TextSubmitted(text="Stop"))
        elif way == "verdict":
            self.tell(ev.UserSpeechStarted())
            self.pass_ms(self.rng.uniform(0, 400))
            self.tell(ev.ReplyDone(reply_id=reply_id, interrupted=True))
        else:
            self.tell(ev.UserSpeechStarted())

    def heard(self) -> dict[str, int]:
        """What the server was told since last asked."""
        told: dict[str, int] = {}
        for message in self.host.sent:
            if message["type"] == "heard":
                assert message["id"] not in told, "told twice"
                told[message["id"]] = message["ms"]
        self.host.sent.clear()
        return told


def test_the_reported_position_is_what_the_speaker_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(20_261_121)
    room = Room(wire_host(monkeypatch, {"verdict_timeout_ms": 30_000}), rng)
    errors: list[float] = []
    cut_short = 0
    for number in range(INTERRUPTIONS):
        way = rng.choice(WAYS)
        first, last = f"a{number}", f"b{number}"
        came: dict[str, int] = {}
        if rng.random() < 0.3:
            came[first] = room.reply(first, done=True)
        made = way == "speech after the last word" or (way != "verdict" and rng.random() < 0.5)
        came[last] = room.reply(last, done=made)
        room.pass_ms(rng.uniform(0, 1.3 * sum(came.values())))
        room.interrupt(way, last)
        room.pass_ms(200)
        told = room.heard()
        for reply_id, heard_ms in told.items():
            truth_ms = room.speaker.truth.get(reply_id, 0) * 1000 / RATE_HZ
            assert 0 <= heard_ms <= came[reply_id], "more than came"
            errors.append(abs(heard_ms - truth_ms))
            cut_short += 0 < heard_ms < came[reply_id] - 50
        # Whoever was not told of was heard to the end: there is nothing to take back.
        for reply_id in came.keys() - told.keys():
            truth_ms = room.speaker.truth.get(reply_id, 0) * 1000 / RATE_HZ
            assert truth_ms >= came[reply_id] - 1, (way, reply_id)
        for event in (ev.UserSpeechStopped(), ev.ReplyDone(reply_id=last, interrupted=not made)):
            room.tell(event)
        room.pass_ms(5)
        room.host.sent.clear()
    assert max(errors) <= TOLERANCE_MS
    assert len(errors) >= 200 and cut_short >= 100, "enough of them were interrupted in mid-word"


def test_of_a_reply_that_went_on_after_asides_all_that_was_heard_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each aside flushes; what comes of the reply afterwards is heard, and counted from nothing by the speaker."""
    rng = random.Random(20_261_127)
    room = Room(wire_host(monkeypatch, {"barge_in": "flush"}), rng)
    ledger = room.host.session.call.ledger
    errors: list[float] = []
    went_on = 0
    for number in range(INTERRUPTIONS):
        item = f"r{number}"
        came_ms = room.reply(item, done=False)
        for _ in range(rng.randint(1, 3)):
            room.pass_ms(rng.uniform(0, came_ms))
            room.tell(ev.UserSpeechStarted())
            room.pass_ms(rng.choice([0, 5, 100, 400]))
            room.tell(ev.UserSpeechStopped())
            heard_before = room.speaker.truth.get(item, 0)
            came_ms += room.goes_on(item) * 1000 // RATE_HZ
        room.pass_ms(rng.choice([0, rng.uniform(0, came_ms), 10_000]))
        assert ledger.pending() > 0 or not room.speaker.waiting, "silence could not be had"
        assert ledger.pending() == 0 or room.speaker.busy, "waits for nothing"
        room.interrupt("button", item)
        room.pass_ms(200)
        truth = room.speaker.truth.get(item, 0)
        errors.append(abs(room.heard()[item] - truth * 1000 / RATE_HZ))
        went_on += truth > heard_before > 0
        room.tell(ev.ReplyDone(reply_id=item, interrupted=True))
        room.pass_ms(5)
        room.host.sent.clear()
    assert max(errors) <= TOLERANCE_MS
    assert went_on >= INTERRUPTIONS / 2, "enough of them were heard again after an aside"


def test_the_model_of_the_speaker_is_no_yes_man(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that were posted before the flush are off by more than the tolerance: only its answer is exact."""
    rng = random.Random(1)
    room = Room(wire_host(monkeypatch), rng)
    off: list[float] = []
    for number in range(40):
        item = f"r{number}"
        room.reply(item, done=True)
        room.tell(ev.ReplyAudio(reply_id=item, pcm=tone(48_000)))
        room.pass_ms(rng.uniform(300, 900))
        posted_ms: Any = room.host.session.call.ledger.heard_ms(item)
        room.interrupt("button", item)
        room.pass_ms(200)
        off.append(abs(posted_ms - room.speaker.truth[item] * 1000 / RATE_HZ))
    assert max(off) > 3 * TOLERANCE_MS
