"""How long is sound inside the page? And what does a busy main thread do to it?

The real page with its real worklets and real Python, in a call with a server in the bench's own process. All times are
`Date.now()` of one machine.

* `capture_to_send_ms`: the last sample of a frame has reached the capture worklet, until the
  frame goes into `WebSocket.send`;
* `receive_to_render_ms`: a message with a new reply's audio reaches the worker, until the first of its samples is fed
  to the resampler in `process` (its group delay of 1 ms and the fade-in follow). Nothing is queued before it;
* `server_to_render_ms`: the same from the moment when the server sent it, with the socket's share;
* `..._blocked_ms`: while the page's main thread is blocked for 200 ms in every second;
* `..._framed_blocked_ms`: the page is in a frame of another site's page, whose main thread is blocked instead;
* `underruns_blocked`: of one reply that the server streams at the pace of speech, 120 ms ahead, for eight seconds;
* `longest_task_ms`: of the live page's main thread, not blocked. Chromium counts only tasks above 50 ms (0 means none);
  the others are asked by a 5 ms timer, which also sees what other programs of the machine do to the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.bench.browser_rig import main
from tests.bench.figures import percentiles
from tests.bench.live_call import BLOCK, calls, live, noted
from tests.bench.probe_server import ProbeServer
from tests.support.talk import Call

CHUNKS_PER_ROUND = 20
EVERY_MS = 150
STREAM_S = 8.0


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Percentiles in ms, and counts, for each engine."""
    with calls(engines) as (rig, server):
        told = {}
        for engine in engines:
            with live(rig, engine) as call:
                told[engine] = _engine(call, server, rounds)
            with live(rig, engine, framed=True) as call:
                call.tab.page.evaluate(BLOCK)
                server.chunks(CHUNKS_PER_ROUND * rounds, every_ms=EVERY_MS)
                call.page.wait_for_timeout(500)
                told[engine] |= _delays(noted(call), "_framed_blocked")
        return told


def _engine(call: Call, server: ProbeServer, rounds: int) -> dict[str, Any]:
    call.page.evaluate("() => { window.tasksDone = window.watchTasks(); }")
    server.chunks(CHUNKS_PER_ROUND * rounds, every_ms=EVERY_MS)
    call.page.wait_for_timeout(300)
    longest_ms = call.page.evaluate("() => window.tasksDone()")
    calm = noted(call)
    call.page.evaluate(BLOCK)
    server.chunks(CHUNKS_PER_ROUND * rounds, every_ms=EVERY_MS)
    call.page.wait_for_timeout(500)
    busy = noted(call)
    before = _underruns(call)
    server.stream(STREAM_S)
    call.page.wait_for_timeout(1_500)
    after = _underruns(call)
    streamed = noted(call)
    frames = [event["sequence"] for event in [*calm, *busy, *streamed] if event["kind"] == "sent"]
    return {
        **_delays(calm, ""),
        **_delays(busy, "_blocked"),
        "underruns_blocked": after - before,
        **_order(frames),
        "longest_task_ms": round(longest_ms, 1),
    }


def _delays(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    waited = [event["waited"] for event in events if event["kind"] == "sent"]
    rendered = {event["item"]: event["at"] for event in events if event["kind"] == "rendered"}
    inside, whole = [], []
    for event in events:
        found = re.match(r'\{"type":"reply\.audio","reply_id":"(\w+)","at":([\d.]+)', event.get("head", ""))
        if found and found[1] in rendered:
            inside.append(rendered[found[1]] - event["at"])
            whole.append(rendered[found[1]] - float(found[2]))
    if not waited or not inside:
        raise RuntimeError(
            f"{len(waited)} frames were sent and {len(inside)} replies rendered: nothing can be said of that"
        )
    return {
        f"timed_frames{name}": len(waited),
        f"replies{name}": len(inside),
        f"capture_to_send{name}_ms": percentiles(waited),
        f"receive_to_render{name}_ms": percentiles(inside),
        f"server_to_render{name}_ms": percentiles(whole),
    }


def _order(sequences: list[int]) -> dict[str, int]:
    """Numbers run from 0 to 32767 and begin again."""
    steps = [(later - earlier) % 32_768 for earlier, later in pairwise(sequences)]
    return {
        "frames": len(sequences),
        "lost_frames": sum(step - 1 for step in steps if 1 < step < 16_384),
        "out_of_order_frames": sum(1 for step in steps if step == 0 or step >= 16_384),
    }


def _underruns(call: Call) -> int:
    return int((call.snapshot() or {}).get("stats", {}).get("underruns", 0))


if __name__ == "__main__":
    main(measure)
