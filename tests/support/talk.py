"""Driving Parley's page as a person does: click, speak, listen, read the transcript.

    call = Call(tab, sound)
    call.open(parley.url)
    call.connect()
    call.say(speech.say("what time is it", tail_ms=700))
    reply = call.wait_turn("agent", final=True)

    report = converse(call, [Line(text="what time is it", wav=...)], folder=tmp_path)     # whole conversations

What is relied on: the buttons by their names, `<body data-state data-activity>`, and the transcript's
`[data-turn][data-role][data-final]` with its words in `.text`. Sound is judged outside the page.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from voice_browsers.listen import DECOYS, Sound, load, segments, words_heard, words_known, words_of
from voice_browsers.tape import Tape, poll

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from voice_browsers.engines import Tab

T = TypeVar("T")

# Until the next change that a person could see, or a third of a second. Asking over and over costs the browser under
# test, and the driver between, more time than the call itself. Two changes in quick succession are waited out together.
_CHANGE = """() => new Promise((resolve) => {
  const done = () => { observer.disconnect(); clearTimeout(patience); setTimeout(resolve, 60); };
  const observer = new MutationObserver(done);
  const patience = setTimeout(done, 300);
  observer.observe(document.body, { subtree: true, childList: true, characterData: true,
    attributeFilter: ["data-state", "data-activity", "data-boot", "data-final", "data-interrupted", "hidden"] });
})"""

# What a page says it sent: speech peaks far above it, and what is left of a fade far below.
_SENT_DBFS = -40


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One entry of the transcript. `role` is "user" or "agent"."""

    turn: str
    role: str
    text: str
    final: bool
    interrupted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is said in one turn: the WAV, and its text where it is known."""

    wav: Path
    text: str = ""


def was_sent(page_dbfs: int | None) -> bool:
    """Is this, from `Call.sent_dbfs`, an answer that left the page? Not where the page told nothing."""
    return page_dbfs is not None and page_dbfs > _SENT_DBFS


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnReport:
    """How one turn went. Durations in ms; None where it did not come to that."""

    said: str
    agent_heard: str
    agent_said: str
    played_ms: int
    played_words: list[str]
    speech_end_to_first_sound_ms: int | None
    interrupted: bool
    understood: float  # share of the words of `said` that the agent heard; 1.0 for a WAV whose text nobody knows
    level_dbfs: float
    page_dbfs: int | None  # the loudest that the page sent of the answer, by its own word; None where it tells nothing

    @property
    def good(self) -> bool:
        return not self.wrong

    @property
    def wrong(self) -> str:
        """The first thing that went wrong on the way from the person's mouth to their ear, and
        where to look; else empty.
        """
        if not self.agent_heard:
            return "the page shows nothing that the agent heard; did the microphone reach it, and does the service transcribe?"
        if self.understood < 0.5:
            return (
                f"the agent heard {self.agent_heard!r}, {self.understood:.0%} of the words;"
                " is the sound sent at the service's rate and in its byte order?"
            )
        if not self.agent_said:
            return "the page shows no answer"
        if self.lost_behind_the_page:
            return "the page's player played the answer, but it did not come out of the speaker; look at what is behind the player"
        if self.played_ms <= 200:
            return (
                f"of the answer {self.played_ms} ms came out of the speaker; the page played nothing, or does not tell"
            )
        return ""

    @property
    def lost_behind_the_page(self) -> bool:
        """The page rendered an answer that nobody could hear: browser, sound server or machine dropped it."""
        return bool(self.agent_said) and self.played_ms <= 200 and was_sent(self.page_dbfs)


@dataclass(kw_only=True)
class Conversation:
    """What `converse` brings home. `as_dict` is what `build.py talk --json` prints."""

    engine: str
    url: str
    context_rate_hz: int | None = None
    turns: list[TurnReport] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return bool(self.turns) and not self.errors and all(turn.good for turn in self.turns)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class SaidAgain(UserWarning):
    """Something had to be said again.

    It is told at the end of the run, for once in a while is chance and often is a fault.
    """


class Misheard(SaidAgain):
    """The agent understood something else."""


class Swallowed(SaidAgain):
    """The page sent an answer, and the speaker stayed silent."""


class CallFailed(Exception):
    """The page has given this call up, and says why. `code`: its notice's `data-code`."""

    def __init__(self, told: str, code: str) -> None:
        super().__init__(told)
        self.code = code


def tell_misheard(said: str, heard: str) -> None:
    """Have the run tell that `said` is about to be said again."""
    warnings.warn(f"{said!r} was heard as {heard!r}", Misheard, stacklevel=3)


def tell_swallowed(answer: str, sent_dbfs: int | None) -> None:
    """Have the run tell that what led to `answer` is about to be said again."""
    warnings.warn(f"{answer!r} left the page with {sent_dbfs} dBFS and was not heard", Swallowed, stacklevel=3)


class Call:
    """One page of Parley in one tab, and the sound around it.

    Waiting raises TimeoutError saying what the page shows.
    """

    def __init__(self, tab: Tab, sound: Any) -> None:
        self.tab = tab
        self.sound = sound

    @property
    def page(self) -> Page:
        return self.tab.page

    # Hands

    def open(self, url: str) -> None:
        """Load the page. It may be clicked at once; see `wait_booted` for tests that want it calm."""
        self.page.goto(url)

    def wait_booted(self, *, timeout_s: float = 120.0) -> None:
        """Wait until the runtime has loaded in the background."""
        self.until(lambda: self._body("boot") == "ready", timeout_s, "to be ready")

    def press(self, name: str) -> None:
        """Click the button with exactly this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def connect(self, *, timeout_s: float = 60.0) -> None:
        """Click Connect and wait for the session to be live.

        Raises CallFailed as soon as the page has given the call up.
        """
        self.press("Connect")
        notice = self.page.locator("[role=alert][data-tone=error]:not([hidden])")

        def decided() -> str | None:
            # What an earlier call left is still "failed", but the click took its notice away.
            state = self.state
            return state if state == "live" or (state == "failed" and notice.count()) else None

        if self.until(decided, timeout_s, "to be live") == "failed":
            raise CallFailed(f"the page gave up; {self._shown()}", notice.get_attribute("data-code") or "")

    def hang_up(self, *, timeout_s: float = 15.0) -> None:
        """Click Hang up, wait for the end, and for microphone and speaker to be let go."""
        self.press("Hang up")
        self.wait_state("ended", timeout_s=timeout_s)
        self.sound.wait_unused()

    def mute(self) -> None:
        """Click Mute; click it again to speak."""
        self.press("Mute")

    def type(self, text: str) -> None:
        """Send `text` instead of speaking. TimeoutError when the page does not take it."""
        field = self.page.get_by_label("Type instead of speaking")
        field.fill(text)

        def taken() -> bool:
            # A line that breaks just before the click greys the button. The page keeps the text then,
            # and a person clicks again.
            self.press("Send")
            return not field.input_value()

        self.until(taken, 30.0, f"to take the text {text!r}")

    def say(self, wav: Path, **where: str) -> Any:
        """Speak at the microphone, or at another one (`at`); returns at once, with `wait()` and `stop()`."""
        return self.sound.say(wav, **where)

    # Eyes

    @property
    def state(self) -> str:
        return self._body("state")

    @property
    def activity(self) -> str:
        return self._body("activity")

    def transcript(self) -> list[Turn]:
        """What the page shows, in order."""
        entries = self.page.locator("[data-turn]").evaluate_all(
            """(items) => items.map((item) => ({
                turn: item.dataset.turn, role: item.dataset.role, final: item.dataset.final === 'true',
                interrupted: item.dataset.interrupted === 'true',
                text: (item.querySelector('.text') || item).textContent.trim()}))"""
        )
        return [Turn(**entry) for entry in entries]

    def snapshot(self) -> dict[str, Any] | None:
        """The view that the page last drew, as the worker sent it."""
        view: dict[str, Any] | None = self.page.evaluate("() => window.parley ? window.parley.snapshot() : null")
        return view

    def facts(self) -> dict[str, Any]:
        """What the page tells of itself (rates, devices); empty where it tells nothing."""
        told = self.page.evaluate(
            "async () => { const f = window.parley && window.parley.facts; return typeof f === 'function' ? await f() : f }"
        )
        return told if isinstance(told, dict) else {}

    def sent_dbfs(self) -> int | None:
        """The loudest sample of the last answer where it left the page, as Diagnostics tells it; None
        where it does not.
        """
        told = re.search(r"playback (-?\d+)", str(self.facts().get("Loudest dBFS")))
        return int(told[1]) if told else None

    # Patience

    def wait_state(self, *states: str, timeout_s: float = 30.0) -> str:
        """Wait for one of `states`; return which."""
        self.until(lambda: self.state in states, timeout_s, f"to be {' or '.join(states)}")
        return self.state

    def wait_activity(self, *activities: str, timeout_s: float = 30.0) -> str:
        """Wait for one of `activities`; return which."""
        self.until(lambda: self.activity in activities, timeout_s, f"to be {' or '.join(activities)}")
        return self.activity

    def wait_turn(
        self, role: str, *, after: int = 0, containing: str = "", final: bool = True, timeout_s: float = 30.0
    ) -> Turn:
        """Wait for an entry by `role`, not among the first `after`, holding `containing` (case ignored)."""

        what = f"a {'final' if final else 'partial or final'} {role} turn" + (
            f" with {containing!r}" if containing else ""
        )
        return self.until(lambda: self._turn(role, after, containing, final), timeout_s, f"to show {what}")

    def ask(self, wav: Path, *, containing: str, **where: str) -> Turn:
        """Say `wav`, and once more where it was misheard, as a person would. Return the turn. Raises TimeoutError.

        For tests about something else than hearing: browsers that share the processors leave gaps in
        what a microphone takes.
        """
        shown = len(self.transcript())
        self.say(wav, **where).wait()
        self.wait_turn("user", after=shown)
        found = self._turn("user", shown, containing, True)
        if found is None:
            self.wait_activity("listening")  # the rest of it may have become a turn of its own
            found = self._turn("user", shown, containing, True)
        if found is not None:
            return found
        tell_misheard(
            f"something with {containing}",
            " / ".join(turn.text for turn in self.transcript()[shown:] if turn.role == "user"),
        )
        shown = len(self.transcript())
        self.say(wav, **where).wait()
        return self.wait_turn("user", after=shown, containing=containing)

    def _turn(self, role: str, after: int, containing: str, final: bool) -> Turn | None:
        for turn in self.transcript()[after:]:
            matches = turn.text and containing.lower() in turn.text.lower()
            if turn.role == role and matches and (turn.final or not final):
                return turn
        return None

    def _body(self, name: str) -> str:
        # Not a locator: the body is always there, and this is asked many times a second.
        return str(self.page.evaluate("(name) => document.body.dataset[name] || ''", name))

    def until(self, ask: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """Look again at each change of the page until `ask` is neither None nor False; return that.

        `what`: "to be ready".
        """
        found = poll(ask, timeout_s, lambda: self.page.evaluate(_CHANGE))
        if found is None:
            raise TimeoutError(f"waited {timeout_s:g} s for the page {what}; {self._shown()}")
        return found

    def _shown(self) -> str:
        """What a person would see now, for an error's text."""
        shown = "; ".join(f"{turn.role}: {turn.text}" for turn in self.transcript()[-4:])
        notice = self.page.evaluate("() => (document.querySelector('[role=alert]') || {}).innerText || ''")
        return (
            f"it is {self.state}/{self.activity}"
            + (f", notice {notice!r}" if notice else "")
            + (f", transcript {shown!r}" if shown else ", transcript empty")
        )


def converse(
    call: Call,
    lines: Sequence[Line],
    *,
    folder: Path,
    interrupt_after_ms: float | None = None,
    reply_timeout_s: float = 30.0,
    at_last_sound: Callable[[], object] | None = None,
) -> list[TurnReport]:
    """Say `lines` one after the other on a live call and report each turn.

    A turn ends when the agent listens again and the speaker is silent. With `interrupt_after_ms` the next line is said
    that long after the reply's first sound, so every reply but the last is interrupted. What is missing after
    `reply_timeout_s` is left empty in the report instead of raising. `at_last_sound` is called while the last reply
    sounds. Both recordings stay in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        tape = stack.enter_context(call.sound.record(folder / "speaker.wav"))
        mic = stack.enter_context(call.sound.record(folder / "mic.wav", "mic.monitor")) if _real(call.sound) else None
        _wait_calm(call, tape, reply_timeout_s)  # a greeting is heard out
        taken: list[_Taken] = []
        for position, line in enumerate(lines):
            last = interrupt_after_ms is None or position + 1 == len(lines)
            at_sound = at_last_sound if position + 1 == len(lines) else None
            taken.append(
                _take_turn(call, line, tape, mic, None if last else interrupt_after_ms, reply_timeout_s, at_sound)
            )
        turns = call.transcript()
        heard = Sound(samples=tape.samples(), rate_hz=tape.rate_hz)
    ends = [turn.shown for turn in taken[1:]] + [len(turns)]
    return [_report(turn, turns[turn.shown : end], heard) for turn, end in zip(taken, ends, strict=True)]


def asked(call: Call, line: Line, *, folder: Path, containing: str = "") -> TurnReport:
    """`converse` with one line, said once more where it was misheard: half of its words not heard, or not `containing`.

    Also where the answer was lost behind the page. An answer that the page itself did not render is
    not asked for again.
    """

    def once(attempt: int) -> TurnReport:
        (report,) = converse(call, [line], folder=folder / str(attempt))
        return report

    report = once(0)
    if report.understood < 0.5 or containing.lower() not in report.agent_heard.lower():
        tell_misheard(line.text, report.agent_heard)
    elif report.lost_behind_the_page:
        tell_swallowed(report.agent_said, report.page_dbfs)
    else:
        return report
    return once(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What is known of a turn while the call goes on. Times are on the speaker's tape."""

    line: Line
    shown: int  # entries of the transcript before it
    speech_end_ms: float
    first_ms: float | None
    end_ms: float
    page_dbfs: int | None


def _take_turn(
    call: Call,
    line: Line,
    tape: Tape,
    mic: Tape | None,
    interrupt_after_ms: float | None,
    timeout_s: float,
    at_sound: Callable[[], object] | None,
) -> _Taken:
    shown, began_ms, overlaps = len(call.transcript()), tape.now_ms, _sounds(tape)
    mic_began_ms = mic.duration_ms if mic else 0.0
    call.say(line.wav).wait()
    speech_end_ms = began_ms + _speech_end_ms(load(line.wav))
    if mic is not None:
        # The player needs a moment to start: the end is taken from what really went into the microphone.
        spoken = Sound(samples=mic.samples(), rate_hz=mic.rate_hz).cut(mic_began_ms)
        speech_end_ms = mic_began_ms + _speech_end_ms(spoken) + (mic.started_at - tape.started_at) * 1000.0
    since_ms = speech_end_ms
    if overlaps:  # the reply before must fall silent before this one can begin
        with contextlib.suppress(TimeoutError):
            since_ms = max(since_ms, tape.wait_silence(for_ms=200, timeout_s=5, since_ms=speech_end_ms - 200))
    _or_none(lambda: call.wait_turn("user", after=shown, timeout_s=timeout_s))
    first_ms = _or_none(lambda: tape.wait_sound(timeout_s=timeout_s, since_ms=since_ms))
    if first_ms is not None and at_sound is not None:
        at_sound()
    if interrupt_after_ms is None or first_ms is None:
        _wait_calm(call, tape, timeout_s)
    else:
        while tape.now_ms < first_ms + interrupt_after_ms:
            call.page.wait_for_timeout(20)
    return _Taken(
        line=line,
        shown=shown,
        speech_end_ms=speech_end_ms,
        first_ms=first_ms,
        end_ms=tape.duration_ms,
        page_dbfs=call.sent_dbfs(),
    )


def _report(taken: _Taken, turns: Sequence[Turn], heard: Sound) -> TurnReport:
    played = heard.cut(taken.end_ms if taken.first_ms is None else taken.first_ms, taken.end_ms)
    parts = segments(played)
    user = " ".join(turn.text for turn in turns if turn.role == "user" and turn.final)
    agent = " ".join(turn.text for turn in turns if turn.role == "agent")
    expected = words_known(agent)
    return TurnReport(
        said=taken.line.text or taken.line.wav.name,
        agent_heard=user,
        agent_said=agent,
        played_ms=round(parts[-1].end_ms - parts[0].start_ms) if parts else 0,
        played_words=words_heard(played, [*expected, *DECOYS]) if parts and expected else [],
        speech_end_to_first_sound_ms=None if taken.first_ms is None else round(taken.first_ms - taken.speech_end_ms),
        interrupted=any(turn.interrupted for turn in turns if turn.role == "agent"),
        understood=_understood(taken.line.text, user),
        level_dbfs=round(played.rms_dbfs, 1),
        page_dbfs=taken.page_dbfs,
    )


def _understood(said: str, heard: str) -> float:
    if not words_of(said):
        return 1.0 if heard else 0.0
    matched = SequenceMatcher(None, words_of(said), words_of(heard), autojunk=False).get_matching_blocks()
    return round(sum(block.size for block in matched) / len(words_of(said)), 2)


def _wait_calm(call: Call, tape: Tape, timeout_s: float) -> None:
    """Until the agent listens and nothing has sounded for a while; no longer than `timeout_s` each."""
    with contextlib.suppress(TimeoutError):
        call.wait_activity("listening", timeout_s=timeout_s)
    with contextlib.suppress(TimeoutError):
        tape.wait_silence(for_ms=700, timeout_s=timeout_s, since_ms=max(0.0, tape.duration_ms - 700))
    with contextlib.suppress(TimeoutError):
        call.wait_activity("listening", timeout_s=timeout_s)


def _sounds(tape: Tape) -> bool:
    recent = Sound(samples=tape.samples()[-tape.rate_hz // 5 :], rate_hz=tape.rate_hz)
    return recent.peak_dbfs > -50.0


def _speech_end_ms(sound: Sound) -> float:
    parts = segments(sound)
    return parts[-1].end_ms if parts else sound.duration_ms


def _real(sound: Any) -> bool:
    from voice_browsers.pulse import Pulse

    return isinstance(sound, Pulse)


def _or_none(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except TimeoutError:
        return None
