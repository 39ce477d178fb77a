"""Plays a script (`talk_script`) on a page, any page with a button to connect, and judges each turn by what was heard.

On a page of Parley the transcript is asked as well: what the agent heard, and whether a reply was interrupted. Of any
other page only its sound is known. Results leave as JSON, Prometheus text, and JUnit.
"""

from __future__ import annotations

import contextlib
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.talk import Call
from voice_browsers.advice import advice
from voice_browsers.listen import DECOYS, words_heard, words_known
from voice_browsers.observer import facts
from voice_browsers.voice import TAIL_MS, Microphone, NothingHeard, Recording, Speaker, recorded

if TYPE_CHECKING:
    from tests.support.talk_script import Script, Turn
    from voice_browsers.engines import Tab
    from voice_browsers.speech import Speech

_GREETING_S = 6.0
_STOPPED_MS = 600  # longer than a pause between two sentences


@dataclass(kw_only=True)
class TurnResult:
    """How one turn went. Durations in ms; None where it did not come to that, or is not known of this page."""

    said: str
    latency_ms: float | None = None
    latency_ratio: float | None = None
    words: list[str] = field(default_factory=list)
    level_dbfs: float | None = None
    agent_heard: str | None = None
    stopped_ms: float | None = None
    wrong: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Round:
    """One call. `page` says which kind it met; `errors` why it was no call, or what the page complained about."""

    number: int
    engine: str
    url: str
    page: str = ""
    reached: bool = False
    duration_s: float = 0.0
    turns: list[TurnResult] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.reached and not self.errors and all(not turn.wrong for turn in self.turns)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "good": self.good}


def play_all(script: Script, play: Callable[[int], Round], tell: Callable[[Round], None]) -> list[Round]:
    """Play rounds until `times` or `within_min` is reached, `every_s` from one begin to the next."""
    began, rounds = time.monotonic(), []
    for number in range(1, script.times + 1):
        start = time.monotonic()
        rounds.append(play(number))
        tell(rounds[-1])
        next_start = start + script.every_s
        if script.within_min is not None and max(next_start, time.monotonic()) - began >= script.within_min * 60:
            break
        if number < script.times:
            time.sleep(max(0.0, next_start - time.monotonic()))
    return rounds


def play(script: Script, call: Call, speech: Speech, folder: Path, told: Round) -> Round:
    """One round on a fresh tab; fills and returns `told`."""
    tab, began = call.tab, time.monotonic()
    with recorded(tab, call.sound, folder) as recording:
        try:
            tab.page.goto(told.url)
            told.page = kind_of(tab, script)
            _connect(call, script, told.page)
            told.reached = True
        except Exception as error:  # a page that cannot be reached, or refuses: its own words are in the error
            told.errors.append(f"no call: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
        if told.reached:
            parley = told.page.startswith("Parley")
            told.turns = _Turns(script, call, recording, speech, parley).play()
            if parley:
                with contextlib.suppress(Exception):
                    call.hang_up()
        if not told.good:
            told.advice = advice(facts(tab.page), tab.engine)
        told.errors += [str(complaint) for complaint in tab.errors.unexpected]
    told.duration_s = round(time.monotonic() - began, 1)
    return told


def kind_of(tab: Tab, script: Script) -> str:
    """Which page this is, in words. LookupError where there is nothing to connect with."""
    # The page's script may come a moment later than its text.
    parley = tab.page.evaluate(
        "() => document.body.dataset.state !== undefined && document.body.dataset.boot !== undefined"
    )
    if parley and not script.selector:
        return "Parley"
    button = _button(tab, script)
    with contextlib.suppress(Exception):
        button.first.wait_for(state="visible", timeout=15_000)
    what = f"the selector {script.selector!r}" if script.selector else f"a button {script.connect!r}"
    if not button.count():
        raise LookupError(
            f"the page is none of Parley and has nothing like {what}; say `connect` or `selector` in the script"
        )
    return f"a page with {what}"


def _button(tab: Tab, script: Script) -> Any:
    if script.selector:
        return tab.page.locator(script.selector)
    return tab.page.get_by_role("button", name=script.connect, exact=True)


def _connect(call: Call, script: Script, page: str) -> None:
    if page == "Parley":
        call.wait_booted()
        call.connect()
    else:
        _button(call.tab, script).first.click()
        call.sound.wait_microphone_taken(timeout_s=script.reply_timeout_s)


class _Turns:
    """One conversation while it goes on."""

    def __init__(self, script: Script, call: Call, recording: Recording, speech: Speech, parley: bool) -> None:
        self._script = script
        self._call = call if parley else None
        self._recording = recording
        self._page = call.tab.page
        self._microphone, self._speaker = Microphone(recording, speech), Speaker(recording)

    def play(self) -> list[TurnResult]:
        with contextlib.suppress(NothingHeard):  # a greeting is heard out, where there is one
            self._speaker.heard(timeout_s=_GREETING_S)
        results: list[TurnResult] = []
        turns = self._script.turn
        for position, turn in enumerate(turns):
            following = turns[position + 1] if position + 1 < len(turns) else None
            cut_ms = following.interrupt_after_ms if following else None
            first = results[0] if results else None
            results.append(self._one(turn, first, cut_ms))
        return results

    def _one(self, turn: Turn, first: TurnResult | None, cut_ms: float | None) -> TurnResult:
        result = TurnResult(said=turn.name)
        shown = len(self._call.transcript()) if self._call else 0
        said = self._microphone.say(turn.wav or turn.say, tail_ms=TAIL_MS)
        if turn.interrupt_after_ms is not None:
            self._judge_stop(turn, said.start_ms, result)
        try:
            if cut_ms is None:
                heard = self._speaker.heard(timeout_s=self._script.reply_timeout_s)
                result.latency_ms, result.level_dbfs = heard.latency_ms, round(heard.level_dbfs, 1)
                if wanted := words_known(" ".join(turn.expect)):
                    result.words = words_heard(heard.sound, [*wanted, *DECOYS])
                    if missing := [word for word in wanted if word not in result.words]:
                        result.wrong.append(f"not heard in the answer: {', '.join(missing)}")
            else:
                start_ms, result.latency_ms = self._speaker.begins(timeout_s=self._script.reply_timeout_s)
                while self._recording.speaker.now_ms < start_ms + cut_ms:
                    self._page.wait_for_timeout(20)
        except NothingHeard as error:
            result.wrong.append(str(error))
        self._judge_latency(turn, first, result)
        self._judge_transcript(turn, shown, result)
        return result

    def _judge_stop(self, turn: Turn, since_ms: float, result: TurnResult) -> None:
        tape = self._recording.speaker
        with contextlib.suppress(TimeoutError):
            silent = tape.wait_silence(for_ms=_STOPPED_MS, timeout_s=self._script.reply_timeout_s, since_ms=since_ms)
            result.stopped_ms = round(silent - since_ms)
        if turn.stops_within_ms is not None:
            if result.stopped_ms is None:
                result.wrong.append("the reply before did not stop")
            elif result.stopped_ms > turn.stops_within_ms:
                result.wrong.append(
                    f"the reply before stopped after {result.stopped_ms} ms, allowed are {turn.stops_within_ms:g}"
                )

    def _judge_latency(self, turn: Turn, first: TurnResult | None, result: TurnResult) -> None:
        if result.latency_ms is None:
            return
        result.latency_ms = round(result.latency_ms)
        if first is None or not first.latency_ms:
            return
        result.latency_ratio = round(result.latency_ms / first.latency_ms, 2)
        if turn.latency_ratio is not None and result.latency_ratio > turn.latency_ratio:
            result.wrong.append(
                f"the answer came after {result.latency_ms} ms, {result.latency_ratio} times the first turn's "
                f"{first.latency_ms} ms; allowed are {turn.latency_ratio:g} times"
            )

    def _judge_transcript(self, turn: Turn, shown: int, result: TurnResult) -> None:
        if self._call is None:
            return
        with contextlib.suppress(TimeoutError):
            self._call.wait_turn("user", after=shown, timeout_s=5)
        result.agent_heard = " ".join(entry.text for entry in self._call.transcript()[shown:] if entry.role == "user")
        if missing := [word for word in turn.heard if word.lower() not in result.agent_heard.lower()]:
            result.wrong.append(f"the agent heard {result.agent_heard!r}, without {', '.join(missing)}")


def in_words(one: Round) -> str:
    """A round for people."""
    rows = [f"round {one.number}: {one.engine} at {one.url}, {one.page or 'no page'}, {one.duration_s} s"]
    for turn in one.turns:
        latency = "–" if turn.latency_ms is None else f"{turn.latency_ms:.0f} ms"
        ratio = "" if turn.latency_ratio is None else f" ({turn.latency_ratio} of the first)"
        stopped = "" if turn.stopped_ms is None else f", the reply before stopped after {turn.stopped_ms:.0f} ms"
        heard = "" if turn.agent_heard is None else f"; the agent heard {turn.agent_heard!r}"
        rows.append(
            f"  {'FAIL' if turn.wrong else 'ok  '} {turn.said!r}: first sound after {latency}{ratio}{stopped}{heard}"
        )
        rows += [f"       {why}" for why in turn.wrong]
    rows += [f"  error: {error}" for error in one.errors] + [f"  {sentence}" for sentence in one.advice]
    return "\n".join(rows)


def prometheus(rounds: Sequence[Round]) -> str:
    """The last round as gauges and all rounds as counters, in Prometheus' text format."""
    last = rounds[-1]
    labels = f'url="{_label(last.url)}",engine="{_label(last.engine)}"'
    turns = list(enumerate(last.turns, 1))

    def of(turn: int) -> str:
        return f'{labels},turn="{turn}",said="{_label(last.turns[turn - 1].said)}"'

    families: list[tuple[str, str, str, list[tuple[str, float]]]] = [
        (
            "voice_up",
            "gauge",
            "1 where the last round was a call and every turn was as expected",
            [(labels, last.good)],
        ),
        ("voice_call", "gauge", "1 where the last round came to a call", [(labels, last.reached)]),
        ("voice_rounds_total", "counter", "rounds played", [(labels, len(rounds))]),
        (
            "voice_rounds_failed_total",
            "counter",
            "rounds that were not good",
            [(labels, sum(not one.good for one in rounds))],
        ),
        ("voice_round_duration_seconds", "gauge", "how long the last round took", [(labels, last.duration_s)]),
        ("voice_turn_ok", "gauge", "1 where the turn was as expected", [(of(n), not turn.wrong) for n, turn in turns]),
        (
            "voice_turn_latency_seconds",
            "gauge",
            "from the end of what was said to the first sound of the answer",
            [(of(n), turn.latency_ms / 1000) for n, turn in turns if turn.latency_ms is not None],
        ),
        (
            "voice_turn_interruption_seconds",
            "gauge",
            "from the begin of what was said to the silence of the reply before",
            [(of(n), turn.stopped_ms / 1000) for n, turn in turns if turn.stopped_ms is not None],
        ),
    ]
    lines = []
    for name, kind, means, samples in families:
        if samples:
            lines += [f"# HELP {name} {means}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{{{given}}} {float(value):g}" for given, value in samples]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def junit(rounds: Sequence[Round]) -> str:
    """A suite for each round, a case for each turn; a round without a call is one failed case."""
    top = ET.Element("testsuites", name="build.py talk")
    for one in rounds:
        cases: list[tuple[str, list[str], float | None]] = [
            (f"turn {number}: {turn.said}", turn.wrong, turn.latency_ms) for number, turn in enumerate(one.turns, 1)
        ]
        if one.errors or not one.reached:
            cases.append(("the call", [*one.errors, *one.advice], None))
        suite = ET.SubElement(
            top,
            "testsuite",
            name=f"round {one.number} in {one.engine}",
            tests=str(len(cases)),
            failures=str(sum(bool(wrong) for _, wrong, _ in cases)),
            time=str(one.duration_s),
        )
        properties = ET.SubElement(suite, "properties")
        for name, value in (("url", one.url), ("page", one.page), ("engine", one.engine)):
            ET.SubElement(properties, "property", name=name, value=value)
        for name, wrong, latency_ms in cases:
            case = ET.SubElement(suite, "testcase", classname=one.url, name=name, time=f"{(latency_ms or 0) / 1000:g}")
            if wrong:
                ET.SubElement(case, "failure", message=wrong[0]).text = "\n".join(wrong)
    ET.indent(top)
    return ET.tostring(top, encoding="unicode", xml_declaration=True) + "\n"
