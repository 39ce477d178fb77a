"""What to say: words and the session's facts in, a reply plan out. Pure; time is an argument.

`answer` is for what a person said or typed, `answer_tool` for a tool's result, `instructed` for reply.create. A reply is a few
sentences, perhaps a tool call, perhaps the end of the conversation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.agent.grammar import CITIES, NUMBERS

__all__ = [
    "Facts",
    "Reply",
    "ToolRequest",
    "ToolSpec",
    "answer",
    "answer_tool",
    "instructed",
    "too_slow",
    "wants_more",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool that the page declared. `hold`: stay silent until its result comes."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hold: bool = False
    timeout_ms: int = 120_000

    @property
    def properties(self) -> Mapping[str, Any]:
        found = self.parameters.get("properties")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the answer may depend on besides the words. `turn` counts the user's turns from 0."""

    now: datetime
    tools: tuple[ToolSpec, ...] = ()
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """Ask the page to run a tool. `skill` and `arguments` come back to `answer_tool` with the result."""

    tool: ToolSpec
    arguments: Mapping[str, Any]
    skill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Sentences to speak in order. With `tool`, they are the filler spoken while waiting. `ends`: hang up afterwards."""

    skill: str
    sentences: tuple[str, ...]
    tool: ToolRequest | None = None
    ends: bool = False


_JOKES = (
    ("Why did the microphone go to school?", "It wanted to be a little less noisy."),
    ("I told my computer that I needed a break.", "It said: no problem, I will go to sleep."),
    ("What do you call a parrot that flew away?", "A polygon."),
    ("Why are echoes never lonely?", "They always get an answer."),
)
_STORIES = (
    (
        "Once upon a time there was a lighthouse keeper called Mara, who lived on a small island far from the coast.",
        "Every evening she climbed one hundred and twelve steps and lit the great lamp.",
        "One night a thick fog came up, and the lamp would not burn.",
        "Far out at sea she heard the horn of a ship, and it was coming closer.",
        "Mara thought for a moment, took her old trumpet from the wall, and went out to the cliff.",
        "She played the loudest song she knew, again and again, until her lips hurt.",
        "The captain heard the music, turned his ship around, and waited for the morning.",
        "When the sun rose, the whole crew rowed to the island to thank her.",
        "They repaired the lamp together, and then they had a long breakfast on the beach.",
        "Since that day, every ship that passes the island blows its horn three times.",
        "And if you listen carefully, you can still hear a trumpet answer.",
    ),
    (
        "In a town between two hills there was a clock that was always seven minutes late.",
        "Everybody knew it, so everybody was always on time.",
        "One day a clever young mechanic came by and repaired it without asking.",
        "The next morning the baker opened too early, and nobody came for bread.",
        "The train left before the passengers arrived, and the school bell rang in an empty yard.",
        "By noon the whole town stood in the square and argued about what time it was.",
        "The mechanic listened for a while, and then she smiled.",
        "She climbed up the tower and turned the hands back, exactly seven minutes.",
        "The baker closed, the train came back, and the children went in.",
        "Since then a small sign hangs under the clock.",
        "It says: please do not help me, I know what I am doing.",
    ),
)
_ABILITIES = (
    "I can tell the time and the date, tell jokes and long stories, count, and repeat what you say.",
    "I can also ask this page for the weather in a city, or have it switch a light.",
)
_UNITS = {word: number for number, word in enumerate(NUMBERS[:20], start=1)} | {"thirty": 30, "forty": 40, "fifty": 50}
_WORDS = {number: word for word, number in _UNITS.items()}
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_LARGEST_COUNT = 50


def answer(text: str, facts: Facts) -> Reply:
    """The reply to what a person said. Never fails: words that mean nothing here are repeated with what the agent can do."""
    words = _normal(text)
    for pattern, act in _SKILLS:
        found = pattern.search(words)
        if found:
            return act(found, facts)
    heard = text.strip().rstrip(".")
    if len(heard) > 120:
        heard = heard[:120].rsplit(" ", 1)[0] + " and so on"
    return Reply(
        skill="fallback",
        sentences=(f"I heard: {heard}, but I can only do a few things.", "Ask me what I can do."),
    )


def instructed(instructions: str | None, facts: Facts) -> Reply:
    """The reply to reply.create: instructions that ask to wrap up, to greet, or to say something, else typed user text."""
    if not instructions or not instructions.strip():
        return Reply(skill="prompt", sentences=("I am listening.", "What can I do for you?"))
    words = _normal(instructions)
    if re.search(
        r"\b(wrap up|wrap-up|say goodbye|goodbye|end of the (call|session)|about to end|time is (nearly )?up)\b", words
    ):
        return Reply(skill="wrap_up", sentences=("Our time is nearly up.", "Thank you for talking with me, goodbye."))
    quoted = re.search(r"""\b(?:say|tell|read|speak)\b[^"“']*["“']([^"”]{1,400})["”']""", instructions, re.IGNORECASE)
    if quoted:
        return Reply(skill="say", sentences=_sentences(quoted.group(1)))
    if re.search(r"\b(greet|welcome)\b", words):
        return Reply(skill="greet", sentences=("Hello, nice to meet you.",))
    return answer(instructions, facts)


def answer_tool(request: ToolRequest, result: str, *, is_error: bool) -> Reply:
    """The spoken form of a tool's result (JSON text, or any text)."""
    if is_error:
        return Reply(skill=request.skill, sentences=("I am sorry, that did not work.", _error_words(result)))
    value = _parsed(result)
    if isinstance(value, Mapping) and value.get("error"):
        return Reply(skill=request.skill, sentences=("I am sorry, that did not work.", _error_words(result)))
    if request.skill == "weather":
        return Reply(skill="weather", sentences=(_weather_words(request, value),))
    if request.skill == "light":
        return Reply(skill="light", sentences=(_light_words(request, value),))
    return Reply(skill=request.skill, sentences=(f"The answer is: {_plain(value)}.",))


def too_slow(request: ToolRequest) -> Reply:
    """The apology when no result came in time."""
    return Reply(skill=request.skill, sentences=("I am sorry, I got no answer in time.", "Please try again later."))


def wants_more(text: str) -> bool:
    """Whether the words so far stop before their object, so that the speaker will probably go on."""
    return bool(_OPEN_END.search(_normal(text)))


_OPEN_END = re.compile(
    r"(?:^|\b)(repeat after me|repeat|say|count|count to|count from(?: \w+)?(?: to)?|weather in|turn|turn (?:on|off)"
    r"|(?:turn|switch) the \w+|switch|tell me|tell me a|the|what is|what's|can you|could you)$"
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
    return Reply(skill="joke", sentences=_JOKES[facts.turn % len(_JOKES)])


def _story(_found: re.Match[str], facts: Facts) -> Reply:
    return Reply(skill="story", sentences=_STORIES[facts.turn % len(_STORIES)])


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
        return Reply(skill="weather", sentences=("I cannot look that up, this page gave me no weather tool.",))
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
        return Reply(skill="light", sentences=("I cannot do that, this page gave me no light to switch.",))
    on = (found["first"] or found["last"] or "on") == "on"
    key = _property(tool, "on", "state", "power", "enabled")
    arguments: dict[str, Any] = {}
    if key:
        kind = tool.properties[key].get("type") if isinstance(tool.properties[key], Mapping) else None
        arguments[key] = ("on" if on else "off") if kind == "string" else on
    request = ToolRequest(tool=tool, arguments=arguments, skill="light")
    return Reply(skill="light", sentences=("One moment.",), tool=request)


_CITY = "|".join(CITIES)
_FROM = r"(?:from (?P<first>[\w-]+) )?(?:up )?to (?P<last>[\w-]+)"
_SKILLS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Facts], Reply]], ...] = tuple(
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
            r"\b(?:turn|switch|put)\b(?: (?P<first>on|off))?(?: the)? (?:light|lights|lamp)(?: (?P<last>on|off))?",
            _light,
        ),
        (r"\b(?:light|lights|lamp) (?P<first>on|off)(?P<last>)", _light),
        (r"\bstory\b", _story),
        (r"\bjokes?\b|\bmake me laugh\b", _joke),
        (r"\bwhat time\b|\bthe time\b", _time),
        (r"\b(?:what day|the date|today's date|what year)\b", _date),
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
    for read in (lambda tool: tool.name, lambda tool: tool.description):
        for tool in facts.tools:
            if any(hint in read(tool).lower() for hint in hints):
                return tool
    return None


def _property(tool: ToolSpec, *names: str) -> str | None:
    for name in names:
        if name in tool.properties:
            return name
    return next(iter(tool.properties), None)


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


def _parsed(result: str) -> Any:
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        return result


def _weather_words(request: ToolRequest, value: Any) -> str:
    place = next((str(word) for word in request.arguments.values()), "there")
    if not isinstance(value, Mapping):
        return f"The weather in {place}: {_plain(value)}."
    degrees = next(
        (value[key] for key in value if re.search(r"temp|degree|celsius|fahrenheit", str(key).lower())), None
    )
    sky = next(
        (value[key] for key in value if re.search(r"sky|condition|weather|summary|description", str(key).lower())), None
    )
    if degrees is None and sky is None:
        return f"The weather in {place}: {_plain(value)}."
    parts = [f"{_plain(degrees)} degrees"] if degrees is not None else []
    parts += [_plain(sky)] if sky is not None else []
    return f"It is {' and '.join(parts)} in {place}."


def _light_words(request: ToolRequest, value: Any) -> str:
    wanted = next(iter(request.arguments.values()), True)
    state = (
        next((value[key] for key in ("on", "state", "power") if key in value), wanted)
        if isinstance(value, Mapping)
        else wanted
    )
    return f"The light is {'on' if state in (True, 'on', 'true') else 'off'} now."


def _error_words(result: str) -> str:
    value = _parsed(result)
    told = (
        next((value[key] for key in ("error", "message", "detail") if key in value), None)
        if isinstance(value, Mapping)
        else value
    )
    text = _plain(told) if told not in (None, True, "") else ""
    return f"The page said: {text}." if text else "Please try again later."


def _plain(value: Any) -> str:
    """A JSON value in words; short, because somebody has to listen to it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {_plain(item)}" for key, item in list(value.items())[:5])
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value[:5])
    return " ".join(str(value).split())[:200].rstrip(".")
