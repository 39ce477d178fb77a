"""The scenario language: sentences that say how the local agent misbehaves, such as `drops after 3 s,
answers after 2 s`.

A scenario is a name (`live`), sentences, both (`live, drops after 3 s`), or JSON with switches; `scenario_from_text`
reads all of them. `python3 build.py agent --list` prints what there is, and docs/scenarios.md is that list.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from server.agent.scenarios import Fault, Scenario

__all__ = ["RULES", "TIMES", "listing", "scenario_from_sentences"]

_MOST_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """When something happens: `pattern` is what is written, `point` and `nth` the moment of `scenarios.POINTS`."""

    pattern: str
    example: str
    means: str
    point: str
    nth: int = 1


# The longer ones first: "at the opening" is no "at once".
TIMES = (
    Time(pattern=r"at once", example="at once", means="as soon as the socket is open", point="open"),
    Time(
        pattern=r"before (?:it is )?ready",
        example="before it is ready",
        means="in the middle of the opening",
        point="opening",
    ),
    Time(
        pattern=r"when (?:it is )?ready",
        example="when it is ready",
        means="as soon as a conversation can begin",
        point="ready",
    ),
    Time(
        pattern=r"at the set-?up",
        example="at the setup",
        means="when the client's first message came",
        point="< configure",
    ),
    Time(pattern=r"when it answers", example="when it answers", means="as a reply begins", point="reply"),
    Time(
        pattern=r"in (?:the middle of )?a reply",
        example="in a reply",
        means="after 200 ms of its sound",
        point="sound",
        nth=20,
    ),
    Time(
        pattern=r"in the agent'?s words",
        example="in the agent's words",
        means="at the third piece of a reply's text",
        point="word",
        nth=3,
    ),
    Time(
        pattern=r"in the user'?s words",
        example="in the user's words",
        means="while they are being recognised",
        point="heard",
    ),
    Time(
        pattern=r"after the user'?s words",
        example="after the user's words",
        means="once they are settled",
        point="understood",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of sentence. `make` gives the switches it turns, from the words and numbers in it."""

    pattern: str
    example: str
    means: str
    make: Callable[[re.Match[str]], Mapping[str, Any]]


def _fault(**fixed: Any) -> Callable[[re.Match[str]], Mapping[str, Any]]:
    def make(found: re.Match[str]) -> Mapping[str, Any]:
        given = dict(fixed)
        if code := found.groupdict().get("code"):
            given["code"] = int(code)
        return {"faults": (Fault(**given, **_when(found["when"])),)}

    return make


def _ms(found: re.Match[str]) -> int:
    value = float(found["number"]) * (1000 if found["unit"] == "s" else 1)
    if value > _MOST_MS:
        raise ValueError(f"{found[0]!r}: at most {_MOST_MS // 1000} s")
    return round(value)


def _turned(**switches: Any) -> Callable[[re.Match[str]], Mapping[str, Any]]:
    return lambda _: switches


def _timed(switch: str) -> Callable[[re.Match[str]], Mapping[str, Any]]:
    return lambda found: {switch: _ms(found)}


_DURATION = r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>ms|s)"
_WHEN = r" (?P<when>.+)"

RULES = (
    Rule(pattern=rf"drops{_WHEN}", example="drops after 3 s", means="the connection ends with no close frame", make=_fault(do="drop")),
    Rule(pattern=rf"closes with (?P<code>\d{{4}}){_WHEN}", example="closes with 1011 in a reply", means="the socket is closed with that code", make=_fault(do="close")),
    Rule(pattern=rf"stalls{_WHEN}", example="stalls when it answers", means="nothing comes any more, and the socket stays open", make=_fault(do="stall")),
    Rule(
        pattern=rf"pauses for {_DURATION}{_WHEN}",
        example="pauses for 400 ms in a reply",
        means="nothing is sent for so long",
        make=lambda found: {"faults": (Fault(do="sleep", ms=_ms(found), **_when(found["when"])),)},
    ),
    Rule(
        pattern=rf"fails with (?P<name>\w+){_WHEN}",
        example="fails with session_expired in a reply",
        means="the wire's own error with that code, and the end",
        make=lambda found: {"faults": (Fault(do="error", code_name=found["name"], **_when(found["when"])),)},
    ),
    Rule(pattern=rf"answers after {_DURATION}", example="answers after 4 s", means="so long passes before a reply's first sound", make=_timed("reply_delay_ms")),
    Rule(pattern=rf"is ready after {_DURATION}", example="is ready after 3 s", means="the opening takes so long", make=_timed("slow_ready_ms")),
    Rule(pattern=r"is never ready", example="is never ready", means="the opening never ends", make=_turned(never_ready=True)),
    Rule(
        pattern=rf"ends after {_DURATION}",
        example="ends after 3 s",
        means="the session's longest time",
        make=lambda found: {"cap_s": _ms(found) / 1000},
    ),
    Rule(pattern=rf"is interrupted after {_DURATION}", example="is interrupted after 1100 ms", means="so much speech interrupts a reply", make=_timed("barge_in_ms")),
    Rule(pattern=r"is deaf", example="is deaf", means="hears nothing", make=_turned(hear=False)),
    Rule(pattern=r"sends in bursts", example="sends in bursts", means="a whole reply at once instead of in real time", make=_turned(pace="burst")),
    Rule(pattern=r"hangs up after goodbye", example="hangs up after goodbye", means="when the person says goodbye", make=_turned(hang_up_after_goodbye=True)),
    Rule(
        pattern=rf"speaks a tone of (?P<hz>\d+) Hz(?: for {_DURATION})?",
        example="speaks a tone of 440 Hz for 500 ms",
        means="instead of each sentence",
        make=lambda found: {"tone_hz": float(found["hz"]), **({"tone_ms": _ms(found)} if found["number"] else {})},
    ),
    Rule(pattern=r"refuses the token", example="refuses the token", means="every token is bad", make=_turned(refuse=True)),
    Rule(
        pattern=r"mints nothing but (?P<status>[45]\d\d)",
        example="mints nothing but 503",
        means="the token route answers with that status",
        make=lambda found: {"token_status": int(found["status"])},
    ),
    Rule(pattern=r"is full", example="is full", means="refuses with at_capacity", make=_turned(capacity="at_capacity")),
)  # fmt: skip


def _when(text: str) -> dict[str, Any]:
    """The fields of a fault that say when. ValueError naming the moments there are."""
    if found := re.fullmatch(rf"after {_DURATION}", text):
        return {"after": "open", "in_ms": _ms(found)}
    if found := re.fullmatch(r"after (\d{1,6}) messages?", text):
        return {"after": "any", "nth": int(found[1])}
    for time in TIMES:
        if re.fullmatch(time.pattern, text):
            return {"after": time.point, "nth": time.nth}
    known = ["after 3 s", "after 20 messages", *(time.example for time in TIMES)]
    raise ValueError(f"there is no moment {text!r}; there are {', '.join(known)}")


def scenario_from_sentences(text: str, named: Mapping[str, Scenario]) -> Scenario:
    """Sentences and names of `named`, with commas between; what comes later counts.

    ValueError, with the nearest that there is.
    """
    scenario = Scenario(name=text)
    for sentence in filter(None, (part.strip() for part in re.split(r",|;|\n", text))):
        name = sentence.replace(" ", "_")
        if name in named:
            scenario = _over(scenario, _switches_of(named[name]))
            continue
        for rule in RULES:
            if found := re.fullmatch(rule.pattern, sentence):
                scenario = _over(scenario, rule.make(found))
                break
        else:
            raise ValueError(f"there is no scenario {sentence!r}{_nearest(sentence, named)}")
    return scenario


def _over(scenario: Scenario, switches: Mapping[str, Any]) -> Scenario:
    """Faults come beside those that are there; any other switch in the place of its like."""
    faults = (*scenario.faults, *switches.get("faults", ()))
    return replace(scenario, **{**switches, "faults": faults})


def _switches_of(scenario: Scenario) -> dict[str, Any]:
    return {
        item.name: getattr(scenario, item.name)
        for item in fields(Scenario)
        if item.name != "name" and getattr(scenario, item.name) != item.default
    }


def _nearest(sentence: str, named: Mapping[str, Scenario]) -> str:
    close = difflib.get_close_matches(sentence, [*(rule.example for rule in RULES), *named], n=1, cutoff=0.5)
    return f"; perhaps {close[0]!r}" if close else "; `python3 build.py agent --list` names them all"


def listing(named: Mapping[str, Scenario]) -> str:
    """All of the language as Markdown: sentences, moments, names."""
    lines = ["| sentence | what happens |", "|---|---|"]
    lines += [f"| `{rule.example}` | {rule.means} |" for rule in RULES]
    lines += ["", "| moment | when that is |", "|---|---|"]
    lines += ["| `after 3 s` | so long after the socket opened |", "| `after 20 messages` | of the agent |"]
    lines += [f"| `{time.example}` | {time.means} |" for time in TIMES]
    lines += ["", "| name | what it turns |", "|---|---|"]
    lines += [f"| `{name}` | {_in_words(scenario)} |" for name, scenario in sorted(named.items())]
    return "\n".join(lines)


def _in_words(scenario: Scenario) -> str:
    switches = _switches_of(scenario)
    faults = [_fault_in_words(fault) for fault in switches.pop("faults", ())]
    turned = [f"`{name}={value}`" for name, value in switches.items()]
    return "; ".join([*turned, *faults]) or "nothing: a well-behaved service"


def _fault_in_words(fault: Fault) -> str:
    details = {"close": f" {fault.code}", "sleep": f" {fault.ms} ms", "error": f" {fault.code_name}"}
    if fault.do in ("send", "send_binary"):
        times = f", {fault.repeat} times" if fault.repeat > 1 else ""
        short = len(fault.text) < 60 and fault.text.isprintable()
        details[fault.do] = (f" `{fault.text}`" if short else f" {len(fault.text)} characters") + times
    when = f"`{fault.after}`" + (f" number {fault.nth}" if fault.nth > 1 else "")
    late = f"{fault.in_ms} ms " if fault.in_ms else ""
    return f"{fault.do}{details.get(fault.do, '')} {late}after {when}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the language, or check one scenario: exit code 2 with what is not understood."""
    from server.agent.scenario_names import NAMED, scenario_from_text

    parser = argparse.ArgumentParser(prog="python -m server.agent.scenario_language")
    parser.add_argument("scenario", nargs="?", help="a scenario to check; without one all are listed")
    given = parser.parse_args(arguments)
    if given.scenario is None:
        print(listing(NAMED))
        return 0
    try:
        print(_in_words(scenario_from_text(given.scenario)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
