"""How fast is the agent silent, and how fast does it lower its voice?

The real page with its real worklets, in a call with a server in the bench's own process that answers at once. Times are
`Date.now()` of one machine, in ms.

* `verdict_to_silence_ms`: the server's word that the reply was interrupted has arrived in the worker, until the last
  quantum that still sounds has left the playback worklet. Its parts: `verdict_to_flush_ms` (the worker, Python, and the
  message to the worklet) and `quanta_after_flush` (quanta of 128 samples that still sound after the worklet has the
  message; the largest seen);
* `verdict_to_silent_speaker_ms`: from the server's sending of that word until the last sound on a recording of the
  speaker. This adds the socket, the browser's own buffer and the sound system's;
* `word_to_duck_ms`: the server's word that speech started has arrived in the worker, until the first
  quantum that is lowered;
* `speech_to_duck_ms`: the first loud frame of the microphone leaves the capture worklet, until the first lowered
  quantum. It goes through the socket to the server and back. How long a real service listens before it says so is not
  in it, nor is the collecting of the frame (half a frame on average, a whole one at most).
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.browser_rig import main
from tests.bench.figures import percentiles
from tests.bench.live_call import calls, live, noted
from tests.bench.probe_server import ProbeServer
from tests.support.talk import Call
from voice_browsers.speech import write_wav

REPLY_MS = 4_000
TRIES_PER_ROUND = 4
AUDIBLE = 10 ** (-50 / 20)


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Percentiles in ms for each engine."""
    told = {}
    with tempfile.TemporaryDirectory() as name, calls(engines) as (rig, server):
        folder = Path(name)
        times = np.arange(48_000 // 2) / 48_000
        said = write_wav(folder / "said.wav", 0.5 * np.sin(2 * math.pi * 300 * times), 48_000)
        for engine in engines:
            with live(rig, engine) as call:
                silenced = [_silence(call, server, folder) for _ in range(TRIES_PER_ROUND * rounds)]
                ducked = [_duck(call, server, said) for _ in range(TRIES_PER_ROUND * rounds)]
            told[engine] = {**_gather(silenced), **_gather(ducked), "tries": len(silenced)}
    return told


def _silence(call: Call, server: ProbeServer, folder: Path) -> dict[str, float]:
    """One interruption in the middle of a reply."""
    noted(call)
    with call.sound.record(folder / "heard.wav") as tape:
        reply_id = server.reply(REPLY_MS)
        tape.wait_sound(timeout_s=10)
        call.page.wait_for_timeout(400)
        sent_ms = server.interrupted(reply_id)
        call.page.wait_for_timeout(900)
        heard = np.flatnonzero(np.abs(tape.samples()) > AUDIBLE)
        # The tape's clock is `monotonic`, the server's is `time`.
        last_ms = (tape.started_at + heard[-1] / tape.rate_hz + time.time() - time.monotonic()) * 1000
    events = noted(call)
    verdict = _one(events, "received", '"reply.done"')
    flushed = _one(events, "flushed")
    return {
        "verdict_to_silence_ms": max(flushed.get("last", flushed["at"]), flushed["at"]) - verdict["at"],
        "verdict_to_flush_ms": flushed["at"] - verdict["at"],
        "quanta_after_flush": flushed["sounding"],
        "verdict_to_silent_speaker_ms": round(last_ms - sent_ms, 1),
    }


def _duck(call: Call, server: ProbeServer, said: Path) -> dict[str, float]:
    """One word over a reply."""
    noted(call)
    reply_id = server.reply(REPLY_MS)
    call.page.wait_for_timeout(600)
    noted(call)
    server.arm()
    call.say(said).wait()
    call.page.wait_for_timeout(300)
    events = noted(call)
    word = _one(events, "received", '"input.speech.started"')
    lowered = _one(events, "lowered")
    number = int(re.findall(r'"frame":(\d+)', word["head"])[0])
    frame = next(event for event in events if event["kind"] == "sent" and event["sequence"] == number)
    server.speech_stopped()
    server.interrupted(reply_id)
    call.page.wait_for_timeout(400)
    return {
        "word_to_duck_ms": lowered["at"] - word["at"],
        "speech_to_duck_ms": lowered["at"] - (frame["at"] - frame["waited"]),
    }


def _one(events: list[dict[str, Any]], kind: str, containing: str = "") -> dict[str, Any]:
    found = [event for event in events if event["kind"] == kind and containing in event.get("head", "")]
    if not found:
        raise RuntimeError(
            f"the probes noted no {kind!r} {containing}; they noted {sorted({e['kind'] for e in events})}"
        )
    return found[0]


def _gather(tries: list[dict[str, float]]) -> dict[str, Any]:
    told: dict[str, Any] = {name: percentiles([one[name] for one in tries]) for name in tries[0]}
    if "quanta_after_flush" in told:
        told["quanta_after_flush"] = max(one["quanta_after_flush"] for one in tries)
    return told


if __name__ == "__main__":
    main(measure)
