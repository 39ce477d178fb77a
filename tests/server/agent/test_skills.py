"""What the agent says to what: pure, so the clock stands still."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from server.agent.grammar import CITIES, jsgf
from server.agent.skills import Facts, answer, answer_tool, asked_to_say, instructed, may_go_on, wants_more
from server.agent.texts import STORIES
from server.agent.tools import ToolRequest, ToolSpec

WEATHER = ToolSpec(name="get_weather", parameters={"properties": {"city": {"type": "string"}}})
LIGHT = ToolSpec(name="set_light", parameters={"properties": {"on": {"type": "boolean"}}})
LIGHTS = ToolSpec(
    name="set_light", parameters={"properties": {"state": {"type": "string"}, "room": {"type": "string"}}}
)
NOON = datetime(2026, 3, 5, 14, 7)


def facts(*tools: ToolSpec, turn: int = 0, now: datetime = NOON) -> Facts:
    return Facts(now=now, tools=tools, turn=turn)


@pytest.mark.parametrize(
    ("said", "skill"),
    [
        ("hello", "greet"),
        ("how are you today", "greet"),
        ("what is your name", "who"),
        ("what time is it now", "time"),
        ("what day is it today", "date"),
        ("tell me another joke", "joke"),
        ("tell me a long story please", "story"),
        ("count to ten", "count"),
        ("what is the weather like in new york today", "weather"),
        ("turn the lamp off", "light"),
        ("can you please switch on the lights", "light"),
        ("what can you do", "help"),
        ("thank you very much", "thanks"),
        ("see you later", "goodbye"),
        ("stop it", "stop"),
        ("repeat after me what time is it", "repeat"),
        ("my brother bought a green bicycle", "fallback"),
    ],
)
def test_words_find_their_skill(said: str, skill: str) -> None:
    assert answer(said, facts(WEATHER, LIGHT)).skill == skill


def sentences(rule: str, rules: dict[str, str]) -> set[str]:
    """One expansion of every alternative of a small JSGF rule (optional parts in and out)."""
    tokens = re.findall(r"<\w+>|/[\d.]+/|[()\[\]|]|[\w']+", rules[rule])

    def alternatives(at: int) -> tuple[list[str], int]:
        done: list[str] = []
        current = [""]
        while at < len(tokens) and tokens[at] not in ")]":
            token = tokens[at]
            if token == "|":
                done += current
                current = [""]
            elif token in "([":
                inner, at = alternatives(at + 1)
                inner = inner if token == "(" else [*inner, ""]
                current = [f"{left} {right}".strip() for left in current for right in inner]
            elif token.startswith("<"):
                inner = sorted(sentences(token[1:-1], rules))[:3]
                current = [f"{left} {right}".strip() for left in current for right in inner]
            elif not token.startswith("/"):
                current = [f"{left} {token}".strip() for left in current]
            at += 1
        return done + current, at

    return set(alternatives(0)[0])


def all_sentences() -> set[str]:
    rules = dict(re.findall(r"<(\w+)> = ([^;]+);", jsgf()))
    return {text for rule in ("request", "social") for name in re.findall(r"<(\w+)>", rules[rule])
            for text in sentences(name, rules)}  # fmt: skip


def test_a_sentence_may_go_on_where_more_words_change_the_answer() -> None:
    """Then it is not answered at once. "What time is it ... now" is the same question."""
    found = all_sentences()
    told = {text: answer(text, facts(WEATHER, LIGHTS)) for text in found}
    begins = {text for text in found for other in found if other.startswith(f"{text} ") and told[text] != told[other]}
    assert len(begins) > 10
    assert {text for text in begins if not may_go_on(text)} == set()
    needless = {text for text in found - begins if may_go_on(text)}
    assert needless == set()


def test_every_sentence_of_the_grammar_has_a_meaning() -> None:
    """What can be heard must be answered; the two files are kept together by this."""
    found = all_sentences()
    assert len(found) > 60
    lost = {text for text in found if answer(text, facts(WEATHER, LIGHT)).skill == "fallback"}
    assert lost == set()


@pytest.mark.parametrize(
    ("hour", "minute", "text"),
    [
        (0, 0, "It is 12 o'clock in the morning."),
        (9, 5, "It is 9 oh 5 in the morning."),
        (14, 7, "It is 2 oh 7 in the afternoon."),
        (23, 59, "It is 11 59 in the evening."),
    ],
)
def test_the_time_is_told_as_people_say_it(hour: int, minute: int, text: str) -> None:
    now = datetime(2026, 1, 1, hour, minute)
    assert answer("what time is it", facts(now=now)).sentences == (text,)


def test_the_date() -> None:
    assert answer("what is the date today", facts()).sentences == ("Today is Thursday, March 5, 2026.",)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("count to three", "One, two, three."),
        ("count from five to seven", "Five, six, seven."),
        ("count from three to one", "Three, two, one."),
        ("count from 19 to 22", "Nineteen, twenty, twenty one, twenty two."),
        ("count to a thousand", "I can count up to 50."),
        ("count to 51", "I can count up to 50."),
    ],
)
def test_counting(said: str, text: str) -> None:
    assert " ".join(answer(said, facts()).sentences) == text


@pytest.mark.parametrize("city", CITIES)
def test_a_city_reaches_the_tool(city: str) -> None:
    reply = answer(f"what is the weather like in {city} today", facts(WEATHER))
    assert reply.tool is not None
    assert reply.tool.arguments == {"city": city.title()}


def test_a_tool_is_found_by_its_description_too_and_its_own_argument_names_are_used() -> None:
    tool = ToolSpec(name="lookup", description="The weather at a place", parameters={"properties": {"place": {}}})
    reply = answer("weather in oslo", facts(LIGHT, tool))
    assert reply.tool is not None
    assert (reply.tool.tool.name, reply.tool.arguments) == ("lookup", {"place": "Oslo"})


@pytest.mark.parametrize(
    ("said", "on"),
    [
        ("turn on the light", True),
        ("switch the lamp off", False),
        ("turn the lights off", False),
        ("lights off", False),
    ],
)
def test_the_light_is_switched(said: str, on: bool) -> None:
    reply = answer(said, facts(LIGHT))
    assert reply.tool is not None
    assert reply.tool.arguments == {"on": on}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("switch on the light in the kitchen", {"state": "on", "room": "kitchen"}),
        ("turn the lights off in the living room please", {"state": "off", "room": "living room"}),
        ("turn the lamp in the hall off", {"state": "off", "room": "hall"}),
        ("could you turn on the kitchen light", {"state": "on", "room": "kitchen"}),
        ("bedroom lights off", {"state": "off", "room": "bedroom"}),
        ("switch on the light", {"state": "on"}),
    ],
)
def test_the_light_of_a_room_is_switched(said: str, arguments: dict[str, str]) -> None:
    reply = answer(said, facts(LIGHTS))
    assert reply.tool is not None
    assert reply.tool.arguments == arguments
    # A page whose tool knows no rooms gets none.
    told = answer(said, facts(LIGHT))
    assert told.tool is not None
    assert told.tool.arguments == {"on": arguments["state"] == "on"}


def test_a_tool_that_takes_a_room_alone_is_not_given_the_state_for_it() -> None:
    """The agent would say that the light in the on is on."""
    tool = ToolSpec(name="switch_light", parameters={"properties": {"room": {"type": "string"}}})
    for said, arguments in (("turn on the light", {}), ("turn on the light in the hall", {"room": "hall"})):
        request = answer(said, facts(tool)).tool
        assert request is not None
        assert request.arguments == arguments


def test_the_room_is_named_where_the_person_named_it() -> None:
    result = json.dumps({"room": "kitchen", "state": "on"})
    for said, text in (
        ("switch on the light in the kitchen", "The light in the kitchen is on now."),
        ("switch on the light", "The light is on now."),
    ):
        request = answer(said, facts(LIGHTS)).tool
        assert request is not None
        assert answer_tool(request, result, is_error=False).sentences == (text,)


@pytest.mark.parametrize("said", ["what is the weather in paris", "turn on the light"])
def test_without_the_tool_the_agent_says_so(said: str) -> None:
    reply = answer(said, facts())
    assert reply.tool is None
    assert "this page gave me no" in reply.sentences[0]


def test_weather_without_a_city_asks_for_one() -> None:
    reply = answer("what is the weather like", facts(WEATHER))
    assert reply.tool is None
    assert "Which city" in reply.sentences[0]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ('{"temperature": 18, "condition": "sunny"}', "It is 18 degrees and sunny in Paris."),
        ('{"temp_c": 7.5}', "It is 7.5 degrees in Paris."),
        ('{"sky": "clear"}', "It is clear in Paris."),
        ('"raining"', "The weather in Paris: raining."),
        ("not json", "The weather in Paris: not json."),
        ("[" * 100_000, "The weather in Paris: " + "[" * 200 + "."),
    ],
)
def test_a_result_becomes_a_sentence(result: str, text: str) -> None:
    request = ToolRequest(tool=WEATHER, arguments={"city": "Paris"}, skill="weather")
    assert answer_tool(request, result, is_error=False).sentences == (text,)


@pytest.mark.parametrize(("result", "flag"), [('{"error": "no such city"}', False), ("no such city", True)])
def test_a_failed_tool_is_told(result: str, flag: bool) -> None:
    request = ToolRequest(tool=WEATHER, arguments={"city": "Paris"}, skill="weather")
    words = answer_tool(request, result, is_error=flag).sentences
    assert words == ("I am sorry, that did not work.", "The page said: no such city.")


def test_the_light_tells_the_state_that_the_page_reports() -> None:
    request = ToolRequest(tool=LIGHT, arguments={"on": True}, skill="light")
    assert answer_tool(request, json.dumps({"ok": True}), is_error=False).sentences == ("The light is on now.",)
    assert answer_tool(request, json.dumps({"on": False}), is_error=False).sentences == ("The light is off now.",)


@pytest.mark.parametrize(
    ("instructions", "skill"),
    [
        ("The session is about to end. Say goodbye in one sentence.", "wrap_up"),
        ("Wrap up now.", "wrap_up"),
        ('Say "good evening" to the user', "say"),
        ("Greet the user.", "greet"),
        ("what time is it", "time"),
        (None, "prompt"),
        ("  ", "prompt"),
    ],
)
def test_instructions_are_followed(instructions: str | None, skill: str) -> None:
    assert instructed(instructions, facts()).skill == skill


def test_dictation_is_not_taken_for_small_talk() -> None:
    """ "Hi" inside a sentence that was only guessed at is no greeting; "bye" alone is one."""
    said = "the committee said hi to nobody in particular"
    assert answer(said, facts(), sure=False).skill == "fallback"
    assert answer("bye", facts(), sure=False).skill == "goodbye"
    assert answer("could you tell me what the weather is in rome", facts(WEATHER), sure=False).skill == "weather"


def test_goodbye_ends_the_conversation_and_jokes_differ() -> None:
    assert answer("goodbye", facts()).ends
    assert answer("tell me a joke", facts(turn=0)) != answer("tell me a joke", facts(turn=1))


def test_a_story_is_long_enough_to_be_interrupted() -> None:
    """About 2.5 words a second: more than 20 seconds."""
    assert all(sum(len(sentence.split()) for sentence in story) > 70 for story in STORIES)


def test_a_very_long_text_is_not_read_back() -> None:
    assert sum(map(len, answer("word " * 5000, facts()).sentences)) < 300


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("what is the weather in", True),
        ("repeat after me", True),
        ("count from one to", True),
        ("turn on the", True),
        ("what is the weather in paris", False),
        ("hello", False),
        ("", False),
    ],
)
def test_open_ends_are_noticed(said: str, more: bool) -> None:
    assert wants_more(said) is more


@pytest.mark.parametrize(
    ("instructions", "sentences"),
    [
        ("Say exactly: Hello there. I'm here.", ("Hello there.", "I'm here.")),
        ('Say exactly: "It\'s me."', ("It's me.",)),
        ("Greet the user and say 'welcome back' to them.", ("welcome back",)),
        ('Tell them "one. two."', ("one.", "two.")),
        ("Tell the user we're out of time, it's over", None),
        ("Be brief.", None),
    ],
)
def test_what_is_to_be_said_word_for_word(instructions: str, sentences: tuple[str, ...] | None) -> None:
    reply = asked_to_say(instructions)
    assert (reply.sentences if reply else None) == sentences
