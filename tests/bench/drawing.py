"""What does a live call cost the page's main thread for each frame that is drawn?

The real page in a call in which both speak at once: the agent's voice streams, a voice of several tones is in the
microphone, and a word of the person's is recognised every 150 ms, behind 200 turns that are shown already. For each
frame of the browser all that the page's scripts do is added up (messages, timers, drawing), and the style and layout
that follow from it. Painting is not in it: it is no script's, and in two engines not the main thread's. Frames in which
nothing ran do not count.

* `frame_ms`: with the panels closed, as the page comes; `frame_diagnostics_ms`: with the pictures of Diagnostics drawn;
* `over_4_ms_share`: frames that cost more; `ratio_to_plain`: the mean frame, to the time of filling a canvas of the
  same size with a hundred plain discs in the same page, which a graphics card does at once;
* `frames`: how many were looked at.

That nothing is allocated in `process()` is no matter of time: `tests/worklets/test_allocation.py`.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.browser_rig import Rig, main
from tests.bench.figures import BenchError, median, percentiles
from tests.bench.live_call import calls, live
from tests.bench.probe_server import ProbeServer
from tests.support.talk import Call
from voice_browsers.speech import write_wav

GOAL_MS = 4
TURNS = 200
SECONDS_PER_ROUND = 4.0
PROBE = (Path(__file__).parent / "probes" / "drawing.js").read_text(encoding="utf-8")


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Milliseconds per frame and shares, for each engine."""
    with tempfile.TemporaryDirectory() as folder, calls(engines) as (rig, server):
        return {engine: _engine(rig, server, engine, rounds, Path(folder)) for engine in engines}


def _engine(rig: Rig, server: ProbeServer, engine: str, rounds: int, folder: Path) -> dict[str, Any]:
    seconds = SECONDS_PER_ROUND * rounds
    times = np.arange(int(48_000 * (seconds + 2))) / 48_000
    voice = sum(np.sin(2 * math.pi * hz * times) for hz in (180, 420, 1_100, 2_700)) / 8
    said = write_wav(folder / "said.wav", voice * (0.6 + 0.4 * np.sin(2 * math.pi * 3 * times)), 48_000)
    with live(rig, engine, init_scripts=[PROBE]) as call:
        server.history(TURNS)
        call.page.locator("#transcript li").nth(TURNS - 1).wait_for(state="attached")
        call.page.wait_for_timeout(1_000)
        closed = _frames(call, server, said, seconds)
        plain = call.page.evaluate("() => window.plainDrawing()")
        call.page.evaluate("() => { document.getElementById('diagnostics').open = true; }")
        call.page.wait_for_selector("#timeline")
        call.page.wait_for_timeout(1_000)
        opened = _frames(call, server, said, seconds)
    return {
        "frames": len(closed),
        "frame_ms": percentiles(closed),
        "frame_diagnostics_ms": percentiles(opened),
        "over_4_ms_share": round(sum(cost > GOAL_MS for cost in closed) / len(closed), 4),
        "over_4_ms_diagnostics_share": round(sum(cost > GOAL_MS for cost in opened) / len(opened), 4),
        "ratio_to_plain": round(sum(closed) / len(closed) / median(plain), 2),
    }


def _frames(call: Call, server: ProbeServer, said: Path, seconds: float) -> list[float]:
    """What each frame cost in which something ran."""
    playing = call.say(said)
    call.page.evaluate("() => window.frameCosts()")  # what was until now
    server.conversation(seconds)
    costs: list[float] = call.page.evaluate("() => window.frameCosts()")
    playing.wait()
    if len(costs) < 5 * seconds:
        raise BenchError(f"only {len(costs)} frames were drawn in {seconds:g} s")
    return costs


if __name__ == "__main__":
    main(measure)
