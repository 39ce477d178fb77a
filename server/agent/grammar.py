"""Grammar: what the local agent can understand, as JSGF for the recognizer.

Only sentences written here can become commands. `skills.py` gives each of them its meaning: a sentence added here needs
an answer there (a test walks through both).
"""

from __future__ import annotations

__all__ = ["CITIES", "NUMBERS", "ROOMS", "jsgf", "small_talk_jsgf"]

CITIES: tuple[str, ...] = tuple(
    """
    amsterdam|athens|atlanta|bangkok|barcelona|beijing|berlin|boston|brussels|budapest|cairo|chicago|copenhagen|dallas|delhi
    denver|dublin|geneva|hamburg|helsinki|hong kong|houston|istanbul|lisbon|london|los angeles|madrid|melbourne|mexico city
    miami|milan|montreal|moscow|munich|new york|oslo|paris|philadelphia|prague|rome|san francisco|seattle|seoul|shanghai
    singapore|stockholm|sydney|tokyo|toronto|vancouver|vienna|warsaw|washington|zurich
    """.replace("\n", "|")
    .replace(" " * 4, "")
    .strip("|")
    .split("|")
)
ROOMS: tuple[str, ...] = ("kitchen", "living room", "bedroom", "bathroom", "hall", "office", "garden", "garage")
NUMBERS: tuple[str, ...] = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
)

_RULES = """#JSGF V1.0;
grammar skills;
<city> = %(cities)s;
<number> = %(numbers)s;
<room> = %(rooms)s;
<polite> = please | can you | could you | would you | okay | hey | can you please | could you please;
<greet> = hello | hi | hello there | hi there | good morning | good afternoon | good evening
  | how are you [today] | hello how are you | hi how are you | nice to meet you;
<who> = who are you | what is your name | what's your name;
<time> = /1.0/ what time is it [now] | /1.0/ what is the time | /1.0/ what's the time | /1.0/ tell me the time
  | /0.1/ do you know what time it is;
<date> = what day is it [today] | what is the date [today] | what's the date [today] | what day is today
  | what is today's date | tell me the date | tell me what year it is;
<joke> = /1.0/ tell me a joke | /1.0/ tell me another joke | /0.3/ make me laugh;
<story> = tell me a story | tell me a long story | tell me another story | tell a story;
<count> = count [up] to <number> | count from <number> to <number>;
<weather> = (what is | what's | how is | how's) the weather [like] [today]
  | (what is | what's | how is | how's) the weather [like] [today] in <city> [today]
  | weather in <city> | what is the temperature in <city>;
<light> = (turn | switch) (on | off) the (light | lights | lamp) [in the <room>]
  | (turn | switch) the (light | lights | lamp) (on | off) [in the <room>] | lights on | lights off;
<bye> = goodbye | bye | bye bye | see you later | that is all | hang up;
<help> = help | help me | what can you do | what can i say;
<thanks> = thank you | thanks | thank you very much;
<stop> = stop | stop it | be quiet | never mind;
<request> = <time> | <joke> | <story> | <count> | <weather> | <light> | <date>;
<social> = <help> | <greet> | <who> | <bye> | <thanks> | <stop>;
public <utterance> = /1.0/ <request> | /1.0/ <social> | /0.02/ <polite> <request> | /0.01/ <request> please
  | /0.001/ <polite> <request> please;
"""


def jsgf() -> str:
    """The grammar's text, ready for the recogniser."""
    return _RULES % {"cities": " | ".join(CITIES), "numbers": " | ".join(NUMBERS), "rooms": " | ".join(ROOMS)}


def small_talk_jsgf() -> str:
    """The short sentences alone: for a short sound that fitted nothing in the whole grammar."""
    head, _, _ = jsgf().partition("public <utterance>")
    return head.replace("grammar skills", "grammar small_talk") + "public <utterance> = <social>;\n"
