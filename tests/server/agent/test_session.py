"""A conversation with a fake recognizer and a fake synthesizer: order of events, without recognition or a socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from server.agent.answering import MAX_PLANNED
from server.agent.asr import Recognized
from server.agent.events import (
    HungUp,
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    ReplyWord,
    SpeechBegan,
    SpeechEnded,
    ToolCalled,
    UserFinal,
    UserPartial,
    UserUnclear,
)
from server.agent.pcm import Samples
from server.agent.scenarios import Scenario
from server.agent.tts import synthesize
from server.agent.turns import TurnSettings
from tests.server.support.conversing import BURST, RATE_HZ, WEATHER, FakeRecognizer, Talk, run


def test_a_turn_is_told_in_order() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer("what time is it"))
        talk.say()
        await talk.until_kind(ReplyDone)
        assert talk.kinds() == [SpeechBegan, SpeechEnded, UserFinal, ReplyStarted, ReplyText, ReplyDone]

    run(body)


def test_nothing_understood_is_nothing_answered() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer(""))
        talk.say()
        await asyncio.sleep(0.1)
        assert talk.kinds() == [SpeechBegan, SpeechEnded, UserUnclear]

    run(body)


def test_partials_come_while_the_person_speaks() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer("what time is it"))
        speech = synthesize("what time is it over there", voice="michael", rate_hz=RATE_HZ).samples
        for at in range(0, len(speech), 800):
            talk.conversation.hear(speech[at : at + 800])
            await asyncio.sleep(0.001)
        assert UserPartial(item_id="item-1", text="what") in talk.told
        assert sum(isinstance(one, UserPartial) for one in talk.told) == 1, "an unchanged partial is not repeated"

    run(body)


@pytest.mark.parametrize(
    ("order", "kinds"),
    [("speech_first", [SpeechBegan, ReplyText, ReplyDone]), ("done_first", [ReplyDone, ReplyText, SpeechBegan])],
)
def test_an_interruption_is_told_in_both_orders(order: Any, kinds: list[type]) -> None:
    async def body() -> None:
        talk = Talk(Scenario(interruption_order=order), FakeRecognizer(""), greeting=" ".join(["word"] * 60))
        talk.conversation.begin()
        await talk.until_kind(ReplyWord, 5)
        talk.told.clear()
        talk.say()
        assert talk.kinds()[:3] == kinds
        assert not any(isinstance(one, ReplyAudio) for one in talk.told), "the audio stops"

    run(body)


def test_the_text_of_an_interrupted_burst_is_cut_to_what_was_heard() -> None:
    """Everything was sent at once, but the client plays in real time: six seconds of it are still unheard."""

    async def body() -> None:
        talk = Talk(Scenario(pace="burst", chunk_ms=10), FakeRecognizer(""))
        playout = talk.conversation._playout
        playout.open("r", "i")
        await playout.speak_into(["word " * 60])
        await asyncio.sleep(0.55)
        playout.interrupt(None)
        text = next(one for one in talk.told if isinstance(one, ReplyText))
        assert text.interrupted
        assert 3 <= len(text.text.split()) <= 20

    run(body)


def test_speech_over_a_reply_that_is_complete_but_still_sounds_is_just_speech() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer(""), greeting="word " * 60)
        talk.conversation.begin()
        await talk.until_kind(ReplyDone)
        assert talk.conversation._playout.speaking
        talk.told.clear()
        talk.say()
        assert talk.kinds()[:2] == [SpeechBegan, SpeechEnded]
        assert not talk.conversation._playout.speaking

    run(body)


def test_late_audio_follows_an_interruption_when_asked_for() -> None:
    async def body() -> None:
        talk = Talk(Scenario(late_audio_chunks=3), FakeRecognizer(""), greeting="word " * 60)
        talk.conversation.begin()
        await talk.until_kind(ReplyWord, 3)
        talk.told.clear()
        talk.say()
        done = next(at for at, one in enumerate(talk.told) if isinstance(one, ReplyDone))
        assert [type(one) for one in talk.told[done + 1 : done + 4]] == [ReplyAudio] * 3

    run(body)


def test_early_speech_started_may_come_to_nothing() -> None:
    """A back-channel: told at onset, the reply goes on."""

    async def body() -> None:
        scenario = Scenario(speech_started="early", barge_in_ms=1500)
        talk = Talk(scenario, FakeRecognizer(""), greeting="word " * 30)
        talk.conversation.begin()
        await talk.until_kind(ReplyWord, 3)
        talk.say("yes", quiet_ms=800)
        await talk.until_kind(ReplyDone)
        assert talk.kinds() == [ReplyStarted, SpeechBegan, SpeechEnded, ReplyText, ReplyDone]
        done = talk.told[-1]
        assert isinstance(done, ReplyDone)
        assert done.status == "completed"

    run(body)


def test_a_reply_that_may_not_be_interrupted_is_finished_first() -> None:
    """And what was said meanwhile is answered afterwards, not lost."""

    async def body() -> None:
        turns = TurnSettings(min_silence_ms=200, max_silence_ms=200, interrupt_response=False)
        talk = Talk(Scenario(), FakeRecognizer("what time is it"), turns=turns, greeting="word " * 12)
        talk.conversation.begin()
        await talk.until_kind(ReplyWord, 3)
        talk.say()
        await talk.until_kind(ReplyDone, 2)
        assert talk.kinds() == [
            *(ReplyStarted, ReplyText, ReplyDone),
            *(SpeechBegan, SpeechEnded, UserFinal),
            *(ReplyStarted, ReplyText, ReplyDone),
        ]

    run(body)


def test_a_call_lies_inside_its_reply_and_its_result_is_spoken() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer(), tools=(WEATHER,))
        talk.conversation.create_reply("what is the weather in rome")
        await talk.until_kind(ReplyDone)
        assert talk.kinds() == [ReplyStarted, ToolCalled, ReplyDone]
        call = next(one for one in talk.told if isinstance(one, ToolCalled))
        assert talk.conversation.tool_result(call.call_id, '{"temp": 30}', is_error=False)
        assert not talk.conversation.tool_result(call.call_id, "{}", is_error=False), "only once"
        await talk.until_kind(ReplyDone, 2)
        text = next(one for one in talk.told if isinstance(one, ReplyText))
        assert text.text == "It is 30 degrees in Rome."

    run(body)


def test_the_call_of_an_interrupted_preamble_is_forgotten() -> None:
    async def body() -> None:
        talk = Talk(Scenario(preamble="held_open"), FakeRecognizer(""), tools=(WEATHER,))
        talk.conversation.create_reply("what is the weather in rome")
        await talk.until_kind(ToolCalled)
        call = next(one for one in talk.told if isinstance(one, ToolCalled))
        talk.say()
        assert ReplyDone in talk.kinds()
        assert not talk.conversation.tool_result(call.call_id, "{}", is_error=False)

    run(body)


def test_cancel_ends_the_named_reply_and_no_other() -> None:
    async def body() -> None:
        talk = Talk(Scenario(), FakeRecognizer(), greeting="word " * 30)
        talk.conversation.begin()
        await talk.until_kind(ReplyStarted)
        started = talk.told[0]
        assert isinstance(started, ReplyStarted)
        assert not talk.conversation.cancel_reply("reply-of-somebody-else")
        assert talk.conversation.cancel_reply(started.reply_id)
        assert talk.told[-1] == ReplyDone(reply_id=started.reply_id, status="interrupted")
        talk.conversation.create_reply("count to two")
        await talk.until_kind(ReplyDone, 2)

    run(body)


def test_volume_changes_the_next_chunks() -> None:
    async def body() -> None:
        talk = Talk(Scenario(), FakeRecognizer(), greeting="word " * 10)
        talk.conversation.begin()
        await talk.until_kind(ReplyAudio, 5)
        playout = talk.conversation._playout
        playout.change(replace(playout.settings, volume=50))
        before = len(talk.told)
        await talk.until_kind(ReplyDone)
        late = [one for one in talk.told[before:] if isinstance(one, ReplyAudio)]
        assert {int(value) for one in late for value in one.samples} == {500}

    run(body)


def test_goodbye_hangs_up_only_when_asked_to() -> None:
    async def body() -> None:
        for scenario, hangs_up in ((BURST, False), (Scenario(pace="burst", hang_up_after_goodbye=True), True)):
            talk = Talk(scenario, FakeRecognizer())
            talk.conversation.create_reply("bye bye")
            await talk.until_kind(ReplyDone)
            await asyncio.sleep(talk.conversation._playout.audible_for() + 0.2)
            assert any(isinstance(one, HungUp) for one in talk.told) is hangs_up

    run(body)


def test_after_close_nothing_is_told() -> None:
    async def body() -> None:
        talk = Talk(Scenario(), FakeRecognizer("what time is it"), greeting="word " * 30)
        talk.conversation.begin()
        await talk.until_kind(ReplyAudio)
        talk.conversation.close()
        before = len(talk.told)
        talk.say()
        await asyncio.sleep(0.1)
        assert len(talk.told) == before

    run(body)


@pytest.mark.parametrize(
    ("spacing", "greeting", "words"),
    [
        ("live", True, ["Hello", "there", "you."]),
        ("leading", False, ["Hello", " there", " you."]),
        ("trailing", False, ["Hello ", "there ", "you. "]),
    ],
)
def test_deltas_are_spaced_as_the_scenario_says(spacing: Any, greeting: bool, words: list[str]) -> None:
    async def body() -> None:
        talk = Talk(Scenario(pace="burst", delta_spacing=spacing), FakeRecognizer(), greeting="Hello there you.")
        talk.conversation.begin()
        await talk.until_kind(ReplyDone)
        told = [one.text for one in talk.told if isinstance(one, ReplyWord)]
        assert [word.strip() for word in told] == [word.strip() for word in words]
        assert told[1] == words[1]

    run(body)


class SlowRecognizer(FakeRecognizer):
    """Finishes nothing, and remembers what was asked for and what of that was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.given_up = 0

    async def recognize(self, samples: Samples, *, final: bool) -> Recognized:
        self.asked += final
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up += final
            raise
        raise AssertionError("never reached")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


# A turn with pauses in it, each long enough for a guess and too short for an end.
PAUSING = TurnSettings(min_silence_ms=600, max_silence_ms=600)


def test_row_61_a_guess_is_given_up_when_more_is_said() -> None:
    async def body() -> None:
        recognizer = SlowRecognizer()
        talk = Talk(replace(BURST, partials=False), recognizer, turns=PAUSING)
        talk.say(quiet_ms=400)
        await settle()
        assert (recognizer.asked, recognizer.given_up) == (1, 0)
        talk.say(quiet_ms=400)
        await settle()
        assert (recognizer.asked, recognizer.given_up) == (2, 1)
        talk.conversation.clear_input()
        await settle()
        assert (recognizer.asked, recognizer.given_up) == (2, 2)

    run(body)


@pytest.mark.parametrize("quiet_ms", [400, 1000], ids=["a guess", "a final"])
def test_row_61_what_is_being_recognised_dies_with_the_session(quiet_ms: int) -> None:
    async def body() -> None:
        recognizer = SlowRecognizer()
        talk = Talk(replace(BURST, partials=False), recognizer, turns=PAUSING)
        talk.say(quiet_ms=quiet_ms)
        await settle()
        assert (recognizer.asked, recognizer.given_up) == (1, 0)
        talk.conversation.close()
        await settle()
        assert (recognizer.asked, recognizer.given_up, recognizer.closed) == (1, 1, True)
        talk.say()
        await settle()
        assert recognizer.asked == 1

    run(body)


def test_row_61_sound_much_faster_than_real_time_is_refused_once() -> None:
    async def body() -> None:
        loop, now_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        loop.time = lambda: now_s  # type: ignore[method-assign] # a busy machine needs seconds to hear a minute
        talk = Talk(BURST, FakeRecognizer())
        minute = np.zeros(60 * RATE_HZ, np.int16)
        assert talk.conversation.hear(minute[: 15 * RATE_HZ]) is False, "words said before the call come in a burst"
        assert talk.conversation.hear(minute) is True
        assert talk.conversation.hear(minute) is False, "it was told already"
        speech = len(talk.told)
        talk.say()
        assert len(talk.told) == speech, "what was refused is heard all the same"

    run(body)


def test_a_turn_that_the_client_ends_may_come_as_a_whole() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer("what time is it"), manual_turns=True)
        assert talk.conversation.hear(np.zeros(120 * RATE_HZ, np.int16)) is False
        assert talk.conversation.waiting_ms == 120_000

    run(body)


def test_the_replies_that_wait_are_bounded() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer())
        for _ in range(10 * MAX_PLANNED):
            talk.conversation.create_reply('Say exactly: "hello"')
        await talk.until_kind(ReplyDone, MAX_PLANNED)
        await settle()
        assert talk.kinds().count(ReplyDone) <= MAX_PLANNED + 1

    run(body)
