"""What the conversation does for wires whose clients ask for replies and end turns themselves, and
while no socket is there.
"""

from __future__ import annotations

import asyncio

from server.agent.answering import Asked
from server.agent.events import (
    ReplyAudio,
    ReplyDone,
    ReplyStarted,
    ReplyText,
    ReplyWord,
    SpeechBegan,
    ToolCalled,
    UserFinal,
    UserUnclear,
)
from server.agent.scenarios import Scenario
from server.agent.skills import Reply
from server.agent.tools import ToolRequest
from server.agent.tts import synthesize
from server.agent.turns import TurnSettings
from tests.server.support.conversing import BURST, RATE_HZ, WEATHER, FakeRecognizer, Talk, run


def asked(reply_id: str, *sentences: str, text_only: bool = False, tool: ToolRequest | None = None) -> Asked:
    async def compose() -> Reply:
        return Reply(skill="say", sentences=sentences, tool=tool)

    return Asked(reply_id=reply_id, compose=compose, text_only=text_only)


def test_a_reply_that_is_asked_for_begins_at_once_even_while_the_user_speaks() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer("hello"))
        talk.say(quiet_ms=0)
        assert talk.conversation.turn_item_id
        talk.conversation.ask(asked("r1", "Yes."))
        assert talk.told[-1] == ReplyStarted(reply_id="r1", item_id="item-2")
        await talk.until_kind(ReplyDone)

    run(body)


def test_a_second_one_waits_and_can_be_withdrawn_until_it_begins() -> None:
    async def body() -> None:
        talk = Talk(Scenario(), FakeRecognizer())
        for name in ("r1", "r2", "r3"):
            talk.conversation.ask(asked(name, "One two."))
        assert not talk.conversation.withdraw("r1")
        assert talk.conversation.withdraw("r2")
        await talk.until_kind(ReplyDone, 2)
        assert [one.reply_id for one in talk.told if isinstance(one, ReplyStarted)] == ["r1", "r3"]

    run(body)


def test_text_without_sound() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer())
        talk.conversation.ask(asked("r1", "One two.", "Three.", text_only=True))
        await talk.until_kind(ReplyDone)
        assert talk.kinds() == [ReplyStarted, ReplyText, ReplyDone]
        assert sum(isinstance(one, ReplyWord) for one in talk.told) == 3
        assert not any(isinstance(one, ReplyAudio) for one in talk.told)

    run(body)


def test_a_call_that_was_asked_for_makes_no_sound_and_nobody_waits_for_its_result() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer())
        request = ToolRequest(tool=WEATHER, arguments={"city": "Rome"}, skill="weather")
        talk.conversation.ask(asked("r1", "Let me see.", tool=request))
        await talk.until_kind(ReplyDone)
        assert talk.kinds() == [ReplyStarted, ToolCalled, ReplyDone]
        assert not any(isinstance(one, ReplyAudio) for one in talk.told)
        call = next(one for one in talk.told if isinstance(one, ToolCalled))
        assert (call.reply_id, call.skill) == ("r1", "weather")
        assert not talk.conversation.tool_result(call.call_id, "{}", is_error=False)

    run(body)


def test_turns_that_the_client_ends() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer("what time is it"), manual_turns=True, answers_turns=False)
        talk.say(quiet_ms=2000)
        assert talk.told == [], "silence ends nothing"
        assert talk.conversation.waiting_ms > 2000
        talk.conversation.commit("mine")
        assert talk.conversation.waiting_ms == 0
        await talk.until_kind(UserFinal)
        assert talk.told == [UserFinal(item_id="mine", text="what time is it")]
        talk.say()
        talk.conversation.clear_input()
        assert talk.conversation.waiting_ms == 0

    run(body)


def test_speech_is_told_at_once_where_the_wire_hides_none() -> None:
    """And the reply that may not be interrupted goes on to its end."""

    async def body() -> None:
        turns = TurnSettings(min_silence_ms=200, max_silence_ms=200, interrupt_response=False)
        talk = Talk(Scenario(), FakeRecognizer(""), turns=turns, hides_speech=False)
        talk.conversation.ask(asked("r1", " ".join(["word"] * 12)))
        await talk.until_kind(ReplyWord, 3)
        talk.say()
        assert SpeechBegan in talk.kinds()
        assert ReplyDone not in talk.kinds()
        await talk.until_kind(ReplyDone)
        done = next(one for one in talk.told if isinstance(one, ReplyDone))
        assert done.status == "completed"

    run(body)


def test_what_the_user_was_saying_when_the_socket_went_is_understood_and_answered_later() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer("what time is it"))
        talk.say(quiet_ms=0)
        talk.conversation.suspend()
        await talk.until_kind(UserFinal)
        await asyncio.sleep(0.05)
        assert ReplyStarted not in talk.kinds(), "nobody would hear it"
        talk.conversation.resume()
        await talk.until_kind(ReplyDone)

    run(body)


def test_a_turn_of_which_nothing_was_understood_is_told_too() -> None:
    async def body() -> None:
        talk = Talk(BURST, FakeRecognizer(""), manual_turns=True, answers_turns=False)
        talk.conversation.hear(synthesize("hello", voice="michael", rate_hz=RATE_HZ).samples)
        talk.conversation.commit("mine")
        await talk.until_kind(UserUnclear)
        assert talk.told == [UserUnclear(item_id="mine")]

    run(body)
