"""`python3 build.py talk`: speak to a deployment through a real browser, and judge what comes back.

    python3 build.py talk --engine firefox --url https://agent.example/ --say "what time is it" --json

Opens the page, presses Connect, says each line at the microphone, listens at the speaker, and reports per turn what the
agent heard, what it answered, and what came out. In a page of yours with `<voice-agent>` it clicks that one's button.
Exit code 0 only when every turn was heard and answered, 1 when one was not, 2 when it did not come to that; `errors`
says why. Without `--url` it serves this project's own site with the local agent.

`--script FILE` plays a conversation of many turns with what is expected of each (`talk_script`), as often as it says,
on a page of Parley or any other with a button to connect; `--prometheus FILE` and `--junit FILE` are for whoever
watches a deployment.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import talk_rounds, talk_script
from tests.support.framed import in_page
from tests.support.server import Parley, ServerError, build_site
from tests.support.talk import Call, Conversation, Line, converse
from voice_browsers import engines, pulse
from voice_browsers.speech import Speech

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

PICTURE_SIZE = (1180, 760)
TAIL_MS = 700  # silence behind each line, so that the agent knows that the person has finished


class _Lines(argparse.Action):
    """`--say` and `--wav` may be mixed; their order is the order of the conversation."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        namespace.lines = [*(namespace.lines or []), ("wav" if option == "--wav" else "say", values)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build.py talk", description="Speak to a deployment through a real browser.")
    parser.add_argument("--engine", choices=engines.ENGINES, default="chromium", help="default %(default)s")
    parser.add_argument("--url", help="the page; default: this project's own site with the local agent")
    parser.add_argument(
        "--say", dest="lines", action=_Lines, metavar="TEXT", help="one turn, spoken by a synthesiser; repeatable"
    )
    parser.add_argument(
        "--wav", dest="lines", action=_Lines, metavar="FILE", help="one turn from a recording; repeatable"
    )
    parser.add_argument(
        "--interrupt-after", type=int, metavar="MS", help="speak the next line this long into each reply"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="save a PNG of the page while the agent speaks its last reply"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--script", type=Path, metavar="FILE", help="play a TOML script: turns, expectations, rounds")
    parser.add_argument(
        "--prometheus", type=Path, metavar="FILE", help="with --script: write Prometheus text there after each round"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="with --script: write JUnit XML there")
    options = parser.parse_args(argv)
    if options.script:
        return _play_script(parser, options)
    if options.prometheus or options.junit:
        parser.error("--prometheus and --junit need --script")
    lines = options.lines or [("say", "what time is it")]
    for kind, value in lines:
        if kind == "wav" and not Path(value).is_file():
            parser.error(f"--wav {value}: there is no such file")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-talk-")))
        conversation = Conversation(engine=options.engine, url=options.url or "")
        reached = False
        try:
            url = options.url or stack.enter_context(Parley(site=build_site(folder))).url
            conversation.url = url
            call = stack.enter_context(_page(options.engine, engines.TabOptions(size=PICTURE_SIZE)))
            reached = _talk(call, url, lines, options.interrupt_after, folder, conversation, options.picture)
        except (engines.MissingEngine, pulse.PulseError, ServerError) as error:
            conversation.errors.append(str(error))
    print(json.dumps(conversation.as_dict(), indent=2) if options.json else _words(conversation))
    if not reached:
        return 2
    return 0 if conversation.good else 1


def _play_script(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Play the rounds of `--script`. Exit code 0: all good, 1: not all, 2: in one it did not come to a call."""
    if options.lines or options.interrupt_after or options.picture:
        parser.error("--say, --wav, --interrupt-after and --picture do not go with --script")
    try:
        script = talk_script.read(options.script)
    except talk_script.ScriptError as error:
        parser.error(str(error))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-talk-")))
        url = options.url or stack.enter_context(Parley(site=build_site(folder))).url
        speech, done = Speech(folder / "speech"), []

        def play(number: int) -> talk_rounds.Round:
            told = talk_rounds.Round(number=number, engine=options.engine, url=url)
            opening = engines.TabOptions(size=PICTURE_SIZE, observe=True)
            try:
                with _page(options.engine, opening) as call:
                    return talk_rounds.play(script, call, speech, folder / str(number), told)
            except (engines.MissingEngine, pulse.PulseError, RuntimeError) as error:
                told.errors.append(str(error))
                return told
            finally:
                shutil.rmtree(folder / str(number), ignore_errors=True)

        def tell(one: talk_rounds.Round) -> None:
            done.append(one)
            if not options.json:
                print(talk_rounds.in_words(one), flush=True)
            if options.prometheus:  # moved into its place, so that nobody reads half of it
                part = options.prometheus.with_name(options.prometheus.name + ".part")
                part.write_text(talk_rounds.prometheus(done), encoding="utf-8")
                part.replace(options.prometheus)

        rounds = talk_rounds.play_all(script, play, tell)
    if options.junit:
        options.junit.write_text(talk_rounds.junit(rounds), encoding="utf-8")
    if options.json:
        print(json.dumps([one.as_dict() for one in rounds], indent=2))
    if not all(one.reached for one in rounds):
        return 2
    return 0 if all(one.good for one in rounds) else 1


def _talk(
    call: Call,
    url: str,
    lines: list[tuple[str, str]],
    interrupt_after_ms: int | None,
    folder: Path,
    told: Conversation,
    picture: Path | None,
) -> bool:
    """Fill `told`; return whether a call came about at all."""
    speech = Speech(folder)
    try:
        call.open(url)
        call = in_page(call)
        call.wait_booted()
        call.connect()
    except Exception as error:  # a page that cannot be reached, or refuses: its own words are in the error
        told.errors.append(f"no call: {error}")
        return False
    rate = str(call.facts().get("Context rate") or "").split()
    told.context_rate_hz = int(rate[0]) if rate else None
    said = [
        Line(wav=speech.say(value, tail_ms=TAIL_MS), text=value) if kind == "say" else Line(wav=Path(value))
        for kind, value in lines
    ]
    told.turns = converse(
        call,
        said,
        folder=folder / "heard",
        interrupt_after_ms=interrupt_after_ms,
        at_last_sound=None if picture is None else lambda: _take_picture(call, picture),
    )
    told.errors += [f"turn {n}: {turn.wrong}" for n, turn in enumerate(told.turns, 1) if turn.wrong]
    try:
        call.hang_up()
    except TimeoutError as error:
        told.errors.append(f"hanging up: {error}")
    told.errors += [str(complaint) for complaint in call.tab.errors.unexpected]
    return True


def _take_picture(call: Call, file: Path) -> None:
    """Well into the reply, when there is something to see and to read; the mouse, which pressed
    Connect, points at nothing.
    """
    call.page.mouse.move(1, 1)
    call.page.wait_for_timeout(2500)
    call.tab.screenshot(file)


@contextlib.contextmanager
def _page(engine: str, options: engines.TabOptions) -> Iterator[Call]:
    from playwright.sync_api import sync_playwright

    from voice_browsers.injected import INJECTION, InjectedSound
    from voice_browsers.webkit_gtk import virtual_display

    found = engines.find(engine)
    with contextlib.ExitStack() as stack:
        driver: Playwright = stack.enter_context(sync_playwright())
        env = dict(os.environ)
        if found.real_microphone:
            sound: Any = stack.enter_context(pulse.Pulse())
            env |= sound.env
        if engine == "webkit" and found.executable is not None:
            env["DISPLAY"] = stack.enter_context(virtual_display())
        scripts = [] if found.real_microphone else [INJECTION]
        tab = stack.enter_context(
            engines.open_tab(driver, engine, env=env, options=dataclasses.replace(options, init_scripts=scripts))
        )
        yield Call(tab, sound if found.real_microphone else InjectedSound(tab))


def _words(conversation: Conversation) -> str:
    rows = [f"{conversation.engine} at {conversation.url}, context rate {conversation.context_rate_hz} Hz"]
    for turn in conversation.turns:
        first = turn.speech_end_to_first_sound_ms
        rows.append(
            f"  {'ok  ' if turn.good else 'FAIL'} said {turn.said!r}; the agent heard {turn.agent_heard!r} and said {turn.agent_said!r}"
            f"{' (interrupted)' if turn.interrupted else ''}; played {turn.played_ms:.0f} ms at {turn.level_dbfs} dBFS,"
            f" first sound after {'–' if first is None else f'{first:.0f} ms'}, recognised: {' '.join(turn.played_words) or 'nothing'}"
        )
    rows += [f"  error: {error}" for error in conversation.errors]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
