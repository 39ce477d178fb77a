"""Skills: text and the session's facts in, a reply out. Pure; time is an argument.

`answer` is for what a person said or typed, `answer_tool` for a tool's result, `instructed` for reply.create. A reply
is a few sentences, perhaps a tool call, perhaps the end of the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.agent.grammar import CITIES, NUMBERS, ROOMS
from server.agent.texts import JOKES, STORIES
from server.agent.tools import ROOM_KEYS, ToolRequest, ToolSpec, error_words, light_words, parsed, plain, weather_words

__all__ = [
    "Facts",
    "Reply",
    "answer",
    "answer_tool",
    "asked_to_say",
    "instructed",
    "may_go_on",
    "too_slow",
    "wants_more",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the answer may depend on besides the words. `turn` counts the user's turns from 0.

    `page_tools`: the wire can ask the page to run tools at all.
    """

    now: datetime
    tools: tuple[ToolSpec, ...] = ()
    turn: int = 0
    page_tools: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Sentences to speak in order. With `tool`, they are the filler spoken while waiting.

    `ends`: hang up afterwards.
    """

    skill: str
    sentences: tuple[str, ...]
    tool: ToolRequest | None = None
    ends: bool = False


_ABILITIES = (
    "I can tell the time and the date, tell jokes and long stories, count, and repeat what you say.",
    "I can also ask this page for the weather in a city, or have it switch a light.",
)
_UNITS = {word: number for number, word in enumerate(NUMBERS[:20], start=1)} | {"thirty": 30, "forty": 40, "fifty": 50}
_WORDS = {number: word for word, number in _UNITS.items()}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_LARGEST_COUNT = 50
_LONGEST_ECHO = 50
_NOT_HERE = "I cannot do that here."
_SHORT_WORDS = 4


def answer(text: str, facts: Facts, *, sure: bool = True) -> Reply:
    """The reply to what a person said.

    Never fails: words that mean nothing here are repeated with what the agent can do.

    `sure=False` for dictation: a "hi" or "bye" inside a longer sentence is then not taken for one.
    """
    words = _normal(text)
    small_talk = sure or len(words.split()) <= _SHORT_WORDS
    for pattern, act in _REQUESTS + _SMALL_TALK if small_talk else _REQUESTS:
        found = pattern.search(words)
        if found:
            return act(found, facts)
    heard = text.strip().rstrip(".")
    if len(heard) > _LONGEST_ECHO:  # nobody wants to listen to all of what they said
        heard = heard[:_LONGEST_ECHO].rsplit(" ", 1)[0] + " and so on"
    return Reply(
        skill="fallback",
        sentences=(f"I heard: {heard}.", "Ask me what I can do."),
    )


def instructed(instructions: str | None, facts: Facts) -> Reply:
    """The reply to reply.create: instructions that ask to wrap up, to greet, or to say
    something, else typed user text.
    """
    if not instructions or not instructions.strip():
        return Reply(skill="prompt", sentences=("I am listening.", "What can I do for you?"))
    asked = asked_to_say(instructions)
    if asked is not None:
        return asked
    words = _normal(instructions)
    if re.search(
        r"\b(wrap up|wrap-up|say goodbye|goodbye|end of the (call|session)|about to end|time is (nearly )?up)\b", words
    ):
        return Reply(skill="wrap_up", sentences=("Our time is nearly up.", "Thank you for talking with me, goodbye."))
    if re.search(r"\b(greet|welcome)\b", words):
        return Reply(skill="greet", sentences=("Hello, nice to meet you.",))
    # Instructions that hand over what a person typed end with it: "... Answer this: <text>".
    handed_over = instructions.rpartition(": ")[2]
    return answer(handed_over if handed_over.strip() else instructions, facts)


def asked_to_say(instructions: str) -> Reply | None:
    """The text that instructions ask to be spoken word for word; None when they ask for no such thing.

    Two forms are understood: `say exactly ...: ` followed by the text, and a verb of speaking followed by a quotation.
    """
    exact = re.search(r"\bsay exactly\b[^:\n]*: *(.+)", instructions, re.IGNORECASE | re.DOTALL)
    if exact:
        return Reply(skill="say", sentences=_sentences(exact.group(1).strip(' \n"“”')[:_LONGEST_QUOTE]))
    quoted = _QUOTED.search(instructions)
    if quoted:
        return Reply(skill="say", sentences=_sentences(quoted["double"] or quoted["single"]))
    return None


def answer_tool(request: ToolRequest, result: str, *, is_error: bool) -> Reply:
    """The spoken form of a tool's result (JSON text, or any text)."""
    if is_error:
        return Reply(skill=request.skill, sentences=("I am sorry, that did not work.", error_words(result)))
    value = parsed(result)
    if isinstance(value, Mapping) and value.get("error"):
        return Reply(skill=request.skill, sentences=("I am sorry, that did not work.", error_words(result)))
    if request.skill == "weather":
        return Reply(skill="weather", sentences=(weather_words(request, value),))
    if request.skill == "light":
        return Reply(skill="light", sentences=(light_words(request, value),))
    return Reply(skill=request.skill, sentences=(f"The answer is: {plain(value)}.",))


def too_slow(request: ToolRequest) -> Reply:
    """The apology when no result came in time."""
    return Reply(skill=request.skill, sentences=("I am sorry, I got no answer in time.", "Please try again later."))


def wants_more(text: str) -> bool:
    """Whether the words so far stop before their object, so that the speaker will probably go on."""
    return bool(_OPEN_END.search(_normal(text)))


def may_go_on(text: str) -> bool:
    """Whether a whole sentence can have more behind it that changes the answer: the weather "in Paris", the light "in
    the kitchen", hello "how are you".
    """
    return bool(_CAN_GO_ON.search(_normal(text)))


_LONGEST_QUOTE = 5000
# An apostrophe is a quotation mark only where a word begins and ends.
_QUOTED = re.compile(
    r"""\b(?:say|tell|read|speak)\b[^"“]*?(?:["“](?P<double>[^"”]{1,5000})["”]|(?<=[\s:,])'(?P<single>[^"”]{1,5000}?)'(?=[\s.,!?]|$))""",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"(?:^|\b)(repeat after me|repeat|say|count|count to|count from(?: \w+)?(?: to)?|weather in|turn|turn (?:on|off)"
    r"|(?:turn|switch) the \w+|switch|tell me|tell me a|the|what is|what's|can you|could you)$"
)

_CAN_GO_ON = re.compile(
    r"\bweather(?: like)?(?: today)?(?: please)?$|^(?:hello|hi)$"
    r"|\b(?:turn|switch)\b.* the (?:lights?|lamp)(?: on| off)?$"
)


def _normal(text: str) -> str:
    return re.sub(r"[^a-z0-9' -]+", " ", text.lower().replace("’", "'")).strip()


def _sentences(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part.strip())
    return parts or ("I have nothing to say.",)


def _say(skill: str, *sentences: str, ends: bool = False) -> Callable[[re.Match[str], Facts], Reply]:
    return lambda _found, _facts: Reply(skill=skill, sentences=sentences, ends=ends)


def _time(_found: re.Match[str], facts: Facts) -> Reply:
    hour = facts.now.hour % 12 or 12
    half = "in the morning" if facts.now.hour < 12 else "in the afternoon" if facts.now.hour < 18 else "in the evening"
    minutes = (
        "o'clock"
        if facts.now.minute == 0
        else f"oh {facts.now.minute}"
        if facts.now.minute < 10
        else str(facts.now.minute)
    )
    return Reply(skill="time", sentences=(f"It is {hour} {minutes} {half}.",))


def _date(_found: re.Match[str], facts: Facts) -> Reply:
    now = facts.now
    return Reply(
        skill="date", sentences=(f"Today is {_DAYS[now.weekday()]}, {_MONTHS[now.month - 1]} {now.day}, {now.year}.",)
    )


def _joke(_found: re.Match[str], facts: Facts) -> Reply:
    return Reply(skill="joke", sentences=JOKES[facts.turn % len(JOKES)])


def _story(_found: re.Match[str], facts: Facts) -> Reply:
    return Reply(skill="story", sentences=STORIES[facts.turn % len(STORIES)])


def _count(found: re.Match[str], _facts: Facts) -> Reply:
    first, last = _number(found["first"]) if found["first"] else 1, _number(found["last"])
    if first is None or last is None or not 0 <= first <= _LARGEST_COUNT or not 0 <= last <= _LARGEST_COUNT:
        return Reply(skill="count", sentences=(f"I can count up to {_LARGEST_COUNT}.",))
    step = 1 if last >= first else -1
    names = [_spelled(number) for number in range(first, last + step, step)]
    # Ten at a time, so that the first sound does not wait for the last number.
    groups = [names[at : at + 10] for at in range(0, len(names), 10)]
    return Reply(skill="count", sentences=tuple(", ".join(group).capitalize() + "." for group in groups))


def _repeat(found: re.Match[str], _facts: Facts) -> Reply:
    words = found["words"].strip()
    return Reply(skill="repeat", sentences=(words[:400].capitalize() + ".",))


def _weather(found: re.Match[str], facts: Facts) -> Reply:
    tool = _tool_for(facts, "weather", "forecast", "temperature")
    if tool is None:
        why = "I cannot look that up, this page gave me no weather tool." if facts.page_tools else _NOT_HERE
        return Reply(skill="weather", sentences=(why,))
    city = found["city"]
    place = city.strip().title() if city else ""
    arguments: dict[str, Any] = {}
    key = _property(tool, "city", "location", "place", "town")
    if key and not place:
        return Reply(skill="weather", sentences=("Which city? For example: what is the weather in Paris?",))
    if key:
        arguments[key] = place
    request = ToolRequest(tool=tool, arguments=arguments, skill="weather")
    return Reply(skill="weather", sentences=("Let me look that up.",), tool=request)


def _light(found: re.Match[str], facts: Facts) -> Reply:
    tool = _tool_for(facts, "light", "lamp")
    if tool is None:
        why = "I cannot do that, this page gave me no light to switch." if facts.page_tools else _NOT_HERE
        return Reply(skill="light", sentences=(why,))
    on = (found["first"] or found["last"] or "on") == "on"
    key = _property(tool, "on", "state", "power", "enabled", besides=ROOM_KEYS)
    arguments: dict[str, Any] = {}
    if key:
        kind = tool.properties[key].get("type") if isinstance(tool.properties[key], Mapping) else None
        arguments[key] = ("on" if on else "off") if kind == "string" else on
    room = re.search(rf"\b{_ROOM}\b", found.string)
    which = next((name for name in ROOM_KEYS if name in tool.properties), "")
    if room and which:
        arguments[which] = room[0]
    request = ToolRequest(tool=tool, arguments=arguments, skill="light")
    return Reply(skill="light", sentences=("One moment.",), tool=request)


_CITY = "|".join(CITIES)
_ROOM = f"(?:{'|'.join(ROOMS)})"
_FROM = r"(?:from (?P<first>[\w-]+) )?(?:up )?to (?P<last>[\w-]+)"
_Skill = tuple[re.Pattern[str], Callable[[re.Match[str], Facts], Reply]]
_REQUESTS: tuple[_Skill, ...] = tuple(
    (re.compile(pattern), act)
    for pattern, act in (
        # Repeating comes first: whatever follows is not a command.
        (r"^(?:please )?(?:repeat after me|say after me|repeat|please say|say)[:,]? (?P<words>.+)$", _repeat),
        (r"\bcount " + _FROM, _count),
        (
            r"\b(?:weather|temperature|forecast)\b(?:.*?\b(?:in|for|at) (?P<city>"
            + _CITY
            + r"|[a-z' -]+?)(?: today| please| now)?$)?",
            _weather,
        ),
        (
            rf"\b(?:turn|switch|put)\b(?: (?P<first>on|off))?(?: the)?(?: {_ROOM})? (?:lights?|lamp)\b"
            rf"(?: in the {_ROOM})?(?: (?P<last>on|off))?",
            _light,
        ),
        (rf"\b(?:lights?|lamp) (?P<first>on|off)(?P<last>)(?: in the {_ROOM})?$", _light),
        (r"\bstory\b", _story),
        (r"\bjokes?\b|\bmake me laugh\b", _joke),
        (r"\bwhat time\b|\bthe time\b", _time),
        (r"\b(?:what day|the date|today's date|what year)\b", _date),
    )
)
_SMALL_TALK: tuple[_Skill, ...] = tuple(
    (re.compile(pattern), act)
    for pattern, act in (
        (
            r"\b(?:who are you|your name)\b",
            _say("who", "I am the local agent of this page.", "I live on your own machine."),
        ),
        (r"\b(?:what can (?:you|i)|help)\b", _say("help", *_ABILITIES)),
        (
            r"\b(?:goodbye|good bye|bye|see you|that is all|that's all|hang up)\b",
            _say("goodbye", "Goodbye, it was nice talking to you.", ends=True),
        ),
        (r"\bhow are you\b", _say("greet", "I am fine, thank you.", "What can I do for you?")),
        (r"\bthanks?\b", _say("thanks", "You are welcome.")),
        (r"^(?:stop|stop it|be quiet|never mind)$", _say("stop", "All right.")),
        (
            r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening)|nice to meet you)\b",
            _say("greet", "Hello, nice to hear you."),
        ),
    )
)


def _tool_for(facts: Facts, *hints: str) -> ToolSpec | None:
    """The first tool whose name speaks of it, else the first whose description does."""
    for texts in ([tool.name for tool in facts.tools], [tool.description for tool in facts.tools]):
        for tool, text in zip(facts.tools, texts, strict=True):
            if any(hint in text.lower() for hint in hints):
                return tool
    return None


def _property(tool: ToolSpec, *names: str, besides: Collection[str] = ()) -> str | None:
    """The first of `names` that the tool has, else its first property that is none of `besides`."""
    for name in names:
        if name in tool.properties:
            return name
    return next((name for name in tool.properties if name not in besides), None)


def _number(word: str) -> int | None:
    if word.isdigit():
        return int(word)
    parts = word.split("-")
    values = [_UNITS.get(part) for part in parts]
    return None if None in values else sum(value for value in values if value is not None)


def _spelled(number: int) -> str:
    if number == 0:
        return "zero"
    if number in _WORDS:
        return _WORDS[number]
    return f"{_WORDS[number // 10 * 10]} {_WORDS[number % 10]}"
