"""Echo detector: the agent's own words come back, and ordinary conversations raise no alarm."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.core import events as ev
from pyclient.turns.echo_detector import JUST_AFTER_MS, EchoDetector, repeated, words_of
from tests.support.parts import call_in, told

STORY = "Once upon a time there was a small house on a green hill, and in it lived an old woman with three cats."


class Room:
    """An agent that speaks, and a microphone that is transcribed."""

    def __init__(self, **config: Any) -> None:
        self.call = call_in(**config)
        self.part = EchoDetector(self.call)
        self.part.begin(0)
        self.replies = 0

    def says(self, text: str) -> None:
        self.replies += 1
        self.call.transcript.agent_said(f"r{self.replies}", text, False)
        self.call.ledger.sounding = True

    def quiet(self, now_ms: float = 0.0) -> None:
        self.call.ledger.sounding = False
        told(self.part, ev.PlaybackDrained(), now_ms)

    def hears(self, text: str, now_ms: float = 0.0) -> None:
        told(self.part, ev.UserSpeechStarted(), now_ms)
        told(self.part, ev.UserTranscribed(item_id="u", text=text[:5], final=False), now_ms + 100)
        told(self.part, ev.UserTranscribed(item_id="u", text=text, final=True), now_ms + 500)

    @property
    def alarm(self) -> bool:
        return self.call.notice is not None and self.call.notice.code == "hears_itself"


def test_a_long_echo_is_noticed_at_once() -> None:
    room = Room()
    room.says(STORY)
    room.hears("once upon a time there was a small house on a")
    assert room.alarm


def test_short_ones_are_noticed_the_second_time_also_with_a_word_misheard() -> None:
    room = Room()
    room.says("Hi there! I am Parley. What can I do for you?")
    room.hears("hi there I am barley what can I do")
    assert not room.alarm
    room.says("I heard: hi there, I am barley, what can I do.")
    room.hears("I heard hi there")
    assert room.alarm


def test_scripts_without_spaces_are_compared_by_characters() -> None:
    assert words_of("你好,我是 Parley。") == ["你", "好", "我", "是", "parley"]
    room = Room()
    room.says("很高兴见到你,今天我能为你做些什么呢?")
    room.hears("很高兴见到你今天我能为你")
    assert room.alarm


@pytest.mark.parametrize(("after_ms", "alarm"), [(JUST_AFTER_MS - 50, True), (JUST_AFTER_MS + 50, False)])
def test_only_what_begins_while_it_is_heard_or_just_after_is_an_echo(after_ms: float, alarm: bool) -> None:
    room = Room()
    room.says(STORY)
    room.quiet(5_000)
    room.hears("and in it lived an old woman with three cats", 5_000 + after_ms)
    assert room.alarm is alarm


def test_after_a_flush_too() -> None:
    room = Room()
    room.says(STORY)
    room.call.ledger.sounding = False
    told(room.part, ev.PlaybackFlushed(item_id="r1", rendered_samples=1), 5_000)
    room.hears("once upon a time there was a small house on a", 5_100)
    assert room.alarm


@pytest.mark.parametrize("style", ["half_duplex", "push_to_talk"])
def test_where_the_microphone_is_not_open_meanwhile_nothing_is_told(style: str) -> None:
    room = Room(turn_style=style)
    room.says(STORY)
    room.hears("once upon a time there was a small house on a")
    assert not room.alarm


# What the agent says, and what people say over it or at once after it: they agree, ask back, quote,
# repeat, correct, count along.
ORDINARY = [
    ("It is eleven forty in the morning.", "eleven forty"),
    ("It is eleven forty in the morning.", "is it eleven forty in the morning already"),
    ("The light in the kitchen is on now.", "the light in the kitchen please switch it off again"),
    ("The light in the kitchen is on now.", "no not the kitchen I said the living room"),
    ("I can book a table for two at eight.", "a table for two yes but at nine"),
    ("Your order number is seven four one nine.", "seven four one nine"),
    ("One, two, three, four, five, six.", "five six seven eight"),
    ("Shall I send it to Ada Lovelace?", "yes send it to Ada"),
    (STORY, "stop"),
    (STORY, "stop please tell me what time it is"),
    (STORY, "once upon a time you always say that"),
    (STORY, "wait how many cats did she have"),
    (STORY, "a small house"),
    ("You said: repeat after me the green house.", "the green house on the hill I said"),
    ("Is that right?", "that is right"),
    ("Could you tell me your name, please?", "could you tell me yours first"),
    ("Do you want the red one or the blue one?", "the blue one"),
    ("Do you want the red one or the blue one?", "the red one or maybe the blue one I do not know"),
    ("In Paris it is eighteen degrees and sunny.", "in Paris it is always sunny in my memory"),
    ("Thank you very much.", "thank you very much"),
    ("Goodbye, and have a nice day!", "have a nice day"),
    ("Ich habe das Licht in der Küche eingeschaltet.", "in der Küche ist es doch schon hell genug danke"),
    ("Soll ich den Termin auf Montag um zehn legen?", "auf Montag um elf bitte"),
    ("今天北京的天气是晴天。", "北京的天气不好吗"),
    ("", "hello can you hear me"),
    ("Mm.", ""),
]  # fmt: skip


def test_ordinary_conversations_raise_no_alarm() -> None:
    """Each of them in a call of its own, and each twice: a person who says the same again."""
    for agent, person in ORDINARY:
        room = Room()
        for _ in range(2):
            room.says(agent)
            room.hears(person)
        assert not room.alarm, (agent, person)


def test_a_whole_ordinary_call_raises_none_either() -> None:
    room = Room()
    alarms = []
    for agent, person in ORDINARY:
        room.says(agent)
        room.hears(person)
        if room.alarm:
            alarms.append((agent, person))
            break
    assert not alarms


def test_another_utterance_over_the_agent_shows_that_a_person_is_there() -> None:
    room = Room()
    room.says("Hi there! I am Parley. What can I do for you?")
    for said in ("what can I do for you", "wait a moment please", "what can I do for you"):
        room.hears(said)
    assert not room.alarm
    room.hears("what can I do for you")
    assert room.alarm


def test_words_that_stand_in_a_run_of_four_count() -> None:
    assert repeated(["a", "b", "c", "d"], ["x", "a", "b", "c", "d"]) == 4
    assert repeated(["a", "b", "c", "x", "d"], ["a", "b", "c", "d"]) == 0
    assert repeated(["a", "b", "c"], ["a", "b", "c"]) == 0
