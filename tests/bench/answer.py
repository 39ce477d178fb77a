"""How long does a person wait for an answer of the local agent?

This build beside that of commit 9731686, in real browsers with sound.

Each build's own page, server and packages. In turns: a new browser, a call, and the sentences that the README proposes
(but for the story, which takes a minute, and the goodbye, which ends the call). Measured outside the page, on one
clock: from the end of the last sound at the microphone to the first one at the speaker.

    sound_ms   percentiles of all sentences and rounds
    ratio_to_9731686   of the medians
    unheard    sentences that were not answered, or of which less than half was understood; they are
               not in the percentiles
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builder.environment import SetupError
from tests.bench import earlier_build
from tests.bench.browser_rig import KEPT, Rig, main
from tests.bench.figures import BenchError, median, percentiles
from tests.support.server import ServerError, build
from tests.support.talk import Call, Line, converse
from voice_browsers.engines import find
from voice_browsers.injected import InjectedSound
from voice_browsers.speech import Speech

EARLIER = "9731686"
KINDS = ("ours", EARLIER)
ROUNDS = 3
TAIL_MS = 900
SENTENCES = (
    "what time is it",
    "switch on the light in the kitchen",
    "what is the weather in Paris",
    "count to ten",
    "thank you",
)


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Per engine: the figures of both builds, and how ours compares. Raises BenchError."""
    told: dict[str, Any] = {}
    try:
        site, earlier = build(KEPT / "answer"), earlier_build.build(EARLIER)
    except (SetupError, ServerError) as error:
        raise BenchError(str(error)) from None
    with (
        tempfile.TemporaryDirectory() as name,
        Rig(engines, site=site, sound=True) as rig,
        earlier_build.serve(earlier) as before,
    ):
        folder = Path(name)
        speech = Speech(folder / "speech")
        lines = [Line(wav=speech.say(text, tail_ms=TAIL_MS), text=text) for text in SENTENCES]
        for engine in engines:
            waits: dict[str, list[float | None]] = {kind: [] for kind in KINDS}
            for turn in range(rounds):
                for kind in KINDS if turn % 2 else KINDS[::-1]:
                    url = rig.url if kind == "ours" else before.url
                    found = _waits(rig, engine, url, lines, folder / f"{engine}-{kind}-{turn}")
                    print(f"  {engine}, {kind}: {found}", file=sys.stderr, flush=True)
                    waits[kind] += found
            told[engine] = figures(waits)
    return told


def figures(waits: dict[str, list[float | None]]) -> dict[str, Any]:
    """Of one engine; None is an answer that did not come."""
    answered = {kind: [wait for wait in waits[kind] if wait is not None] for kind in KINDS}
    told: dict[str, Any] = {
        kind: {"sound_ms": percentiles(answered[kind]), "unheard": len(waits[kind]) - len(answered[kind])}
        for kind in KINDS
    }
    return told | {f"ratio_to_{EARLIER}": median(answered["ours"]) / median(answered[EARLIER])}


def _waits(rig: Rig, engine: str, url: str, lines: Sequence[Line], folder: Path) -> list[float | None]:
    with rig.tab(engine) as tab:
        sound = rig.pulse if find(engine).real_microphone else InjectedSound(tab)
        assert sound is not None
        call = Call(tab, sound)
        call.open(url)
        call.wait_booted()
        call.connect()
        reports = converse(call, lines, folder=folder)
        call.hang_up()
    return [report.speech_end_to_first_sound_ms if report.good else None for report in reports]


if __name__ == "__main__":
    main(measure)
