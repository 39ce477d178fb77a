"""What does one frame cost, each way, in the product's own worker? And does a long call grow?

Up: 1920 bytes of PCM arrive at the capture port, and a message of the wire goes to `socket.send`. Down: a message of
2.6 KB arrives at the socket, and its audio goes to the playback port, transferred. Between them is the product's whole
path: host, `pyclient.host.pyodide_host`, session, codec. The same is done in the same worker, in the same round, by
plain JavaScript with the platform's own `toBase64`, `fromBase64` and `JSON`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.browser_rig import Rig, main, quartiles
from tests.bench.figures import median

# Both ways, with a playback report for each two of them: an hour of 20 ms frames.
SOAK_FRAMES = 180_000


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Microseconds per frame, their ratios to JavaScript, and what `SOAK_FRAMES` left behind, for each engine."""
    with Rig(engines) as rig:
        return {engine: _engine(rig, engine, max(5, rounds)) for engine in engines}


def _engine(rig: Rig, engine: str, rounds: int) -> dict[str, Any]:
    with rig.tab(engine) as tab:
        told = rig.run(tab, f"bench/frame.html?rounds={rounds}&frames={SOAK_FRAMES}")
    names = ("encode", "decode", "encode_js", "decode_js")
    best = {name: min(told[name]) for name in names}
    middle = {name: median(told[name]) for name in names}
    return {
        **{f"{name}_us": round(value, 2) for name, value in middle.items()},
        "encode_ratio": round(middle["encode"] / middle["encode_js"], 2),
        "decode_ratio": round(middle["decode"] / middle["decode_js"], 2),
        # The fastest block of each: what another program on the machine did meanwhile is not in it.
        "encode_best_ratio": round(best["encode"] / best["encode_js"], 2),
        "decode_best_ratio": round(best["decode"] / best["decode_js"], 2),
        **{f"{name}_best_us": round(value, 2) for name, value in best.items()},
        "both_ratio": round((middle["encode"] + middle["decode"]) / (middle["encode_js"] + middle["decode_js"]), 2),
        **({"grown_kinds": told["grown_kinds"]} if told["grown_kinds"] else {}),
        "objects_per_frame": told["objects_grown"] / told["frames"],
        "gc_pause_max_ms": round(told["gc_pause_max_ms"], 2),
        "collections": told["collections"],
        "gc_full_ms": round(told["gc_full_ms"], 2),
        "noise": max(quartiles(told[name]) for name in names),
    }


if __name__ == "__main__":
    main(measure)
