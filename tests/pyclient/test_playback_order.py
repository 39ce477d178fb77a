"""Playback order alone: whose sound goes to the speaker, whose waits, and what lets it go on."""

from __future__ import annotations

import pytest

from pyclient.audio.reply_log import Reply
from pyclient.core import commands as cmd
from pyclient.turns import playback_order
from pyclient.turns.playback_order import PlaybackOrder
from tests.support.parts import call_in

SOUND = b"\x01\x00" * 4


class Stage:
    """A playback order with two replies, the second of which is newer."""

    def __init__(self) -> None:
        self.call = call_in()
        self.order = PlaybackOrder(self.call)
        self.one, self.two = (self.call.replies.add(name) for name in ("one", "two"))

    def played(self) -> list[str]:
        return [it.item_id for it in self.call.commands.take() if isinstance(it, cmd.PlayAudio)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_sound_goes_to_the_speaker_as_it_comes(stage: Stage) -> None:
    assert stage.order.play(stage.one, SOUND) and stage.order.play(stage.one, SOUND)
    assert stage.played() == ["one", "one"]
    assert stage.order.has_the_voice(stage.one) and not stage.order.has_the_voice(stage.two)
    assert stage.call.ledger.pending() == 8


def test_a_second_reply_waits_for_the_end_of_the_first(stage: Stage) -> None:
    stage.order.play(stage.one, SOUND)
    assert stage.order.play(stage.two, SOUND) and stage.order.play(stage.two, SOUND)
    stage.order.go_on()
    assert stage.played() == ["one"]
    assert stage.call.ledger.pending() == 12, "what waits here is still to be heard"
    stage.one.done = True
    stage.order.go_on()
    assert stage.played() == ["two", "two"] and stage.order.has_the_voice(stage.two)


def test_an_older_reply_waits_until_no_sound_of_the_newer_is_on_its_way(stage: Stage) -> None:
    stage.order.play(stage.two, SOUND)
    stage.two.done = True
    stage.order.play(stage.one, SOUND)
    assert stage.played() == ["two"]
    stage.two.ended = True
    stage.order.go_on()
    assert stage.played() == ["one"]


@pytest.mark.parametrize("fact", ["ended", "interrupted", "cut"])
def test_nobody_waits_for_a_reply_that_is_over(stage: Stage, fact: str) -> None:
    stage.order.play(stage.one, SOUND)
    setattr(stage.one, fact, True)
    stage.order.play(stage.two, SOUND)
    assert stage.played() == ["one", "two"]


def test_of_several_that_wait_the_next_begins_when_the_one_before_is_over(stage: Stage) -> None:
    three = stage.call.replies.add("three")
    for reply in (stage.one, stage.two, three, stage.two):
        stage.order.play(reply, SOUND)
    stage.one.ended = True
    stage.order.go_on()
    assert stage.played() == ["one", "two", "two"]
    stage.two.ended = True
    stage.order.go_on()
    assert stage.played() == ["three"]


def test_a_speaker_that_ran_dry_lets_the_next_one_speak(stage: Stage) -> None:
    stage.order.play(stage.one, SOUND)
    stage.order.play(stage.two, SOUND)
    stage.order.speaker_empty()
    assert stage.played() == ["one", "two"]


def test_when_no_more_is_coming_all_that_waits_is_played(stage: Stage) -> None:
    three: Reply = stage.call.replies.add("three")
    for reply in (stage.one, stage.two, three):
        stage.order.play(reply, SOUND)
    stage.order.ended()
    assert stage.played() == ["one", "two", "three"]
    assert stage.two.ended and three.done


def test_what_is_cleared_is_never_played(stage: Stage) -> None:
    stage.order.play(stage.one, SOUND)
    stage.order.play(stage.two, SOUND)
    stage.order.clear()
    stage.order.speaker_empty()
    assert stage.played() == ["one"]


def test_no_more_waits_than_there_is_room_for_and_a_new_call_has_all_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback_order, "MAX_HELD_BYTES", len(SOUND))
    stage.order.play(stage.one, SOUND)
    assert stage.order.play(stage.two, SOUND) and not stage.order.play(stage.two, SOUND)
    stage.order.reset()
    assert not stage.order.has_the_voice(stage.one)
    stage.order.play(stage.one, SOUND)
    assert stage.order.play(stage.two, SOUND)


def test_what_went_to_the_speaker_makes_room(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_order, "MAX_HELD_BYTES", len(SOUND))
    three = stage.call.replies.add("three")
    stage.order.play(stage.one, SOUND)
    stage.order.play(stage.two, SOUND)
    stage.one.done = True
    stage.order.go_on()
    assert stage.order.play(three, SOUND)


def test_nobody_speaks_while_the_talk_key_is_held(stage: Stage) -> None:
    stage.call.key_held = True
    assert stage.order.play(stage.one, SOUND)
    assert stage.played() == []
    stage.call.key_held = False
    stage.order.go_on()
    assert stage.played() == ["one"]
